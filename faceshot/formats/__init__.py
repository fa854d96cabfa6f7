"""Landmark and sequence files, ours and other programs'."""
