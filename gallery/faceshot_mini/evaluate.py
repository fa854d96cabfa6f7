"""Errors while training: plain best matches on unseen drawings, held-out kinds, and real characters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from faceshot_mini.loss import sample_cells

#: Clean pictures uint8 (N, H, W, 3) -> features float32 (N, C, h, w), as the preset uses them.
Describe = Callable[[np.ndarray], torch.Tensor]


@torch.no_grad()
def raw_error(
    describe: Describe, queries: list[tuple[np.ndarray, np.ndarray, np.ndarray]], vectors: torch.Tensor
) -> float:
    """Mean box NME (percent) of plain best matches, without any shape prior, on (rgb, xy, visible) of one size."""
    errors = []
    for rgb, xy, visible in queries:
        unit = torch.nn.functional.normalize(describe(rgb[None]), dim=1)
        size = rgb.shape[0]
        scores = torch.nn.functional.interpolate(
            (vectors @ unit[0].flatten(1)).view(1, 68, *unit.shape[2:]), size=(size, size), mode="bilinear"
        )
        best = scores[0].flatten(1).argmax(1).cpu().numpy()
        found = np.stack([best % size, best // size], 1)
        box = math.sqrt(np.prod(np.ptp(xy[visible], axis=0)))
        errors.append(100 * np.linalg.norm(found - xy, axis=1)[visible].mean() / box)
    return float(np.mean(errors))


@lru_cache(maxsize=2)
def hard_queries(
    seed: int, count: int, size: int, domains: tuple[str, ...], turned: bool
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Drawings of the harder kind (``turned``: profiles alone), with what can be seen of them."""
    from faceshot_gallery.anyone import anyone

    rows = []
    for k in range(count):
        domain = domains[k % len(domains)]
        drawing = anyone(2**31 + seed * 100_000 + k, size=size, domain=domain, turned=turned or None)
        rows.append((drawing.rgb, drawing.landmarks.xy, drawing.visible))
    return rows


@lru_cache(maxsize=4)
def drawn_queries(
    seed: int, count: int, size: int, domains: tuple[str, ...]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Drawings to measure on, of seeds training never uses."""
    from faceshot_gallery.illustrator import sample

    rows = []
    for k in range(count):
        drawing = sample(2**31 + seed * 100_000 + k, size=size, domain=domains[k % len(domains)])
        rows.append((drawing.rgb, drawing.landmarks.xy, drawing.landmarks.visible))
    return rows


def real_queries(folder: Path, size: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The development characters in ``folder`` (pictures and ``landmarks.json``), for measuring only."""
    import cv2

    from faceshot.landmarks.topology import PART_POINTS
    from faceshot.media import read_picture

    data = json.loads((folder / "landmarks.json").read_text())
    rows = []
    for name, entry in data["characters"].items():
        rgb = read_picture(folder / "images" / f"{name}.png").flat()
        xy = (np.asarray(entry["points"]) + 0.5) * size / rgb.shape[0] - 0.5
        visible = np.zeros(68, bool)
        for part, indices in PART_POINTS.items():
            visible[list(indices)] = entry["visible"][part]
        rows.append((cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA), xy, visible))
    return rows


@torch.no_grad()
def evaluate(describe: Describe, size: int, held_out: tuple[str, ...], characters: Path | None) -> dict[str, float]:
    """Raw-match errors with vectors from fresh drawings of the trained kinds.

    Held-out kinds are those the illustrator keeps for this purpose, and ``held_out`` of the trained ones.
    """
    from faceshot_gallery.cast.casting import DOMAINS, HELD_OUT

    trained = tuple(domain for domain in DOMAINS if domain not in held_out)
    gallery = drawn_queries(1, 96, size, trained)
    features = describe(np.stack([rgb for rgb, _, _ in gallery]))
    xy = torch.from_numpy(np.stack([points for _, points, _ in gallery]).astype(np.float32)).to(features.device)
    seen = torch.from_numpy(np.stack([visible for _, _, visible in gallery])).to(features.device)
    unit = torch.nn.functional.normalize(sample_cells(torch.nn.functional.normalize(features, dim=1), xy, size), dim=-1)
    vectors = torch.nn.functional.normalize((unit * seen[..., None]).sum(0), dim=-1)
    unseen = (*HELD_OUT, *held_out)
    report = {
        "drawn": raw_error(describe, drawn_queries(2, 48, size, trained), vectors),
        "held_out": raw_error(describe, drawn_queries(3, 36, size, unseen), vectors),
        "hard": raw_error(describe, hard_queries(4, 75, size, trained, False), vectors),
        "turned": raw_error(describe, hard_queries(5, 75, size, trained, True), vectors),
    }
    if characters is not None:
        report["characters"] = raw_error(describe, real_queries(characters, size), vectors)
    return report
