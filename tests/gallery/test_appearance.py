"""Galleries: reading, adding, removing, derived features, the cache, refusals; with pictures drawn here."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from faceshot.errors import FaceShotError, InputError, UsageError
from faceshot.features.extractor import FeatureExtractor
from faceshot.features.similarity import sample_features
from faceshot.formats.files import write_landmarks
from faceshot.gallery import appearance as gallery_module
from faceshot.gallery import derive as gallery_derive
from faceshot.gallery import features as gallery_features
from faceshot.gallery.appearance import Gallery, build_gallery, check_gallery, contact_sheet
from faceshot.gallery.edit import add_domain, remove_domain
from faceshot.gallery.store import find_domain, gallery_names, list_domains, read_domain
from faceshot.landmarks.crop import Crop
from faceshot.landmarks.topology import PART_POINTS
from faceshot.landmarks.types import Landmarks, RGBArray, Size
from faceshot.models.image_prompt import install_adapter
from faceshot.models.presets import get_preset, model_digest
from tests.drawn_gallery import SIZE, draw_face, face_points, write_domain
from tests.tiny_networks import diffusers_unet, tiny_adapter, write_tiny_model


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder, empty."""
    monkeypatch.setenv("FACESHOT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny")


@pytest.fixture(scope="module")
def extractor(model: Path) -> FeatureExtractor:
    return FeatureExtractor.from_preset(str(model))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of two domains; the first picture of `round` has no eyebrows."""
    folder = tmp_path_factory.mktemp("gallery")
    write_domain(folder / "domains" / "round", 1, absent=("eyebrows",))
    write_domain(folder / "domains" / "plain", 2, k=2)
    return folder


@pytest.fixture
def copy(two: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two, tmp_path / "copy"))


def test_the_drawn_face_has_sixty_eight_points_inside(tmp_path: Path) -> None:
    xy = face_points()
    assert xy.shape == (68, 2) and xy.min() > 0 and xy.max() < 160


# Reading


def test_a_gallery_lists_its_domains(two: Path) -> None:
    plain, round_ = list_domains(two)
    assert (plain.name, round_.name) == ("plain", "round") and [len(d.pictures) for d in (plain, round_)] == [2, 3]
    assert round_.pictures[0].landmarks.absent == {"eyebrows"} and round_.pictures[1].id == "round-1"
    assert plain.content() != round_.content() and len(plain.content()) == 16


def test_the_content_hash_follows_points_and_pixels(copy: Path) -> None:
    before = find_domain("plain", copy).content()
    path = copy / "domains" / "plain" / "landmarks.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data, indent=3))
    assert find_domain("plain", copy).content() == before  # the same content, written differently
    data["images"][0]["points"][5][0] += 0.5
    path.write_text(json.dumps(data))
    moved = find_domain("plain", copy).content()
    cv2.imwrite(str(copy / "domains" / "plain" / "images" / "1.png"), np.zeros((160, 160, 3), np.uint8))
    assert len({before, moved, find_domain("plain", copy).content()}) == 3


def _break(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        data["images"][1][key] = value

    return change


POINTS = face_points().tolist()
BROKEN = {
    "another schema": (lambda d: d.update(schema=2), '"schema": 1'),
    "another scheme": (lambda d: d.update(scheme="wflw98"), "ibug68"),
    "no images": (lambda d: d.update(images=[]), "lists no images"),
    "twins": (lambda d: d["images"][1].update(id=d["images"][0]["id"]), "two pictures are called"),
    "no points": (lambda d: d["images"][1].pop("points"), "needs id, file, size and points"),
    "67 points": (_break("points", POINTS[:67]), r"image plain-1: .*\(67, 2\)"),
    "NaN": (_break("points", [[math.nan, 1.0], *POINTS[1:]]), "not finite"),
    "outside": (_break("points", [[300.0, 1.0], *POINTS[1:]]), r"point 0 at \(300.0, 1.0\) lies outside the 160x160"),
    "tiny": (_break("points", face_points(radius=5).tolist()), "at least 32 are needed"),
    "unknown part": (_break("absent", ["beard"]), "beard"),
    "nothing visible": (_break("absent", list(PART_POINTS)), "every part is absent"),
    "escaping path": (_break("file", "../../../secret.png"), "outside the domain's folder"),
    "zero size": (_break("size", [0, 160]), "size"),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_damaged_annotations_are_named(copy: Path, change: Callable[[dict[str, Any]], None], message: str) -> None:
    path = copy / "domains" / "plain" / "landmarks.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=message) as caught:
        list_domains(copy)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere", "/does/not/exist", "../user"])
def test_an_unknown_gallery_lists_the_known(name: str) -> None:
    with pytest.raises(UsageError, match="known are shipped"):
        list_domains(name)


def test_an_unknown_domain_lists_the_known(two: Path) -> None:
    with pytest.raises(UsageError, match="it has plain, round"):
        find_domain("cat", two)


# Features


def test_features_are_the_mean_of_unit_features_at_the_landmarks(two: Path, extractor: FeatureExtractor) -> None:
    domain = find_domain("round", two)
    got = gallery_derive.derive(domain, extractor)
    expected = np.zeros((68, 8))
    seen = np.zeros(68)
    for entry in domain.pictures:
        rgb = cv2.imread(str(entry.path))[..., ::-1]
        crop = Crop.around(entry.landmarks.xy, scale=1.5, out=64)
        features = extractor.features(crop.apply(np.ascontiguousarray(rgb))[None])
        # The value of the bilinearly upsampled map at the point, by torch's own sampler.
        grid = torch.from_numpy((crop.to_crop(entry.landmarks.xy) + 0.5) / 32 - 1)[None, None]
        unit = torch.nn.functional.grid_sample(features, grid, align_corners=False, padding_mode="border")[0, :, 0].T
        unit = torch.nn.functional.normalize(unit, dim=1).numpy()
        expected[entry.landmarks.visible] += unit[entry.landmarks.visible]
        seen += entry.landmarks.visible
    assert set(seen[17:27]) == {2} and set(seen[36:]) == {3}
    assert np.allclose(got.diff, expected / seen[:, None], atol=1e-5)
    assert got.points.shape == (3, 68, 8) and got.points.dtype == np.float16
    assert got.part_embeds.shape == (5, 16) and got.image_embed.shape == (16,)


def test_vectors_have_length_one_and_absent_parts_are_not_valid(
    tmp_path: Path, two: Path, extractor: FeatureExtractor
) -> None:
    write_domain(tmp_path / "bald" / "domains" / "bald", 3, k=1, absent=("eyebrows", "nose"))
    gallery = Gallery.load([two, tmp_path / "bald"], extractor)
    assert gallery.domains == ("plain", "round", "bald")
    assert gallery.vectors.shape == (3, 68, 8) and gallery.part_embeds.shape == (3, 5, 16)
    assert gallery.image_embeds.shape == (3, 16)
    hidden = np.zeros(68, bool)
    hidden[17:36] = True
    assert np.array_equal(~gallery.valid[2], hidden) and gallery.valid[:2].all()
    lengths = np.linalg.norm(gallery.vectors, axis=2)
    assert np.allclose(lengths[gallery.valid], 1, atol=1e-5) and not lengths[~gallery.valid].any()
    assert (gallery.agreement <= 1 + 1e-5).all() and np.allclose(gallery.agreement[2, :17], 1, atol=1e-3)


def test_a_domain_finds_its_own_landmarks(two: Path, extractor: FeatureExtractor) -> None:
    """Even a random network tells most landmarks of a picture apart when asked with the picture's own features."""
    entry = find_domain("plain", two).pictures[0]
    crop = Crop.around(entry.landmarks.xy, out=64)
    image = crop.apply(np.ascontiguousarray(cv2.imread(str(entry.path))[..., ::-1]))
    features = torch.nn.functional.normalize(extractor.features(image[None])[0], dim=0).numpy()
    own = gallery_derive.derive(find_domain("plain", two), extractor).first(1).diff
    scores = np.einsum("nc,chw->nhw", own, features).reshape(68, -1)
    best = np.stack(np.unravel_index(scores.argmax(1), features.shape[1:]), 1)[:, ::-1] * 4 + 1.5
    error = np.linalg.norm(best - crop.to_crop(entry.landmarks.xy), axis=1)
    assert np.median(error) < 4.0


def test_the_first_k_pictures(two: Path, extractor: FeatureExtractor) -> None:
    gallery = Gallery.load(two, extractor)
    one = gallery.first(1)
    assert not one.valid[1, 17:27].any() and one.valid[1, :17].all()  # its first picture has no eyebrows
    assert np.allclose(gallery.first(2).features[0].diff, gallery.features[0].diff, atol=2e-3)  # half precision
    with pytest.raises(InputError, match=r"k must lie in 1\.\.2"):
        gallery.first(3)


def test_only_some_domains(two: Path, extractor: FeatureExtractor) -> None:
    gallery = Gallery.load(two, extractor)
    assert gallery.only(["round"]).domains == ("round",)
    with pytest.raises(UsageError, match="unknown domain 'cat'; the gallery has plain, round"):
        gallery.only(["cat"])


class _Colours:
    """Stands in for CLIP: five numbers that say what colours a picture has."""

    def __call__(self, images: RGBArray) -> torch.Tensor:
        pixels = torch.from_numpy(images).float().flatten(1, 2) / 255
        return torch.cat([pixels.mean(1), pixels.std(1)[:, :2]], 1)


def test_guidance_by_domain_shows_the_domains_mean_picture(two: Path, model: Path, extractor: FeatureExtractor) -> None:
    plain = FeatureExtractor.from_preset(get_preset(str(model), layer="up_blocks.1", guidance="domain"))
    unet = diffusers_unet(model)
    install_adapter(unet, tiny_adapter(unet, 5))
    guided = FeatureExtractor(
        plain.preset,
        unet,
        plain.schedule,
        plain.prompt_embeds,
        image_encoder=_Colours(),  # type: ignore[arg-type]
    )
    domain = find_domain("plain", two)
    got = gallery_derive.derive(domain, guided)
    pictures = [np.ascontiguousarray(cv2.imread(str(entry.path))[..., ::-1]) for entry in domain.pictures]
    mean = guided.embed(np.stack([Crop.whole(SIZE, 64).apply(rgb) for rgb in pictures])).mean(0)
    assert np.allclose(got.image_embed, mean, atol=1e-6) and got.part_embeds.shape == (5, 5)
    crop = Crop.around(domain.pictures[0].landmarks.xy, out=64)
    features = guided.features(crop.apply(pictures[0])[None], image_embeds=mean)[0].numpy()
    seen = sample_features(features, crop.to_crop(domain.pictures[0].landmarks.xy), Size(64, 64))
    assert np.allclose(got.norms[0], np.linalg.norm(seen, axis=1), rtol=1e-3)


# Cache


def test_features_are_derived_once(
    two: Path, extractor: FeatureExtractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Gallery.load([two], extractor, cache_dir=tmp_path)
    files = sorted((tmp_path / "gallery" / extractor.settings.digest).iterdir())
    assert len(files) == 2 and all(path.suffix == ".safetensors" for path in files)
    monkeypatch.setattr(extractor, "features", lambda *_, **__: pytest.fail("derived again"))
    second = Gallery.load([two], extractor, cache_dir=tmp_path)
    assert np.array_equal(first.vectors, second.vectors) and np.array_equal(first.part_embeds, second.part_embeds)


def test_other_settings_make_other_files(two: Path, model: Path, tmp_path: Path) -> None:
    digests = set()
    for changes in ({}, {"layer": "up_blocks.1"}):
        extractor = FeatureExtractor.from_preset(get_preset(str(model), **changes))
        digests.add(Gallery.load(two, extractor, cache_dir=tmp_path).digest)
    assert {path.name for path in (tmp_path / "gallery").iterdir()} == digests and len(digests) == 2


def test_a_changed_picture_is_derived_again(copy: Path, extractor: FeatureExtractor, tmp_path: Path) -> None:
    before = Gallery.load(copy, extractor, cache_dir=tmp_path)
    path = copy / "domains" / "plain" / "images" / "0.png"
    cv2.imwrite(str(path), 255 - cv2.imread(str(path)))
    after = Gallery.load(copy, extractor, cache_dir=tmp_path)
    assert not np.allclose(before.vectors[0], after.vectors[0], atol=1e-3)
    assert np.array_equal(before.vectors[1], after.vectors[1])


@pytest.mark.parametrize("damage", [b"", b"garbage", None], ids=["empty", "garbage", "cut short"])
def test_a_damaged_cache_file_is_made_again(
    two: Path, extractor: FeatureExtractor, tmp_path: Path, damage: bytes | None
) -> None:
    before = Gallery.load(two, extractor, cache_dir=tmp_path)
    path = next((tmp_path / "gallery" / extractor.settings.digest).iterdir())
    path.write_bytes(path.read_bytes()[:-50] if damage is None else damage)
    after = Gallery.load(two, extractor, cache_dir=tmp_path)
    assert np.array_equal(before.vectors, after.vectors)
    assert gallery_features.read_header(path)["digest"] == extractor.settings.digest


def test_a_cache_that_cannot_be_written_only_costs_time(
    two: Path, extractor: FeatureExtractor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "gallery").write_text("a file where the folder should be")
    assert Gallery.load(two, extractor, cache_dir=tmp_path).domains == ("plain", "round")
    assert "are not kept" in caplog.text
    first = caplog.messages[0]  # before the work, not after
    assert first.startswith(f"gallery features will not be kept: output folder {tmp_path / 'gallery'} is not a folder")


def test_a_build_that_could_not_be_written_is_refused_before_the_work(
    two: Path, extractor: FeatureExtractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(gallery_module, "derive", lambda *_: pytest.fail("worked for nothing"))
    with pytest.raises(InputError, match="is not a folder"):
        build_gallery(two, extractor, into=tmp_path / "file")


def test_features_of_other_settings_are_never_mixed(two: Path, model: Path, extractor: FeatureExtractor) -> None:
    other = FeatureExtractor.from_preset(get_preset(str(model), t=21))
    ours, theirs = Gallery.load(two, extractor), Gallery.load(two, other)
    with pytest.raises(InputError, match="features of different settings cannot be mixed"):
        Gallery.combine([("a", ours), ("b", theirs)])


def test_ready_features_without_pictures(two: Path, model: Path, extractor: FeatureExtractor, tmp_path: Path) -> None:
    features = gallery_derive.derive(find_domain("plain", two), extractor)
    folder = tmp_path / "ready" / "domains" / "plain"
    gallery_features.save(folder / "features.safetensors", features, extractor.settings.describe(), name="plain")
    assert np.array_equal(Gallery.load(tmp_path / "ready", extractor).features[0].diff, features.diff)
    other = FeatureExtractor.from_preset(get_preset(str(model), t=21))
    with pytest.raises(InputError, match=r"made with other settings \(preset tiny, .*t 1, .*needed"):
        Gallery.load(tmp_path / "ready", other)


def test_two_galleries_with_a_domain_of_one_name(two: Path, copy: Path, extractor: FeatureExtractor) -> None:
    gallery = Gallery.load([two, copy], extractor)
    assert gallery.domains == ("plain", "round", "plain@copy", "round@copy")


def test_build_writes_all_and_clears_older_settings(
    two: Path, model: Path, extractor: FeatureExtractor, tmp_path: Path
) -> None:
    older = FeatureExtractor.from_preset(get_preset(str(model), t=21))
    build_gallery(two, older, cache_dir=tmp_path)
    written = build_gallery(two, extractor, cache_dir=tmp_path)
    assert len(written) == 2 and sorted(tmp_path.rglob("*.safetensors")) == sorted(written)
    assert [path.name for path in (tmp_path / "gallery").iterdir()] == [extractor.settings.digest]
    shipped = build_gallery(two, extractor, into=tmp_path / "derived")
    assert [path.read_bytes() for path in shipped] == [path.read_bytes() for path in written]  # deterministic


class Interrupted(Exception):
    """Stands for Ctrl-C, a power cut, an exhausted quota."""


class Calls:
    """Counts the network's calls, and interrupts at one of them."""

    def __init__(self, extractor: FeatureExtractor, stop_at: int = -1) -> None:
        self.count, self.stop_at = 0, stop_at
        self.handle = extractor.unet.conv_in.register_forward_pre_hook(self._called)

    def _called(self, *_: Any) -> None:
        self.count += 1
        if self.count == self.stop_at:
            raise Interrupted


def whole_run(two: Path, extractor: FeatureExtractor, tmp_path: Path) -> int:
    calls = Calls(extractor)
    Gallery.load(two, extractor, cache_dir=tmp_path / "whole")
    calls.handle.remove()
    return calls.count


@pytest.mark.parametrize("way", ["on first use", "built"])
def test_an_interrupted_build_goes_on_where_it_stopped(
    two: Path, extractor: FeatureExtractor, tmp_path: Path, way: str
) -> None:
    def run() -> None:
        if way == "built":
            build_gallery(two, extractor, cache_dir=tmp_path)
        else:
            Gallery.load(two, extractor, cache_dir=tmp_path)

    total = whole_run(two, extractor, tmp_path)
    stopped = Calls(extractor, stop_at=total - 1)  # in the middle of the second domain
    with pytest.raises(Interrupted):
        run()
    stopped.handle.remove()
    folder = tmp_path / "gallery" / extractor.settings.digest
    assert len(list(folder.iterdir())) == 1  # the first domain, complete, and nothing half-written
    rest = Calls(extractor)
    run()
    assert 0 < rest.count < total
    run()
    assert len(list(folder.iterdir())) == 2
    rest.handle.remove()
    again = Calls(extractor)
    run()
    again.handle.remove()
    assert again.count == 0
    # The same bits as without the interruption.
    whole = tmp_path / "whole" / "gallery" / extractor.settings.digest
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {p.name: p.read_bytes() for p in whole.iterdir()}


def test_anew_derives_what_is_there(two: Path, extractor: FeatureExtractor, tmp_path: Path) -> None:
    total = whole_run(two, extractor, tmp_path)
    build_gallery(two, extractor, cache_dir=tmp_path)
    calls = Calls(extractor)
    build_gallery(two, extractor, cache_dir=tmp_path, anew=True)
    calls.handle.remove()
    assert calls.count == total


# Check


def test_check_finds_what_is_wrong(copy: Path, model: Path, extractor: FeatureExtractor, tmp_path: Path) -> None:
    preset = get_preset(str(model))
    digest = model_digest(preset)
    assert digest == extractor.settings.digest

    def levels() -> list[tuple[str, str]]:
        return [(finding.level, finding.domain) for finding in check_gallery(copy, preset, digest, cache_dir=tmp_path)]

    assert levels() == [("note", "plain"), ("note", "round")]  # not built yet
    older = FeatureExtractor.from_preset(get_preset(str(model), t=21))
    build_gallery(copy, older, cache_dir=tmp_path)
    assert levels() == [(level, name) for name in ("plain", "round") for level in ("note", "stale")]
    build_gallery(copy, extractor, cache_dir=tmp_path)
    assert levels() == []
    (copy / "domains" / "round" / "images" / "9.png").write_bytes(b"stray")
    (copy / "domains" / "plain" / "images" / "1.png").write_bytes(b"no picture")
    found = levels()
    assert ("error", "plain") in found and ("note", "round") in found
    shutil.rmtree(copy / "domains" / "plain" / "images")
    assert ("error", "plain") in levels()


def test_a_contact_sheet_shows_every_picture(two: Path) -> None:
    sheet = contact_sheet(find_domain("round", two), side=128, columns=2)
    assert sheet.shape == (256, 256, 3) and sheet.dtype == np.uint8
    assert (sheet[128:, 128:] == 255).all() and sheet[:128, :128].std() > 10


# Adding and removing


def write_pairs(folder: Path, suffixes: list[str], **options: Any) -> Path:
    """Pictures with landmark files of the given formats beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, suffix in enumerate(suffixes):
        size = options.get("size", SIZE)
        xy = face_points(options.get("centre", (80, 80)), options.get("radius", 50.0))
        cv2.imwrite(str(folder / f"face{i}.png"), draw_face(xy, i, size)[..., ::-1])
        marks = Landmarks(xy, size, absent=options.get("absent", frozenset()))
        if suffix == ".npy":
            np.save(folder / f"face{i}.npy", xy)
        else:
            write_landmarks(folder / f"face{i}{suffix}", marks)
    return folder


def test_a_folder_becomes_a_domain_and_goes_again(data: Path, tmp_path: Path, extractor: FeatureExtractor) -> None:
    pairs = write_pairs(tmp_path / "pairs", [".json", ".npy", ".npz", ".pts", ".coco.json"])
    before = {path.name: path.read_bytes() for path in pairs.iterdir()}
    domain = add_domain("goblin", pairs)
    assert len(domain.pictures) == 5 and gallery_names() == ["shipped", "user"]
    for entry in domain.pictures:
        assert entry.landmarks.size == SIZE and np.allclose(entry.landmarks.xy, face_points(), atol=0.01)
    assert Gallery.load("user", extractor).domains == ("goblin",)
    assert {path.name: path.read_bytes() for path in pairs.iterdir()} == before
    gone = remove_domain("goblin")
    assert not gone.exists() and not [path for path in data.rglob("*") if path.is_file()]


def test_a_large_photograph_is_cut_around_the_face(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "p", [".npy"], size=Size(2400, 1800), centre=(1700, 900), radius=400.0)
    entry = add_domain("big", pairs, gallery=tmp_path / "mine").pictures[0]
    assert max(entry.landmarks.size) <= 970 and np.ptp(entry.landmarks.xy, axis=0).max() == pytest.approx(384, abs=2)
    stored = cv2.imread(str(entry.path))[..., ::-1]
    expected = draw_face(face_points((1700, 900), 400.0), 0, Size(2400, 1800))
    # The picture moved with its points: the same crop of both is the same face.
    close = [
        Crop.around(xy, out=96).apply(np.ascontiguousarray(rgb)).astype(int)
        for xy, rgb in ((entry.landmarks.xy, stored), (face_points((1700, 900), 400.0), expected))
    ]
    assert np.abs(close[0] - close[1]).mean() < 3


def test_absent_parts_are_kept(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "p", [".json"], absent=frozenset({"nose"}))
    assert add_domain("noseless", pairs).pictures[0].landmarks.absent == {"nose"}


REFUSED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "capital letters": ("Cat", lambda p: None, "domain name 'Cat'"),
    "a path": ("../cat", lambda p: None, "domain name"),
    "no folder": ("cat", lambda p: shutil.rmtree(p), "is not a folder"),
    "no pictures": ("cat", lambda p: (p / "face0.png").unlink(), "no pictures in"),
    "no landmarks": ("cat", lambda p: (p / "face0.npy").unlink(), "has no landmarks beside it"),
    "two landmark files": ("cat", lambda p: shutil.copy(p / "face0.npy", p / "face0.npz"), "keep one"),
    "two pictures": ("cat", lambda p: shutil.copy(p / "face0.png", p / "FACE0.jpg"), "two pictures are called"),
    "text as picture": ("cat", lambda p: (p / "face0.png").write_text("hello"), "face0.png"),
    "67 points": ("cat", lambda p: np.save(p / "face0.npy", np.zeros((67, 2))), "67"),
    "NaN": ("cat", lambda p: np.save(p / "face0.npy", np.full((68, 2), np.nan)), "not finite"),
    "outside": ("cat", lambda p: np.save(p / "face0.npy", face_points() + 100), "lies outside the 160x160"),
    "one point": ("cat", lambda p: np.save(p / "face0.npy", np.full((68, 2), 7.0)), "at least 32"),
}


@pytest.mark.parametrize(("name", "spoil", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_folders_leave_nothing_behind(
    data: Path, tmp_path: Path, name: str, spoil: Callable[[Path], object], message: str
) -> None:
    pairs = write_pairs(tmp_path / "pairs", [".npy"])
    spoil(pairs)
    with pytest.raises(FaceShotError, match=message) as caught:
        add_domain(name, pairs)
    assert "\n" not in str(caught.value) and not data.exists()


def test_landmarks_of_another_size_are_refused(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "p", [".json"])
    write_landmarks(pairs / "face0.json", Landmarks(face_points(), Size(320, 320)), overwrite=True)
    with pytest.raises(InputError, match="320x320"):
        add_domain("cat", pairs)


def test_a_domain_is_never_overwritten(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "p", [".npy"])
    first = add_domain("cat", pairs)
    with pytest.raises(InputError, match="exists in gallery user; run first: faceshot gallery remove cat"):
        add_domain("cat", pairs)
    assert read_domain(first.folder, "user").content() == first.content()


def test_the_shipped_gallery_is_read_only(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "p", [".npy"])
    for change in (
        lambda: add_domain("cat", pairs, gallery="shipped"),
        lambda: remove_domain("cat", gallery="shipped"),
    ):
        with pytest.raises(UsageError, match="read-only"):
            change()


def test_a_folder_that_is_no_gallery_is_not_filled(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "p", [".npy"])
    with pytest.raises(UsageError, match="is no gallery"):
        add_domain("cat", pairs, gallery=pairs)


def test_remove_spares_foreign_files(copy: Path) -> None:
    note = copy / "domains" / "plain" / "notes.txt"
    note.write_text("mine")
    with pytest.raises(InputError, match="is not part of domain 'plain'"):
        remove_domain("plain", gallery=copy)
    note.unlink()
    (copy / "domains" / "plain" / "landmarks.json").write_text("{")  # damaged, and still removable
    remove_domain("plain", gallery=copy)
    assert [path.name for path in (copy / "domains").iterdir()] == ["round"]
    with pytest.raises(UsageError, match="has no domain 'plain'; it has round"):
        remove_domain("plain", gallery=copy)


def test_what_match_left_beside_the_pictures_is_taken(data: Path, tmp_path: Path) -> None:
    """Its landmark files as they are called, its drawings passed over."""
    pairs = write_pairs(tmp_path / "pairs", [".landmarks.json", ".json"])
    for kind in ("overlay", "refused"):
        (pairs / f"face0.{kind}.png").write_bytes((pairs / "face0.png").read_bytes())
    assert len(add_domain("cats", pairs).pictures) == 2


def test_the_shipped_features_are_of_the_shipped_model_and_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first picture on a fresh machine waits for no derivation."""

    monkeypatch.setattr(gallery_derive, "derive", lambda domain, _: pytest.fail(f"{domain.name} would be derived"))
    monkeypatch.setenv("FACESHOT_CACHE", "/nowhere")
    assert len(Gallery.load(["shipped"], FeatureExtractor.from_preset("mini")).domains) == 25
