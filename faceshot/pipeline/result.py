"""What animating gives and how a notebook shows it; what is said where there is no face."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from pathlib import Path

from faceshot.errors import FaceShotError, option
from faceshot.landmarks import Landmarks, LandmarkSequence

#: Files up to this size are put into the notebook; beyond, it is told where they lie.
EMBED_BYTES = 32 << 20
_PICTURES = {".gif": "image/gif", ".png": "image/png", ".webp": "image/webp"}
#: Container -> type and the codec that browsers play in it.
_VIDEOS = {".mp4": ("video/mp4", "h264"), ".mov": ("video/mp4", "h264"), ".webm": ("video/webm", "vp9")}


@dataclass(frozen=True, repr=False)
class Animation:
    """What :meth:`faceshot.FaceShot.animate` made.

    Attributes:
        output: the video (or folder of frames).
        sidecar: the JSON beside it: versions, options, seed, weights, sources.
        landmarks: the character's, as used.
        driving: the driving landmarks.
        sequence: the character's landmarks in every frame.
        seconds: wall time of each stage [s].
        others: where several faces moved, the landmarks of the others in every frame; ``landmarks``, ``driving`` and
            ``sequence`` are the first one's, from the left.
    """

    output: Path
    sidecar: Path
    landmarks: Landmarks
    driving: LandmarkSequence
    sequence: LandmarkSequence
    seconds: dict[str, float]
    others: tuple[LandmarkSequence, ...] = ()

    def __repr__(self) -> str:
        moved = self.sequence
        return (
            f"Animation({str(self.output)!r}, {len(moved)} frames at {float(moved.fps):.5g} fps, "
            f"{moved.size.width}x{moved.size.height}, made in {sum(self.seconds.values()):.1f} s)"
        )

    def _repr_html_(self) -> str | None:
        """The video itself for notebooks; None, and so the text above, where no browser plays it or it is gone."""
        path = next(iter(sorted(self.output.glob("*.png"))), None) if self.output.is_dir() else self.output
        if path is None or not path.is_file():
            return None
        suffix = path.suffix.lower()
        if path.stat().st_size > EMBED_BYTES or not (suffix in _PICTURES or _plays(path)):
            return None
        kind = _PICTURES.get(suffix) or _VIDEOS[suffix][0]
        source = f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
        title = html.escape(repr(self), quote=True)
        if suffix in _PICTURES:
            return f'<img src="{source}" title="{title}" style="max-width: 100%">'
        return f'<video src="{source}" title="{title}" style="max-width: 100%" controls loop autoplay muted></video>'


def _plays(path: Path) -> bool:
    """Whether browsers play the file: its codec decides (``.mov`` may hold ProRes)."""
    from faceshot.media import open_media

    if path.suffix.lower() not in _VIDEOS:
        return False
    try:
        with open_media(path, "video") as container:
            name = container.streams.video[0].codec_context.name
    except FaceShotError:
        return False
    return bool(name == _VIDEOS[path.suffix.lower()][1] or name == "libvpx-vp9")


def no_face_message(name: str, confidence: float, threshold: float) -> str:
    """What to say when a match is too poor to be used, and what to do about it."""
    return (
        f"nothing in {name} looks like a face (score {confidence:.2f}, at least {threshold:.2f} is needed); "
        f"show it with {option('box', 'L,T,R,B')} or {option('points')}"
    )
