"""Stickers: a short loop brought to the size, length and bytes that a messenger takes, at the best quality."""

from __future__ import annotations

import logging
import math
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np

from faceshot.errors import InputError, UsageError, option
from faceshot.landmarks import RGBArray, Size
from faceshot.media.writer import VideoWriter
from faceshot.output import writing

log = logging.getLogger("faceshot")


@dataclass(frozen=True)
class Sticker:
    """What a place for stickers takes.

    Attributes:
        suffixes: of files it takes, the best first. side: of the longer side [px].
        square: whether both sides must have it; enlarge: whether smaller pictures must be brought to it.
        bytes, seconds, fps: at most; seconds None is as long as it likes.
    """

    suffixes: tuple[str, ...]
    side: int
    square: bool
    enlarge: bool
    bytes: int
    seconds: float | None = None
    fps: int = 30


#: Limits of 2026 as the services state them; ``web`` is our own choice for a picture in a page.
STICKERS = {
    "whatsapp": Sticker((".webp",), 512, square=True, enlarge=True, bytes=500_000, seconds=10),
    "telegram": Sticker((".webm",), 512, square=False, enlarge=True, bytes=256_000, seconds=3),
    "discord": Sticker((".png", ".apng", ".gif"), 320, square=True, enlarge=True, bytes=512_000, seconds=5),
    "web": Sticker((".webp", ".webm", ".png", ".gif"), 512, square=False, enlarge=False, bytes=1_000_000),
}
#: Qualities tried, frames left out, and the rate below which nothing moves any more.
_WORST, _BEST, _CLOSE, _STRIDES, _SLOWEST = 20, 95, 6, (1, 2, 3, 5), 6


def check_sticker(name: str, path: Path) -> Sticker:
    """The sticker called ``name``, for an output of this name.

    Raises:
        UsageError: unknown, or another format.
    """
    if name not in STICKERS:
        raise UsageError(f"unknown sticker {name!r}; stickers are {', '.join(STICKERS)}")
    kind = STICKERS[name]
    if path.suffix.lower() not in kind.suffixes:
        raise UsageError(f"a {name} sticker is {' or '.join(kind.suffixes)}, got {path.name}")
    return kind


class StickerWriter:
    """Takes frames like :class:`VideoWriter` and writes them when all are there; frames beyond the length are left out.

    Args:
        path, fps, overwrite, metadata: as of :class:`VideoWriter`. kind: of :data:`STICKERS`.

    Raises:
        InputError: the limit cannot be met; as :class:`VideoWriter`.
    """

    def __init__(
        self,
        path: Path,
        kind: Sticker,
        fps: Fraction,
        *,
        overwrite: bool = False,
        metadata: dict[str, str] | None = None,
    ) -> None:
        self.path, self.kind, self.overwrite, self.metadata = path, kind, overwrite, metadata
        self.every = math.ceil(fps / kind.fps)
        self.fps = fps / self.every
        self.most = None if kind.seconds is None else math.floor(kind.seconds * self.fps)
        self.given = 0
        self.size = Size(1, 1)
        self._alpha = False
        self._frames: list[bytes] = []
        self._stack = ExitStack()
        self._part = path

    @property
    def full(self) -> bool:
        """Whether further frames would be left out."""
        return self.most is not None and len(self._frames) >= self.most

    def __enter__(self) -> StickerWriter:
        self._part = self._stack.enter_context(writing(self.path, overwrite=self.overwrite, finished=True))
        return self

    def write(self, frame: RGBArray) -> None:
        """Keep one uint8 frame (H, W, 3) or (H, W, 4), fitted and packed."""
        if self.given % self.every == 0 and not self.full:
            fitted = fit(frame, self.kind)
            self._alpha = self._alpha or bool((fitted[..., 3] < 255).any())
            self.size = Size(fitted.shape[1], fitted.shape[0])
            self._frames.append(zlib.compress(fitted.tobytes(), 1))
        self.given += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._stack:
                if error is not None:
                    raise error
                self._search().replace(self._part)
        except BaseException as raised:
            if raised is not error:
                raise

    def _search(self) -> Path:
        """The best file that is small enough: all frames first, then fewer, then coarse ones (of lossless formats)."""
        if not self._frames:
            raise InputError(f"no frames for {self.path}; nothing was written")
        lossless = self.path.suffix.lower() in (".png", ".apng", ".gif")
        for coarse, stride in ((c, s) for c in ((1, 2, 3) if lossless else (1,)) for s in _STRIDES):
            if stride > 1 and self.fps / stride < _SLOWEST:
                continue
            low, best = _WORST, self._encoded(stride, _WORST, coarse)
            if best is None:
                continue
            high = _BEST + 1
            while high - low > _CLOSE:
                middle = (low + high) // 2
                found = self._encoded(stride, middle, coarse)
                low, high, best = (middle, high, found) if found is not None else (low, middle, best)
            note = "%s: %d frames at %.3g fps, quality %d, %d of %d kB"
            size = best.stat().st_size // 1000
            shown = len(self._frames[::stride])
            log.info(note, self.path.name, shown, float(self.fps / stride), low, size, self.kind.bytes // 1000)
            return best
        raise InputError(
            f"{self.path.name} does not fit into {self.kind.bytes // 1000} kB; cut the motion with "
            f"{option('stop')} or {option('seconds')}, or use a plainer picture"
        )

    def _encoded(self, stride: int, quality: int, coarse: int) -> Path | None:
        """The file at this quality, of blocks of ``coarse`` pixels, None if it is too large."""
        path = self._part.with_name(f"{coarse}_{stride}_{quality}{self.path.suffix}")
        with VideoWriter(
            path, self.size, self.fps / stride, alpha=self._alpha, metadata=self.metadata, quality=quality
        ) as writer:
            for packed in self._frames[::stride]:
                frame = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(self.size.height, self.size.width, 4)
                if coarse > 1:
                    blocks = frame[::coarse, ::coarse].repeat(coarse, 0).repeat(coarse, 1)
                    frame = blocks[: self.size.height, : self.size.width]
                writer.write(frame if self._alpha else np.ascontiguousarray(frame[..., :3]))
        return path if path.stat().st_size <= self.kind.bytes else None


def fit(frame: RGBArray, kind: Sticker) -> RGBArray:
    """A frame (H, W, 3 or 4) as the sticker wants it: uint8 (h, w, 4), scaled, on a transparent square if so."""
    from PIL import Image

    height, width = frame.shape[:2]
    scale = kind.side / max(width, height)
    if scale > 1 and not kind.enlarge:
        scale = 1.0
    picture = Image.fromarray(frame).convert("RGBA")
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    if target != picture.size:
        # Premultiplied, or colours of what is transparent would bleed into the edge.
        picture = picture.convert("RGBa").resize(target, Image.Resampling.LANCZOS).convert("RGBA")
    if kind.square and target != (kind.side, kind.side):
        canvas = Image.new("RGBA", (kind.side, kind.side), (0, 0, 0, 0))
        canvas.paste(picture, ((kind.side - target[0]) // 2, (kind.side - target[1]) // 2))
        picture = canvas
    return np.array(picture)
