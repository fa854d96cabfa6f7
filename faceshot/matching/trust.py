"""How far a gallery domain of the user's leads: as far as it has proved to help, on pictures of its own kind.

The shipped model was trained to see a landmark alike in all domains, so likeness of features hardly tells which domain
fits. A user's annotated pictures say more: each is matched with the help of the others only, and the share of the own
vectors that gives the least error is the domain's weight. Whether a new picture is of that kind is told by the
embeddings of its parts (FaceShot, appendix B: one domain per part, by likeness).
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from faceshot.features import normalised
from faceshot.landmarks import FloatArray, Landmarks, RGBArray, nme
from faceshot.landmarks.topology import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceshot.gallery import Domain, Gallery

logger = logging.getLogger("faceshot")
#: Shares of the own vectors that are tried; the first is the shipped gallery alone.
SHARES: Final = (0.0, 0.3, 0.5, 0.7, 0.85, 1.0)
#: A domain leads if it lowers the error by at least this share, on at least so many pictures; more are not tried.
_GAIN, _LEAST, _MOST = 0.03, 3, 12
#: How quickly trust fades where a picture is less like the domain than its own pictures are to each other.
_FADE = 0.05
#: Landmarks that were found cut the parts less well than annotated ones do.
_SLACK = 0.1
_VERSION = 2


@dataclass(frozen=True, eq=False)
class Trust:
    """What a domain of the user's has proved.

    Attributes:
        domain: its index in the gallery.
        share: of its vectors where a picture is of its kind, 0..1.
        embeds: (5, E) mean embeddings of its parts.
        likeness: how much more alike its own pictures are to each other than to other domains, less a deviation.
    """

    domain: int
    share: float
    embeds: FloatArray
    likeness: float


@dataclass(frozen=True, eq=False)
class Lead:
    """The domain that leads for one picture, and how far (a share, 0..1)."""

    domain: int
    share: float

    def mixed(self, vectors: FloatArray, valid: np.ndarray, gallery: Gallery) -> tuple[FloatArray, np.ndarray]:
        """Vectors (68, C) and which exist (68,), with the leading domain's share mixed in."""
        return mix(vectors, valid, gallery.vectors[self.domain], gallery.valid[self.domain], self.share)


def mix(
    vectors: FloatArray, valid: np.ndarray, own: FloatArray, own_valid: np.ndarray, share: float
) -> tuple[FloatArray, np.ndarray]:
    """Two sets of unit vectors (68, C) mixed, where both exist; elsewhere whichever does."""
    weight = np.where(valid & own_valid, share, own_valid.astype(np.float32) * (share > 0))[:, None]
    return normalised((weight * own + (1 - weight) * vectors).astype(np.float32)), valid | (own_valid & (share > 0))


def lead(trusts: Sequence[Trust], gallery: Gallery, embeds: FloatArray) -> Lead | None:
    """Who leads for a picture with part embeddings (5, E); None where the shipped gallery alone is best."""
    best = None
    own = [trust.domain for trust in trusts]
    for trust in trusts:
        if not trust.share:
            continue
        excess = kinship(gallery, own, embeds, trust.embeds) - trust.likeness
        share = trust.share / (1 + math.exp(-max(-40.0, min(40.0, excess / _FADE))))
        if share > 0.05 and (best is None or share > best.share):
            best = Lead(trust.domain, share)
    return best


def kinship(gallery: Gallery, own: Sequence[int], embeds: FloatArray, domain: FloatArray) -> float:
    """How much more alike a picture is to a domain (both (5, E)) than to the nearest domain that is not ``own``."""
    others = np.delete(gallery.part_embeds, list(own), axis=0)
    middle = others.mean(0)
    seen = normalised(embeds - middle)
    near = np.einsum("dpe,pe->d", normalised(others - middle), seen) / len(PARTS)
    return float((seen * normalised(domain - middle)).sum() / len(PARTS) - near.max())


@dataclass(frozen=True, eq=False)
class Trial:
    """One annotated picture of the user's, as the matcher sees it.

    Attributes:
        landmarks: the annotation. embeds: (5, E) of its parts.
        fit: vectors (68, C) and which exist (68,) -> landmarks found (68, 2).
        plain: vectors of the other domains, and which exist.
    """

    landmarks: Landmarks
    embeds: FloatArray
    fit: Callable[[FloatArray, np.ndarray], FloatArray]
    plain: tuple[FloatArray, np.ndarray]


def prove(domain: int, own: Sequence[int], trials: Sequence[Trial], gallery: Gallery) -> Trust:
    """Match every picture of a domain with the help of the others, and see which share of them helps."""
    points = gallery.features[domain].points[: len(trials)].astype(np.float32)
    visible = gallery.features[domain].visible[: len(trials)]
    errors, kin = np.zeros((len(trials), len(SHARES))), []
    for k, trial in enumerate(trials):
        rest = [i for i in range(len(trials)) if i != k]
        weight = visible[rest][..., None]
        vectors, valid = normalised((points[rest] * weight).sum(0)), np.asarray(visible[rest].any(0))
        for column, share in enumerate(SHARES):
            xy = trial.fit(*mix(*trial.plain, vectors, valid, share))
            errors[k, column] = nme(xy, trial.landmarks.xy, visible=trial.landmarks.visible)
        kin.append(kinship(gallery, own, trial.embeds, np.mean([trials[i].embeds for i in rest], axis=0)))
    mean = errors.mean(0)
    best = int(mean.argmin())
    share = SHARES[best] if mean[best] < (1 - _GAIN) * mean[0] else 0.0
    logger.debug("%s leads by %.2f: errors %s", gallery.domains[domain], share, np.round(100 * mean, 2))
    likeness = float(np.mean(kin) - np.std(kin)) - _SLACK
    return Trust(domain, share, np.mean([trial.embeds for trial in trials], axis=0), likeness)


def learn(
    gallery: Gallery,
    own: dict[str, Domain],
    trial: Callable[[RGBArray, Landmarks, Gallery], Trial],
    cache: Path,
) -> tuple[Trust, ...]:
    """What the user's domains prove; kept in ``cache``, so that it is worked out once.

    Args:
        own: the user's domains by their name in the gallery; those with too few pictures are left out.
        trial: a picture (H, W, 3) and its annotation as the matcher sees them, with the given gallery's vectors.
    """
    from faceshot.media import read_picture

    indices = [gallery.domains.index(name) for name, domain in own.items() if len(domain.pictures) >= _LEAST]
    if not indices or len(indices) == len(gallery.domains):
        return ()
    rest = gallery.only([name for i, name in enumerate(gallery.domains) if i not in indices])
    key = f"{_VERSION} {gallery.digest} " + " ".join(features.content for features in gallery.features)
    kept = _kept(cache, key)
    trusts = []
    for index in indices:
        pictures = own[gallery.domains[index]].pictures[:_MOST]
        embeds = gallery.part_embeds[index]
        if str(index) in kept:
            share, likeness = kept[str(index)]
            trusts.append(Trust(index, share, embeds, likeness))
            continue
        trials = [trial(read_picture(entry.path).flat(), entry.landmarks, rest) for entry in pictures]
        trusts.append(prove(index, indices, trials, gallery))
    _keep(cache, key, {str(trust.domain): (trust.share, trust.likeness) for trust in trusts})
    return tuple(trusts)


def _kept(cache: Path, key: str) -> dict[str, tuple[float, float]]:
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    right = isinstance(known, dict) and known.get("key") == key and isinstance(known.get("trust"), dict)
    return cast("dict[str, tuple[float, float]]", known["trust"]) if right else {}


def _keep(cache: Path, key: str, trust: dict[str, tuple[float, float]]) -> None:
    from faceshot.output import writing

    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with writing(cache, overwrite=True) as part:
            part.write_text(json.dumps({"key": key, "trust": trust}), encoding="utf-8")
    except (OSError, ValueError) as error:
        logger.debug("trust is not kept: %s", error)
