"""From files in the published layout to frames, through the doors users take: names, refusals, ``--resume``."""

from __future__ import annotations

import importlib.util
import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from faceshot.errors import InputError, MissingError
from faceshot.formats.files import write_landmarks
from faceshot.landmarks.types import Landmarks, Size
from faceshot.media.image import write_picture
from faceshot.pipeline.backends import AnimationOptions
from faceshot_mofa import Backend, loading
from faceshot_mofa.nets.controlnet import ControlNetConfig
from faceshot_mofa.sampling import Denoiser
from tests.adapters.mofa.tiny import SmoothFlow, tiny_clip, tiny_vae
from tests.helpers import Run, face_points

HYBRID = Path("MyNiuuu/MOFA-Video-Hybrid")
SVD = HYBRID / "ckpts/mofa/stable-video-diffusion-img2vid-xt-1-1"
CMP = HYBRID / ("models/cmp/experiments/semiauto_annot/resnet50_vip+mpii_liteflow/checkpoints/ckpt_iter_42000.pth.tar")
CONTROL = HYBRID / "ckpts/mofa/ldmk_controlnet/diffusion_pytorch_model.safetensors"
UNET = SVD / "unet/diffusion_pytorch_model.fp16.safetensors"
VAE = SVD / "vae/diffusion_pytorch_model.fp16.safetensors"
CLIP = SVD / "image_encoder/model.fp16.safetensors"
#: What the landmark ControlNet is built with unless its file is the published size; the file's own config.json lies.
TINY = ControlNetConfig((32, 64, 128, 128), heads=(1, 2, 2, 4), context=48, time_ids=32)
SIDE = 128


@pytest.fixture(scope="module")
def standin(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("standin_weights", shared / "parity" / "weights.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def halves(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.half().contiguous() for name, value in state.items()}


def write(path: Path, state: dict[str, torch.Tensor], config: dict[str, object] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path)
    if config is not None:
        (path.parent / "config.json").write_text(json.dumps(config, default=list))


@pytest.fixture(scope="module")
def published(shared: Path, standin: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights: names from the contracts, file names and kinds as published, sizes tiny but for CMP."""
    root, mofa = tmp_path_factory.mktemp("weights"), shared / "parity" / "mofa"
    configs = json.loads((mofa / "tiny_configs.json").read_text())
    lie = configs["controlnet"] | {"_class_name": "FlowControlNet", "num_attention_heads": [5, 10, 20, 20]}
    write(root / CONTROL, standin.make_state_dict(mofa / "flow_controlnet_tiny.contract.json"), lie)
    named = {"_class_name": "UNetSpatioTemporalConditionModel", "_diffusers_version": "0.24.0.dev0"}
    write(root / UNET, halves(standin.make_state_dict(mofa / "svd_unet_tiny.contract.json")), configs["unet"] | named)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vae, clip = tiny_vae(), tiny_clip(48)
    write(root / VAE, halves(vae.state_dict()), dict(vae.config))
    write(root / CLIP, halves(clip.state_dict()), clip.config.to_dict())
    content = {
        "step": 42000,
        "state_dict": standin.make_state_dict(mofa / "cmp.contract.json"),
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
    }
    (root / CMP).parent.mkdir(parents=True)
    torch.save(content, root / CMP, _use_new_zipfile_serialization=False)
    return root


@pytest.fixture
def weights(published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder as the user's own; the ControlNet is built as small as its file is."""
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(published))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("faceshot_mofa.nets.controlnet.ControlNetConfig", lambda: TINY)
    return published


@pytest.fixture
def without_cmp(monkeypatch: pytest.MonkeyPatch) -> None:
    """CMP has one size, 13 GMAC a frame; where something else is tested, a blur takes its place."""
    monkeypatch.setattr(loading, "load_cmp", lambda path, device: SmoothFlow())


def test_files_as_published_become_the_networks(weights: Path, standin: ModuleType, shared: Path) -> None:
    backend = Backend()
    assert backend.requires() == []
    backend.load(AnimationOptions())
    networks = backend._networks
    assert networks is not None and networks.dtype == torch.float32
    for net, file in (("controlnet", CONTROL), ("unet", UNET), ("vae", VAE), ("image_encoder", CLIP)):
        held, found = load_file(weights / file), getattr(networks, net).state_dict()
        assert found.keys() == held.keys(), net
        assert all(torch.equal(found[name], held[name].float()) for name in held), net
    assert networks.controlnet.config == TINY, "sizes from the config.json beside it"
    cmp = {f"module.{name}": value for name, value in networks.cmp.state_dict().items()}
    expected = standin.make_state_dict(shared / "parity" / "mofa" / "cmp.contract.json")
    assert cmp.keys() == expected.keys() and all(torch.equal(cmp[name], expected[name]) for name in cmp)
    backend.load(AnimationOptions())
    assert backend._networks is networks, "loaded twice"


@pytest.mark.parametrize("file", [CONTROL, UNET, VAE, CLIP], ids=lambda path: path.parent.name)
def test_names_too_few_and_too_many_are_one_line(
    weights: Path, without_cmp: None, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "weights"
    for path in weights.rglob("*"):
        if path.is_file():
            (own / path.relative_to(weights)).parent.mkdir(parents=True, exist_ok=True)
            (own / path.relative_to(weights)).symlink_to(path)
    state = load_file(weights / file)
    first = next(iter(state))
    del state[first]
    state["module.surplus"] = torch.ones(1)
    (own / file).unlink()
    save_file(state, own / file)
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(own))
    with pytest.raises(InputError) as error:
        Backend().load(AnimationOptions())
    text = str(error.value)
    assert "\n" not in text and str(own / file) in text and "fetch the published file" in text
    assert f"1 tensors missing (first: {first}), 1 unknown tensors (first: module.surplus)" in text


@pytest.mark.parametrize("file", [CMP, CONTROL, UNET, VAE, CLIP], ids=lambda path: path.name[:24])
def test_one_absent_file_is_named(weights: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda self: self != weights / file and real(self))
    backend = Backend()
    assert len(backend.requires()) == 1
    with pytest.raises(MissingError) as error:
        backend.load(AnimationOptions())
    text = str(error.value)
    assert "\n" not in text and file.relative_to(HYBRID).as_posix() in text and text.endswith("weights fetch mofa")


def full_size(contract: Path, path: Path) -> None:
    """A safetensors file of the published names, shapes and half precision; its gigabytes are a hole in the disk."""
    header, at = {}, 0
    for name, entry in json.loads(contract.read_text()).items():
        end = at + 2 * math.prod(entry["shape"])
        header[name], at = {"dtype": "F16", "shape": entry["shape"], "data_offsets": [at, end]}, end
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)


@pytest.mark.parametrize(
    ("contract", "load", "millions"),
    [("ldmk_controlnet_full", loading.load_controlnet, 722.5), ("svd_unet_full", loading.load_unet, 1524.6)],
)
def test_full_size_files_are_taken(
    shared: Path, tmp_path: Path, contract: str, load: Callable, millions: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name by name and shape by shape, strictly; the weights themselves are not read."""
    file = tmp_path / "diffusion_pytorch_model.safetensors"
    full_size(shared / "parity" / "mofa" / f"{contract}.contract.json", file)
    monkeypatch.setattr(
        "faceshot.rendering.loading.fill", lambda net, tensors, *rest: SimpleNamespace(to=lambda device: net)
    )
    net = load(file)
    assert round(sum(value.numel() for value in net.parameters()) / 1e6, 1) == millions
    content = json.loads((shared / "parity" / "mofa" / f"{contract}.contract.json").read_text())
    content["conv_in.bias"]["shape"] = [321]
    (tmp_path / "other.json").write_text(json.dumps(content))
    full_size(tmp_path / "other.json", file)
    with pytest.raises(InputError, match=r"1 of another shape \(first: conv_in\.bias \(321,\) instead of \(320,\)\)"):
        load(file)


@pytest.fixture
def animate(cli: Callable[..., Run], tmp_path: Path) -> Callable[..., tuple[Run, list[np.ndarray]]]:
    """``animate(name, *flags)``: the command line on a drawn picture; frames as they are on the disk."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    write_picture(tmp_path / "face.png", np.stack([x, y, (x + y) // 2], -1).astype(np.uint8))
    write_landmarks(tmp_path / "face.json", Landmarks(face_points(0.9 * SIDE), Size(SIDE, SIDE)))

    def run(name: str, *flags: str) -> tuple[Run, list[np.ndarray]]:
        done = cli(
            "animate", tmp_path / "face.png", "--landmarks", tmp_path / "face.json", "--motion", "laugh",
            "--seconds", "0.5", "-o", f"{tmp_path / name}/", "--backend", "mofa", "--cache-dir", tmp_path / "cache",
            "--backend-option", f"steps=1,size={SIDE},guidance=1,window=2", *flags,
        )  # fmt: skip
        return done, [cv2.imread(str(path)) for path in sorted((tmp_path / name).glob("*.png"))]

    return run


def test_the_command_line_renders_from_published_files(weights: Path, animate: Callable) -> None:
    done, frames = animate("out", "--fps", "4", "--parts", "eyes,inner_lips")
    assert done.code == 0, done.err
    assert len(frames) == 2 and frames[0].shape == (SIDE, SIDE, 3) and frames[0].std() > 1
    assert "rough estimate" in done.err
    done, upstream = animate("joint", "--fps", "4", "--fidelity", "upstream", "--backend-option", "window=2")
    assert done.code == 2 and "names 'window' twice" in done.err and not upstream


@pytest.fixture
def stop_in_window_2(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ctrl-C while the second window is sampled."""
    plain, seen = Denoiser.advance, []

    def advance(self: Denoiser, *arguments: object) -> torch.Tensor:
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return plain(self, *arguments)

    monkeypatch.setattr(Denoiser, "advance", advance)
    return seen


def test_resume_goes_on_and_low_vram_may_come_in(
    weights: Path, without_cmp: None, animate: Callable, tmp_path: Path, stop_in_window_2: list
) -> None:
    done, frames = animate("first", "--fps", "6")
    assert done.code == 130 and not frames
    assert "the same again with --resume goes on" in done.err and done.err.endswith("interrupted\n")
    assert not list(tmp_path.glob("first*")) and list((tmp_path / "cache" / "mofa").glob("run-*/window_000000*"))
    before = len(stop_in_window_2)
    done, resumed = animate("second", "--fps", "6", "--resume", "--low-vram")
    assert done.code == 0, done.err
    went_on = len(stop_in_window_2) - before
    done, whole = animate("third", "--fps", "6")
    assert done.code == 0 and len(whole) == len(resumed) == 3
    assert len(stop_in_window_2) - before - went_on == went_on + 1, "the first window was computed again"
    assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(resumed, whole, strict=True))
