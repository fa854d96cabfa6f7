"""Fit what the matcher calls confidence: ``python -m faceshot_mini.calibrate [MODEL_FOLDER]``.

Windows of unseen drawings, some around the face, some beside it, and shuffled pictures without one are matched; a
logistic regression tells faces found within 12 % of the face's box from all else. Its five numbers go into
``mini.json`` (``confidence``). No real picture is used.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import numpy as np

from faceshot.matcher import Matcher
from faceshot.search import windows
from faceshot.types import Size
from faceshot_mini import path

logger = logging.getLogger("faceshot.mini")

GOOD = 0.12


def samples(matcher: Matcher, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Measures (n, 4) of windows and whether the face was found there (n,)."""
    import cv2

    from faceshot_gallery.illustrator import DOMAINS, sample

    rng = np.random.default_rng(0)
    size = Size(256, 256)
    rows, good = [], []
    for k in range(count):
        drawing = sample(2**31 + 20_000_000 + k, size=256, domain=DOMAINS[k % len(DOMAINS)])
        truth, seen = drawing.landmarks.xy, drawing.landmarks.visible
        extent = np.sqrt(np.prod(np.ptp(truth[seen], axis=0)))
        small = windows(size, 0.5, matcher.extractor.image_size)
        crops = [
            *windows(size, 1.0, matcher.extractor.image_size),
            *(small[i] for i in rng.permutation(len(small))[:3]),
        ]
        for crop, look in zip(crops, matcher.looks(drawing.rgb, crops), strict=True):
            del crop
            rows.append(look.measures)
            good.append(np.linalg.norm(look.xy - truth, axis=1)[seen].mean() / extent < GOOD)
        if k % 2 == 0:
            tiles = [drawing.rgb[y : y + 64, x : x + 64] for y in range(0, 256, 64) for x in range(0, 256, 64)]
            order = rng.permutation(len(tiles))
            mixed = np.vstack([np.hstack([tiles[i] for i in order[row : row + 4]]) for row in range(0, 16, 4)])
            blurred = np.asarray(cv2.GaussianBlur(mixed, (0, 0), 1.5), np.uint8)
            rows.append(matcher.looks(blurred, crops[:1])[0].measures)
            good.append(False)
    return np.array(rows, float), np.array(good)


def logistic(rows: np.ndarray, good: np.ndarray, ridge: float = 0.01) -> np.ndarray:
    """(5,) weights of the four measures and a constant."""
    from scipy.optimize import minimize

    mean, spread = rows.mean(0), rows.std(0)
    design = np.column_stack([(rows - mean) / spread, np.ones(len(rows))])
    sign = np.where(good, 1.0, -1.0)

    def loss(w: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (design @ w)).mean() + ridge * (w[:-1] ** 2).sum())

    w = minimize(loss, np.zeros(5)).x
    return np.append(w[:-1] / spread, w[-1] - (w[:-1] * mean / spread).sum())


def main(argv: list[str] | None = None) -> None:
    """Measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", default=path())
    parser.add_argument("--count", type=int, default=240, help="drawings")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rows, good = samples(Matcher(str(args.model), galleries=["shipped"]), args.count)
    weights = logistic(rows, good)
    score = rows @ weights[:4] + weights[4]
    rank = float(np.mean(score[good][:, None] > score[~good][None]))
    logger.info("%d windows, %d with the face found, AUROC %.3f", len(good), good.sum(), rank)
    settings = args.model / "mini.json"
    data = json.loads(settings.read_text())
    data["confidence"] = [round(float(w), 3) for w in weights]
    settings.write_text(json.dumps(data, indent=2) + "\n")
    logger.info("confidence %s written to %s", data["confidence"], settings)


if __name__ == "__main__":
    main()
