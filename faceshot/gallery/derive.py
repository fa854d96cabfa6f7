"""Running a model over gallery pictures: the pictures of a domain batched, a file per domain as soon as it is finished.

A domain's features depend on nothing but the domain: not on which others are derived with it, nor on where an earlier
run was interrupted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceshot.errors import InputError, option
from faceshot.features import duration, normalised, sample_features
from faceshot.gallery.features import DomainFeatures, feature_cache, load, mean_over_pictures, places, save
from faceshot.gallery.store import FEATURES_FILE, Domain
from faceshot.landmarks import Crop, FloatArray, RGBArray, Size, part_crops
from faceshot.landmarks.topology import PARTS
from faceshot.output import check_output
from faceshot.progress import progress

if TYPE_CHECKING:
    from torch import Tensor

    from faceshot.features import FeatureExtractor

log = logging.getLogger("faceshot")


@dataclass(frozen=True, eq=False)
class _Cuts:
    """What the model is shown of a domain of k pictures.

    Attributes:
        faces: (k, S, S, 3) face crops. marks: (k, 68, 2) their landmarks.
        wholes: (k, S, S, 3) whole pictures. parts: (5 k, S, S, 3) the parts, picture by picture.
    """

    faces: RGBArray
    marks: FloatArray
    wholes: RGBArray
    parts: RGBArray

    @classmethod
    def of(cls, domain: Domain, side: int, *, context: bool = True) -> _Cuts:
        """Read and cut; without ``context`` the faces alone.

        Raises:
            InputError: a picture is damaged, or of another size than its annotation.
        """
        from faceshot.media import read_picture

        faces, marks, wholes, parts = [], [], [], []
        for entry in domain.pictures:
            rgb = read_picture(entry.path).flat()
            expected = entry.landmarks.size
            if rgb.shape[:2] != (expected.height, expected.width):
                shape = f"{rgb.shape[1]}x{rgb.shape[0]}"
                raise InputError(f"{entry.path} is {shape}, its landmarks are for {expected.width}x{expected.height}")
            crop = Crop.around(entry.landmarks.xy, out=side)
            faces.append(crop.apply(rgb))
            marks.append(crop.to_crop(entry.landmarks.xy))
            if context:
                wholes.append(Crop.whole(expected, side).apply(rgb))
                parts += [cut.apply(rgb) for cut in part_crops(entry.landmarks.xy, side)]
        none = np.empty((0, side, side, 3), np.uint8)
        return cls(
            np.stack(faces),
            np.stack(marks),
            np.stack(wholes) if context else none,
            np.stack(parts) if context else none,
        )


def derive(domain: Domain, extractor: FeatureExtractor) -> DomainFeatures:
    """Run the model over a domain's pictures.

    Raises:
        InputError: a picture is damaged, of another size than its annotation, or the features are not finite.
    """
    content = domain.content()
    cuts = _Cuts.of(domain, extractor.image_size)
    with extractor.embedding():
        embed = extractor.embed(cuts.wholes).mean(0)
        parts = extractor.embed(cuts.parts).cpu().numpy().reshape(len(cuts.faces), len(PARTS), -1)
    # Guidance by domain: every picture of it, and later the reference, is seen under the same image prompt (Fig. 4).
    guided = extractor.adapted and extractor.preset.domain_prompts
    sampled = _sample(domain, cuts, extractor, embed if guided else None)
    visible = np.stack([entry.landmarks.visible for entry in domain.pictures])
    return DomainFeatures(
        digest=extractor.settings.digest,
        content=content,
        points=normalised(sampled).astype(np.float16),
        norms=np.linalg.norm(sampled, axis=-1).astype(np.float32),
        visible=visible,
        diff=mean_over_pictures(normalised(sampled), visible),
        part_embeds=parts.mean(0).astype(np.float32),
        image_embed=embed.cpu().numpy().astype(np.float32),
    )


def derive_under(domain: Domain, extractor: FeatureExtractor, prompt: Tensor, stored: DomainFeatures) -> DomainFeatures:
    """``stored`` with the features at the landmarks as they are under the image prompt (D,)."""
    sampled = _sample(domain, _Cuts.of(domain, extractor.image_size, context=False), extractor, prompt)
    return replace(
        stored,
        points=normalised(sampled).astype(np.float16),
        norms=np.linalg.norm(sampled, axis=-1).astype(np.float32),
        diff=mean_over_pictures(normalised(sampled), stored.visible),
    )


def _sample(domain: Domain, cuts: _Cuts, extractor: FeatureExtractor, prompt: Tensor | None) -> FloatArray:
    """The features (k, 68, C) at the landmarks, all pictures batched."""
    maps = extractor.features(cuts.faces, image_embeds=prompt).cpu().numpy()
    size = Size(extractor.image_size, extractor.image_size)
    sampled = np.stack([sample_features(f, xy, size) for f, xy in zip(maps, cuts.marks, strict=True)])
    if not np.isfinite(sampled).all():
        raise InputError(f"features of domain {domain.name!r} are not finite; use {option('dtype', 'float32')}")
    return sampled


def ready(domain: Domain, digest: str, cache_dir: str | Path | None = None) -> DomainFeatures | None:
    """A domain's features under the settings ``digest``, where they are at hand.

    Raises:
        InputError: a domain without pictures has features of other settings.
    """
    if not domain.pictures:
        return load(domain.folder / FEATURES_FILE, digest)
    content = domain.content()
    for path in places(digest, content, cache_dir):
        if path.is_file():
            try:
                found = load(path, digest)
            except InputError as error:
                log.warning("%s; made again", error)
                continue
            if found.content == content:
                return found
    return None


def obtain(domain: Domain, extractor: FeatureExtractor, *, cache_dir: str | Path | None = None) -> DomainFeatures:
    """As :func:`obtain_all`, of one domain."""
    return obtain_all([domain], extractor, cache_dir=cache_dir)[0]


def obtain_all(
    domains: Sequence[Domain], extractor: FeatureExtractor, *, cache_dir: str | Path | None = None
) -> list[DomainFeatures]:
    """The features of domains under the extractor's settings: ready ones, or derived now and kept one by one.

    Raises:
        InputError: pictures are unusable, a domain without pictures has features of other settings, or guidance
            ``swap`` is to recompute it.
    """
    if extractor.preset.guidance == "swap" and (bare := [domain.name for domain in domains if not domain.pictures]):
        raise no_pictures(bare[0])
    found = [ready(domain, extractor.settings.digest, cache_dir) for domain in domains]
    missing = [domain for domain, features in zip(domains, found, strict=True) if features is None]
    if not missing:
        return [features for features in found if features is not None]
    announce(missing, extractor)
    root = feature_cache(cache_dir) / extractor.settings.digest
    warn_of(root)
    made = []
    with extractor.session():
        for domain in progress(missing, "gallery features", total=len(missing), unit="domain"):
            features = derive(domain, extractor)
            made.append(features)
            keep(root / f"{features.content}.safetensors", features, extractor.settings.describe(), domain.name)
    fresh = iter(made)
    return [next(fresh) if features is None else features for features in found]


def no_pictures(domain: str) -> InputError:
    return InputError(
        f"domain {domain!r} has ready features and no pictures, so guidance swap cannot recompute it; use guidance "
        "domain or none"
    )


def warn_of(folder: Path) -> None:
    """Say before hours of work that its results cannot be kept in ``folder``."""
    try:
        check_output(folder / "features")
    except InputError as error:
        reason = str(error).partition(";")[0]
        log.warning("gallery features will not be kept: %s; set FACESHOT_CACHE to a folder of yours", reason)


def keep(path: Path, features: DomainFeatures, settings: dict[str, Any], name: str) -> None:
    """Save, or say why not: a cache that cannot be written only costs time."""
    try:
        save(path, features, settings, name=name)
    except InputError as error:
        log.warning("features of gallery domain %s are not kept: %s", name, error)


def announce(domains: Sequence[Domain], extractor: FeatureExtractor, *, embeds: bool = True) -> None:
    """Say how long the gallery will take where that is long; it can be interrupted and goes on at the next start.

    Args:
        embeds: the embeddings of pictures and their parts are to be made too.
    """
    pictures = sum(len(domain.pictures) for domain in domains)
    work: Any = extractor.work(pictures, embeds=pictures * (1 + len(PARTS)) if embeds else 0)
    if work is not None and work[0] > 60:
        log.info(
            "gallery features of %d domains (%d pictures), once: %s; may be interrupted, finished domains are kept "
            "(about one every %s)", len(domains), pictures, work[1], duration(work[0] / len(domains)),
        )  # fmt: skip
