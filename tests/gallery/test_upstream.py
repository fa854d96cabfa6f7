"""The features FaceShot's authors publish: read strictly, bound to a model, used like any other gallery."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from faceshot.errors import FaceShotError, InputError, MissingError, UsageError
from faceshot.gallery.features import load
from faceshot.gallery.upstream import PART_FOLDERS, import_gallery
from faceshot.landmarks.topology import PART_POINTS
from faceshot.models.presets import get_preset, model_digest
from tests.helpers import Run
from tests.models.test_clip_vision import open_clip_state
from tests.tiny_networks import tiny_adapter

CHANNELS = 16  # of up_blocks.1 in the tiny networks; 1280 in the published ones
WIDTH = 24  # of the tiny CLIP; 1024 in the published one


def publish_model(root: Path, name: str, prediction: str) -> Path:
    """A tiny Stable Diffusion of seeded weights under its repository's name in a weights folder."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    folder = root / name
    with torch.random.fork_rng():
        torch.manual_seed(0)
        UNet2DConditionModel(
            sample_size=64,
            block_out_channels=(8, 8, CHANNELS, CHANNELS),
            down_block_types=("DownBlock2D", "DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            norm_num_groups=4,
            cross_attention_dim=8,
            attention_head_dim=2,
        ).save_pretrained(folder / "unet")
        AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(4, 4, 4, 4),
            norm_num_groups=2,
            mid_block_add_attention=False,
        ).save_pretrained(folder / "vae")
        save_file({"prompt_embeds": torch.randn(1, 3, 8)}, folder / "prompt.safetensors")
    scheduler = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
    scheduler |= {"beta_schedule": "scaled_linear", "set_alpha_to_one": False, "prediction_type": prediction}
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    return folder


def publish_adapter(root: Path, unet: Path) -> None:
    """The IP-Adapter and its image encoder for that model, the latter as open_clip keeps it, converted."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    from faceshot.models.clip_vision import from_open_clip

    models = root / "IP-Adapter" / "models"
    models.mkdir(parents=True)
    save_file(tiny_adapter(UNet2DConditionModel.from_pretrained(unet), WIDTH), models / "ip-adapter_sd15.safetensors")
    from_open_clip(open_clip_state(side=224, patch=112, out=WIDTH), head=8).save_pretrained(models / "image_encoder")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with tiny stand-ins of SD 2.1, SD 1.5, the IP-Adapter and CLIP."""
    root = tmp_path_factory.mktemp("weights")
    publish_model(root, "stable-diffusion-2-1", "v_prediction")
    unet = publish_model(root, "stable-diffusion-v1-5", "epsilon") / "unet"
    publish_adapter(root, unet)
    return root


@pytest.fixture
def models(published: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(published))
    return published


def write_features(root: Path, domains: dict[str, list[str]], *, channels: int = CHANNELS, width: int = WIDTH) -> Path:
    """``target_domains`` with seeded features; ``domains`` maps a name to the part folders it is in (empty: all)."""
    generator = torch.Generator().manual_seed(5)
    for name, parts in domains.items():
        for folder in parts or PART_FOLDERS:
            place = root / folder / name
            place.mkdir(parents=True)
            n = len(PART_POINTS[PART_FOLDERS[folder]])
            torch.save(torch.randn(n, channels, generator=generator) * 3, place / "diff_feature.pt")
            torch.save(torch.randn(1, width, generator=generator), place / "clip_feature.pt")
    return root


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """Two whole domains and one that has a nose and a mouth only."""
    return write_features(tmp_path / "target_domains", {"Anime_Girl": [], "dog": [], "muppet": ["nose", "mouth"]})


@pytest.mark.parametrize("preset", ["sd21", "sd15"])
def test_every_number_arrives_at_its_landmark(features: Path, models: Path, tmp_path: Path, preset: str) -> None:
    made = import_gallery(features, tmp_path / "out", preset=preset)
    assert made.domains == ("anime-girl", "dog", "muppet") and made.partial == {"muppet": ("nose", "mouth")}
    digest = model_digest(get_preset(preset))
    for name, original in (("anime-girl", "Anime_Girl"), ("dog", "dog")):
        stored = load(tmp_path / "out" / "domains" / name / "features.safetensors", digest)
        for i, (folder, part) in enumerate(PART_FOLDERS.items()):
            raw = torch.load(features / folder / original / "diff_feature.pt").numpy()
            index = list(PART_POINTS[part])
            length = np.linalg.norm(raw, axis=1)
            np.testing.assert_allclose(stored.diff[index], raw / length[:, None], atol=1e-6)
            np.testing.assert_allclose(stored.norms[0, index], length, rtol=1e-6)
            clip = torch.load(features / folder / original / "clip_feature.pt").numpy()[0]
            np.testing.assert_array_equal(stored.part_embeds[i], clip)
        assert stored.valid.all() and stored.points.shape == (1, 68, CHANNELS)
        np.testing.assert_allclose(stored.image_embed, stored.part_embeds.mean(0), atol=1e-6)


def test_parts_a_domain_lacks_are_unknown_not_absent(features: Path, models: Path, tmp_path: Path) -> None:
    from faceshot.features.extractor import FeatureExtractor
    from faceshot.gallery.appearance import Gallery

    import_gallery(features, tmp_path / "out")
    gallery = Gallery.load(tmp_path / "out", FeatureExtractor.from_preset("sd21", offline=True))
    known = [gallery.valid[gallery.domains.index("muppet"), list(points)].all() for points in PART_POINTS.values()]
    assert known == [False, False, True, False, True]
    assert gallery.presence.min() == 1, "no character may lose its eyes because a domain has none"


@pytest.mark.parametrize("preset", ["sd21", "sd15"])
def test_a_picture_is_matched_with_it(
    features: Path,
    models: Path,
    tmp_path: Path,
    cli: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    preset: str,
) -> None:
    """The whole way on the command line, at 512 px and 50 steps, with networks of a few channels.

    To random features nothing looks like a face, so every confidence is enough here.
    """
    from faceshot.matching.matcher import Matcher
    from faceshot.media.image import write_picture

    monkeypatch.setattr(Matcher, "threshold", 0.0)

    y, x = np.mgrid[0:120, 0:120]
    write_picture(tmp_path / "face.png", np.stack([x * 2, y * 2, x + y], -1).astype(np.uint8))
    run = cli("gallery", "import", features, "-o", tmp_path / "out", "--preset", preset)
    assert run.code == 0 and run.out.strip() == str(tmp_path / "out"), run.err
    assert "muppet has nose, mouth only" in run.err and f"--preset {preset}" in run.err
    listed = cli("gallery", "list", "--gallery", tmp_path / "out").out
    assert "muppet\tfeatures only" in listed
    assert cli("gallery", "check", "--gallery", tmp_path / "out", "--preset", preset).code == 0
    arguments = ("--gallery", tmp_path / "out", "--box", "20,20,100,100", "--offline", "-o", tmp_path / "face.json")
    run = cli("match", tmp_path / "face.png", "--preset", preset, *arguments)
    assert run.code == 0, run.err
    from faceshot.formats.files import read_landmarks

    found = read_landmarks(tmp_path / "face.json")
    assert found.xy.shape == (68, 2) and np.isfinite(found.xy).all()


def test_matching_takes_the_nearest_domain_of_every_part(features: Path, models: Path, tmp_path: Path) -> None:
    from faceshot.landmarks.types import Picture
    from faceshot.matching.matcher import Matcher

    import_gallery(features, tmp_path / "out")
    matcher = Matcher("sd21", galleries=[tmp_path / "out"], offline=True)
    y, x = np.mgrid[0:120, 0:120]
    picture = Picture(np.stack([x * 2, y * 2, (x * y) % 251], -1).astype(np.uint8))
    match = matcher.match(picture, box=(20, 20, 100, 100))
    assert match.landmarks.xy.shape == (68, 2) and np.isfinite(match.landmarks.xy).all()
    assert set(match.domains.values()) <= {"anime-girl", "dog", "muppet"}
    assert match.domains["eyes"] != "muppet", "it has no eyes to match with"
    assert not match.landmarks.absent


@pytest.mark.parametrize(
    ("preset", "error", "message"),
    [
        (
            "mini",
            UsageError,
            r"preset mini has encoder pixel-unshuffle:4.* t 0.*made with encoder vae.*t 301.*use sd21 or sd15",
        ),
        ("sd15-fast", UsageError, "has steps 10; the published features were made with steps 50"),
        ("sd15-onestep", UsageError, "mode one-step"),
        ("nonsense", UsageError, "unknown preset"),
    ],
)
def test_presets_with_other_settings_are_refused(
    features: Path, models: Path, tmp_path: Path, preset: str, error: type[FaceShotError], message: str
) -> None:
    with pytest.raises(error, match=message):
        import_gallery(features, tmp_path / "out", preset=preset)
    assert not (tmp_path / "out").exists()


def test_the_gallery_is_refused_with_another_preset(
    features: Path, models: Path, tmp_path: Path, cli: Callable[..., Run]
) -> None:
    from faceshot.media.image import write_picture

    import_gallery(features, tmp_path / "out")
    write_picture(tmp_path / "face.png", np.full((64, 64, 3), 90, np.uint8))
    for preset in ("mini", "sd15"):
        arguments = ("--preset", preset, "--gallery", tmp_path / "out", "-o", tmp_path / "f.npz")
        run = cli("match", tmp_path / "face.png", *arguments)
        line = run.err.splitlines()[-1]
        assert run.code == 1, run.err
        assert "made with other settings (preset sd21" in line and "use --preset sd21" in line
        assert not (tmp_path / "f.npz").exists()


def test_without_the_model_the_command_that_gets_it_is_named(
    features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "none"))
    monkeypatch.delenv("FACESHOT_WEIGHTS", raising=False)
    with pytest.raises(MissingError, match=r"weights fetch sd21$"):
        import_gallery(features, tmp_path / "out")


def _replace(value: Any, name: str = "diff_feature.pt") -> Callable[[Path], None]:
    def change(root: Path) -> None:
        torch.save(value, root / "nose" / "dog" / name)

    return change


def _cut(root: Path) -> None:
    path = root / "nose" / "dog" / "diff_feature.pt"
    path.write_bytes(path.read_bytes()[:200])


DAMAGES = {
    "wrong n": (_replace(torch.ones(8, CHANNELS)), r"shape \(8, 16\), expected \(9, 16\)"),
    "another model's width": (_replace(torch.ones(9, 1280)), r"shape \(9, 1280\), expected \(9, 16\).*another model"),
    "one dimension": (_replace(torch.ones(9 * CHANNELS)), r"shape \(144,\)"),
    "another CLIP": (_replace(torch.ones(1, 7), "clip_feature.pt"), r"shape \(1, 7\), expected \(1, 24\)"),
    "two embeddings": (_replace(torch.ones(2, WIDTH), "clip_feature.pt"), r"shape \(2, 24\)"),
    "not finite": (_replace(torch.full((9, CHANNELS), float("nan"))), "not finite"),
    "zeros": (_replace(torch.zeros(9, CHANNELS)), "zero"),
    "objects": (_replace(argparse.Namespace(a=1)), "Python objects, which are never loaded"),
    "a dictionary": (_replace({"w": torch.ones(9, CHANNELS)}), "holds a dict"),
    "cut off": (_cut, "is damaged"),
    "a web page": (lambda root: (root / "nose/dog/diff_feature.pt").write_text("<html>"), "holds something else"),
    "empty": (lambda root: (root / "nose/dog/diff_feature.pt").write_bytes(b""), "is damaged"),
    "no features": (lambda root: (root / "nose/dog/diff_feature.pt").unlink(), "diff_feature.pt is missing"),
    "no embedding": (lambda root: (root / "nose/dog/clip_feature.pt").unlink(), "clip_feature.pt is missing"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_and_leaves_nothing(features: Path, models: Path, tmp_path: Path, damage: str) -> None:
    change, message = DAMAGES[damage]
    change(features)
    with pytest.raises(InputError, match=message) as caught:
        import_gallery(features, tmp_path / "out", preset="sd15")
    text = str(caught.value)
    assert "dog" in text and "\n" not in text and len(text) < 300 and "weights_only" not in text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("where", ["absent", "empty", "pictures"])
def test_a_folder_of_another_layout_is_explained(models: Path, tmp_path: Path, where: str) -> None:
    folder = tmp_path / "given"
    if where != "absent":
        folder.mkdir()
    if where == "pictures":
        (folder / "dog").mkdir()
    with pytest.raises(InputError, match="face_boundary, eye_brows, nose, eyes, mouth"):
        import_gallery(folder, tmp_path / "out")


def test_names_stay_apart_and_the_folder_above_will_do(models: Path, tmp_path: Path) -> None:
    write_features(tmp_path / "in" / "target_domains", {"My Cat": [], "my_cat": [], "猫": []})
    made = import_gallery(tmp_path / "in", tmp_path / "out")
    assert made.domains == ("domain", "my-cat", "my-cat-2")


def test_nothing_of_the_user_s_is_overwritten(features: Path, models: Path, tmp_path: Path) -> None:
    import_gallery(features, tmp_path / "out")
    with pytest.raises(InputError, match="exists; use overwrite=True"):
        import_gallery(features, tmp_path / "out")
    with pytest.raises(InputError, match="holds an input"):
        import_gallery(features, features, overwrite=True)
    shutil.rmtree(tmp_path / "out")
    import_gallery(features, tmp_path / "out")


def test_one_image_encoder_serves_prompt_and_score(
    features: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted: image prompts and CLIP scores of a match, and of several in a session, read CLIP's weights once."""
    from transformers import CLIPVisionModelWithProjection

    from faceshot.landmarks.types import Picture
    from faceshot.matching.matcher import Matcher

    loads: list[str] = []
    published = CLIPVisionModelWithProjection.from_pretrained.__func__

    def counted(cls: Any, *args: Any, **kwargs: Any) -> Any:
        loads.append(str(args[0]))
        return published(cls, *args, **kwargs)

    monkeypatch.setattr(CLIPVisionModelWithProjection, "from_pretrained", classmethod(counted))
    import_gallery(features, tmp_path / "out", preset="sd15")
    matcher = Matcher("sd15", galleries=[tmp_path / "out"], offline=True)
    assert loads == [], "not before it is needed"
    picture = Picture(np.random.default_rng(0).integers(0, 256, (120, 120, 3), dtype=np.uint8))
    with matcher.extractor.session():
        match = matcher.match(picture, box=(20, 20, 100, 100))
        matcher.extractor.embed(picture.rgb[None])
    assert len(loads) == 1, loads
    assert set(match.domains.values()) <= {"anime-girl", "dog", "muppet"}
