"""What a model sees in a gallery domain, as kept in files: never mixed between settings.

One safetensors file per domain, named after the digest of the settings and of the pictures, so that a change of
either makes a new file and an interrupted build continues where it stopped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError, MissingError, option
from faceshot.landmarks import BoolArray, FloatArray
from faceshot.landmarks.topology import N_POINTS, PARTS
from faceshot.models import locate
from faceshot.output import writing
from faceshot.reading import FOREIGN, check_weights, reason
from faceshot.weights import cache_folder

FORMAT: Final = "faceshot-gallery-features"
#: Raised by one whenever the derivation below changes; older files are then rebuilt.
SCHEMA: Final = 1


@dataclass(frozen=True, eq=False)
class DomainFeatures:
    """The features of one domain.

    Attributes:
        digest: of the settings they were made with (``FeatureSettings.digest``).
        content: of the pictures they were made from (``Domain.content``).
        points: (k, 68, C) float16, the feature at every landmark of every picture, scaled to length 1.
        norms: (k, 68) float32, the lengths before scaling (the paper averages unscaled features).
        visible: (k, 68) bool, False where the part is absent.
        diff: (68, C) float32, mean of the visible unit features (FaceShot, section 3.1, with normalised features).
        part_embeds: (5, E) float32, mean embedding of the k crops of every part.
        image_embed: (E,) float32, mean embedding of the k whole pictures.
    """

    digest: str
    content: str
    points: npt.NDArray[np.float16]
    norms: FloatArray
    visible: BoolArray
    diff: FloatArray
    part_embeds: FloatArray
    image_embed: FloatArray

    @property
    def valid(self) -> BoolArray:
        """(68,) bool: the landmarks that at least one picture shows."""
        return np.linalg.norm(self.diff, axis=1) > 0

    @property
    def agreement(self) -> FloatArray:
        """(68,) length of ``diff``, 0..1: how much the pictures agree about a landmark."""
        return np.linalg.norm(self.diff, axis=1).astype(np.float32)

    def first(self, k: int) -> DomainFeatures:
        """As if the domain had its first ``k`` pictures only (embeddings stay those of all).

        Raises:
            InputError: it has fewer, or only the mean is known.
        """
        if not 1 <= k <= len(self.points):
            raise InputError(f"k must lie in 1..{len(self.points)}, the pictures of the smallest domain; got {k}")
        points, visible = self.points[:k], self.visible[:k]
        return replace(
            self, points=points, norms=self.norms[:k], visible=visible, diff=mean_over_pictures(points, visible)
        )


_ARRAYS: Final = {
    "points": (np.float16, 3),
    "norms": (np.float32, 2),
    "visible": (np.bool_, 2),
    "diff": (np.float32, 2),
    "part_embeds": (np.float32, 2),
    "image_embed": (np.float32, 1),
}


def mean_over_pictures(points: npt.NDArray[Any], visible: BoolArray) -> FloatArray:
    """(68, C) mean of (k, 68, C) over the visible ones; zero where none is."""
    weight = visible[..., None].astype(np.float32)
    total = (points.astype(np.float32) * weight).sum(0)
    return (total / np.maximum(weight.sum(0), 1)).astype(np.float32)


def feature_cache(cache_dir: str | Path | None = None) -> Path:
    """Where derived features are kept: ``gallery`` in the cache folder."""
    return cache_folder(cache_dir) / "gallery"


def places(digest: str, content: str, cache_dir: str | Path | None = None) -> list[Path]:
    """Where ready features may lie: the shipped ones first, then the cache."""
    name = Path(digest) / f"{content}.safetensors"
    try:
        shipped = [locate("package:faceshot_gallery") / "derived" / name]
    except MissingError:
        shipped = []
    return [*shipped, feature_cache(cache_dir) / name]


def save(path: Path, features: DomainFeatures, settings: dict[str, Any], *, name: str) -> None:
    """Write a features file; complete or not at all.

    Raises:
        InputError: the disk refuses.
    """
    from safetensors.numpy import save_file

    header = {
        "schema": SCHEMA,
        "domain": name,
        "digest": features.digest,
        "content": features.content,
        "settings": settings,
    }
    tensors = {key: np.ascontiguousarray(getattr(features, key)) for key in _ARRAYS}
    with writing(path, overwrite=True) as part:
        # One entry, because the order of several is not the same in every run.
        save_file(tensors, part, metadata={FORMAT: json.dumps(header, sort_keys=True)})


def read_header(path: Path) -> dict[str, Any]:
    """The header of a features file: schema, domain, digest, content, settings.

    Raises:
        InputError: damaged, or another kind of file.
    """
    from safetensors import SafetensorError, safe_open

    check_weights(path)
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get(FORMAT, "{}"))
    except (SafetensorError, *FOREIGN) as error:
        raise InputError(f"gallery features {path} are damaged ({reason(error)}); delete the file") from error
    texts = isinstance(header, dict) and all(isinstance(header.get(key), str) for key in ("digest", "content"))
    if not texts or header.get("schema") != SCHEMA or not isinstance(header.get("settings"), dict):
        raise InputError(f"{path} does not hold gallery features of format {SCHEMA}; delete the file")
    return header


def load(path: Path, digest: str) -> DomainFeatures:
    """Read a features file made with the settings ``digest``.

    Raises:
        InputError: damaged, or made with other settings (which are named).
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    header = read_header(path)
    if header["digest"] != digest:
        made = header["settings"]
        what = ", ".join(f"{key} {made[key]}" for key in ("preset", "layer", "t", "mode", "weights") if key in made)
        fix = "rebuild them with: faceshot gallery build"
        if "imported" in made:
            fix = f"use {option('preset', str(made.get('preset')))}, or import them again if its weights have changed"
        raise InputError(
            f"gallery features {path} were made with other settings ({what}; digest {header['digest']}, "
            f"needed {digest}); {fix}"
        )
    try:
        tensors = load_file(path)
    except (SafetensorError, *FOREIGN) as error:
        raise InputError(f"gallery features {path} are damaged ({reason(error)}); delete the file") from error
    for key, (dtype, ndim) in _ARRAYS.items():
        if key not in tensors or tensors[key].dtype != dtype or tensors[key].ndim != ndim:
            raise InputError(f"gallery features {path} lack a usable {key!r}; delete the file")
    k, channels = len(tensors["points"]), tensors["diff"].shape[-1]
    shapes = {"points": (k, N_POINTS, channels), "norms": (k, N_POINTS), "visible": (k, N_POINTS)}
    shapes |= {"diff": (N_POINTS, channels), "part_embeds": (len(PARTS), len(tensors["image_embed"]))}
    for key, shape in shapes.items():
        if tensors[key].shape != shape or not np.isfinite(tensors[key]).all():
            raise InputError(f"gallery features {path}: {key} is not finite of shape {shape}; delete the file")
    return DomainFeatures(digest=digest, content=header["content"], **{key: tensors[key] for key in _ARRAYS})
