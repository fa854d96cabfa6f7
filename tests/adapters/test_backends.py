"""What every backend must keep to, whoever wrote it: ``faceshot.testing`` tried on each of ours, and on the installed.

The networks of ``liveportrait``, ``aniportrait``, ``mofa`` and ``wan`` are small stand-ins, so nothing is skipped for
want of weights.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.pipeline.backends import AnimationOptions, Backend, list_backends, load_backend
from faceshot.testing import RULES, Trial, check_backend, clip_of, drawn_face

NAMES = list_backends()
#: How a missing thing is got.
GETS = ("pip install", "faceshot weights", "git clone")


def standin(name: str) -> Backend:
    """The backend, ready: with networks of the tests where it has any."""
    if name == "liveportrait":
        from faceshot_liveportrait import Backend as LivePortrait
        from faceshot_liveportrait.place import face_crop
        from tests.adapters.liveportrait.standin import Standin, layout_of

        xy = drawn_face(128)[1].xy
        return LivePortrait(Standin(layout_of(face_crop(xy).to_units(xy))))
    if name == "aniportrait":
        from faceshot_aniportrait import Backend as AniPortrait
        from tests.adapters.aniportrait.tiny import tiny_networks as tiny_aniportrait

        return AniPortrait(tiny_aniportrait())
    if name == "mofa":
        from faceshot_mofa import Backend as Mofa
        from tests.adapters.mofa.tiny import tiny_networks

        return Mofa(tiny_networks())
    if name == "wan":
        from faceshot_wan import Backend as Wan
        from tests.adapters.wan.tiny import tiny_networks as tiny_wan

        return Wan(tiny_wan("animate"))
    return load_backend(name)


def quick(name: str, folder: Path) -> dict[str, Any]:
    """Options that make a backend quick, and those it cannot do without."""
    if name in ("aniportrait", "mofa"):
        return {"size": 128, "steps": 1, "window": 3, "overlap": 1, "work": folder}
    if name == "wan":
        return {"model": "animate", "pixels": 1024, "steps": 1}
    if name in ("x-portrait", "hunyuan-portrait"):
        from tests.adapters.runners import checkouts

        clone = checkouts.x_portrait if name == "x-portrait" else checkouts.hunyuan_portrait
        return {"checkout": clone(folder), "python": sys.executable, "steps": 1}
    return {}


@pytest.fixture(scope="module", params=NAMES)
def trial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    backend, extra = standin(request.param), quick(request.param, tmp_path_factory.mktemp("work"))
    if "checkout" in extra:
        backend.load(AnimationOptions(extra=extra))  # it is not ready before it knows a clone
    return Trial(backend, extra)


@pytest.mark.parametrize("rule", RULES)
def test_a_backend_keeps_to(rule: str, trial: Trial) -> None:
    RULES[rule](trial)


def test_landmarks_of_another_size_are_refused(trial: Trial) -> None:
    picture, landmarks = drawn_face(96)
    other = landmarks.resized((200, 200))
    with pytest.raises(InputError, match="200x200"):
        list(trial.backend.animate(picture, other, clip_of(other, [0]), trial.options()))


def test_all_of_ours_are_installed() -> None:
    ours = {"warp", "liveportrait", "aniportrait", "mofa", "wan", "x-portrait", "hunyuan-portrait"}
    assert ours <= set(NAMES), "the installation is older than pyproject.toml: pip install --no-deps -e . again"


@pytest.mark.parametrize("name", NAMES)
def test_the_name_is_that_of_the_entry_point(name: str) -> None:
    assert load_backend(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_constructing_is_cheap(name: str) -> None:
    code = (
        "import sys; from faceshot.pipeline.backends import load_backend; "
        f"load_backend({name!r}).requires(); "
        "print([m for m in ('torch', 'cv2', 'diffusers', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_missing_is_said_in_lines_with_the_command(name: str) -> None:
    backend = load_backend(name)
    missing = backend.requires()
    for line in missing:
        assert line.strip() and "\n" not in line
        assert any(word in line for word in GETS), line
    if not missing:
        backend.load(AnimationOptions())
        return
    with pytest.raises(MissingError) as error:
        backend.load(AnimationOptions())
    assert "\n" not in str(error.value)
    assert any(word in str(error.value) for word in GETS)


# --- the check itself: it must be able to fail ---------------------------------------------------------------------


class Good:
    """A picture that follows the face; the faults below are made of it."""

    name, summary, licence, commercial = "good", "for this test", "MIT", True

    def requires(self):
        return []

    def load(self, options):
        if options.extra:
            raise UsageError(f"no option {', '.join(options.extra)}")

    def animate(self, picture, landmarks, sequence, options):
        import numpy as np

        self.load(options)
        layers = [picture.rgb] if picture.alpha is None else [picture.rgb, picture.alpha]
        for xy in sequence.xy:
            dx, dy = np.nan_to_num(xy - landmarks.xy).mean(0).round().astype(int)
            yield np.roll(np.dstack(layers), (dy, dx), (0, 1))


def still(self, picture, landmarks, sequence, options):
    self.load(options)
    yield from (frame.copy() for frame in [picture.rgb] * len(sequence))


def shared(self, picture, landmarks, sequence, options):
    frames = Good.animate(self, picture, landmarks, sequence, options)
    first = next(frames)
    yield first
    for frame in frames:
        first[:] = frame
        yield first


def scribbling(self, picture, landmarks, sequence, options):
    yield from Good.animate(self, picture, landmarks, sequence, options)
    picture.rgb[0, 0] ^= 255


def one_frame(self, picture, landmarks, sequence, options):
    yield next(Good.animate(self, picture, landmarks, sequence, options))


def random_frames(self, picture, landmarks, sequence, options):
    import numpy as np

    for frame in Good.animate(self, picture, landmarks, sequence, options):
        yield frame ^ np.random.default_rng().integers(0, 2, frame.shape, np.uint8)


FAULTS = {
    "no name": ({"name": ""}, "describes itself: name is ''"),
    "not ready": ({"requires": lambda self: ["weights: get them"]}, "cannot be tried here: weights: get them"),
    "takes anything": ({"load": lambda self, options: None}, "takes an option that it cannot know"),
    "stands still": ({"animate": still}, "landmarks that move change nothing"),
    "one frame": ({"animate": one_frame}, "gave 1 of 3 frames"),
    "one memory": ({"animate": shared}, "frames share their memory"),
    "scribbles": ({"animate": scribbling}, "it draws in the picture"),
    "random": ({"animate": random_frames}, "the same call gives other frames"),
}


def test_a_good_plug_in_passes() -> None:
    check_backend(Good())


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_plug_in_is_told_what_is_wrong(name: str) -> None:
    members, message = FAULTS[name]
    with pytest.raises(AssertionError, match="breaks its contract") as error:
        check_backend(type("Bad", (Good,), members)())
    assert message in str(error.value)
