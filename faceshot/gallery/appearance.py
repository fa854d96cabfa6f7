"""The appearance gallery (FaceShot, section 3.1 and appendix B): what landmarks look like to the model, per domain.

>>> gallery = Gallery.load((), extractor)   # the shipped gallery
>>> gallery.vectors.shape                   # domains, landmarks, channels
(14, 68, 64)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from faceshot.errors import InputError, UsageError
from faceshot.features import normalised
from faceshot.gallery.derive import announce, derive, obtain_all
from faceshot.gallery.features import DomainFeatures, feature_cache, load, places, read_header, save
from faceshot.gallery.store import (
    FEATURES_FILE,
    SHIPPED,
    Domain,
    default_galleries,
    domain_folders,
    list_domains,
    read_domain,
)
from faceshot.landmarks import BoolArray, FloatArray, RGBArray
from faceshot.landmarks.topology import PART_POINTS
from faceshot.output import check_output
from faceshot.progress import progress

if TYPE_CHECKING:
    from faceshot.features import FeatureExtractor
    from faceshot.models import Preset


@dataclass(frozen=True, eq=False)
class Gallery:
    """The features of all domains of one or more galleries, all made with the same settings.

    Attributes:
        domains: D names, each once; where two galleries have a domain of one name, the later is ``name@gallery``.
        features: per domain.
        digest: of the settings.
    """

    domains: tuple[str, ...]
    features: tuple[DomainFeatures, ...]
    digest: str

    def __post_init__(self) -> None:
        if not self.domains or len(self.domains) != len(self.features):
            raise InputError("a gallery needs at least one domain, and features for each")
        for name, features in zip(self.domains, self.features, strict=True):
            if features.digest != self.digest:
                raise InputError(
                    f"domain {name!r} has features of other settings (digest {features.digest}, the rest has "
                    f"{self.digest}); features of different settings cannot be mixed, load all with one preset"
                )

    @classmethod
    def load(
        cls,
        galleries: Iterable[str | Path] | str | Path,
        extractor: FeatureExtractor,
        *,
        cache_dir: str | Path | None = None,
    ) -> Gallery:
        """Load galleries by name or folder; features that are not ready are derived and kept in the cache.

        Args:
            galleries: ``shipped``, ``user``, names, folders; empty means the shipped one, and the user's if there is.
            cache_dir: instead of ``FACESHOT_CACHE`` or the user's cache folder.

        Raises:
            UsageError: no such gallery. MissingError: the shipped one is not installed.
            InputError: annotations or pictures are unusable.
        """
        given = [galleries] if isinstance(galleries, str | Path) else list(galleries)
        parts = []
        for gallery in given or default_galleries():
            domains = list_domains(gallery)
            features = obtain_all(domains, extractor, cache_dir=cache_dir)
            names = tuple(domain.name for domain in domains)
            parts.append((str(gallery), cls(names, tuple(features), extractor.settings.digest)))
        return cls.combine(parts)

    @classmethod
    def combine(cls, galleries: Sequence[tuple[str, Gallery]]) -> Gallery:
        """Several (name, gallery) as one, domains in the order given.

        Raises:
            InputError: nothing given, or features of different settings.
        """
        if not galleries:
            raise InputError("no galleries to combine")
        names: list[str] = []
        features: list[DomainFeatures] = []
        for label, gallery in galleries:
            for name, found in zip(gallery.domains, gallery.features, strict=True):
                names.append(_unique(name, label, names))
                features.append(found)
        return cls(tuple(names), tuple(features), galleries[0][1].digest)

    def first(self, k: int) -> Gallery:
        """The gallery as if every domain had its first ``k`` pictures only (the paper's Table 5).

        Raises:
            InputError: a domain has fewer.
        """
        return Gallery(self.domains, tuple(features.first(k) for features in self.features), self.digest)

    def only(self, domains: Iterable[str]) -> Gallery:
        """The gallery without the other domains.

        Raises:
            UsageError: it has no such domain.
        """
        chosen = list(domains)
        for name in chosen:
            if name not in self.domains:
                raise UsageError(f"unknown domain {name!r}; the gallery has {', '.join(self.domains)}")
        keep = [i for i, name in enumerate(self.domains) if name in chosen]
        return Gallery(tuple(self.domains[i] for i in keep), tuple(self.features[i] for i in keep), self.digest)

    @cached_property
    def vectors(self) -> FloatArray:
        """(D, 68, C) float32 of length 1, what a picture's features are matched with; zero where not valid."""
        return normalised(np.stack([features.diff for features in self.features]))

    @cached_property
    def agreement(self) -> FloatArray:
        """(D, 68) 0..1: how much the pictures of a domain agree about a landmark."""
        return np.stack([features.agreement for features in self.features])

    @cached_property
    def valid(self) -> BoolArray:
        """(D, 68) bool: False where no picture of the domain shows the part."""
        return np.stack([features.valid for features in self.features])

    @cached_property
    def presence(self) -> FloatArray:
        """(D, 5) share of a domain's pictures that show the part, in the order of ``topology.PARTS``."""
        shares = np.stack([np.asarray(features.visible, np.float32).mean(0) for features in self.features])
        return np.stack([shares[:, list(points)].mean(1) for points in PART_POINTS.values()], 1)

    @cached_property
    def part_embeds(self) -> FloatArray:
        """(D, 5, E) mean embedding of the crops of every part, in the order of ``topology.PARTS``."""
        return np.stack([features.part_embeds for features in self.features])

    @cached_property
    def image_embeds(self) -> FloatArray:
        """(D, E) mean embedding of whole pictures: the domain's image prompt."""
        return np.stack([features.image_embed for features in self.features])


def _unique(name: str, label: str, taken: Sequence[str]) -> str:
    """A domain's name among those of other galleries: ``name@gallery`` where it is taken already."""
    unique = name if name not in taken else f"{name}@{Path(label).name}"
    while unique in taken:
        unique += "+"
    return unique


def own_domains(galleries: Iterable[str | Path]) -> dict[str, Domain]:
    """The domains that are not the shipped ones, under the names :meth:`Gallery.load` gives them."""
    names: list[str] = []
    own = {}
    for gallery in list(galleries) or default_galleries():
        for domain in list_domains(gallery):
            names.append(_unique(domain.name, str(gallery), names))
            if str(gallery) != SHIPPED:
                own[names[-1]] = domain
    return own


def build_gallery(
    gallery: str | Path,
    extractor: FeatureExtractor,
    *,
    cache_dir: str | Path | None = None,
    into: str | Path | None = None,
    anew: bool = False,
) -> list[Path]:
    """Derive the features of all domains anew; returns the files written.

    Files of the same preset with older settings for the same pictures are removed. A build that was interrupted goes
    on where it stopped: files that fit settings, weights and pictures are left as they are, unless ``anew``.

    Args:
        into: folder for the files instead of the cache (to ship them: ``derived`` of the gallery's package).
        anew: derive again what is there already.

    Raises:
        As :meth:`Gallery.load`.
    """
    digest = extractor.settings.digest
    folder = (feature_cache(cache_dir) if into is None else Path(into)) / digest
    domains = [domain for domain in list_domains(gallery) if domain.pictures]
    target = {domain.name: folder / f"{domain.content()}.safetensors" for domain in domains}
    todo = [domain for domain in domains if anew or not _usable(target[domain.name], digest)]
    if todo:
        check_output(target[todo[0].name], overwrite=True)  # not after an hour's work
        announce(todo, extractor)
    with extractor.session():
        for domain in progress(todo, "gallery features", total=len(todo), unit="domain"):
            save(target[domain.name], derive(domain, extractor), extractor.settings.describe(), name=domain.name)
    for domain in domains:
        for old in _older(folder.parent, extractor.preset.name, digest, target[domain.name].stem):
            old.unlink()
            if not any(old.parent.iterdir()):
                old.parent.rmdir()
    return list(target.values())


def _usable(path: Path, digest: str) -> bool:
    """Whether a file holds features of these settings."""
    try:
        return path.is_file() and bool(load(path, digest).digest)
    except InputError:
        return False


def _older(root: Path, preset: str, digest: str, content: str) -> list[Path]:
    """Files of the same preset and pictures, made with other settings."""
    found = []
    for path in root.glob(f"*/{content}.safetensors"):
        if path.parent.name != digest:
            try:
                made = read_header(path)["settings"]
            except InputError:
                continue
            if made.get("preset") == preset:
                found.append(path)
    return found


@dataclass(frozen=True)
class Finding:
    """Something about a gallery a user should know.

    Attributes:
        level: ``error`` (unusable), ``stale`` (features of other settings lie about), ``note`` (built on first use).
        domain: which one.
        message: one line with the fix.
    """

    level: Literal["error", "stale", "note"]
    domain: str
    message: str


def check_gallery(
    gallery: str | Path, preset: Preset, digest: str, *, cache_dir: str | Path | None = None
) -> list[Finding]:
    """Look at every file of a gallery: annotations, pictures, ready features. No network is loaded.

    Args:
        preset: whose features are looked for.
        digest: of its settings, see ``presets.model_digest``.

    Returns:
        Findings by domain; empty when everything is there and fits.

    Raises:
        UsageError, MissingError: no such gallery.
    """
    findings = []
    for name, folder in domain_folders(gallery).items():
        try:
            domain = read_domain(folder, str(gallery))
            findings += _check_pictures(domain)
            findings += _check_features(domain, preset, digest, cache_dir)
        except InputError as error:
            findings.append(Finding("error", name, str(error)))
    if not findings and not domain_folders(gallery):
        findings.append(Finding("error", "", f"gallery {gallery} has no domains"))
    return findings


def _check_pictures(domain: Domain) -> list[Finding]:
    from faceshot.media import read_picture

    findings = []
    for entry in domain.pictures:
        try:
            size = read_picture(entry.path).size
        except InputError as error:
            findings.append(Finding("error", domain.name, str(error)))
            continue
        if size != entry.landmarks.size:
            sizes = [f"{s.width}x{s.height}" for s in (size, entry.landmarks.size)]
            message = f"{entry.path} is {sizes[0]}, its landmarks are for {sizes[1]}"
            findings.append(Finding("error", domain.name, message))
    known = {entry.path for entry in domain.pictures}
    for path in sorted((domain.folder / "images").glob("*")):
        if path.resolve() not in known:
            findings.append(Finding("note", domain.name, f"{path} is not in landmarks.json and is not used"))
    return findings


def _check_features(domain: Domain, preset: Preset, digest: str, cache_dir: str | Path | None) -> list[Finding]:
    if not domain.pictures:
        load(domain.folder / FEATURES_FILE, digest)
        return []
    findings = []
    content = domain.content()
    candidates = places(digest, content, cache_dir)
    ready = False
    for path in candidates:
        if path.is_file():
            try:
                ready = load(path, digest).content == content or ready
            except InputError as error:
                findings.append(Finding("stale", domain.name, str(error)))
    if not ready:
        message = f"no features of preset {preset.name} yet; made on first use, or now with: faceshot gallery build"
        findings.append(Finding("note", domain.name, message))
    for old in _older(feature_cache(cache_dir), preset.name, digest, content):
        message = f"{old} was made with older settings; faceshot gallery build removes it"
        findings.append(Finding("stale", domain.name, message))
    return findings


def contact_sheet(domain: Domain, *, side: int = 256, columns: int = 5) -> RGBArray:
    """(H, W, 3) uint8: a domain's pictures in a grid, landmarks drawn.

    Raises:
        InputError: it has no pictures, or one is damaged.
    """
    from faceshot.landmarks import Crop, Size
    from faceshot.media import overlay, read_picture

    if not domain.pictures:
        raise InputError(f"domain {domain.name!r} holds ready features only, no pictures")
    tiles = []
    for entry in domain.pictures:
        crop = Crop.whole(entry.landmarks.size, side)
        marks = replace(entry.landmarks, xy=crop.to_crop(entry.landmarks.xy), size=Size(side, side))
        tiles.append(overlay(crop.apply(read_picture(entry.path).flat()), marks))
    columns = min(columns, len(tiles))
    tiles += [np.full((side, side, 3), 255, np.uint8)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)
