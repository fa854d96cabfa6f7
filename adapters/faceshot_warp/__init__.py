"""Landmark-driven warp on the CPU (in work)."""
