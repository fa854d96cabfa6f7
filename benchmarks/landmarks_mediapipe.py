"""MediaPipe's model on the same pictures: how many faces it sees, and both errors on those it sees."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from landmarks_cases import SHARED
from landmarks_measure import FAILURE, Row, compared

from faceshot.errors import MissingError


def detector(model: Path | None = None) -> Any:
    """MediaPipe's landmarker as source ``facemesh`` runs it, equal to float rounding.

    Args:
        model: the ``.task`` file; None takes the one beside the development material, else the user's weights.

    Raises:
        MissingError: the package or the model is not here (nothing is downloaded).
    """
    from faceshot.driving import FaceMeshDetector

    near = SHARED / "models" / "face_landmarker.task"
    return FaceMeshDetector(model or (near if near.is_file() else None), offline=True)


def on_same_pictures(rows: Sequence[Row], finder: Any) -> list[float]:
    """Box errors of MediaPipe in the order of ``rows``; NaN where it sees no face.

    Every picture is a clip of its own, so nothing is carried over from one to the next.
    """
    errors = []
    for row in rows:
        rgb = np.ascontiguousarray(row.picture.flat())
        xy = next(iter(finder.detect([rgb], Fraction(1)))).xy
        errors.append(float("nan") if xy is None else compared(xy.astype(np.float32), row.truth)[0])
    return errors


def comparison(rows: Sequence[Row], errors: Sequence[float]) -> dict[str, Any]:
    """Detection rate and errors in percent, on all pictures and on those MediaPipe sees.

    ``within`` is the share of all pictures with an error of at most 20 %: a face that is not seen counts as missed.
    """
    theirs = np.asarray(errors, float)
    ours = np.array([row.box for row in rows])
    seen = np.isfinite(theirs)
    on_seen = {
        "theirs_on_seen": 100 * float(theirs[seen].mean()) if seen.any() else float("nan"),
        "theirs_median_on_seen": 100 * float(np.median(theirs[seen])) if seen.any() else float("nan"),
        "ours_on_seen": 100 * float(ours[seen].mean()) if seen.any() else float("nan"),
    }
    return {
        "n": len(rows),
        "seen": int(seen.sum()),
        "rate": 100 * float(seen.mean()),
        "ours_on_all": 100 * float(ours.mean()),
        **on_seen,
        "theirs_within": 100 * float((seen & (np.nan_to_num(theirs, nan=np.inf) <= FAILURE)).mean()),
        "ours_within": 100 * float((ours <= FAILURE).mean()),
        "errors": [None if not ok else 100 * float(value) for ok, value in zip(seen, theirs, strict=True)],
    }


def available(model: Path | None = None) -> tuple[Any, str]:
    """(detector, "") or (None, why there is none)."""
    try:
        return detector(model), ""
    except MissingError as error:
        return None, str(error)
