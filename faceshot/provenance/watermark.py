"""A mark in the pixels themselves, hardly visible, which outlives what metadata does not: encoding and cropping.

A tile of 128x128 px, the same all over every frame, is added to the luminance: additive spread spectrum (Cox et al.
1997) with a pilot to find place and size by (Deguillaume et al. 2000 do so with a template). The tile's Fourier
coefficients of periods 8 to 32 px are dealt out: a quarter are the pilot, the others carry 96 bits, about six
amplitudes each: what it is (8), 64 of payload, a checksum (24). It is no proof: who wants to can wash it out.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from faceshot.errors import UsageError, option

Array = npt.NDArray[Any]
#: Edge of the repeated tile [px], and the periods of its waves.
TILE = 128
_SHORTEST, _LONGEST = 8.0, 32.0
_BITS = 96
#: Levels (root of the mean square) that are added where the picture is flat, share of its own detail that is added
#: elsewhere, and the most.
_FLAT, _DETAIL, _MOST = 1.2, 0.3, 4.0
#: Texts that fit, in bytes of UTF-8.
TEXT_BYTES = 8
#: Peak of the pilot over its noise from which on a place is believed, and how many sizes and places are looked into.
_PEAK = 5.0
_LOOKED_INTO = 8
#: Sizes that are searched, as shares of the tile's own, and the part of a frame that is searched for them.
_SIZES = (0.4, 2.1)
_SEARCHED = 640
#: So many of the least certain bits are turned over, so many at once, until the checksum is right.
_UNCERTAIN, _TURNED = 14, 3


@dataclass(frozen=True)
class Watermark:
    """What a mark says.

    Attributes:
        kind: ``text`` or ``id``. value: at most 8 bytes of text, or 16 hexadecimal digits.
    """

    kind: Literal["id", "text"]
    value: str

    @classmethod
    def of(cls, text: str, about: Mapping[str, Any] | None = None) -> Watermark:
        """The mark of a text, or with ``auto`` an id that is the same whenever ``about`` is.

        Raises:
            UsageError: a text that is empty, too long, or holds zero bytes.
        """
        if text == "auto":
            told = json.dumps(about or {}, sort_keys=True, default=str).encode()
            return cls("id", hashlib.sha256(told).hexdigest()[:16])
        size = len(text.encode("utf-8", "surrogatepass"))
        if not 0 < size <= TEXT_BYTES or not text.isprintable() or text != text.strip():
            name = option("watermark")
            raise UsageError(f"{name} takes auto, or a printable text of at most {TEXT_BYTES} bytes, got {text!r}")
        return cls("text", text)

    @property
    def bits(self) -> Array:
        """(96,) of 0 and 1."""
        data = bytes.fromhex(self.value) if self.kind == "id" else self.value.encode().ljust(TEXT_BYTES, b"\0")
        body = bytes([_KINDS.index(self.kind)]) + data
        return np.unpackbits(np.frombuffer(body + _checksum(body), np.uint8))

    @classmethod
    def from_bits(cls, bits: Array) -> Watermark | None:
        """The mark of 96 bits, or None if they are none."""
        raw = np.packbits(bits).tobytes()
        if raw[0] >= len(_KINDS) or _checksum(raw[:9]) != raw[9:]:
            return None
        if _KINDS[raw[0]] == "id":
            return cls("id", raw[1:9].hex())
        try:
            text = raw[1:9].rstrip(b"\0").decode()
        except UnicodeDecodeError:
            return None
        return cls("text", text) if text.isprintable() and text else None


_KINDS: tuple[Literal["id", "text"], ...] = ("id", "text")


def _checksum(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(4, "big")[1:]


class _Code(NamedTuple):
    """Which wave carries what; all by a hash, so that marks can be read for ever.

    Attributes:
        y, x: (K,) of the tile's Fourier coefficients, half of the plane; phase: (K,) complex.
        pilot: (K,) bool; bit: (K, 2) which bit the real and the imaginary part carry, -1 for the pilot's.
        ring: (K,) 0..3, by wavelength.
    """

    y: Array
    x: Array
    phase: Array
    pilot: Array
    bit: Array
    ring: Array


@lru_cache(maxsize=1)
def _code() -> _Code:
    reach = int(TILE / _SHORTEST) + 1
    y, x = (v.ravel() for v in np.mgrid[0 : reach + 1, -reach : reach + 1])
    radius = np.hypot(y, x)
    kept = (radius >= TILE / _LONGEST) & (radius <= TILE / _SHORTEST) & ((y > 0) | (x > 0))
    y, x, radius = y[kept], x[kept], radius[kept]
    count = len(y)
    random = np.frombuffer(hashlib.shake_256(b"faceshot watermark 1").digest(8 * count), ">u4").reshape(2, count)
    # By wavelength first, so that every bit has long waves and short ones.
    order = np.lexsort((random[0], np.round(radius, 1)))
    y, x, radius = y[order], x[order], radius[order]
    phase = np.exp(2j * np.pi * random[1] / 2**32)
    rank = np.arange(count)
    pilot = rank % 4 == 0
    bit = np.full((count, 2), -1)
    slots = np.arange(2 * int((~pilot).sum()))
    # Turned by a prime in every round, as else the two parts of a wave would always carry neighbours.
    bit[~pilot] = ((slots + 29 * (slots // _BITS)) % _BITS).reshape(-1, 2)
    return _Code(y, x, phase, pilot, bit, rank * 4 // count)


@lru_cache(maxsize=8)
def _tile(mark: Watermark) -> npt.NDArray[np.float32]:
    """(128, 128), mean 0 and root of the mean square 1."""
    code, sign = _code(), 2.0 * mark.bits - 1
    value = np.where(code.pilot, 0.8 + 0j, (sign[code.bit[:, 0]] + 1j * sign[code.bit[:, 1]]) / np.sqrt(2))
    plane = np.zeros((TILE, TILE), complex)
    # Long waves are what coarse encoding leaves, short ones what the eye sees least; between the two.
    plane[code.y, code.x] = value * code.phase
    tile = np.fft.ifft2(plane).real
    return np.asarray(tile / tile.std(), np.float32)


def mark_field(mark: Watermark, rgb: Array) -> npt.NDArray[np.int16]:
    """(H, W) levels to add to frames that look like ``rgb`` (H, W, 3 or 4) uint8: more where there is more detail."""
    import cv2

    luma = cv2.cvtColor(np.ascontiguousarray(rgb[..., :3]), cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail: Any = cv2.GaussianBlur(luma, (0, 0), 1.2) - cv2.GaussianBlur(luma, (0, 0), 5)
    spread = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 4))
    strength = cv2.GaussianBlur(np.clip(_FLAT + _DETAIL * spread, _FLAT, _MOST), (0, 0), 3)
    height, width = luma.shape
    tile = np.tile(_tile(mark), (-(-height // TILE), -(-width // TILE)))[:height, :width]
    return np.asarray(np.round(strength * tile), np.int16)


def marked(frames: Iterable[Array], mark: Watermark) -> Iterator[Array]:
    """The frames (H, W, 3 or 4) uint8, all of one size, with the mark; how strong it is, the first one decides."""
    import cv2

    field = None
    for frame in frames:
        if field is None:
            field = np.zeros(frame.shape, np.int16)
            field[..., :3] = mark_field(mark, frame)[..., None]
        yield np.asarray(cv2.add(frame, field, dtype=cv2.CV_8U), np.uint8)


def read_watermark(frames: Iterable[Array]) -> Watermark | None:
    """The mark of a video or picture, also scaled to 0.4 to 2.1 of its size, cropped and mirrored; None without one.

    Args:
        frames: (H, W, 3 or 4) uint8 of one size; a few dozen spread over the clip are enough.
    """
    seen = _residual(frames)
    if seen is None:
        return None
    height, width = seen.shape
    if (own := _best_of(seen, [1.0])) is not None:
        return own
    top, left = max(0, (height - _SEARCHED) // 2), max(0, (width - _SEARCHED) // 2)
    part = seen[top : top + _SEARCHED, left : left + _SEARCHED]
    steps = max(part.shape)
    sizes = np.geomspace(*_SIZES, int(np.log(_SIZES[1] / _SIZES[0]) * steps))
    peaks = np.array([max(place.peak for place in _places(_folded(part, size), 1)) for size in sizes])
    fine = 0.5 / max(steps, 1)
    for k in np.argsort(-peaks)[:_LOOKED_INTO]:
        around = sizes[k] * (1 + fine * np.arange(-3, 4))
        if (found := _best_of(seen, list(around))) is not None:
            return found
    return None


def _residual(frames: Iterable[Array]) -> npt.NDArray[np.float32] | None:
    """(H, W) what is left of the frames' mean when all is taken away that pictures have of their own."""
    import cv2

    total: Any = None
    for frame in frames:
        luma = cv2.cvtColor(np.ascontiguousarray(frame[..., :3]), cv2.COLOR_RGB2GRAY).astype(np.float32)
        rest: Any = luma - cv2.GaussianBlur(luma, (0, 0), 8)
        rest /= np.sqrt(cv2.GaussianBlur(rest * rest, (0, 0), 10) + 1.0)
        rest = np.clip(rest, -2, 2)
        total = rest if total is None else total + rest if total.shape == rest.shape else total
    if total is None or min(total.shape) < 32:
        return None
    # Flat in frequency: pictures have more of what is long, and of what their edges repeat.
    spectrum = np.fft.rfft2(total)
    size = np.abs(spectrum).astype(np.float32)
    spectrum /= cv2.blur(size, (25, 25), borderType=cv2.BORDER_REFLECT) + 1e-6
    return np.fft.irfft2(spectrum, s=total.shape).astype(np.float32)


def _folded(seen: Array, size: float) -> Array:
    """(128, 128) all tiles on each other, if they are ``size`` of their own size."""
    import cv2

    if size != 1:
        out = (max(1, round(seen.shape[1] / size)), max(1, round(seen.shape[0] / size)))
        grid: Any = np.array([[size, 0, (size - 1) / 2], [0, size, (size - 1) / 2]], np.float32)
        smooth: Any = cv2.GaussianBlur(seen, (0, 0), 0.4 * size) if size > 1.3 else seen
        seen = cv2.warpAffine(smooth, grid, out, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    height, width = seen.shape
    full = np.zeros((-(-height // TILE) * TILE, -(-width // TILE) * TILE), np.float32)
    full[:height, :width] = seen
    return np.asarray(full.reshape(full.shape[0] // TILE, TILE, full.shape[1] // TILE, TILE).sum((0, 2)))


class _Place(NamedTuple):
    peak: float
    waves: Array
    y: float
    x: float


def _places(folded: Array, fine: int = 4) -> list[_Place]:
    """Where the pilot lies best, as it is and mirrored; ``fine`` places a pixel."""
    code, out = _code(), []
    pilot = code.pilot
    for tile in (folded, folded[:, ::-1]):
        waves = np.fft.fft2(tile)[code.y, code.x]
        waves = waves / max(float(np.sqrt((np.abs(waves) ** 2).mean())), 1e-9)
        plane = np.zeros((TILE * fine, TILE * fine), complex)
        plane[code.y[pilot], code.x[pilot]] = waves[pilot] * np.conj(code.phase[pilot])
        match = np.fft.ifft2(plane).real
        at = int(match.argmax())
        peak = float(match.flat[at] / max(float(match.std()), 1e-12))
        y, x = divmod(at, match.shape[1])
        out.append(_Place(peak, waves, y / fine, x / fine))
    return out


def _best_of(seen: Array, sizes: list[float]) -> Watermark | None:
    """What the tiles say, if they are of one of these sizes."""
    places = [place for size in sizes for place in _places(_folded(seen, size)) if place.peak >= _PEAK]
    for place in sorted(places, key=lambda place: -place.peak)[:3]:
        if (found := _read(place)) is not None:
            return found
    return None


def _read(place: _Place) -> Watermark | None:
    code = _code()
    turn = np.exp(2j * np.pi * (code.y * place.y + code.x * place.x) / TILE)
    waves = place.waves * turn * np.conj(code.phase)
    # Every wavelength counts as far as the pilot's waves of its kind have come through.
    clear = np.array([waves[code.pilot & (code.ring == ring)].real.mean() for ring in range(4)])
    clear = np.maximum(clear, 0.02)[code.ring]
    data = ~code.pilot
    parts = np.stack([waves[data].real, waves[data].imag], 1) * clear[data, None]
    belief = np.bincount(code.bit[data].ravel(), parts.ravel(), _BITS)
    bits = (belief > 0).astype(np.uint8)
    unsure = np.argsort(np.abs(belief))[:_UNCERTAIN]
    for count in range(_TURNED + 1):
        for turned in combinations(unsure, count):
            tried = bits.copy()
            tried[list(turned)] ^= 1
            if (found := Watermark.from_bits(tried)) is not None:
                return found
    return None
