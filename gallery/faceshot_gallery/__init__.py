"""Drawn characters and the shipped appearance gallery."""
