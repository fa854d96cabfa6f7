"""What a visitor wants made, and how the same is said on a command line and in Python."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Formats of the result, as the page names them: the file's suffix, and whose sticker limits it meets.
FORMATS: dict[str, tuple[str, str | None]] = {
    "MP4, plays everywhere": (".mp4", None),
    "WebM, keeps transparency": (".webm", None),
    "WebP": (".webp", None),
    "GIF": (".gif", None),
    "Sticker for WhatsApp": (".webp", "whatsapp"),
    "Sticker for Telegram": (".webm", "telegram"),
    "Sticker for Discord": (".gif", "discord"),
    "Sticker for a web page": (".webp", "web"),
}


@dataclass(frozen=True)
class Wish:
    """One animation as chosen on the page; all files are in the visitor's folder.

    Attributes:
        picture, landmarks: files. motion: a built-in one, ``seconds`` long, or driving: a file.
        gain: of parts, those that are not 1; smooth, gaps, source, face, start, stop: as of
            :meth:`faceshot.FaceShot.animate`.
        suffix: of the video; sticker: whose limits it meets; backend: its name.
    """

    picture: Path
    landmarks: Path
    motion: str | None = None
    driving: Path | None = None
    seconds: float | None = None
    gain: dict[str, float] = field(default_factory=dict)
    smooth: bool = False
    gaps: str = "hold"
    source: str = "auto"
    face: str | None = "largest"
    start: str = ""
    stop: str = ""
    suffix: str = ".mp4"
    sticker: str | None = None
    backend: str = "warp"

    def options(self) -> dict[str, Any]:
        """As arguments of :meth:`faceshot.FaceShot.animate`, those left out that have their default."""
        clip = self.driving is not None
        chosen: dict[str, Any] = {
            "motion": self.motion,
            "driving": self.driving,
            "seconds": self.seconds if self.motion else None,
            "landmarks": self.landmarks,
            "gain": self.gain or None,
            "smooth": self.smooth or None,
            "gaps": self.gaps if clip and self.gaps != "hold" else None,
            "source": self.source if clip and self.source != "auto" else None,
            "face": face_wish(self.face) if clip and face_wish(self.face) != "largest" else None,
            "start": self.start.strip() or None if clip else None,
            "stop": self.stop.strip() or None if clip else None,
            "sticker": self.sticker,
        }
        return {name: value for name, value in chosen.items() if value is not None}

    @property
    def output(self) -> str:
        """The name of the video."""
        return f"{self.picture.stem}{self.suffix}"

    def command(self) -> str:
        """The same as a command line, in the folder of the files."""
        words = ["faceshot", "animate", self.picture.name]
        for name, value in self.options().items():
            if name == "gain":
                words += [_flag(name), ",".join(f"{part}={factor:g}" for part, factor in value.items())]
            elif name == "smooth":
                words.append(_flag(name))
            else:
                words += [_flag(name), value.name if isinstance(value, Path) else f"{value}"]
        words += [_flag("backend"), self.backend] if self.backend != "warp" else []
        return shlex.join([*words, "-o", self.output])

    def snippet(self) -> str:
        """The same in Python, in the folder of the files."""
        given = {name: value.name if isinstance(value, Path) else value for name, value in self.options().items()}
        given |= {"output": self.output} | ({"backend": self.backend} if self.backend != "warp" else {})
        lines = [f"    {self.picture.name!r},", *(f"    {name}={value!r}," for name, value in given.items())]
        return "\n".join(["import faceshot", "", "faceshot.animate(", *lines, ")"])


def face_wish(typed: str | None) -> str | int:
    """Which face was chosen or typed; nothing typed means the largest."""
    word = (typed or "").strip() or "largest"
    return int(word) if word.isdecimal() else word


def _flag(name: str) -> str:
    return f"--{name}"
