"""For the tests of a plug-in: does a backend keep to its contract?

    from faceshot.testing import check_backend

    def test_the_contract():
        check_backend(MyBackend())

The rules are those of :class:`faceshot.backends.Backend`; FaceShot's own backends are held to the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from faceshot.errors import FaceShotError, UsageError
from faceshot.landmarks import FloatArray, Landmarks, LandmarkSequence, Picture, RGBArray, Size
from faceshot.pipeline import MEMBERS, AnimationOptions, Backend, frames_of, requirements

__all__ = ["RULES", "Trial", "check_backend", "clip_of", "drawn_face", "face_points"]

_SKIN, _PUPIL, _GROUND, _LINE, _WHITE = (240, 190, 150), (30, 60, 140), (90, 140, 110), (60, 30, 25), (255, 255, 255)
#: No backend has an option of this name.
_UNKNOWN = "no_such_option"


def check_backend(
    backend: Backend, *, options: Mapping[str, Any] | None = None, device: str = "cpu", side: int = 96
) -> None:
    """Hold a backend to every rule of the contract, with a drawn face of ``side`` x ``side`` pixels.

    Args:
        options: the backend's own, for instance to make it quick. What it lacks on this machine
            (:meth:`Backend.requires`) must be there.

    Raises:
        AssertionError: a line for every rule that it breaks.
    """
    trial = Trial(backend, dict(options or {}), device, side)
    broken = []
    for name, rule in RULES.items():
        try:
            rule(trial)
        except (AssertionError, FaceShotError) as error:
            broken.append(f"{name}: {error}")
    if broken:
        raise AssertionError(
            f"backend {getattr(backend, 'name', backend)!r} breaks its contract:\n" + "\n".join(broken)
        )


@dataclass(frozen=True)
class Trial:
    """A backend and how it is tried: its own options, the device, the side of the drawn picture [px]."""

    backend: Backend
    extra: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    side: int = 96

    def options(self, **more: Any) -> AnimationOptions:
        """Options as the pipeline gives them; ``more`` are the backend's own."""
        return AnimationOptions(device=self.device, extra={**self.extra, **more})

    def frames(
        self, picture: Picture, landmarks: Landmarks, moves: list[Any], options: AnimationOptions | None = None
    ) -> list[RGBArray]:
        """Frames for ``landmarks`` moved by each of ``moves`` [px]; their number, size and type are checked."""
        options = options or self.options()
        self.backend.load(options)
        return [
            frame.copy() for frame in frames_of(self.backend, picture, landmarks, clip_of(landmarks, moves), options)
        ]


def face_points() -> FloatArray:
    """(68, 2) float32: the landmarks of the drawn face in the unit square."""
    angle = np.linspace(np.pi, 0, 17)
    jaw = np.stack([0.5 + 0.32 * np.cos(angle), 0.48 + 0.36 * np.sin(angle)], -1)
    brow = np.stack([np.linspace(-0.08, 0.08, 5), -0.1 - 0.02 * np.sin(np.linspace(0, np.pi, 5))], -1)
    bridge = np.stack([np.full(4, 0.5), np.linspace(0.44, 0.56, 4)], -1)
    base = np.stack([np.linspace(0.46, 0.54, 5), [0.585, 0.59, 0.595, 0.59, 0.585]], -1)
    turn = np.deg2rad([180, 240, 300, 0, 60, 120])
    eye = 0.06 * np.stack([np.cos(turn), np.sin(turn)], -1)
    right, left = np.array([0.37, 0.44]), np.array([0.63, 0.44])
    s = np.linspace(-1, 1, 7)
    upper = np.stack([0.5 + 0.11 * s, 0.7 - 0.012 * (1 - s**2)], -1)
    lower = np.stack([0.5 - 0.11 * s[1:-1], 0.7 + 0.012 * (1 - s[1:-1] ** 2)], -1)
    inner = np.stack([0.5 + 0.1 * np.linspace(-1, 1, 5), np.full(5, 0.7)], -1)
    parts = [jaw, right + brow, left + brow, bridge, base, right + eye, left + eye, upper, lower, inner, inner[3:0:-1]]
    return np.concatenate(parts).astype(np.float32)


def drawn_face(width: int, height: int | None = None, *, matte: bool = False) -> tuple[Picture, Landmarks]:
    """A picture of a plain face before stripes, and its exact landmarks [px]; with ``matte``, the face cut out."""
    from PIL import Image, ImageDraw

    height = height or width
    side, scale = min(width, height), 4
    left, top = (width - side) // 2, (height - side) // 2

    def box(x: float, y: float, rx: float, ry: float) -> tuple[float, ...]:
        edges = ((x - rx) * side + left, (y - ry) * side + top, (x + rx) * side + left, (y + ry) * side + top)
        return tuple(scale * edge for edge in edges)

    image = Image.new("RGB", (scale * width, scale * height), _GROUND)
    mask = Image.new("L", image.size, 0)
    draw = ImageDraw.Draw(image)
    stripe = max(scale, scale * side // 24)
    for edge in range(0, image.size[0], 2 * stripe):
        draw.rectangle((edge, 0, edge + stripe - 1, image.size[1]), tuple(value - 30 for value in _GROUND))
    draw.ellipse(box(0.5, 0.48, 0.33, 0.37), _SKIN)
    ImageDraw.Draw(mask).ellipse(box(0.5, 0.48, 0.33, 0.37), 255)
    for x in (0.37, 0.63):
        draw.ellipse(box(x, 0.44, 0.06, 0.06), _WHITE)
        draw.ellipse(box(x, 0.44, 0.035, 0.035), _PUPIL)
        draw.rectangle(box(x, 0.34, 0.08, 0.01), _LINE)
    draw.rectangle(box(0.5, 0.7, 0.1, 0.01), _LINE)
    rgb, alpha = np.array(image.reduce(scale)), np.array(mask.reduce(scale))
    points = face_points() * side - 0.5 + np.array([left, top])
    return Picture(rgb, alpha if matte else None, "drawn"), Landmarks(points, Size(width, height))


def clip_of(landmarks: Landmarks, moves: list[Any]) -> LandmarkSequence:
    """``landmarks`` moved by each of ``moves``; None is a frame without a face."""
    found = np.array([move is not None for move in moves])
    gone = np.full((68, 2), np.nan, np.float32)
    xy = [gone if move is None else landmarks.xy + np.asarray(move, np.float32) for move in moves]
    return LandmarkSequence(np.stack(xy), landmarks.size, Fraction(25), found=found)


def _hold(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _same(one: list[RGBArray], two: list[RGBArray]) -> bool:
    return len(one) == len(two) and all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def describes_itself(trial: Trial) -> None:
    """Name, summary and licence are single lines, commercial is a bool, nothing is missing."""
    lacking = [member for member in MEMBERS if not hasattr(trial.backend, member)]
    _hold(not lacking, f"it lacks {', '.join(lacking)}")
    for member in ("name", "summary", "licence"):
        text = getattr(trial.backend, member)
        _hold(isinstance(text, str) and bool(text.strip()) and "\n" not in text, f"{member} is {text!r}, not a line")
    _hold(isinstance(trial.backend.commercial, bool), f"commercial is {trial.backend.commercial!r}, not True or False")


def is_ready(trial: Trial) -> None:
    """Nothing is missing here, and that is said in lines."""
    _hold(isinstance(trial.backend.requires(), list), "requires() gives no list")
    lacking = requirements(trial.backend)
    _hold(all(line.strip() and "\n" not in line for line in lacking), f"requires() gives {lacking!r}, not lines")
    _hold(not lacking, f"it cannot be tried here: {'; '.join(lacking)}")


def refuses_unknown_options(trial: Trial) -> None:
    """By their name, when it is loaded and when it animates."""
    picture, landmarks = drawn_face(trial.side)
    options = trial.options(**{_UNKNOWN: 1})
    for what, call in (
        ("load", lambda: trial.backend.load(options)),
        ("animate", lambda: list(trial.backend.animate(picture, landmarks, clip_of(landmarks, [0]), options))),
    ):
        try:
            call()
        except UsageError as error:
            _hold(_UNKNOWN in str(error), f"{what} does not name the option it refuses: {error}")
        else:
            raise AssertionError(f"{what} takes an option that it cannot know, {_UNKNOWN!r}")


def keeps_the_picture_at_rest(trial: Trial) -> None:
    """Unchanged landmarks give the picture (or always the same one, where it ``recodes``); moved ones do not."""
    picture, landmarks = drawn_face(trial.side)
    rest, moved, again = trial.frames(picture, landmarks, [0, (0.06 * trial.side, 0.04 * trial.side), 0])
    if not getattr(trial.backend, "recodes", False):
        for frame in (rest, again):
            off = int(np.abs(frame[..., :3].astype(int) - picture.rgb).max())
            _hold(off <= 1, f"the frame of unchanged landmarks differs from the picture by up to {off} of 255")
    _hold(int(np.abs(moved.astype(int) - rest).max()) > 20, "landmarks that move change nothing")


def gives_frames_of_the_pictures_size(trial: Trial) -> None:
    """uint8 of any size, with the matte where the picture has one, for clips of one frame too."""
    for width, height, matte in ((trial.side + 35, trial.side + 1, False), (trial.side - 9, trial.side + 20, True)):
        picture, landmarks = drawn_face(width, height, matte=matte)
        for moves in ([(1, 1)], [(1, 1), (-1, 2)]):
            for frame in trial.frames(picture, landmarks, moves):
                _hold(
                    frame.shape == (height, width, 4 if matte else 3),
                    f"a frame of a picture {'with' if matte else 'without'} a matte has shape {frame.shape}",
                )


def gives_frames_away(trial: Trial) -> None:
    """A frame belongs to the caller: drawing in it does not show in later ones."""
    picture, landmarks = drawn_face(trial.side)
    options, sequence = trial.options(), clip_of(landmarks, [0, (2, 0), (4, 0)])
    trial.backend.load(options)
    plain = trial.frames(picture, landmarks, [0, (2, 0), (4, 0)])
    kept = []
    for frame in trial.backend.animate(picture, landmarks, sequence, options):
        _hold(frame.flags.writeable, "a frame cannot be written to")
        kept.append(frame)
        frame[:4] = 0
    _hold(all(np.array_equal(a[4:], b[4:]) for a, b in zip(plain, kept, strict=True)), "frames share their memory")
    _hold(bool(plain[2][:4].any()) and not kept[2][:4].any(), "what the caller draws is overwritten")


def leaves_inputs_alone(trial: Trial) -> None:
    """Neither picture nor options change."""
    picture, landmarks = drawn_face(trial.side, matte=True)
    assert picture.alpha is not None
    options, rgb, alpha = trial.options(), picture.rgb.copy(), picture.alpha.copy()
    extra = dict(options.extra)
    trial.frames(picture, landmarks, [(2, 2), (4, 4)], options)
    _hold(np.array_equal(picture.rgb, rgb) and np.array_equal(picture.alpha, alpha), "it draws in the picture")
    _hold(options.extra == extra, "it changes the options")


def repeats_itself(trial: Trial) -> None:
    """The same seed gives the same frames."""
    picture, landmarks = drawn_face(trial.side)
    options = replace(trial.options(), seed=7)
    one, two = (trial.frames(picture, landmarks, [(1, 0), (2, 1), (3, 2)], options) for _ in range(2))
    _hold(_same(one, two), "the same call gives other frames")


def can_be_stopped(trial: Trial) -> None:
    """Whoever stops after a frame can start again."""
    picture, landmarks = drawn_face(trial.side)
    options = trial.options()
    trial.backend.load(options)
    whole = clip_of(landmarks, [(i, 0) for i in range(12)])
    frames = frames_of(trial.backend, picture, landmarks, whole, options)
    next(frames)
    frames.close()  # type: ignore[attr-defined]  # a generator
    trial.frames(picture, landmarks, [(0, 0), (1, 0), (2, 0)])


def bridges_frames_without_a_face(trial: Trial) -> None:
    """NaN landmarks do not end the video, nor do they change the frames after them."""
    picture, landmarks = drawn_face(trial.side)
    first, _, last = trial.frames(picture, landmarks, [(3, 3), None, (3, 3)])
    if not getattr(trial.backend, "recodes", False):
        _hold(np.array_equal(first, last), "a frame without a face changes those after it")


Rule = Callable[[Trial], None]
#: Every rule by its name, in the order of trying.
RULES: dict[str, Rule] = {
    rule.__name__.replace("_", " "): rule
    for rule in (
        *(describes_itself, is_ready, refuses_unknown_options, keeps_the_picture_at_rest),
        *(gives_frames_of_the_pictures_size, gives_frames_away, leaves_inputs_alone, repeats_itself, can_be_stopped),
        bridges_frames_without_a_face,
    )
}
