"""The library as its users meet it: signatures, what is accepted, what is shown, what is done for lists."""

from __future__ import annotations

import inspect
import io
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import faceshot
import faceshot.types
from faceshot.errors import InputError, NoFaceError, UsageError
from faceshot.formats.files import read_sequence
from faceshot.landmarks.topology import GROUPS, PARTS
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Picture, Size
from faceshot.matching.result import Match
from faceshot.pipeline.faceshot import FaceShot
from faceshot.pipeline.plan import AnimateOptions
from tests.helpers import Run, face_points

SIDE = 96
STAGES = ("match", "match_many", "drive", "retarget", "animate")
MARKS = Landmarks(face_points(SIDE), Size(SIDE, SIDE), np.full(68, 0.5, np.float32))


def pattern(side: int = SIDE) -> Picture:
    y, x = np.mgrid[0:side, 0:side]
    return Picture(np.stack([x, y, x + y], -1).astype(np.uint8), name="pattern.png")


def found(marks: Landmarks = MARKS, picture: Picture | None = None) -> Match:
    box = marks.box()
    return Match(marks, 0.9, marks, dict.fromkeys(PARTS, "cat"), box, preview=picture)


def drift(frames: int = 5) -> np.ndarray:
    return MARKS.xy + np.linspace(0, 4, frames, dtype=np.float32)[:, None, None]


# --- signatures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_the_arguments_of_its_method_and_of_the_pipeline(stage: str) -> None:
    own = dict(inspect.signature(getattr(FaceShot, stage)).parameters)
    own.pop("self")
    settings = inspect.signature(FaceShot).parameters
    for name, given in inspect.signature(getattr(faceshot, stage)).parameters.items():
        assert given.kind is not inspect.Parameter.VAR_KEYWORD
        there = own.pop(name, None) or settings[name]
        assert given.default == there.default and given.annotation == there.annotation, name
    assert not own, f"faceshot.{stage} lacks {', '.join(own)}"


def test_animate_has_every_option() -> None:
    known = inspect.signature(FaceShot.animate).parameters
    for option in fields(AnimateOptions):
        default = None if option.default is MISSING else option.default
        assert known[option.name].default == default, option.name


def test_annotations_resolve_while_running() -> None:
    for stage in STAGES:
        assert "return" in typing.get_type_hints(getattr(faceshot, stage))
        assert "return" in typing.get_type_hints(getattr(FaceShot, stage))
    assert typing.get_type_hints(faceshot.match)["picture"] == faceshot.types.PictureLike
    for name in faceshot.types.__all__:
        assert getattr(faceshot.types, name) is not None


def test_an_unknown_argument_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="bx"):
        faceshot.match("cat.png", bx=(0, 0, 9, 9))  # type: ignore[call-arg]


def test_the_module_shows_its_public_names_only() -> None:
    shown = dir(faceshot)
    assert {"match", "match_many", "Match", "Animation", "BackendError", "NoFaceError"} <= set(shown)
    assert all(not name.startswith("_") or name == "__version__" for name in shown)


# --- what is accepted ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "landmarks",
    [
        pytest.param(found(), id="a match"),
        pytest.param(MARKS, id="landmarks"),
        pytest.param(MARKS.xy, id="an array"),
        pytest.param(MARKS.xy.tolist(), id="a list"),
    ],
)
@pytest.mark.parametrize(
    "driving",
    [
        pytest.param(LandmarkSequence(drift(), MARKS.size, Fraction(25)), id="a sequence"),
        pytest.param(drift(), id="an array of frames"),
        pytest.param(found(), id="a face at rest"),
    ],
)
def test_landmarks_of_any_kind(landmarks: typing.Any, driving: typing.Any, tmp_path: Path) -> None:
    moved = faceshot.retarget(landmarks, driving, fps=25)
    assert moved.xy[0] == pytest.approx(MARKS.xy, abs=1e-3)
    made = faceshot.animate(pattern(), landmarks=landmarks, driving=driving, fps=25, output=tmp_path / "out.png")
    assert made.landmarks.size == (SIDE, SIDE) and len(made.sequence) == len(moved)


def test_frames_that_are_nan_have_no_face() -> None:
    xy = drift(6)
    xy[2:4] = np.nan
    moved = faceshot.retarget(MARKS, xy)
    assert np.isfinite(moved.xy).all() and len(moved) == 6


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((5, 2)), r"landmarks holds 5 points.*points="),
        (["a"] * 68, "landmarks are numbers"),
        ([[1, 2], [3]], "no array of numbers"),
        (None, "landmarks are numbers"),
        (drift(), "5 frames where the landmarks of one picture"),
    ],
    ids=["five points", "words", "ragged", "nothing", "a clip"],
)
def test_what_are_no_landmarks(value: typing.Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        faceshot.retarget(value, MARKS)


def test_retargeting_needs_no_size_and_keeps_what_was_given(tmp_path: Path, cli: Callable[..., Run]) -> None:
    np.save(tmp_path / "cat.npy", MARKS.xy)
    np.save(tmp_path / "drive.npy", drift())
    for name in ("out.npy", "out.npz", "out.json"):
        run = cli("retarget", tmp_path / "cat.npy", tmp_path / "drive.npy", "-o", tmp_path / name)
        assert run.code == 0, run.err
        with pytest.raises(InputError, match="states no picture size"):  # nobody said it, so the file does not
            read_sequence(tmp_path / name)
        moved = read_sequence(tmp_path / name, size=(200, 100), fps=Fraction(30))
        assert moved.size == (200, 100) and moved.xy[0] == pytest.approx(MARKS.xy, abs=1e-3)
    sized = ("--size", "200x100", "--fps", "12")
    assert cli("retarget", tmp_path / "cat.npy", tmp_path / "drive.npy", "-o", tmp_path / "s.npz", *sized).code == 0
    kept = read_sequence(tmp_path / "s.npz")
    assert kept.size == (200, 100) and kept.fps == 12
    assert faceshot.retarget(MARKS.xy, drift()).size == (int(MARKS.xy[:, 0].max()) + 2, int(MARKS.xy[:, 1].max()) + 2)
    with pytest.raises(InputError, match="states no picture size"):  # the paper's algorithm works in the picture
        faceshot.retarget(MARKS.xy, drift(), mode="faceshot")


def test_groups_have_names() -> None:
    clip = LandmarkSequence(drift(3), MARKS.size, Fraction(25))
    for name, indices in GROUPS.items():
        assert np.array_equal(getattr(MARKS, name), MARKS.xy[list(indices)])
        assert np.array_equal(getattr(clip, name), clip.xy[:, list(indices)])
    assert MARKS.left_eye[:, 0].min() > MARKS.right_eye[:, 0].max(), "the subject's left is on the right"
    assert clip.part("eyes").shape == (3, 12, 2)
    with pytest.raises(InputError, match=r"unknown part 'ear'; parts are face_boundary, .*, left_eye, "):
        MARKS.part("ear")


# --- lists ---------------------------------------------------------------------------------------------------------


def test_many_pictures_and_what_is_wrong_with_each(repo: Path) -> None:
    cat = repo / "examples" / "cat.png"
    results = faceshot.match_many([cat, "nowhere.png", np.full((64, 64, 3), 90, np.uint8), cat])
    assert [type(result) for result in results] == [Match, InputError, NoFaceError, Match]
    assert isinstance(results[0], Match) and isinstance(results[3], Match)
    assert np.array_equal(results[0].landmarks.xy, results[3].landmarks.xy)
    assert "nowhere.png" in str(results[1])


@pytest.mark.parametrize(
    ("pictures", "options", "message"),
    [
        ("cat.png", {}, "takes a list of pictures, got str"),
        ([], {"preset": "huge"}, "unknown"),
        ([], {"domains": ["dragon"]}, "unknown domain 'dragon'"),
        ([pattern()], {"regularise": "much"}, "unknown regularise 'much'"),
    ],
)
def test_what_is_wrong_with_all_pictures(pictures: typing.Any, options: dict[str, typing.Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        faceshot.match_many(pictures, **options)


def test_stages_share_one_model() -> None:
    """Naming a default, or a stage that knows fewer settings, loads no second model."""
    from faceshot.pipeline import stages

    shot, _ = stages._split({"picture": None, "preset": "mini"})
    assert stages._split({"seed": 0, "galleries": [], "backend": "warp"})[0] is shot
    faceshot.retarget(MARKS, MARKS)
    assert stages._split({})[0] is shot


# --- what is shown -------------------------------------------------------------------------------------------------


def test_short_texts(tmp_path: Path) -> None:
    clip = LandmarkSequence(drift(), MARKS.size, Fraction(30000, 1001), np.array([1, 1, 0, 1, 1], bool), rest=1)
    assert repr(clip) == "LandmarkSequence(5 frames at 29.97 fps (0.17 s) in 96x96, rest frame 1, 1 without a face)"
    eyeless = replace(MARKS, absent=frozenset({"eyes"}))
    left, top, right, bottom = (f"{side:.0f}" for side in eyeless.box())
    marks = f"Landmarks(68 points in 96x96, box {left},{top},{right},{bottom}, mean score 0.50, without eyes)"
    assert repr(eyeless) == marks
    assert repr(found(eyeless, pattern())) == f"Match('pattern.png', confidence 0.90, {marks})"
    assert repr(pattern()) == "Picture('pattern.png', 96x96)"
    made = faceshot.animate(pattern(), landmarks=MARKS, driving=drift(), fps=10, output=tmp_path / "out.gif")
    assert repr(made).startswith(f"Animation('{tmp_path / 'out.gif'}', 5 frames at 10 fps, 96x96, made in ")


def test_a_notebook_shows_the_overlay(repo: Path) -> None:
    cat = faceshot.match(repo / "examples" / "cat.png")
    shown = cat._repr_png_()
    assert shown is not None
    drawn = np.asarray(Image.open(io.BytesIO(shown)).convert("RGB")).astype(int)
    assert cat.preview is not None and drawn.shape == cat.preview.rgb.shape
    changed = np.abs(drawn - cat.preview.flat()).max(-1) > 8
    (left, top), (right, bottom) = (cat.landmarks.xy.min(0).astype(int), cat.landmarks.xy.max(0).astype(int))
    assert changed[top:bottom, left:right].mean() > 0.02
    assert not changed[:, : max(0, left - 12)].any() and not changed[: max(0, top - 12)].any()
    assert found()._repr_png_() is None, "without a picture the text is shown"


def test_large_pictures_are_not_kept_whole() -> None:
    small = pattern(2000).reduced(768)
    assert max(small.size) <= 768 and small.name == "pattern.png"
    assert pattern().reduced(768).rgb.shape == (SIDE, SIDE, 3)
    with_matte = Picture(pattern(900).rgb, np.full((900, 900), 7, np.uint8)).reduced(500)
    assert with_matte.alpha is not None and with_matte.alpha.shape == (450, 450) and (with_matte.alpha == 7).all()


@pytest.mark.parametrize(
    ("name", "tag", "kind"),
    [
        ("out.mp4", "<video", "video/mp4"),
        ("out.webm", "<video", "video/webm"),
        ("out.mov", "<video", "video/mp4"),
        ("out.webp", "<img", "image/webp"),
        ("frames", "<img", "image/png"),
        ("out.mkv", None, None),
    ],
)
def test_a_notebook_shows_the_animation(name: str, tag: str | None, kind: str | None, tmp_path: Path) -> None:
    made = faceshot.animate(pattern(), landmarks=MARKS, driving=drift(), fps=10, output=tmp_path / name)
    shown = made._repr_html_()
    if tag is None:
        assert shown is None
        return
    assert shown is not None and shown.startswith(f'{tag} src="data:{kind};base64,')
    if made.output.is_file():
        made.output.unlink()
        assert made._repr_html_() is None, "gone; the text is shown"


def test_what_browsers_do_not_play_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matte = Picture(pattern().rgb, np.full((SIDE, SIDE), 200, np.uint8))
    made = faceshot.animate(matte, landmarks=MARKS, driving=drift(), fps=10, output=tmp_path / "prores.mov")
    assert made._repr_html_() is None
    monkeypatch.setattr("faceshot.pipeline.result.EMBED_BYTES", 10)
    made = faceshot.animate(matte, landmarks=MARKS, driving=drift(), fps=10, output=tmp_path / "large.mp4")
    assert made._repr_html_() is None
