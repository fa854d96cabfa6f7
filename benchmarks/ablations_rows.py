"""The rows of `ablations.py`: each a small function from the bench to a matcher that differs in one thing, or to the
reason why there is none.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.features import normalised, sample_features
from faceshot.gallery import Gallery
from faceshot.landmarks import Crop, Landmarks, Picture, Size
from faceshot.landmarks.topology import PARTS
from faceshot.matching import Look, Match, Matcher, SearchOptions, fit_parts
from faceshot.models import Preset, get_preset, locate


@dataclass(frozen=True, eq=False)
class Variant:
    """A matcher to be measured, and options of ``Matcher.match``."""

    matcher: Matcher
    regularise: str = "robust"
    domains: tuple[str, ...] | None = None


class Bench:
    """What all rows share: the preset, a temporary folder for features, the matcher as shipped."""

    def __init__(self, preset: str, folder: Path) -> None:
        self.name, self.folder = preset, folder

    @cached_property
    def preset(self) -> Preset:
        return get_preset(self.name)

    @cached_property
    def shipped(self) -> Matcher:
        return self.matcher()

    def matcher(self, kind: type[Matcher] = Matcher, preset: Preset | str | None = None, **options: Any) -> Matcher:
        """A matcher of another kind, preset or search; its features go to the temporary folder."""
        options.setdefault("galleries", ["shipped"])
        return kind(preset or self.name, cache_dir=self.folder, **options)  # type: ignore[arg-type]

    def changed(self, **changes: Any) -> Matcher:
        """A matcher whose preset has some fields replaced."""
        return self.matcher(preset=replace(self.preset, **changes))

    def with_gallery(self, gallery: Gallery) -> Matcher:
        """The shipped matcher with another gallery."""
        made = self.matcher()
        made.gallery = gallery
        return made


class OneDomain(Matcher):
    """One domain for the whole face: that which is most alike over all parts."""

    def _rank(self, features: np.ndarray, near: np.ndarray, gallery: Gallery) -> np.ndarray:
        side = Size(self.extractor.image_size, self.extractor.image_size)
        seen = normalised(sample_features(features, near, side))
        cosine = np.einsum("dic,ic->di", gallery.vectors, seen) * gallery.valid
        alike = cosine.sum(1) / np.maximum(gallery.valid.sum(1), 1)
        return np.tile(np.argsort(-alike, kind="stable")[:, None], (1, len(PARTS)))


class OneWay(Matcher):
    """Without the look at the mirror image."""

    def _look(self, crop: Crop, pairs: list[np.ndarray], vectors: Any, valid: np.ndarray, gallery: Gallery) -> Look:
        look = super()._look(crop, pairs, vectors, valid, gallery)
        side = self.extractor.image_size
        _, fit = fit_parts([pair[0] for pair in pairs], vectors, valid, self.views, self.shape_options, side)
        return replace(look, xy=crop.to_picture(fit.xy), weight=np.clip(fit.weight, 0, 1).astype(np.float32))


class FirstLook(Matcher):
    """Without the close-up: one look at the whole picture, with vectors averaged over all domains."""

    def match(self, picture: Picture, **options: Any) -> Match:  # type: ignore[override]
        rgb = picture.flat()
        look = self.looks(rgb, [Crop.whole(picture.size, self.extractor.image_size)])[0]
        marks = Landmarks(look.xy, picture.size, look.weight)
        return Match(marks, look.quality, marks, {}, marks.box())


# ---- rows: each takes the bench and gives a variant, or the reason why there is none --------------------------------
Made = Variant | str


def as_shipped(bench: Bench) -> Made:
    return Variant(bench.shipped)


def no_guidance(bench: Bench) -> Made:
    if bench.preset.guidance == "none":
        return "not applicable: this model takes no image prompt, so every row here is without guidance"
    return Variant(bench.changed(guidance="none"))


def part_best(bench: Bench) -> Made:
    return Variant(bench.matcher(search=SearchOptions(domains=1)))


def face_best(bench: Bench) -> Made:
    return Variant(bench.matcher(OneDomain, search=SearchOptions(domains=1)))


def face_best_three(bench: Bench) -> Made:
    return Variant(bench.matcher(OneDomain, search=SearchOptions(domains=3)))


def all_domains(bench: Bench) -> Made:
    return Variant(bench.matcher(search=SearchOptions(domains=len(bench.shipped.gallery.domains))))


def people_only(bench: Bench) -> Made:
    if "person" not in bench.shipped.gallery.domains:
        return "not applicable: the gallery has no domain 'person'"
    return Variant(bench.shipped, domains=("person",))


def raw(bench: Bench) -> Made:
    return Variant(bench.shipped, regularise="none")


def rearranged(bench: Bench) -> Made:
    return Variant(bench.shipped, regularise="faceshot")


def one_way(bench: Bench) -> Made:
    return Variant(bench.matcher(OneWay))


def first_look(bench: Bench) -> Made:
    return Variant(bench.matcher(FirstLook))


def not_upright(bench: Bench) -> Made:
    return Variant(bench.matcher(search=SearchOptions(upright=360.0)))


def fewer(k: int) -> Callable[[Bench], Made]:
    """The shipped gallery with its first ``k`` pictures of every domain."""

    def row(bench: Bench) -> Made:
        least = min(len(features.points) for features in bench.shipped.gallery.features)
        if k > least:
            return f"not applicable: the smallest domain has {least} pictures"
        return Variant(bench.with_gallery(bench.shipped.gallery.first(k)))

    return row


def more(k: int) -> Callable[[Bench], Made]:
    """A gallery of ``k`` pictures per domain, drawn now; the first of them are the shipped ones' drawings."""

    def row(bench: Bench) -> Made:
        folder = bench.folder / f"gallery-{k}"
        if not folder.is_dir():
            draw_gallery(folder, bench.shipped.gallery.domains, k)
        return Variant(bench.matcher(galleries=[folder]))

    return row


def draw_gallery(folder: Path, domains: Sequence[str], k: int) -> None:
    """Write a gallery of ``k`` drawings of every domain."""
    from faceshot_gallery.build import SIDE, gallery_picture, save_picture, write_landmarks

    for domain in domains:
        images = folder / "domains" / domain / "images"
        images.mkdir(parents=True)
        entries: list[dict[str, Any]] = []
        for index in range(k):
            drawing, name = gallery_picture(domain, index), f"{domain}_{index:02d}"
            save_picture(images / f"{name}.png", drawing.rgb)
            points = [[round(float(v), 2) for v in point] for point in drawing.landmarks.xy]
            absent = sorted(drawing.landmarks.absent)
            file = f"images/{name}.png"
            entries.append({"id": name, "file": file, "size": [SIDE, SIDE], "points": points, "absent": absent})
        write_landmarks(folder / "domains" / domain / "landmarks.json", entries)


def noise(mode: str, t: int, steps: int | None = None) -> Callable[[Bench], Made]:
    """Another way to the noise level; a preset that already is that is as shipped."""

    def row(bench: Bench) -> Made:
        changes: dict[str, Any] = {"mode": mode, "t": t} | ({} if steps is None else {"steps": steps})
        if all(getattr(bench.preset, key) == value for key, value in changes.items()):
            return Variant(bench.shipped)
        return Variant(bench.changed(**changes))

    return row


def untrained(bench: Bench) -> Made:
    """The network with random weights."""
    import torch
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    source = locate(bench.preset.source, files=bench.preset.files, offline=True)
    if bench.preset.encoder == "vae":
        return "not applicable: measured for the small model only"
    folder = bench.folder / "untrained"
    folder.mkdir()
    for name in ("scheduler", "prompt.safetensors", "mini.json"):
        part = source / name
        shutil.copytree(part, folder / name) if part.is_dir() else shutil.copy(part, folder / name)
    torch.manual_seed(0)
    network: Any = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(str(source / "unet")))
    network.save_pretrained(folder / "unet")
    return Variant(bench.matcher(preset=str(folder)))


def trained_otherwise(folder: Path | None) -> Callable[[Bench], Made]:
    """Another checkpoint."""

    def row(bench: Bench) -> Made:
        if folder is None:
            return "not measured: give its folder with --checkpoints"
        return Variant(bench.matcher(preset=str(folder)))

    return row


#: What the training rows are called in the tables; other names given with --checkpoints come after them.
TRAINING = ("correspondence loss only", "denoising only", "both")

ROWS: tuple[tuple[str, str, Callable[[Bench], Made]], ...] = (
    ("", "as shipped", as_shipped),
    ("guidance", "no appearance guidance", no_guidance),
    ("domains", "per part: the nearest domain (the paper)", part_best),
    ("domains", "per face: the nearest domain", face_best),
    ("domains", "per face: mean of the three nearest", face_best_three),
    ("domains", "mean of all domains", all_domains),
    ("domains", "people only", people_only),
    ("shape", "no shape prior: raw matches", raw),
    ("shape", "upstream's rearrangement", rearranged),
    ("looks", "no mirror image", one_way),
    ("looks", "no close-up", first_look),
    ("looks", "close-up not turned upright", not_upright),
    ("pictures", "k = 1", fewer(1)),
    ("pictures", "k = 5", fewer(5)),
    ("pictures", "k = 10", fewer(10)),
    ("pictures", "k = 20, ten of them drawn now", more(20)),
    ("input", "clean, t = 0", noise("clean", 0)),
    ("input", "clean, label t = 61", noise("clean", 61)),
    ("input", "one step of noise, t = 21", noise("one-step", 21)),
    ("input", "one step of noise, t = 61", noise("one-step", 61)),
    ("input", "one step of noise, t = 301", noise("one-step", 301)),
    ("input", "inversion, n = 10, t = 101", noise("inversion", 101, 10)),
    ("input", "inversion, n = 50, t = 21", noise("inversion", 21, 50)),
    ("input", "inversion, n = 50, t = 61", noise("inversion", 61, 50)),
    ("input", "inversion, n = 50, t = 141", noise("inversion", 141, 50)),
    ("training", "untrained network", untrained),
)


def rows(checkpoints: dict[str, Path]) -> Iterator[tuple[str, str, Callable[[Bench], Made]]]:
    """All rows, with those of other checkpoints."""
    yield from ROWS
    for name in (*TRAINING, *(name for name in checkpoints if name not in TRAINING)):
        yield "training", name, trained_otherwise(checkpoints.get(name))
