"""The faces of one picture: the first as handed over, further ones from landmark files."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from faceshot.errors import InputError
from faceshot.landmarks import Landmarks, LandmarkSequence, Size

log = logging.getLogger("faceshot")


@dataclass(frozen=True, eq=False)
class Face:
    """A face at rest and its landmarks in every frame, all finite, pixels of the picture."""

    landmarks: Landmarks
    sequence: LandmarkSequence


def filled(landmarks: Landmarks, sequence: LandmarkSequence) -> LandmarkSequence:
    """The sequence with lost frames holding the last place, the rest's before any."""
    good = np.isfinite(sequence.xy).all((1, 2))
    assert sequence.found is not None
    good &= sequence.found
    if good.all():
        return sequence
    last = np.maximum.accumulate(np.where(good, np.arange(len(good)), -1))
    xy = np.where((last >= 0)[:, None, None], sequence.xy[np.maximum(last, 0)], landmarks.xy)
    return replace(sequence, xy=xy.astype(np.float32), found=None, score=None)


def all_faces(landmarks: Landmarks, sequence: LandmarkSequence, others: Sequence[Path], size: Size) -> tuple[Face, ...]:
    """The first face and those of the files.

    Raises:
        InputError: unusable file, landmarks of another picture, clips of another length.
    """
    first = Face(landmarks, filled(landmarks, sequence))
    return (first, *(_other(first, path, size) for path in others))


def _other(first: Face, path: Path, size: Size) -> Face:
    from faceshot.formats import read_sequence

    count = len(first.sequence)
    found = read_sequence(path, size=size, fps=first.sequence.fps)
    if found.size != size:
        ours, theirs = (f"{s.width}x{s.height}" for s in (size, found.size))
        raise InputError(f"faces file {path} is for {theirs} pixels, the picture has {ours}; match it again")
    if len(found) not in (1, count):
        raise InputError(f"faces file {path} holds {len(found)} frames, the video has {count}; give 1 or {count}")
    assert found.found is not None
    if not found.found[found.rest]:
        raise InputError(f"faces file {path} has no face in its rest frame {found.rest}")
    rest = found[found.rest]
    if len(found) == count and count > 1:
        return Face(rest, filled(rest, found))
    return Face(rest, like(first, rest))


def like(first: Face, rest: Landmarks) -> LandmarkSequence:
    """Another face's landmarks moving as the first face moves."""
    from faceshot.retargeting import retarget

    xy = np.concatenate([first.landmarks.xy[None], first.sequence.xy])
    driver = replace(first.sequence, xy=xy, found=None, score=None, rest=0)
    moved = retarget(rest, driver)
    out = moved.xy[1:].copy()
    out[(first.sequence.xy == first.landmarks.xy).all((1, 2))] = rest.xy
    return replace(first.sequence, xy=out, absent=rest.absent, score=None)
