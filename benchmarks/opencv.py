"""What it would cost to do without OpenCV: functions that run for every frame, against the packages there anyway.

    python benchmarks/opencv.py [--side 512] [--json FILE]

For every function the fastest of torch, SciPy, Pillow and NumPy that gives the same to rounding (or nearly) is timed on
one thread.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch.nn import functional

REPEATS = 15


def milliseconds(call: Callable[[], Any]) -> float:
    """Median processor time of one call [ms]."""
    call()
    times = []
    for _ in range(REPEATS):
        begin = process_time()
        call()
        times.append(1000 * (process_time() - begin))
    return median(times)


def flow_torch(one: torch.Tensor, two: torch.Tensor, points: torch.Tensor, radius: int = 10, levels: int = 3) -> Any:
    """Lucas-Kanade over a pyramid for (n, 2) points, all windows at once: what tracking would have to run instead."""
    step = torch.arange(-radius, radius + 1, dtype=torch.float32)
    window = torch.stack(torch.meshgrid(step, step, indexing="xy"), -1)
    pyramid = [(one, two)]
    for _ in range(levels):
        pyramid.append(tuple(functional.avg_pool2d(image, 2) for image in pyramid[-1]))  # type: ignore[arg-type]

    def sample(image: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        height, width = image.shape[-2:]
        grid = (at + 0.5) / torch.tensor([width, height]) * 2 - 1
        return functional.grid_sample(image, grid[None].flatten(2, 3), align_corners=False)[0, 0]

    moved = torch.zeros_like(points)
    for level in reversed(range(levels + 1)):
        first, second = pyramid[level]
        here = (points / 2**level)[:, None, None] + window
        dx, dy = (sample(first, here + half) - sample(first, here - half) for half in torch.eye(2) / 2)
        base, gradient = sample(first, here), torch.stack([dx, dy], -1)
        normal = gradient.mT @ gradient + 1e-3 * torch.eye(2)
        moved = moved * 2
        for _ in range(10):
            error = base - sample(second, here + moved[:, None, None])
            moved = moved + torch.linalg.solve(normal, (gradient.mT @ error[..., None]))[..., 0]
    return points + moved


def cases(side: int) -> dict[str, tuple[Callable[[], Any], Callable[[], Any], str]]:
    """Function -> (OpenCV's, the replacement, what that is)."""
    random = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(random.random((side, side, 3), np.float32), (0, 0), 4)
    rgb = np.ascontiguousarray((255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8))
    grey, plane = rgb[..., 0].copy(), smooth[..., 0].copy()
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    x, y = x + 3 * plane, y - 2 * plane
    mask = (grey > 128).astype(np.uint8)
    half = (side // 2, side // 2)
    batch = torch.from_numpy(rgb).permute(2, 0, 1)[None].float()
    grid = torch.from_numpy(np.stack([x, y], -1) * 2 / (side - 1) - 1)[None]
    tensor = torch.from_numpy(grey)[None, None].float()
    later = torch.roll(tensor, (1, 2), (2, 3))
    shifted = np.ascontiguousarray(later[0, 0].numpy().astype(np.uint8))
    points = random.uniform(30, side - 30, (300, 2)).astype(np.float32)
    turn = np.array([[1.01, 0.02, 3], [-0.02, 1.01, 2]], np.float32)
    template = grey[60:92, 60:92].copy()
    return {
        "remap": (
            lambda: cv2.remap(rgb, x, y, cv2.INTER_LINEAR),
            lambda: functional.grid_sample(batch, grid, align_corners=True).byte(),
            "torch grid_sample",
        ),
        "warpAffine": (
            lambda: cv2.warpAffine(rgb, turn, (side, side)),
            lambda: Image.fromarray(rgb).transform((side, side), Image.Transform.AFFINE, turn.ravel().tolist(), 2),
            "Pillow transform",
        ),
        "resize, area": (
            lambda: cv2.resize(rgb, half, interpolation=cv2.INTER_AREA),
            lambda: Image.fromarray(rgb).resize(half, Image.Resampling.BOX),
            "Pillow BOX",
        ),
        "GaussianBlur": (
            lambda: cv2.GaussianBlur(plane, (0, 0), 3),
            lambda: ndimage.gaussian_filter(plane, 3),
            "SciPy gaussian_filter",
        ),
        "distanceTransform": (
            lambda: cv2.distanceTransform(mask, cv2.DIST_L2, 5),
            lambda: ndimage.distance_transform_edt(mask),
            "SciPy distance_transform_edt",
        ),
        "dilate": (
            lambda: cv2.dilate(mask, np.ones((9, 9), np.uint8)),
            lambda: ndimage.maximum_filter(mask, 9),
            "SciPy maximum_filter",
        ),
        "connectedComponents": (lambda: cv2.connectedComponents(mask), lambda: ndimage.label(mask), "SciPy label"),
        "matchTemplate": (
            lambda: cv2.matchTemplate(grey[:160, :160], template, cv2.TM_CCOEFF_NORMED),
            lambda: functional.conv2d(tensor[..., :160, :160], torch.from_numpy(template)[None, None].float()),
            "torch conv2d (the correlation alone)",
        ),
        "calcOpticalFlowPyrLK": (
            lambda: cv2.calcOpticalFlowPyrLK(grey, shifted, points, None),
            lambda: flow_torch(tensor, later, torch.from_numpy(points)),
            "torch, all windows at once",
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    rows = []
    for name, (ours, other, what) in cases(given.side).items():
        first, second = milliseconds(ours), milliseconds(other)
        rows.append({"function": name, "opencv_ms": first, "other_ms": second, "other": what})
        print(f"{name:22s} {first:8.2f} ms   {second:8.2f} ms   x{second / max(first, 1e-3):5.1f}   {what}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
