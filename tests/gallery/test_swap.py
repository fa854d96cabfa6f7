"""Guidance by image prompts, from the gallery to the match: the domain's, and the paper's Eq. 3 to the letter."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from faceshot.errors import InputError
from faceshot.features.extractor import FeatureExtractor
from faceshot.gallery.appearance import Gallery, build_gallery
from faceshot.gallery.derive import derive, derive_under
from faceshot.gallery.features import save
from faceshot.gallery.store import find_domain
from faceshot.gallery.swap import prompt_digest, swapped
from faceshot.landmarks.topology import PARTS
from faceshot.landmarks.types import Picture
from faceshot.matching.matcher import Matcher
from tests.drawn_gallery import draw_face, face_points, write_domain
from tests.tiny_sd import TinySD

PRESET = "sd15:image_size=128,steps=10"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gallery")
    write_domain(folder / "domains" / "round", 1, k=2)
    write_domain(folder / "domains" / "plain", 2, k=2, absent=("nose",))
    return folder


@pytest.fixture(scope="module")
def weights(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    TinySD(shared / "parity" / "faceshot").publish(root)
    return root


@pytest.fixture(autouse=True)
def places(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(weights))


@pytest.fixture(scope="module")
def extractor(weights: Path) -> FeatureExtractor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACESHOT_WEIGHTS", str(weights))
        return FeatureExtractor.from_preset(f"{PRESET},guidance=swap", offline=True)


@pytest.fixture(scope="module")
def gallery(two: Path, extractor: FeatureExtractor, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return Gallery.load(two, extractor, cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def calls(extractor: FeatureExtractor) -> Any:
    """Batch sizes of the network's calls."""
    seen: list[int] = []
    handle = extractor.unet.conv_in.register_forward_hook(lambda _m, inputs, _o: seen.append(len(inputs[0])))
    yield seen
    handle.remove()


def embedding(extractor: FeatureExtractor, seed: int) -> np.ndarray:
    return extractor.embed(draw_face(face_points(), seed)[None])[0].numpy()


def test_only_the_chosen_domains_change_and_they_are_seen_under_the_picture(
    two: Path, gallery: Gallery, extractor: FeatureExtractor, tmp_path: Path
) -> None:
    prompt = embedding(extractor, 9)
    changed = swapped(gallery, [1, 1], prompt, extractor, galleries=[two], cache_dir=tmp_path)
    assert changed.domains == gallery.domains and np.array_equal(changed.vectors[0], gallery.vectors[0])
    assert np.abs(changed.vectors[1] - gallery.vectors[1]).max() > 1e-3
    domain = find_domain("round", two)
    expected = derive_under(domain, extractor, torch.from_numpy(prompt), gallery.features[1])
    assert np.array_equal(changed.features[1].diff, expected.diff)
    assert np.array_equal(changed.features[1].part_embeds, gallery.features[1].part_embeds)
    assert np.array_equal(changed.valid, gallery.valid)  # the missing nose is still missing


def test_stored_features_are_the_swapped_ones_of_their_own_embedding(
    two: Path, gallery: Gallery, extractor: FeatureExtractor, tmp_path: Path
) -> None:
    """A picture whose embedding is the domain's mean sees the domain as it is stored."""
    changed = swapped(gallery, [0], gallery.image_embeds[0], extractor, galleries=[two], cache_dir=tmp_path)
    assert np.allclose(changed.vectors[0], gallery.vectors[0], atol=1e-5)


def test_a_picture_is_paid_for_once(
    two: Path, gallery: Gallery, extractor: FeatureExtractor, tmp_path: Path, calls: list[int]
) -> None:
    prompt = embedding(extractor, 9)
    first = swapped(gallery, [0, 1], prompt, extractor, galleries=[two], cache_dir=tmp_path)
    assert calls == [2] * 8  # two domains of two pictures each, in one batch each: labels 1, 101, 201, 301
    calls.clear()
    second = swapped(gallery, [0, 1], prompt, extractor, galleries=[two], cache_dir=tmp_path)
    assert not calls and np.array_equal(first.vectors, second.vectors)
    swapped(gallery, [0], embedding(extractor, 10), extractor, galleries=[two], cache_dir=tmp_path)
    assert calls == [2] * 4
    files = sorted((tmp_path / "gallery" / "swap").rglob("*.safetensors"))
    assert len(files) == 3
    files[0].write_bytes(b"damaged")
    build_gallery(two, extractor, cache_dir=tmp_path)  # building the gallery clears none of them away
    assert all(path.exists() for path in files)


def test_the_digest_follows_picture_and_settings() -> None:
    one, other = np.ones(4, np.float32), np.full(4, 2, np.float32)
    digests = {prompt_digest(settings, embed) for settings in ("a", "b") for embed in (one, other)}
    assert len(digests) == 4 and prompt_digest("a", one) == prompt_digest("a", one * (1 + 1e-5))


def test_a_domain_without_pictures_cannot_be_swapped(two: Path, extractor: FeatureExtractor, tmp_path: Path) -> None:
    features = derive(find_domain("plain", two), extractor)
    folder = tmp_path / "ready" / "domains" / "plain"
    save(folder / "features.safetensors", features, extractor.settings.describe(), name="plain")
    with pytest.raises(InputError, match="'plain' has ready features and no pictures"):
        Gallery.load(tmp_path / "ready", extractor)  # before any picture is looked at
    ready = Gallery(("plain",), (features,), features.digest)
    with pytest.raises(InputError, match="'plain' has ready features and no pictures"):
        swapped(ready, [0], embedding(extractor, 1), extractor, galleries=[tmp_path / "ready"], cache_dir=tmp_path)


@pytest.fixture(scope="module")
def matched(weights: Path, two: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """The match of one picture under a guidance, and the batch sizes of the calls it took."""
    cache = tmp_path_factory.mktemp("match")
    picture = Picture(draw_face(face_points(), 5))
    box = (20.0, 20.0, 140.0, 140.0)

    @lru_cache
    def run(guidance: str) -> tuple[Any, list[int]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FACESHOT_WEIGHTS", str(weights))
            matcher = Matcher(f"{PRESET},guidance={guidance}", galleries=[two], cache_dir=cache, offline=True)
        matcher.extractor.batch_size = 16
        seen: list[int] = []
        matcher.extractor.unet.conv_in.register_forward_hook(lambda _m, inputs, _o: seen.append(len(inputs[0])))
        return matcher.match(picture, box=box, regularise="none"), seen

    return run


@pytest.mark.parametrize("guidance", ["none", "self", "domain", "swap"])
def test_every_guidance_matches(matched: Callable[[str], Any], guidance: str) -> None:
    found, calls = matched(guidance)
    assert np.isfinite(found.raw.xy).all() and set(found.domains) == set(PARTS)
    assert set(found.domains.values()) <= {"plain", "round"}
    if guidance in ("none", "self"):
        assert set(calls) == {2}  # the picture and its mirror image
    elif guidance == "domain":
        domains = len(set(found.domains.values()))
        assert set(calls) <= {2, 4} and calls[:4] == [calls[0]] * 4
        assert domains == 1 or 4 in calls  # all selected domains in one batch


def test_guidances_see_different_things(matched: Callable[[str], Any]) -> None:
    places = [matched(guidance)[0].raw.xy for guidance in ("none", "self", "domain", "swap")]
    for i, one in enumerate(places):
        for other in places[:i]:
            assert not np.allclose(one, other, atol=0.1)


def test_without_a_box_the_small_model_finds_the_face(weights: Path, two: Path, tmp_path: Path) -> None:
    """A large network is not asked to search: it looks once, or twice where the first look was off."""
    from faceshot_gallery.illustrator import character, draw

    drawing = draw(character("cat", 4321), size=256)
    matcher = Matcher(f"{PRESET},guidance=none", galleries=[two], cache_dir=tmp_path, offline=True)
    seen: list[int] = []
    matcher.extractor.unet.conv_in.register_forward_hook(lambda _m, inputs, _o: seen.append(len(inputs[0])))
    matcher.match(Picture(drawing.rgb))
    assert seen in ([2] * 4, [2] * 8)
    seen.clear()
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    matcher.match(Picture(noise))  # the small one is lost: the whole picture, then as above
    assert seen in ([2] * 8, [2] * 12)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Folders the CLIP image encoder was read from, one entry per reading."""
    from transformers import CLIPVisionModelWithProjection

    seen: list[str] = []
    published = CLIPVisionModelWithProjection.from_pretrained.__func__

    def counted(cls: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(str(args[0]))
        return published(cls, *args, **kwargs)

    monkeypatch.setattr(CLIPVisionModelWithProjection, "from_pretrained", classmethod(counted))
    return seen


@pytest.mark.parametrize("low_vram", [False, True], ids=["kept for the session", "low vram"])
def test_the_image_encoder_is_read_once_per_piece_of_work_and_given_back(
    two: Path, tmp_path: Path, loads: list[str], low_vram: bool
) -> None:
    """On a CPU: once for a gallery, once for a match, however many looks and embeddings those take."""
    matcher = Matcher(f"{PRESET},guidance=swap", galleries=[two], cache_dir=tmp_path, offline=True, low_vram=low_vram)
    resident = matcher.extractor.image_encoder.resident  # type: ignore[union-attr]
    assert len(loads) == (2 if low_vram else 1) and not resident.loaded  # two domains
    loads.clear()
    beside: set[bool] = set()
    matcher.extractor.unet.conv_in.register_forward_hook(lambda *_: beside.add(resident.loaded))
    looks = []
    closer = matcher._closer
    matcher._closer = lambda *given: (looks.append(1), closer(*given))[1]  # type: ignore[method-assign]
    matcher.match(Picture(draw_face(face_points(), 5)), box=(20.0, 20.0, 140.0, 140.0), regularise="none")
    # Every look embeds the parts, and with swap the whole picture.
    assert len(loads) == (2 * len(looks) if low_vram else 1)
    assert beside == {not low_vram} and not resident.loaded
    loads.clear()
    build_gallery(two, matcher.extractor, cache_dir=tmp_path, anew=True)
    assert len(loads) == (2 if low_vram else 1) and not resident.loaded
