"""dlib's classes of results, for where dlib is not there: boxes, points, and lists of them."""

from __future__ import annotations

from typing import Any, NamedTuple


class point(NamedTuple):
    """Whole pixels."""

    x: int
    y: int


class rectangle:
    """Whole pixels; right and bottom lie inside."""

    def __init__(self, left: int = 0, top: int = 0, right: int = -1, bottom: int = -1) -> None:
        self._sides = (int(left), int(top), int(right), int(bottom))

    left, top, right, bottom = (lambda self, k=k: self._sides[k] for k in range(4))  # type: ignore[misc]

    def width(self) -> int:
        """In pixels, both ends counted."""
        return self._sides[2] - self._sides[0] + 1

    def height(self) -> int:
        """In pixels, both ends counted."""
        return self._sides[3] - self._sides[1] + 1

    def area(self) -> int:
        """Pixels."""
        return max(0, self.width()) * max(0, self.height())

    def is_empty(self) -> bool:
        """Whether it holds no pixel."""
        return self.area() == 0

    def center(self) -> point:
        """The middle pixel."""
        left, top, right, bottom = self._sides
        return point((left + right + 1) // 2, (top + bottom + 1) // 2)

    tl_corner, br_corner = (lambda self, k=k: point(*self._sides[k : k + 2]) for k in (0, 2))  # type: ignore[misc]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, rectangle) and self._sides == other._sides

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"rectangle{self._sides}".replace(" ", "")

    def __str__(self) -> str:
        return "[({}, {}) ({}, {})]".format(*self._sides)


class points(list):  # type: ignore[type-arg]
    """A list of :class:`point`."""


class rectangles(list):  # type: ignore[type-arg]
    """A list of :class:`rectangle`."""


class full_object_detections(list):  # type: ignore[type-arg]
    """A list of :class:`full_object_detection`."""


class full_object_detection:
    """The points found in a box."""

    def __init__(self, rect: Any, parts: Any) -> None:
        self.rect, self._parts = rect, points(parts)
        self.num_parts = len(self._parts)

    def part(self, idx: int) -> Any:
        """Point ``idx``."""
        if not 0 <= idx < self.num_parts:
            raise IndexError("Index out of range")
        return self._parts[idx]

    def parts(self) -> Any:
        """All points."""
        return points(self._parts)


class mmod_rectangle(NamedTuple):
    """A box and how sure it is."""

    rect: Any
    confidence: float


class mmod_rectangles(list):  # type: ignore[type-arg]
    """A list of :class:`mmod_rectangle`."""
