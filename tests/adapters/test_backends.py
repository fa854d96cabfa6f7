"""What every installed backend must keep to, whoever wrote it."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.landmarks.types import LandmarkSequence
from faceshot.pipeline.backends import AnimationOptions, Backend, list_backends, load_backend

NAMES = list_backends()


@pytest.fixture(scope="module", params=NAMES)
def backend(request):
    return load_backend(request.param)


@pytest.fixture(scope="module")
def ready(backend):
    """The backend, loaded; skipped where its packages or weights are not on this machine."""
    missing = backend.requires()
    if missing:
        pytest.skip(missing[0])
    backend.load(AnimationOptions())
    return backend


def clip(landmarks, offsets, fps=25):
    xy = np.stack([landmarks.xy + np.asarray(offset, np.float32) for offset in offsets])
    return LandmarkSequence(xy, landmarks.size, Fraction(fps))


def test_the_reference_backend_is_installed():
    assert "warp" in NAMES


def test_describes_itself(backend):
    assert isinstance(backend, Backend)
    assert backend.name in NAMES
    for text in (backend.summary, backend.licence):
        assert text.strip() and "\n" not in text
    assert isinstance(backend.commercial, bool)


@pytest.mark.parametrize("name", NAMES)
def test_constructing_is_cheap(name):
    code = (
        "import sys; from faceshot.pipeline.backends import load_backend; "
        f"load_backend({name!r}).requires(); "
        "print([m for m in ('torch', 'cv2', 'diffusers', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_missing_is_said_in_lines_with_the_command(backend):
    missing = backend.requires()
    assert isinstance(missing, list)
    for line in missing:
        assert isinstance(line, str) and line.strip() and "\n" not in line
        assert any(word in line for word in ("pip install", "faceshot weights")), line


def test_missing_weights_are_refused_by_name(backend):
    missing = backend.requires()
    if not missing:
        backend.load(AnimationOptions())
        return
    with pytest.raises(MissingError) as error:
        backend.load(AnimationOptions())
    assert "\n" not in str(error.value)
    assert any(word in str(error.value) for word in ("pip install", "faceshot weights"))


def test_unchanged_landmarks_give_the_picture(ready, drawn_face):
    picture, landmarks = drawn_face(128)
    frames = list(ready.animate(picture, landmarks, clip(landmarks, [0, (3, 2), 0]), AnimationOptions()))
    assert len(frames) == 3
    if getattr(ready, "recodes", False):
        again = list(ready.animate(picture, landmarks, clip(landmarks, [0, (3, 2), 0]), AnimationOptions()))
        assert all(np.array_equal(a, b) for a, b in zip(frames, again, strict=True)), "the same call, other frames"
        return
    for frame in (frames[0], frames[2]):
        assert np.abs(frame.astype(int) - picture.rgb).max() <= 1
    assert np.abs(frames[1].astype(int) - picture.rgb).max() > 20


@pytest.mark.parametrize("matte", [False, True], ids=["opaque", "matte"])
def test_frames_are_uint8_of_the_pictures_size(ready, drawn_face, matte):
    picture, landmarks = drawn_face(131, 97, matte=matte)
    frames = list(ready.animate(picture, landmarks, clip(landmarks, [(1, 1), (-1, 2)]), AnimationOptions()))
    for frame in frames:
        assert frame.dtype == np.uint8 and frame.shape == (97, 131, 4 if matte else 3)


def test_frames_belong_to_the_caller(ready, drawn_face):
    picture, landmarks = drawn_face(96)
    first, second = [], []
    for frame in ready.animate(picture, landmarks, clip(landmarks, [0, (2, 0), (4, 0)]), AnimationOptions()):
        first.append(frame.copy())
        second.append(frame)
        frame[:4] = 0
    for copy, kept in zip(first, second, strict=True):
        assert np.array_equal(copy[4:], kept[4:])
    assert first[2][:4].any()


def test_inputs_are_left_alone(ready, drawn_face):
    picture, landmarks = drawn_face(96, matte=True)
    rgb, alpha, xy = picture.rgb.copy(), picture.alpha.copy(), landmarks.xy.copy()
    options = AnimationOptions(extra={})
    list(ready.animate(picture, landmarks, clip(landmarks, [(2, 2), (4, 4)]), options))
    assert np.array_equal(picture.rgb, rgb) and np.array_equal(picture.alpha, alpha)
    assert np.array_equal(landmarks.xy, xy) and options.extra == {}


def test_the_same_seed_gives_the_same_frames(ready, drawn_face):
    picture, landmarks = drawn_face(96)
    sequence = clip(landmarks, [(1, 0), (2, 1), (3, 2)])
    one, two = (list(ready.animate(picture, landmarks, sequence, AnimationOptions(seed=7))) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_can_be_stopped_and_used_again(ready, drawn_face):
    picture, landmarks = drawn_face(96)
    sequence = clip(landmarks, [(i, 0) for i in range(50)])
    frames = ready.animate(picture, landmarks, sequence, AnimationOptions())
    next(frames)
    frames.close()
    assert len(list(ready.animate(picture, landmarks, sequence[:3], AnimationOptions()))) == 3


def test_frames_without_a_face_do_not_break_the_video(ready, drawn_face):
    picture, landmarks = drawn_face(96)
    xy = np.stack([landmarks.xy + 3, np.full((68, 2), np.nan, np.float32), landmarks.xy + 3])
    sequence = LandmarkSequence(xy, landmarks.size, Fraction(25), found=np.array([True, False, True]))
    frames = list(ready.animate(picture, landmarks, sequence, AnimationOptions()))
    assert len(frames) == 3
    assert np.array_equal(frames[0], frames[2])


def test_unknown_options_are_refused_by_name(ready, drawn_face):
    picture, landmarks = drawn_face(96)
    options = AnimationOptions(extra={"no_such_option": 1})
    with pytest.raises(UsageError, match="no_such_option"):
        ready.load(options)
    with pytest.raises(UsageError, match="no_such_option"):
        list(ready.animate(picture, landmarks, clip(landmarks, [0]), options))


def test_landmarks_of_another_size_are_refused(ready, drawn_face):
    picture, landmarks = drawn_face(96)
    other = landmarks.resized((200, 200))
    with pytest.raises(InputError, match="200x200"):
        list(ready.animate(picture, other, clip(other, [0]), AnimationOptions()))
