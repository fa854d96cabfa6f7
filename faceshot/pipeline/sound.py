"""The sound of an animation: which file it comes from, how long it is, and where in it the first frame lies."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from faceshot.errors import UsageError, option
from faceshot.landmarks import LandmarkSequence

if TYPE_CHECKING:
    from faceshot.media import SoundInfo

log = logging.getLogger("faceshot")

#: Video formats that carry sound.
SOUND_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm")


def sound_file(audio: str | Path, clip: Path | None) -> Path | None:
    """The file that ``audio`` (``driving``, ``none`` or a name) means."""
    if audio == "driving":
        return clip
    return None if audio == "none" else Path(audio)


def check_sound(path: Path, output: Path) -> SoundInfo:
    """A media file with sound, for an output that can carry it.

    Raises:
        UsageError: the output's format is silent. InputError: unusable file, or no sound in it.
    """
    from faceshot.media import probe_sound

    if output.suffix.lower() not in SOUND_SUFFIXES:
        what = output.suffix or "a folder of frames"
        raise UsageError(f"{option('audio', str(path))}: {what} has no sound; write .mp4 or .webm")
    return probe_sound(path)


def motion_seconds(audio: str | Path) -> float | None:
    """How long a built-in motion has to last for a sound file to be heard to its end; None without one.

    Raises:
        InputError: unusable file, or no sound in it.
    """
    from faceshot.driving import MAX_SECONDS, MIN_SECONDS
    from faceshot.media import probe_sound

    path = sound_file(audio, None)
    seconds = None if path is None else probe_sound(path).seconds
    if seconds is None:
        return None
    if seconds > MAX_SECONDS:
        log.warning("%s lasts %.0f s; the first %.0f are used", path, seconds, MAX_SECONDS)
    return min(max(seconds, MIN_SECONDS), MAX_SECONDS)


def sound_start(sound: Path, clip: Path | None, driving: LandmarkSequence, offset: float) -> Fraction:
    """Where in the sound file the first frame lies [seconds]; before 0 there is silence.

    Driving landmarks that begin later than their clip take its sound from there. A file that holds only sound begins
    at its beginning: it may be another recording.

    Args:
        clip: the driving clip, where one is at hand. offset: seconds the sound comes later.
    """
    from faceshot.media import probe_sound

    late = driving.start / driving.fps
    if late and sound != clip:
        if probe_sound(sound).has_picture:
            log.info("the driving landmarks begin %.2f s into their clip, so does the sound of %s", late, sound.name)
        else:
            note = "the driving landmarks begin %.2f s into their clip; where %s is its sound, say %s"
            log.info(note, late, sound.name, option("audio_offset", f"-{float(late):.2f}"))
            late = Fraction(0)
    return late - Fraction(offset).limit_denominator(100_000)
