"""What a backend is handed by pipeline and command line: flags, the driving clip, motion files of its own kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import faceshot
from faceshot.errors import InputError, UsageError
from faceshot.formats.files import write_landmarks
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Picture, Size
from faceshot.media.image import write_picture
from faceshot.media.video import VideoWriter, probe
from faceshot.pipeline import backends
from faceshot.pipeline.backends import FLAGS, AnimationOptions, MotionLength, list_backends, load_backend, with_flags
from faceshot.pipeline.sidecar import without_folders
from tests.helpers import Run, face_points

SIDE = 96
MARKS = Landmarks(face_points(SIDE), Size(SIDE, SIDE))


def picture() -> Picture:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    return Picture(np.stack([x * 2, y * 2, x + y], -1).astype(np.uint8))


class Curious:
    """A backend with flags and motion files (``.moves``: frames and rate as text); remembers what it was given."""

    name, summary, licence, commercial = "curious", "for this test", "Apache-2.0", True
    flags = ("low_vram", "resume")

    def __init__(self) -> None:
        self.loaded: list[AnimationOptions] = []
        self.animated: list[tuple[LandmarkSequence, AnimationOptions]] = []

    def requires(self) -> list[str]:
        return []

    def motion_length(self, path: Path) -> MotionLength | None:
        if path.suffix != ".moves" or not path.exists():
            return None
        frames, _, fps = path.read_text().partition(" ")
        if not fps:
            raise InputError(f"motion file {path} is damaged")
        return MotionLength(int(frames), Fraction(fps))

    def load(self, options: AnimationOptions) -> None:
        self.loaded.append(options)

    def animate(
        self, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: AnimationOptions
    ) -> Iterator[np.ndarray]:
        self.animated.append((sequence, options))
        return (picture.rgb.copy() for _ in range(len(sequence)))


@pytest.fixture
def curious(monkeypatch: pytest.MonkeyPatch) -> Curious:
    """Installed beside the others."""
    backend, real, names = Curious(), load_backend, list_backends()

    def load(name: str) -> object:
        return backend if name == "curious" else real(name)

    for module in ("backends", "faceshot", "matching"):
        monkeypatch.setattr(f"faceshot.pipeline.{module}.load_backend", load)
    monkeypatch.setattr(backends, "list_backends", lambda: [*names, "curious"])
    return backend


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clips" / "drive.mp4"
    path.parent.mkdir()
    with VideoWriter(path, Size(SIDE, SIDE), Fraction(25)) as writer:
        for i in range(4):
            writer.write(np.roll(picture().rgb, i, 1))
    return path


@pytest.mark.parametrize("name", list_backends())
def test_flags_of_backends_are_flags_of_the_command_line(name: str, cli: Callable[..., Run]) -> None:
    known = getattr(load_backend(name), "flags", ())
    assert set(known) <= set(FLAGS)
    told = cli("animate", "--help").out
    for flag in known:
        assert f"--{flag.replace('_', '-')}" in told
        assert flag == "low_vram" or f"{name}:" in told


def test_every_flag_belongs_to_some_backend() -> None:
    known = {flag for name in list_backends() for flag in getattr(load_backend(name), "flags", ())}
    assert known == set(FLAGS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--resume",), "backend 'warp' has no --resume; it belongs to --backend aniportrait or mofa"),
        (("--region", "lip"), "backend 'warp' has no --region; it belongs to --backend liveportrait"),
        (("--backend", "mofa", "--region", "lip"), "backend 'mofa' has no --region; it belongs to --backend liveport"),
        (
            ("--backend", "liveportrait", "--parts", "eyes"),
            "'liveportrait' has no --parts; it belongs to --backend mof",
        ),
        (
            ("--backend", "mofa", "--fidelity", "upstream", "--backend-option", "fidelity=corrected"),
            "--fidelity and --backend-option fidelity=corrected exclude each other",
        ),
        (
            ("--backend", "liveportrait", "--region", "ears"),
            "region must be one of all, exp, pose, lip, eyes, got 'ears'",
        ),
        (("--backend", "mofa", "--parts", "eyes,ears"), "unknown mofa part 'ears'"),
        (("--backend", "mofa", "--fidelity", "high"), "fidelity must be one of corrected, upstream, got 'high'"),
        (("--backend", "nightmare", "--resume"), "unknown backend 'nightmare'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_flags_a_backend_does_not_know_are_refused_first(
    arguments: tuple[str, ...], message: str, cli: Callable[..., Run], tmp_path: Path
) -> None:
    write_picture(tmp_path / "face.png", picture().rgb)
    write_landmarks(tmp_path / "face.json", MARKS)
    run = cli(
        "animate", tmp_path / "face.png", "--landmarks", tmp_path / "face.json", "--motion", "nod",
        "-o", tmp_path / "out.mp4", *arguments,
    )  # fmt: skip
    assert run.code == 2 and run.err.count("\n") == 1 and message in run.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.json", "face.png"]


def test_flags_and_options_come_together(curious: Curious) -> None:
    assert with_flags("curious", {"resume": True}, {"steps": "3"}) == {"steps": "3", "resume": True}
    with pytest.raises(UsageError, match="no installed backend has it"):
        with_flags("curious", {"turbo": 1}, {})


@pytest.mark.parametrize(("backend", "low_vram", "expected"), [("curious", True, True), ("curious", False, None)])
def test_low_vram_is_handed_on_where_it_is_known(
    curious: Curious, tmp_path: Path, backend: str, low_vram: bool, expected: bool | None
) -> None:
    shot = faceshot.FaceShot(backend=backend, low_vram=low_vram, cache_dir=tmp_path / "cache")
    shot.animate(picture(), motion="nod", seconds=0.5, fps=Fraction(10), landmarks=MARKS, output=tmp_path / "a.mp4")
    assert [options.extra.get("low_vram") for options in curious.loaded] == [expected]
    assert curious.loaded[0].cache_dir == tmp_path / "cache"
    chosen = {"low_vram": "max"}
    shot.animate(
        picture(),
        motion="nod",
        seconds=0.5,
        fps=Fraction(10),
        landmarks=MARKS,
        output=tmp_path / "b.mp4",
        backend_options=chosen,
    )
    assert curious.loaded[-1].extra == chosen


def test_low_vram_is_no_option_of_a_backend_without_it(tmp_path: Path) -> None:
    shot = faceshot.FaceShot(low_vram=True)
    made = shot.animate(
        picture(), motion="nod", seconds=0.5, fps=Fraction(10), landmarks=MARKS, output=tmp_path / "a.mp4"
    )
    assert made.output.exists()


def test_the_driving_clip_and_its_landmarks_are_offered(
    curious: Curious, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = LandmarkSequence(np.repeat(MARKS.xy[None], 4, 0), MARKS.size, Fraction(25))
    monkeypatch.setattr("faceshot.driving.sources.drive", lambda *a, **k: found)
    faceshot.animate(
        picture(), driving=clip, landmarks=MARKS, output=tmp_path / "a.mp4", overwrite=True, backend="curious"
    )
    (before,), ((sequence, options),) = curious.loaded, curious.animated
    assert before.driving == options.driving == clip and before.driving_landmarks is None
    assert options.driving_landmarks is found and len(sequence) == 4 and options.overwrite
    faceshot.animate(picture(), driving=found, landmarks=MARKS, output=tmp_path / "b.mp4", backend="curious")
    assert curious.loaded[-1].driving is None and curious.animated[-1][1].driving_landmarks is None


def test_a_motion_file_of_the_backend_drives_for_its_own_length(curious: Curious, tmp_path: Path) -> None:
    path = tmp_path / "a.moves"
    path.write_text("7 30000/1001")
    made = faceshot.animate(picture(), driving=path, landmarks=MARKS, output=tmp_path / "a.mp4", backend="curious")
    sequence, options = curious.animated[0]
    assert options.driving == path and (sequence.xy == MARKS.xy).all()
    assert (len(made.sequence), made.sequence.fps) == (7, Fraction(30000, 1001)) and probe(made.output).frames == 7
    record = json.loads(made.sidecar.read_text())
    assert record["sources"]["driving"]["name"] == "a.moves" and str(tmp_path) not in made.sidecar.read_text()


def test_a_motion_file_of_another_backend_is_refused_with_its_name(curious: Curious, tmp_path: Path) -> None:
    path = tmp_path / "a.moves"
    path.write_text("7 25")
    with pytest.raises(UsageError, match=r"a\.moves is motion for backend=\"curious\" only"):
        faceshot.animate(picture(), driving=path, landmarks=MARKS, output=tmp_path / "a.mp4")
    path.write_text("damaged")
    with pytest.raises(InputError, match=r"a\.moves"):
        faceshot.animate(picture(), driving=path, landmarks=MARKS, output=tmp_path / "a.mp4")
    with pytest.raises(InputError, match="is damaged"):
        faceshot.animate(picture(), driving=path, landmarks=MARKS, output=tmp_path / "a.mp4", backend="curious")


def test_there_are_no_landmarks_of_a_motion_file_to_keep(curious: Curious, tmp_path: Path) -> None:
    path = tmp_path / "a.moves"
    path.write_text("7 25")
    with pytest.raises(UsageError, match="no landmarks to keep"):
        faceshot.animate(
            picture(), driving=path, landmarks=MARKS, output=tmp_path / "a.mp4", backend="curious",
            save_drive=tmp_path / "drive.npz",
        )  # fmt: skip


def test_the_sidecar_tells_no_folders_of_backend_options(curious: Curious, tmp_path: Path) -> None:
    private = tmp_path / "private"
    options = {
        "driving": str(private / "a.mp4"), "faces": f"{private}/b.json; {private}/c.json", "work": private,
        "more": [private / "d.npz", "plain"], "parts": "eyes+nose", "steps": 3, "rate": "30000/1001",
    }  # fmt: skip
    made = faceshot.animate(
        picture(), motion="nod", seconds=0.5, fps=Fraction(10), landmarks=MARKS, output=tmp_path / "a.mp4",
        backend="curious", backend_options=options,
    )  # fmt: skip
    assert str(tmp_path) not in made.sidecar.read_text()
    assert json.loads(made.sidecar.read_text())["options"]["backend_options"] == {
        "driving": "a.mp4", "faces": "b.json;c.json", "work": "private", "more": ["d.npz", "plain"],
        "parts": "eyes+nose", "steps": 3, "rate": "30000/1001",
    }  # fmt: skip
    assert curious.loaded[0].extra == options, "the backend needs the whole path"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (r"C:\Users\me\a.mp4", "a.mp4"),
        ("~/clips/a.mp4", "a.mp4"),
        ("clips/", "clips"),
        ("no slash; none", "no slash; none"),
        (None, None),
        (True, True),
        ({"deep": [Path("/home/me/x")]}, {"deep": ["x"]}),
    ],
    ids=str,
)
def test_what_remains_of_a_path(value: object, expected: object) -> None:
    assert without_folders(value) == expected
