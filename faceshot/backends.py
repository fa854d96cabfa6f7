"""Animation backends: the protocol they follow and how they are found.

A backend is a class behind the entry point group ``faceshot.backends``. Listing reads names only; a backend's
package is imported when it is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, runtime_checkable

from faceshot.errors import MissingError, UsageError
from faceshot.types import Landmarks, LandmarkSequence, Picture, RGBArray

GROUP = "faceshot.backends"


@dataclass(frozen=True)
class AnimationOptions:
    """Options every backend understands, and a bag for its own.

    Attributes:
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        dtype: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
        seed: of every random draw.
        extra: the backend's own options by name; a backend refuses names it does not know.
    """

    device: str = "cpu"
    dtype: str = "auto"
    seed: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class Backend(Protocol):
    """What a backend offers. Constructing one is cheap: no weights, no heavy imports.

    Attributes:
        name: as used with ``--backend``.
        summary: one line.
        licence: of code and weights, one line.
        commercial: whether commercial use of code and weights is allowed.

    A backend whose networks redraw the face also has ``recodes = True``: its frame of unchanged landmarks resembles the
    picture instead of equalling it.
    """

    name: str
    summary: str
    licence: str
    commercial: bool

    def requires(self) -> list[str]:
        """What is missing on this machine, each as a line ending in the command that gets it; empty when ready."""
        ...

    def load(self, options: AnimationOptions) -> None:
        """Load weights; called once before :meth:`animate`.

        Raises:
            MissingError: a weight file or package is missing.
        """
        ...

    def animate(
        self, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: AnimationOptions
    ) -> Iterator[RGBArray]:
        """Yield one frame per entry of ``sequence``: uint8 (H, W, 3), or (H, W, 4) when the picture has a matte.

        ``landmarks`` and ``sequence`` are in pixels of ``picture``; the frame of unchanged landmarks is the picture,
        as it is or as the networks redraw it.
        """
        ...


@dataclass(frozen=True)
class KnownBackend:
    """A backend of this project that a given installation may lack."""

    name: str
    summary: str
    licence: str
    install: str


#: Backends this project makes; shown even when they are not installed.
KNOWN: tuple[KnownBackend, ...] = (
    KnownBackend("warp", "landmark-driven warp on the CPU, always there", "Apache-2.0", "pip install faceshot"),
)


def _entry_points() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def list_backends() -> list[str]:
    """Names of the installed backends, without importing any."""
    return sorted(_entry_points())


def load_backend(name: str) -> Backend:
    """The backend called ``name``, constructed but not loaded.

    Raises:
        UsageError: no such backend; the message lists the installed ones.
        MissingError: it is known but not installed, or its package does not import.
    """
    found = _entry_points()
    if name not in found:
        for known in KNOWN:
            if known.name == name:
                raise MissingError(f"backend {name!r} is not installed; install it with: {known.install}")
        raise UsageError(f"unknown backend {name!r}; installed are {', '.join(sorted(found)) or 'none'}")
    try:
        backend = found[name].load()()
    except ImportError as error:
        raise MissingError(f"backend {name!r} does not import ({error}); reinstall its package") from error
    if not isinstance(backend, Backend):
        raise MissingError(f"backend {name!r} ({found[name].value}) does not follow faceshot.backends.Backend")
    return backend
