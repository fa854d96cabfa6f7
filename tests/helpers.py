"""Small things several tests use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Run:
    """What a command line call gave."""

    code: int
    out: str
    err: str


def face_points(side: float) -> np.ndarray:
    """(68, 2) float32: a plain upright face, iBUG order, that fills most of a square of ``side`` pixels."""
    turn = np.linspace(np.pi, 0, 17)
    jaw = np.c_[np.cos(turn) * 0.4, np.sin(turn) * 0.45]
    brow = np.c_[np.linspace(-0.08, 0.08, 5), -np.array([0, 0.02, 0.03, 0.02, 0])]
    bridge = np.c_[np.zeros(4), np.linspace(-0.1, 0.08, 4)]
    base = np.c_[np.linspace(-0.06, 0.06, 5), 0.12 + 0.02 * np.array([0, 0.7, 1, 0.7, 0])]
    eye = np.array([[-0.07, 0], [-0.03, -0.03], [0.03, -0.03], [0.07, 0], [0.03, 0.03], [-0.03, 0.03]])
    outer = np.linspace(np.pi, -np.pi, 13)[:12]
    inner = np.linspace(np.pi, -np.pi, 9)[:8]
    parts = [
        jaw,
        brow + [-0.18, -0.2],
        brow + [0.18, -0.2],
        bridge,
        base,
        eye + [-0.18, -0.1],
        eye + [0.18, -0.1],
        np.c_[np.cos(outer) * 0.15, -np.sin(outer) * 0.06] + [0, 0.27],
        np.c_[np.cos(inner) * 0.1, -np.sin(inner) * 0.025] + [0, 0.27],
    ]
    return ((np.concatenate(parts) + [0.5, 0.48]) * side).astype(np.float32)
