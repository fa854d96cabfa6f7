"""Heads seen from the side: solids whose features are the frontal ones, wrapped round and turned."""
