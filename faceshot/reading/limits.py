"""Bounds on everything that is read, so that no small file costs hours or gigabytes.

An error that refuses something for its size names the bound. Generous: a film of two hours passes.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

#: Text files (JSON, .pts) [bytes], and lists and objects in one; together they keep parsing below a gigabyte.
MAX_TEXT_BYTES: Final = 64 << 20
MAX_LISTS: Final = 2_500_000
#: A number written as text [characters], and its power of ten.
MAX_DIGITS: Final = 32
MAX_EXPONENT: Final = 30
#: Of an archive of arrays: members, and bytes once they are unpacked.
MAX_MEMBERS: Final = 256
MAX_ARRAY_BYTES: Final = 512 << 20
#: Of a landmark sequence or motion template: nearly two hours at 30 frames per second.
MAX_FRAMES: Final = 200_000
#: Frames per second.
MIN_RATE: Final = Fraction(1, 100)
MAX_RATE: Final = Fraction(1000)
#: Width and height that landmarks may be for [px].
MAX_SIZE: Final = 1_000_000
#: Pictures: sides and area [px]. OpenCV's remapping runs out of coordinates beyond such sides.
MIN_SIDE: Final = 48
MAX_SIDE: Final = 16_384
MAX_PIXELS: Final = 8192 * 8192
#: Frames of animated pictures [px], which are decoded one over the other, and all frames together.
MAX_CLIP_PIXELS: Final = 4096 * 4096
#: Pixels decoded to find out about a clip, before it is read.
MAX_WALK: Final = 1 << 27
#: Of a model's configuration: any number, numbers of layers, entries of a list; bytes of a weight file's header.
MAX_WIDTH: Final = 1 << 20
MAX_LAYERS: Final = 256
MAX_HEADER_BYTES: Final = 100_000_000
