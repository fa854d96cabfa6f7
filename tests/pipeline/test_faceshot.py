"""The pipeline as a Python API: what it takes, what it writes, what it costs in memory."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import faceshot
from faceshot.errors import InputError, MissingError, UsageError
from faceshot.formats.files import read_landmarks, read_sequence, write_landmarks, write_sequence
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Picture, Size
from faceshot.media.video import VideoWriter, probe, read_frames
from faceshot.pipeline.backends import AnimationOptions
from faceshot.pipeline.inputs import as_picture
from faceshot.pipeline.sidecar import DIGITAL_SOURCE_TYPE, file_hash
from tests.helpers import face_points

SIDE = 96


@pytest.fixture(scope="module")
def picture() -> Picture:
    """A soft pattern, so that a warp shows and compresses well."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    rgb = np.stack([x * 2, y * 2, (x + y)], -1).astype(np.uint8)
    return Picture(rgb, name="pattern.png")


@pytest.fixture(scope="module")
def marks() -> Landmarks:
    return Landmarks(face_points(SIDE), Size(SIDE, SIDE))


def _moving(frames: int, fps: Fraction = Fraction(30000, 1001)) -> LandmarkSequence:
    """The face drifts right by 6 pixels and its chin drops."""
    xy = np.repeat(face_points(SIDE)[None], frames, 0)
    xy[..., 0] += np.linspace(0, 6, frames)[:, None]
    xy[:, 6:11, 1] += np.linspace(0, 5, frames)[:, None]
    return LandmarkSequence(xy, Size(SIDE, SIDE), fps)


@pytest.mark.parametrize(
    ("value", "alpha"),
    [
        pytest.param(np.full((60, 50, 3), 9, np.uint8), None, id="rgb array"),
        pytest.param(np.full((60, 50), 9, np.uint8), None, id="grey array"),
        pytest.param(np.dstack([np.full((60, 50, 3), 9, np.uint8), np.full((60, 50), 128, np.uint8)]), 128, id="rgba"),
        pytest.param(Image.new("RGB", (50, 60), (9, 9, 9)), None, id="pil"),
        pytest.param(Image.new("RGBA", (50, 60), (9, 9, 9, 128)), 128, id="pil with alpha"),
        pytest.param(Picture(np.full((60, 50, 3), 9, np.uint8)), None, id="our own"),
    ],
)
def test_pictures_of_any_kind(value: object, alpha: int | None) -> None:
    picture = as_picture(value)
    assert picture.size == (50, 60) and (picture.rgb == 9).all()
    assert picture.alpha is None if alpha is None else (picture.alpha == alpha).all()


@pytest.mark.parametrize("value", [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), 7, None])
def test_what_is_no_picture(value: object) -> None:
    with pytest.raises(InputError, match="picture"):
        as_picture(value)


def test_animate_writes_video_sidecar_and_what_was_asked(picture: Picture, marks: Landmarks, tmp_path: Path) -> None:
    import av

    drive = tmp_path / "drive.npz"
    write_sequence(drive, _moving(20))
    made = faceshot.animate(
        picture,
        driving=drive,
        landmarks=marks,
        output=tmp_path / "out.mp4",
        save_landmarks=tmp_path / "marks.json",
        save_drive=tmp_path / "kept.json",
        save_sequence=tmp_path / "moved.npz",
        gain={"head": 0.5},
        seed=3,
    )
    info = probe(made.output)
    assert (info.size, info.fps, info.frames) == ((SIDE, SIDE), Fraction(30000, 1001), 20)
    frames = list(read_frames(made.output))
    assert np.abs(frames[0].astype(int) - picture.rgb).mean() < 4
    assert np.abs(frames[-1].astype(int) - frames[0]).mean() > 1
    assert read_landmarks(tmp_path / "marks.json").xy == pytest.approx(marks.xy, abs=1e-3)
    assert read_sequence(tmp_path / "moved.npz") == made.sequence
    assert len(read_sequence(tmp_path / "kept.json")) == 20
    record = json.loads(made.sidecar.read_text())
    assert made.sidecar == tmp_path / "out.mp4.json"
    assert record["generated"] is True and record["digital_source_type"] == DIGITAL_SOURCE_TYPE
    assert record["seed"] == 3 and record["options"]["gain"] == {"head": 0.5} and record["backend"] == "warp"
    assert record["sources"]["driving"] == {"name": "drive.npz", "sha256": file_hash(drive)}
    assert record["packages"]["numpy"] == np.__version__ and record["matcher"] is None
    assert str(tmp_path) not in made.sidecar.read_text(), "a sidecar must not tell private folders"
    with av.open(str(made.output)) as container:
        assert "synthetic media" in container.metadata["comment"]


def test_the_same_call_gives_the_same_bytes(picture: Picture, marks: Landmarks, tmp_path: Path) -> None:
    made = [
        faceshot.animate(picture, motion="idle", seconds=0.5, landmarks=marks, output=tmp_path / f"{i}.png")
        for i in range(2)
    ]
    assert made[0].output.read_bytes() == made[1].output.read_bytes()
    other = faceshot.animate(picture, motion="idle", seconds=0.5, landmarks=marks, output=tmp_path / "3.png", seed=1)
    assert other.output.read_bytes() != made[0].output.read_bytes()


def test_a_matte_comes_out_where_the_format_has_one(picture: Picture, marks: Landmarks, tmp_path: Path) -> None:
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    alpha[:, : SIDE // 2] = 255
    cut = Picture(picture.rgb, alpha)
    for name, kept in (("a.png", True), ("a.mp4", False)):
        made = faceshot.animate(cut, driving=_moving(3), landmarks=marks, output=tmp_path / name)
        if kept:
            with Image.open(made.output) as image:
                matte = np.asarray(image.convert("RGBA"))[..., 3]
            assert matte[:, 10].min() == 255 and matte[:, -10].max() == 0
        else:
            assert next(read_frames(made.output))[:, -10].min() > 240, "white where the picture is transparent"


def test_driving_sound_is_kept(picture: Picture, marks: Landmarks, tmp_path: Path) -> None:
    import av

    clip = tmp_path / "voice.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        for i in range(16):
            tone = np.sin(np.arange(i * 1024, (i + 1) * 1024) / 16000 * 2 * np.pi * 440)[None].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.rate, frame.pts = 16000, i * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    for audio, has in ((clip, True), ("none", False)):
        output = tmp_path / f"{has}.mp4"
        faceshot.animate(picture, driving=_moving(30), landmarks=marks, output=output, audio=audio)
        assert probe(output).has_audio is has


def test_a_folder_of_frames(picture: Picture, marks: Landmarks, tmp_path: Path) -> None:
    made = faceshot.animate(picture, driving=_moving(4), landmarks=marks, output=tmp_path / "frames")
    assert sorted(path.name for path in made.output.iterdir()) == [f"frame_{i:06d}.png" for i in (1, 2, 3, 4)]
    assert made.sidecar == tmp_path / "frames.json" and made.sidecar.is_file()


def test_bare_arrays_work_everywhere(picture: Picture, marks: Landmarks, tmp_path: Path) -> None:
    np.save(tmp_path / "marks.npy", marks.xy)
    np.save(tmp_path / "drive.npy", _moving(5).xy)
    moved = faceshot.retarget(marks, tmp_path / "drive.npy")
    assert moved.size == marks.size and len(moved) == 5 and moved.fps == 30
    made = faceshot.animate(
        picture,
        driving=tmp_path / "drive.npy",
        landmarks=tmp_path / "marks.npy",
        fps=Fraction(12),
        output=tmp_path / "out.gif",
    )
    assert made.sequence.fps == 12 and len(made.sequence) == 5


def test_parts_can_be_kept_still(marks: Landmarks) -> None:
    moved = faceshot.retarget(marks, _moving(5), only=["head"])
    shift = moved.xy[-1] - marks.xy
    assert np.ptp(shift, axis=0).max() < 1e-3, "without the jaw, the head moves as one"
    still = faceshot.retarget(marks, _moving(5), only=[])
    assert np.abs(still.xy - marks.xy).max() < 1e-4


def test_both_modes_run_and_smoothing_is_a_choice(marks: Landmarks) -> None:
    rough = _moving(30)
    noise = np.random.default_rng(0).normal(0, 0.4, rough.xy.shape)
    rough = LandmarkSequence(rough.xy + noise, rough.size, rough.fps)
    moved = {smooth: faceshot.retarget(marks, rough, smooth=smooth).xy for smooth in (False, True)}
    jitter = {smooth: np.abs(np.diff(xy, 2, axis=0)).mean() for smooth, xy in moved.items()}
    assert jitter[True] < 0.6 * jitter[False]
    upstream = faceshot.retarget(marks, rough, mode="faceshot")
    assert len(upstream) == 30 and np.abs(upstream.xy - moved[False]).max() > 1e-3
    with pytest.raises(UsageError, match="has no option"):
        faceshot.retarget(marks, rough, mode="faceshot", gain={"mouth": 2})


def test_short_gaps_in_a_file_are_bridged(marks: Landmarks) -> None:
    driving = _moving(30)
    found = np.ones(30, bool)
    found[10:14] = False
    xy = driving.xy.copy()
    xy[10:14] = np.nan
    moved = faceshot.retarget(marks, LandmarkSequence(xy, driving.size, driving.fps, found))
    assert np.isfinite(moved.xy).all()
    found[8:28] = False
    with pytest.raises(InputError, match="8-27"):
        faceshot.retarget(marks, LandmarkSequence(xy, driving.size, driving.fps, found))


def test_a_backend_that_lacks_something_is_refused_first(
    picture: Picture, marks: Landmarks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceshot_warp import Backend

    monkeypatch.setattr(Backend, "requires", lambda self: ["weights of warp: faceshot weights fetch warp"])
    with pytest.raises(MissingError, match="faceshot weights fetch warp"):
        faceshot.animate(picture, motion="nod", landmarks=marks, output=tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing(
    picture: Picture, marks: Landmarks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = VideoWriter.write

    def write(self: VideoWriter, frame: np.ndarray) -> None:
        if self.frames == 2:
            raise KeyboardInterrupt
        real(self, frame)

    monkeypatch.setattr(VideoWriter, "write", write)
    for name in ("out.mp4", "frames"):
        with pytest.raises(KeyboardInterrupt):
            faceshot.animate(picture, driving=_moving(5), landmarks=marks, output=tmp_path / name)
    assert list(tmp_path.iterdir()) == []


class _Watchful:
    """A backend that sees whether anybody keeps its frames."""

    name, summary, licence, commercial = "watchful", "for this test", "Apache-2.0", True

    def requires(self) -> list[str]:
        return []

    def load(self, options: AnimationOptions) -> None:
        self.alive: list[int] = []

    def animate(
        self, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: AnimationOptions
    ) -> Iterator[np.ndarray]:
        given: list[weakref.ref] = []
        for _ in range(len(sequence)):
            frame = picture.rgb.copy()
            given.append(weakref.ref(frame))
            yield frame
            del frame
            self.alive.append(sum(ref() is not None for ref in given))


def test_frames_are_streamed(
    picture: Picture, marks: Landmarks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = _Watchful()
    monkeypatch.setattr("faceshot.pipeline.faceshot.load_backend", lambda name: backend)
    made = faceshot.animate(picture, driving=_moving(50), landmarks=marks, output=tmp_path / "out.mp4")
    assert probe(made.output).frames == 50
    assert max(backend.alive) <= 2, "the pipeline holds on to frames"


def test_no_model_is_loaded_where_none_is_needed(tmp_path: Path, marks: Landmarks) -> None:
    write_landmarks(tmp_path / "marks.json", marks)
    write_sequence(tmp_path / "drive.npz", _moving(5))
    Image.new("RGB", (SIDE, SIDE)).save(tmp_path / "picture.png")
    code = (
        "import sys, faceshot; picture, marks, drive, out = sys.argv[1:]; "
        "faceshot.animate(picture, driving=drive, landmarks=marks, output=out); "
        "print([name for name in ('torch', 'diffusers', 'mediapipe') if name in sys.modules])"
    )
    files = [tmp_path / name for name in ("picture.png", "marks.json", "drive.npz", "out.mp4")]
    if "+cpu" not in version("torch"):
        pytest.skip("which device is best is only known without torch where torch is a CPU build")
    done = subprocess.run([sys.executable, "-c", code, *map(str, files)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_threads_load_one_model_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def __init__(self, *_: object, **__: object) -> None:
            time.sleep(0.05)

    monkeypatch.setattr("faceshot.matching.matcher.Matcher", Slow)
    shot = faceshot.FaceShot(device="cpu")
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: shot.matcher, range(8)))) == 1


def test_a_pipeline_travels_to_other_processes_without_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "faceshot.matching.matcher.Matcher", lambda *_, **__: lambda: None
    )  # as little picklable as a lock
    shot = faceshot.FaceShot(preset="mini", device="cpu", seed=7)
    assert shot.matcher is shot.matcher
    copy = pickle.loads(pickle.dumps(shot))
    assert (copy.preset, copy.device, copy.seed) == ("mini", "cpu", 7)
    assert copy.matcher is copy.matcher is not shot.matcher
