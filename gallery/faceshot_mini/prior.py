"""Learn the shape priors from drawings: ``python -m faceshot_mini.prior OUT.npz [--view side]``.

Drawn faces cover kinds, proportions and expressions; stretched copies and copies with parts moved on their own widen
the statistics, so that odd faces are not pulled back to ordinary ones. Views have priors of their own: ``front`` knows
faces that look at us, more or less, ``side`` those turned by 30 to 97 degrees to the image right (mirrored, by
``topology.FLIP``, to the left) and how often each landmark can be seen (``seen``, (68,), in the file).
"""

from __future__ import annotations

import argparse
import logging
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from faceshot.landmarks.topology import FLIP, PART_POINTS
from faceshot.matching import ShapePrior

logger = logging.getLogger("faceshot.mini")


def drawn_shapes(start: int, count: int) -> np.ndarray:
    """Landmarks (count, 68, 2) of drawings, seeds ``start`` onwards."""
    from faceshot_gallery.illustrator import DOMAINS, sample

    return np.stack(
        [sample(k, size=48, domain=DOMAINS[k % len(DOMAINS)]).landmarks.xy for k in range(start, start + count)]
    )


def side_shapes(start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks (count, 68, 2) of heads turned to the image right, and (count, 68) which of them they hide."""
    from faceshot_gallery.anyone import side_shape

    points, hidden = zip(*(side_shape(k) for k in range(start, start + count)), strict=True)
    return np.stack(points), np.stack(hidden)


def widened(shapes: np.ndarray, rng: np.random.Generator, mirror: float = 0.5) -> np.ndarray:
    """Stretched copies, a share of them mirrored, whose parts are moved and resized a little on their own."""
    out = np.where(rng.random((len(shapes), 1, 1)) < 1 - mirror, shapes, shapes[:, list(FLIP)] * np.array([-1, 1]))
    extent = np.sqrt(np.prod(np.ptp(out, axis=1), axis=1))[:, None, None]
    out = out * np.exp(rng.normal(0, 0.06, (len(out), 1, 2)))
    for part, indices in PART_POINTS.items():
        index = list(indices)
        if part == "face_boundary":
            continue
        centre = out[:, index].mean(1, keepdims=True)
        size = np.exp(rng.normal(0, 0.08, (len(out), 1, 2)))
        shift = rng.normal(0, 0.02, (len(out), 1, 2)) * extent
        out[:, index] = (out[:, index] - centre) * size + centre + shift
    return out


def main(argv: list[str] | None = None) -> None:
    """Draw, widen, learn, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--view", choices=("front", "side"), default="front")
    parser.add_argument("--count", type=int, default=12_000)
    parser.add_argument("--modes", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    chunk = 250
    starts, counts = range(0, args.count, chunk), [chunk] * (args.count // chunk)
    rng = np.random.default_rng(0)
    seen = None
    with ProcessPoolExecutor(args.workers) as pool:
        if args.view == "front":
            shapes = widened(np.concatenate(list(pool.map(drawn_shapes, starts, counts))).astype(np.float64), rng)
        else:
            points, hidden = zip(*pool.map(side_shapes, starts, counts), strict=True)
            shapes = widened(np.concatenate(points), rng, mirror=0.0)
            seen = 1 - np.concatenate(hidden).mean(0)
    prior = ShapePrior.learn(shapes, args.modes)
    prior = prior if seen is None else replace(prior, seen=seen)
    prior.save(args.out)
    logger.info("%d shapes, %d modes, deviations %s", len(shapes), args.modes, np.round(prior.deviation[:8], 2))


if __name__ == "__main__":
    main()
