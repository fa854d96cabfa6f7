"""Regenerate every file of this folder: ``python examples/make_examples.py [OUT]``.

Six drawn characters with their true landmarks, and a four-second *actor* clip with sound: a drawn person who talks,
blinks, turns, nods, raises the brows and smiles. Pictures, voice and landmarks are all made by the code below and by
``faceshot_gallery``; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import tempfile
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceshot.formats import write_landmarks
from faceshot.media import VideoWriter, write_picture
from faceshot_gallery.build import framed
from faceshot_gallery.illustrator import Character, Drawing, Expression, Pose, Style, character, draw

FPS = Fraction(30000, 1001)
FRAMES = 120
ACTOR_SIDE = 480
RATE = 44100


@dataclass(frozen=True)
class Example:
    """One drawn character: which, in what style, how large, with what face."""

    name: str
    domain: str
    seed: int
    style: Style
    size: int = 640
    expression: Expression = field(default_factory=Expression)
    roll: float = 0.0
    yaw: float = 0.0
    matte: bool = False
    share: float = 0.52


EXAMPLES = (
    Example("cat", "cat", 22, "photo", expression=Expression(smile=0.2), roll=3),
    Example("fox", "fox", 2, "soft3d", expression=Expression(smile=0.4), roll=-4),
    Example("robot", "robot", 16, "soft3d", size=512),
    Example("bear", "plush", 1, "textured", matte=True, expression=Expression(smile=0.3)),
    Example("anime", "anime", 21, "flat", size=768, expression=Expression(smile=0.3), roll=2, share=0.46),
    Example("pumpkin", "pumpkin", 20, "soft3d", size=512, roll=-3, share=0.62),
)


def make_picture(example: Example, folder: Path) -> None:
    """``<name>.png`` and ``<name>.landmarks.json``."""
    who = character(example.domain, example.seed, style=example.style)
    pose = framed(who, example.expression, Pose(example.roll, example.yaw), share=example.share, middle=0.55)
    drawing = draw(who, example.expression, pose, size=example.size, background="none" if example.matte else "auto")
    write_picture(folder / f"{example.name}.png", drawing.rgb, drawing.alpha, overwrite=True)
    write_landmarks(folder / f"{example.name}.landmarks.json", drawing.landmarks, overwrite=True)


# ---- the actor ----------------------------------------------------------------------------------------------------
#: What is said: start and length in seconds, vowel, pitch of the voice in Hz.
SYLLABLES = (
    (0.40, 0.17, "e", 205), (0.58, 0.26, "o", 225), (1.02, 0.15, "a", 210), (1.18, 0.14, "i", 215),
    (1.33, 0.15, "a", 200), (1.49, 0.30, "u", 190), (2.02, 0.16, "o", 230), (2.20, 0.16, "a", 240),
    (2.38, 0.15, "e", 225), (2.55, 0.34, "a", 205), (3.02, 0.14, "i", 210), (3.18, 0.30, "a", 175),
)  # fmt: skip
#: Vowel -> jaw opening, mouth width, lip rounding, and the voice's three formants in Hz.
VOWELS = {
    "a": (0.62, 0.10, 0.0, (850, 1400, 2700)),
    "e": (0.36, 0.35, 0.0, (530, 1950, 2650)),
    "i": (0.20, 0.60, 0.0, (310, 2400, 3100)),
    "o": (0.45, -0.25, 0.55, (500, 900, 2600)),
    "u": (0.24, -0.45, 0.95, (340, 760, 2500)),
}


def hump(t: npt.ArrayLike, start: float, length: float, edge: float = 0.35) -> npt.NDArray[np.float64]:
    """0 -> 1 -> 0 over ``length`` seconds, rising and falling smoothly over a share ``edge`` of it."""
    x = (np.asarray(t, float) - start) / length
    ramp = np.clip(np.minimum(x, 1 - x) / edge, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def speech(t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(4, T): jaw, width and rounding of the mouth, and loudness, at times ``t``."""
    tracks = np.zeros((4, len(t)))
    for start, length, vowel, _ in SYLLABLES:
        jaw, wide, round_, _ = VOWELS[vowel]
        mouth = hump(t, start - 0.03, length + 0.07)
        tracks[:3] = np.where(mouth > tracks[3], np.outer((jaw, wide, round_), mouth), tracks[:3])
        tracks[3] = np.maximum(tracks[3], mouth)
    kernel = np.hanning(5) / np.hanning(5).sum()
    return np.stack([np.convolve(track, kernel, "same") for track in tracks])


def lids(t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How open the eyes are: three blinks that close fully, and slightly narrowed by the smile at the end."""
    closed = sum(hump(t, start, 0.30, 0.30) for start in (0.86, 1.92, 3.36))
    return np.clip(1 - closed, 0, 1) * (1 - 0.18 * hump(t, 3.0, 1.2, 0.4))


def performance(frames: int = FRAMES) -> list[tuple[Expression, Pose]]:
    """Expression and head pose of every frame; the first frame is the rest."""
    t = np.arange(frames) / float(FPS)
    jaw, wide, round_, _ = speech(t)
    open_ = lids(t)
    live = np.clip(t / 0.35, 0, 1)
    brow = 0.9 * hump(t, 2.05, 0.75) + 0.5 * hump(t, 0.42, 0.4)
    smile = 0.12 + 0.75 * hump(t, 3.3, 1.0, 0.4) + 0.25 * hump(t, 0.6, 0.9)
    smile = 0.12 + (smile - 0.12) * live
    yaw = 13 * hump(t, 1.1, 1.0, 0.45) - 12 * hump(t, 2.2, 1.1, 0.45)
    pitch = live * (1.2 * np.sin(t * 4.1)) + 9 * hump(t, 3.0, 0.34, 0.5) + 6 * hump(t, 0.36, 0.35, 0.5)
    roll = live * (1.5 * np.sin(t * 2.3)) + 5 * hump(t, 2.9, 1.3, 0.4)
    look = np.clip(yaw / 20, -0.7, 0.7)
    out = []
    for i in range(frames):
        expression = Expression(
            right_eye_open=float(open_[i]), left_eye_open=float(open_[i]), gaze=(float(look[i]), 0.0),
            jaw_open=float(jaw[i]), mouth_wide=float(wide[i]), lip_round=float(round_[i]), smile=float(smile[i]),
            right_brow=float(brow[i]), left_brow=float(brow[i]),
        )  # fmt: skip
        out.append((expression, Pose(roll=float(roll[i]), yaw=float(yaw[i]), pitch=float(pitch[i]))))
    return out


def voice(seconds: float) -> npt.NDArray[np.int16]:
    """Formant synthesis: the harmonics of a gliding pitch, weighted by three moving resonances."""
    t = np.arange(int(seconds * RATE)) / RATE
    loud = np.zeros_like(t)
    pitch, formants = np.full_like(t, 200.0), np.tile([[500.0], [1500.0], [2600.0]], len(t))
    for start, length, vowel, hertz in SYLLABLES:
        here = slice(int((start - 0.08) * RATE), int((start + length + 0.10) * RATE))
        pitch[here] = hertz * (1.04 - 0.10 * np.linspace(0, 1, len(t[here])))
        formants[:, here] = np.array(VOWELS[vowel][3], float)[:, None]
        loud = np.maximum(loud, hump(t, start, length, 0.28))
    smooth = np.hanning(int(0.05 * RATE))
    smooth /= smooth.sum()
    pitch = np.convolve(np.pad(pitch, len(smooth) // 2, mode="edge"), smooth, "same")[len(smooth) // 2 :][: len(t)]
    formants = np.stack([np.convolve(f, smooth, "same") for f in formants])
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.012 * np.sin(2 * np.pi * 5.2 * t))) / RATE
    sound = np.zeros_like(t)
    for k in range(1, 22):
        f = k * pitch
        peaks = zip(formants, (70, 100, 160), (1, 0.55, 0.25), strict=True)
        gain = sum(height / (1 + ((f - centre) / width) ** 2) for centre, width, height in peaks)
        sound += np.sin(k * phase) * gain / k**0.6
    breath = np.random.default_rng(4).normal(0, 0.02, len(t))
    sound = (sound / np.abs(sound).max() + breath) * loud
    return np.round(sound / np.abs(sound).max() * 0.7 * 32767).astype(np.int16)


def actor() -> Character:
    """The person of the clip."""
    return character("person", 18, style="soft3d")


def frames(who: Character, acts: Iterable[tuple[Expression, Pose]]) -> Iterator[Drawing]:
    """Drawings of a performance, with the framing of its first frame."""
    rest = framed(who, Expression(smile=0.12), Pose(), share=0.5, middle=0.54)
    for expression, pose in acts:
        placed = replace(pose, scale=rest.scale, dx=rest.dx + pose.yaw * 0.0012, dy=rest.dy + pose.pitch * 0.0012)
        yield draw(who, expression, placed, size=ACTOR_SIDE)


def make_actor(folder: Path) -> None:
    """``actor.mp4`` with sound, and ``actor.landmarks.npz`` with the true landmarks of every frame."""
    seconds = float(FRAMES / FPS)
    marks = []
    with tempfile.TemporaryDirectory() as scratch:
        sound = Path(scratch) / "voice.wav"
        with wave.open(str(sound), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(voice(seconds).tobytes())
        size = (ACTOR_SIDE, ACTOR_SIDE)
        with VideoWriter(folder / "actor.mp4", size, FPS, audio_from=sound, overwrite=True) as clip:
            for drawing in frames(actor(), performance()):
                clip.write(drawing.rgb)
                marks.append(drawing.landmarks.xy)
    np.savez_compressed(
        folder / "actor.landmarks.npz",
        xy=np.stack(marks).astype(np.float32),
        size=np.array(size),
        fps=np.array([FPS.numerator, FPS.denominator]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent, help="where to write")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for example in EXAMPLES:
        make_picture(example, folder)
    make_actor(folder)


if __name__ == "__main__":
    main()
