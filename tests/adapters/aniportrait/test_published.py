"""From files in the published layout to frames: strictly loaded, tensors only, found where users have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from faceshot.errors import InputError, MissingError
from faceshot.formats.files import write_landmarks
from faceshot.media.image import write_picture
from faceshot.media.video import probe
from faceshot.pipeline.backends import AnimationOptions
from faceshot.testing import drawn_face
from faceshot_aniportrait import Backend, loading
from faceshot_aniportrait.networks import NAMES
from tests.adapters.aniportrait.tiny import CONFIG, POSE_WIDTHS, tiny_networks
from tests.helpers import Run

#: Where the files lie by owner and repository, and in ``pretrained_weights`` of the published code.
HUB = {
    "own": "ZJYang/AniPortrait",
    "vae": "stabilityai/sd-vae-ft-mse",
    "clip": "lambdalabs/sd-image-variations-diffusers/image_encoder",
}
CLONE = {"own": "", "vae": "sd-vae-ft-mse", "clip": "image_encoder"}
OLD_NAMES = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}


def publish(root: Path, layout: dict[str, str]) -> Path:
    """Tiny networks in the files, names and kinds of the published ones."""
    networks = tiny_networks()
    own, vae, clip = (root / layout[part] for part in ("own", "vae", "clip"))
    for folder in (own, vae, clip):
        folder.mkdir(parents=True, exist_ok=True)
    painted = networks.unet.state_dict()
    still = {name: value for name, value in painted.items() if "motion_module" not in name}
    torch.save(still | {"of_its_training": torch.ones(1)}, own / "denoising_unet.pth")
    torch.save({name: value for name, value in painted.items() if name not in still}, own / "motion_module.pth")
    torch.save(networks.reference.state_dict(), own / "reference_unet.pth")
    torch.save(networks.pose_guider.state_dict(), own / "pose_guider.pth")
    renamed = {}
    for name, value in networks.vae.state_dict().items():
        for new, old in OLD_NAMES.items():
            name = name.replace(new, old)
        renamed[name] = value.contiguous()
    save_file(renamed, vae / "diffusion_pytorch_model.safetensors")
    (vae / "config.json").write_text(json.dumps(dict(networks.vae.config), default=list))
    ids = {"vision_model.embeddings.position_ids": torch.arange(17)[None]}
    torch.save(networks.image_encoder.state_dict() | ids, clip / "pytorch_model.bin")
    (clip / "config.json").write_text(networks.image_encoder.config.to_json_string())
    return root


@pytest.fixture(params=[HUB, CLONE], ids=["hub", "clone"])
def weights(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder; networks are built as small as the files are."""
    monkeypatch.setattr(loading, "ReferenceUNet", partial(loading.ReferenceUNet, CONFIG))
    monkeypatch.setattr(loading, "DenoisingUNet", partial(loading.DenoisingUNet, CONFIG))
    monkeypatch.setattr(loading, "PoseGuider", partial(loading.PoseGuider, POSE_WIDTHS))
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    return publish(tmp_path / "weights", request.param)


def test_files_as_published_become_the_networks(weights: Path) -> None:
    backend = Backend()
    assert backend.requires() == []
    backend.load(AnimationOptions())
    loaded, expected = backend._networks, tiny_networks()
    for name in NAMES:
        found, held = getattr(loaded, name).state_dict(), getattr(expected, name).state_dict()
        assert found.keys() == held.keys(), name
        assert all(torch.equal(found[key], held[key]) for key in held), name
    backend.load(AnimationOptions())
    assert backend._networks is loaded, "loaded twice"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("denoising_unet.pth", "1 tensors missing (first: conv_in.bias)"),
        ("reference_unet.pth", "1 tensors missing (first: conv_in.bias)"),
        ("motion_module.pth", "1 tensors missing (first: down_blocks.0.motion_modules.0"),
        ("pose_guider.pth", "1 tensors missing (first: scale)"),
    ],
)
def test_a_file_that_lacks_a_tensor_is_one_line(weights: Path, file: str, said: str) -> None:
    (path,) = weights.rglob(file)
    state = torch.load(path, weights_only=True)
    state.pop(next(name for name in state if name in ("conv_in.bias", "scale") or "motion_module" in name))
    torch.save(state, path)
    with pytest.raises(InputError) as error:
        Backend().load(AnimationOptions())
    text = str(error.value)
    assert "\n" not in text and said in text and "fetch the published file" in text


def test_one_absent_file_is_named(weights: Path) -> None:
    for path in weights.rglob("*"):
        if path.suffix in (".pth", ".bin", ".safetensors"):
            aside = path.rename(path.with_suffix(".aside"))
            (line,) = Backend().requires()
            assert path.name in line and line.endswith("weights fetch aniportrait")
            with pytest.raises(MissingError, match=path.name):
                Backend().load(AnimationOptions())
            aside.rename(path)


def test_code_in_a_weight_file_is_not_run(weights: Path, tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> object:
            return Path.touch, (tmp_path / "harmed",)

    (path,) = weights.rglob("reference_unet.pth")
    torch.save({"conv_in.bias": Harm()}, path)
    with pytest.raises(InputError):
        Backend().load(AnimationOptions())
    assert not (tmp_path / "harmed").exists()


def test_from_the_command_line(weights: Path, tmp_path: Path, cli: Callable[..., Run]) -> None:
    picture, landmarks = drawn_face(128)
    write_picture(tmp_path / "face.png", picture.rgb)
    write_landmarks(tmp_path / "face.json", landmarks)
    line = ["animate", tmp_path / "face.png", "--landmarks", tmp_path / "face.json", "--motion", "nod", "--fps", "12"]
    options = [word for each in ("steps=1", "size=128") for word in ("--backend-option", each)]
    run = cli(*line, "--backend", "aniportrait", *options, "--seconds", "0.5", "-o", tmp_path / "out.mp4", "--low-vram")
    assert run.code == 0, run.err
    made = probe(tmp_path / "out.mp4")
    assert made.frames == 6 and tuple(made.size) == (128, 128)
    assert "6 frames in 1 windows of 1 steps at 128x128" in cli(
        *line, "--backend", "aniportrait", *options, "--seconds", "0.5", "-o", tmp_path / "out.mp4", "--overwrite", "-v"
    ).err  # fmt: skip
