"""Matching pictures, comparing with the truth, and summing up: errors, failures, confidence."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from faceshot.landmarks import FloatArray, Landmarks, Picture, auc, nme, part_nme
from faceshot.landmarks.topology import PARTS
from faceshot.matching import Match, Matcher

FAILURE = 0.20  # of the box: the landmarks lie elsewhere
BAD = 0.10  # of the box: what the confidence has to tell from the rest
#: Warnings: of what passes, this share has to be good.
PRECISION = 0.95


@dataclass(frozen=True, eq=False)
class Row:
    """One picture, measured. Errors are shares (0.05 is 5 %); ``found`` is None where a detector saw nothing."""

    group: str
    name: str
    box: float
    iod: float
    raw: float
    parts: dict[str, float]
    confidence: float
    seconds: float
    picture: Picture
    truth: Landmarks
    found: Landmarks | None

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        keep = ("group", "name", "box", "iod", "raw", "parts", "confidence", "seconds")
        return {key: getattr(self, key) for key in keep}


def compared(xy: FloatArray, truth: Landmarks) -> tuple[float, float, dict[str, float]]:
    """Box error, inter-ocular error, and box error of every part the character has."""
    visible = truth.visible
    parts = part_nme(xy, truth.xy, visible=visible)
    kept = {str(part): float(value) for part, value in parts.items() if part not in truth.absent}
    box, iod = (float(nme(xy, truth.xy, normaliser=n, visible=visible)) for n in ("box", "iod"))  # type: ignore[arg-type]
    return box, iod, kept


def measure(matcher: Matcher, cases: Iterable[Any], **options: Any) -> list[Row]:
    """Match every case (``group``, ``name``, ``picture``, ``truth``) with ``Matcher.match(**options)``."""
    return [measured(case, lambda picture: matcher.match(picture, **options)) for case in cases]


def measured(case: Any, match: Callable[[Picture], Match]) -> Row:
    """One case, matched and compared."""
    begin = time.perf_counter()
    found = match(case.picture)
    seconds = time.perf_counter() - begin
    box, iod, parts = compared(found.landmarks.xy, case.truth)
    raw = compared(found.raw.xy, case.truth)[0]
    return Row(
        case.group,
        case.name,
        box,
        iod,
        raw,
        parts,
        float(found.confidence),
        seconds,
        case.picture,
        case.truth,
        found.landmarks,
    )


def summary(rows: Sequence[Row], threshold: float = 0.0) -> dict[str, Any]:
    """Errors in percent, the failure rate, the area under the error curve up to ``FAILURE``, and warnings."""
    box = np.array([row.box for row in rows])
    parts = {part: [row.parts[part] for row in rows if part in row.parts] for part in PARTS}
    return {
        "n": len(rows),
        "box": 100 * float(box.mean()),
        "median": 100 * float(np.median(box)),
        "iod": 100 * float(np.mean([row.iod for row in rows])),
        "raw": 100 * float(np.mean([row.raw for row in rows])),
        "failures": int((box > FAILURE).sum()),
        "failure_rate": 100 * float((box > FAILURE).mean()),
        "auc": 100 * auc(box, FAILURE),
        "warned": int(sum(row.confidence < threshold for row in rows)),
        "parts": {part: 100 * float(np.mean(values)) for part, values in parts.items() if values},
    }


def by_group(rows: Sequence[Row], threshold: float = 0.0) -> dict[str, dict[str, Any]]:
    """:func:`summary` of every group, in alphabetical order, and of ``overall``."""
    out = {}
    for group in sorted({row.group for row in rows}):
        out[group] = summary([row for row in rows if row.group == group], threshold)
    out["overall"] = summary(rows, threshold)
    return out


def auroc(score: Sequence[float], positive: Sequence[bool]) -> float:
    """Chance that a positive scores *lower* than a negative (ties count half); NaN where one kind is missing."""
    s, p = np.asarray(score, float), np.asarray(positive, bool)
    if p.all() or not p.any():
        return float("nan")
    low, high = s[p][:, None], s[~p][None, :]
    return float((low < high).mean() + 0.5 * (low == high).mean())


def confidence_report(rows: Sequence[Row], faceless: Sequence[float], threshold: float) -> dict[str, Any]:
    """How well confidence tells bad matches from good ones, and faces from pictures without any.

    Args:
        rows: matched faces. faceless: confidences on pictures without a face. threshold: at which ``match`` warns.
    """
    good = np.array([row.box <= BAD for row in rows])
    confidence = np.array([row.confidence for row in rows])
    empty = np.asarray(faceless, float)
    passing = confidence >= threshold
    accepted = int(passing.sum() + (empty >= threshold).sum())
    return {
        "pictures": len(rows),
        "bad": int((~good).sum()),
        "auroc_bad": auroc(confidence.tolist(), (~good).tolist()),
        "without_face": len(empty),
        "auroc_no_face": auroc([*confidence, *empty], [False] * len(rows) + [True] * len(empty)),
        "auroc_either": auroc([*confidence, *empty], [*(~good), *[True] * len(empty)]),
        "threshold": threshold,
        "good_refused": int((good & ~passing).sum()),
        "good": int(good.sum()),
        "bad_accepted": int((~good & passing).sum()),
        "without_face_accepted": int((empty >= threshold).sum()),
        "precision": float((good & passing).sum() / accepted) if accepted else float("nan"),
        "reliability": reliability([*confidence, *empty], [*good, *[False] * len(empty)]),
    }


def reliability(
    confidence: Sequence[float], good: Sequence[bool], edges: Sequence[float] = (0, 0.2, 0.4, 0.6, 0.8, 0.9, 1)
) -> list[dict[str, float]]:
    """Per bin of confidence: how many pictures, their mean confidence, and the share of good matches."""
    c, g = np.asarray(confidence, float), np.asarray(good, bool)
    out = []
    for low, high in pairwise(edges):
        here = (c >= low) & ((c < high) | (high == edges[-1]))
        if here.any():
            out.append(
                {
                    "low": float(low),
                    "high": float(high),
                    "n": int(here.sum()),
                    "mean": float(c[here].mean()),
                    "good": float(g[here].mean()),
                }
            )
    return out
