"""Pixels -> feature vectors and how alike they are."""
