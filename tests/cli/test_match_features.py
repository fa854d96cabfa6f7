"""How the command line reaches the model's settings: presets with settings, --guidance, --steps, --low-vram."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from faceshot.media.image import write_picture
from faceshot.pipeline.sidecar import model_record
from tests.drawn_gallery import draw_face, face_points, write_domain
from tests.helpers import Run
from tests.tiny_sd import TinySD

Cli = Callable[..., Run]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "face.png"
    write_picture(path, draw_face(face_points(), 5))
    return path


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--steps", "10"], "steps belongs to mode inversion, this is clean"),
        (["--guidance", "swap"], "there is no image prompt for this model"),
        (["--preset", "sd15", "--steps", "25"], "t=301 cannot be reached with 25 steps (they visit t=281 and 321)"),
        (["--preset", "sd15:steps=30"], "steps that reach it: 10, 20, 33"),
        (["--preset", "sd15:colour=red"], "unknown setting 'colour'"),
        (["--preset", "sd21", "--guidance", "domain"], "there is no image prompt for this model"),
        (["--preset", "gone.ckpt"], "checkpoint gone.ckpt does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_settings_that_cannot_be_are_refused_before_anything_is_looked_for(
    cli: Cli, picture: Path, tmp_path: Path, flags: list[str], message: str
) -> None:
    done = cli("match", picture, "-o", tmp_path / "face.json", *flags)
    assert done.code == 2 and message in done.err and not list(tmp_path.iterdir())
    assert len(done.err.strip().splitlines()) == 1


def test_a_preset_that_is_not_here_says_how_to_get_it(cli: Cli, picture: Path, tmp_path: Path) -> None:
    done = cli("match", picture, "-o", tmp_path / "face.json", "--preset", "sd15-fast", "--offline")
    assert done.code != 0 and "stable-diffusion-v1-5" in done.err and "run: " in done.err


@pytest.mark.parametrize("guidance", ["domain", "swap"])
def test_guidance_and_steps_reach_the_model(
    cli: Cli, shared: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guidance: str
) -> None:
    TinySD(shared / "parity" / "faceshot").publish(tmp_path / "weights")
    write_domain(tmp_path / "gallery" / "domains" / "round", 1, k=1)
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(tmp_path / "weights"))
    cache = tmp_path / "cache"
    flags = ["--preset", "sd15:image_size=128", "--steps", "10", "--guidance", guidance, "--gallery"]
    flags += [str(tmp_path / "gallery"), "--cache-dir", str(cache), "--box", "20,20,140,140", "--offline", "--low-vram"]
    done = cli("match", picture, "-o", tmp_path / "face.json", "--json", *flags)
    # A network with random weights may well say that this is no face; it has looked for one in any case.
    assert done.code in (0, 1) and "Traceback" not in done.err
    if done.code == 0:
        assert json.loads(done.out)["results"][0]["domains"]["mouth"] == "round"
    kept = list((cache / "gallery").rglob("*.safetensors"))
    assert len([path for path in kept if "swap" in path.parts]) == (guidance == "swap")
    record = model_record(f"sd15:image_size=128,steps=10,guidance={guidance}")
    assert record["preset"] == f"sd15:image_size=128,steps=10,guidance={guidance}"
    assert record["digest"] in {path.parent.name for path in kept}
