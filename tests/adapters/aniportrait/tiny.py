"""Tiny AniPortrait networks for tests: real classes, small sizes, seeded weights."""

from __future__ import annotations

import torch

from benchmarks.aniportrait import TINY, stand_ins
from faceshot_aniportrait.networks import Networks

CONFIG, POSE_WIDTHS = TINY["unet"], TINY["pose"]


def tiny_networks(low_vram: str = "off", dtype: torch.dtype = torch.float32) -> Networks:
    """All five; the same ones whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        return stand_ins(low_vram=low_vram, dtype=dtype)
