"""Tiny AniPortrait networks for tests: real classes, small sizes, seeded weights."""

from __future__ import annotations

POSE_WIDTHS = (32, 32, 64, 128, 128)
CONFIG = {
    "sample_size": 16,
    "block_out_channels": (32, 64, 128, 128),
    "cross_attention_dim": 32,
    "attention_head_dim": 8,
}
