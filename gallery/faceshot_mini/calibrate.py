"""Fit what the matcher calls confidence, and where it warns: ``python -m faceshot_mini.calibrate [MODEL_FOLDER]``.

Only drawings are used, of kinds the model was trained on and seeds it was not. A third shows a face as the gallery
does, filling the picture or small in a cluttered one; a third is of the harder kind (``faceshot_gallery.anyone``: from
the side, lying, covered, lacking parts); the others are hard negatives (``faceless.py``): circles, buttons, wheels,
flowers, text, headless bodies, noise. All are matched as a user's picture would be.

1. On one half a logistic regression tells looks that found the face within 10 % of its box from all other looks, those
   of the search included.
2. On the other, matched with these weights, two numbers are fitted that make the confidence of finished matches honest
   (Platt's scaling), and the threshold at which ``match`` warns: the one with the fewest mistakes, where a good match
   that is refused and a bad one that passes count alike.

``confidence`` and ``threshold`` in ``mini.json`` are the result.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.landmarks import FloatArray, Landmarks, Picture, RGBArray, Size
from faceshot.matching import Look, Matcher
from faceshot_gallery.anyone import anyone
from faceshot_gallery.illustrator import DOMAINS, sample
from faceshot_mini import path
from faceshot_mini.faceless import KINDS, faceless

logger = logging.getLogger("faceshot.mini")

GOOD = 0.10
#: Seeds of the drawings start here; training and benchmarks use others.
FIRST = 2**31 + 20_000_000
#: One round of pictures: faces that fill the picture, small ones, none.
ROUND = ("face", "none", "hard", "small", "none", "hard")


@dataclass(frozen=True, eq=False)
class Seen:
    """One look: what it measured, whether the face was found there, and how much it counts in the fit."""

    measures: tuple[float, ...]
    good: bool
    weight: float


class Recorder(Matcher):
    """A matcher that keeps its looks of the last match."""

    def __init__(self, preset: str, **options: Any) -> None:
        super().__init__(preset, **options)
        self.seen: list[Look] = []

    def _look(self, *args: Any, **options: Any) -> Look:
        look = super()._look(*args, **options)
        self.seen.append(look)
        return look

    def judge(self, weights: Iterable[float]) -> None:
        """Use other weights for the confidence from now on."""
        changed: Any = tuple(float(w) for w in weights)
        self.extractor.preset = replace(self.extractor.preset, confidence=changed)


def pictures(count: int, first: int = FIRST) -> Iterator[tuple[Picture, Landmarks | None]]:
    """Drawn pictures and the true landmarks, None where there is no face."""
    kinds = list(KINDS)
    for k in range(count):
        what, seed = ROUND[k % len(ROUND)], first + k
        if what == "none":
            yield Picture(faceless(seed, kinds[(k // 2) % len(kinds)], (256, 512)[seed // 4 % 2])), None
            continue
        draw = anyone if what == "hard" else sample
        drawing = draw(seed, size=256, domain=DOMAINS[k % len(DOMAINS)])
        truth = replace(drawing.landmarks, hidden=frozenset(np.flatnonzero(drawing.hidden).tolist()))
        yield small(drawing.rgb, truth, seed) if what == "small" else (Picture(drawing.rgb), truth)


def small(rgb: RGBArray, truth: Landmarks, seed: int, frame: int = 512) -> tuple[Picture, Landmarks]:
    """A drawing at 12-45 % of a larger picture without another face."""
    import cv2

    rng = np.random.default_rng(seed)
    below = faceless(seed, ("clutter", "photo", "pattern", "circles")[seed % 4], frame)
    side = int(rng.uniform(0.12, 0.45) * frame)
    left, top = (int(v) for v in rng.integers(0, frame - side, 2))
    below[top : top + side, left : left + side] = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA)
    xy = truth.resized(Size(side, side)).xy + np.array([left, top], np.float32)
    return Picture(below), replace(truth, xy=xy, size=Size(frame, frame))


def found(xy: FloatArray, truth: Landmarks | None) -> bool:
    """Whether landmarks lie within ``GOOD`` of the face's box."""
    if truth is None:
        return False
    seen = truth.visible
    extent = np.sqrt(np.prod(np.ptp(truth.xy[seen], axis=0)))
    return bool(np.linalg.norm(xy - truth.xy, axis=1)[seen].mean() / extent < GOOD)


def looks(matcher: Recorder, cases: Sequence[tuple[Picture, Landmarks | None]]) -> list[list[Seen]]:
    """The looks of every match; the last, the finished match, counts as much as all others."""
    out = []
    for picture, truth in cases:
        matcher.seen.clear()
        match = matcher.match(picture)
        final = max(range(len(matcher.seen)), key=lambda i: (matcher.seen[i].quality == match.confidence, i))
        others = [look for i, look in enumerate(matcher.seen) if i != final]
        rows = [Seen(look.measures, found(look.xy, truth), 1 / len(others)) for look in others]
        last = matcher.seen[final]
        out.append([*rows, Seen(last.measures, found(match.landmarks.xy, truth), 1.0)])
    return out


def logistic(rows: np.ndarray, good: np.ndarray, weight: np.ndarray, ridge: float = 0.01) -> np.ndarray:
    """(n + 1,) weights of n measures and a constant; ``rows`` is (m, n)."""
    from scipy.optimize import minimize

    mean, spread = rows.mean(0), np.maximum(rows.std(0), 1e-9)
    design = np.column_stack([(rows - mean) / spread, np.ones(len(rows))])
    sign, share = np.where(good, 1.0, -1.0), weight / weight.sum()

    def loss(w: np.ndarray) -> float:
        return float((share * np.logaddexp(0, -sign * (design @ w))).sum() + ridge * (w[:-1] ** 2).sum())

    w = minimize(loss, np.zeros(rows.shape[1] + 1)).x
    return np.append(w[:-1] / spread, w[-1] - (w[:-1] * mean / spread).sum())


def fitted(seen: Sequence[Seen], ridge: float = 0.01) -> np.ndarray:
    """:func:`logistic` of looks."""
    arrays = [np.array([getattr(one, name) for one in seen]) for name in ("measures", "good", "weight")]
    return logistic(arrays[0], arrays[1], arrays[2], ridge)


def logits(seen: Sequence[Seen], weights: np.ndarray) -> np.ndarray:
    """What the weights make of looks."""
    return np.array([one.measures for one in seen]) @ weights[:-1] + weights[-1]


def pick_threshold(confidence: np.ndarray, good: np.ndarray) -> float:
    """The threshold with the fewest mistakes, half-way to the next confidence below; of several, the middle one."""
    order = np.unique(confidence)
    edges = np.append(order[0] / 2, (order[1:] + order[:-1]) / 2)
    wrong = np.array([(confidence[good] < t).sum() + (confidence[~good] >= t).sum() for t in edges])
    fewest = edges[wrong == wrong.min()]
    return float(fewest[len(fewest) // 2])


def calibrate(matcher: Recorder, count: int) -> dict[str, Any]:
    """Fit the weights and the threshold: ``confidence`` and ``threshold``, and how good they are on the second half."""
    cases = list(pictures(count))
    halves = [[case for k, case in enumerate(cases) if k // len(ROUND) % 2 == half] for half in (0, 1)]
    seen = [one for rows in looks(matcher, halves[0]) for one in rows]
    weights = fitted(seen)
    logger.info("%d looks at %d pictures, %d found the face", len(seen), len(halves[0]), sum(s.good for s in seen))
    matcher.judge(weights)
    finals = [rows[-1] for rows in looks(matcher, halves[1])]
    good = np.array([one.good for one in finals])
    score = logits(finals, weights)
    scale, shift = logistic(score[:, None], good, np.ones(len(good)), ridge=0.0005)
    weights = np.append(weights[:-1] * scale, weights[-1] * scale + shift)
    confidence = 1 / (1 + np.exp(-logits(finals, weights)))
    threshold = pick_threshold(confidence, good)
    rank = float(np.mean(confidence[good][:, None] > confidence[~good][None]))
    logger.info(
        "%d matches, %d good, AUROC %.3f; threshold %.2f: %d good ones warned of, %d others pass",
        *(len(good), good.sum(), rank, threshold),
        *((confidence[good] < threshold).sum(), (confidence[~good] >= threshold).sum()),
    )
    return {"confidence": [round(float(w), 3) for w in weights], "threshold": round(threshold, 2), "auroc": rank}


def main(argv: list[str] | None = None) -> None:
    """Measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", default=path())
    parser.add_argument("--count", type=int, default=480, help="drawings")
    args = parser.parse_args(argv)
    if args.count < 60:
        raise SystemExit(f"error: at least 60 drawings are needed, got --count {args.count}")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    matcher = Recorder(str(args.model), galleries=["shipped"])
    result = calibrate(matcher, args.count)
    settings = args.model / "mini.json"
    data = json.loads(settings.read_text())
    data |= {key: result[key] for key in ("confidence", "threshold")}
    settings.write_text(json.dumps(data, indent=2) + "\n")
    logger.info("confidence %s and threshold %s written to %s", data["confidence"], data["threshold"], settings)


if __name__ == "__main__":
    main()
