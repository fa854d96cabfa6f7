"""Animation backends: the protocol they follow and how they are found.

A backend is a class behind the entry point group ``faceshot.backends``. Listing reads names only; a backend's
package is imported when it is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from faceshot.errors import BackendError, FaceShotError, MissingError, UsageError, option
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray

GROUP = "faceshot.backends"
#: What every :class:`Backend` has.
MEMBERS = ("name", "summary", "licence", "commercial", "requires", "load", "animate")


@dataclass(frozen=True)
class AnimationOptions:
    """Options every backend understands, and a bag for its own.

    Attributes:
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        dtype: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
        seed: of every random draw.
        extra: the backend's own options by name; a backend refuses names it does not know.
        driving: the driving clip, or a motion file of the backend's own kind, for backends that look at more than
            landmarks; None where landmarks or a built-in motion drive.
        driving_landmarks: of the driving clip, pixels of its frames; set for :meth:`Backend.animate` only.
        overwrite: files that the backend writes beside the video may replace existing ones.
        cache_dir: where what it keeps between runs belongs; None is the user's cache folder.
        shaped: names of the options given that shape the landmarks' motion (``gain``, ``only``, ``without``,
            ``smooth``); a backend that follows something else refuses them.
    """

    device: str = "cpu"
    dtype: str = "auto"
    seed: int = 0
    extra: dict[str, Any] = field(default_factory=dict)
    driving: Path | None = None
    driving_landmarks: LandmarkSequence | None = None
    overwrite: bool = False
    cache_dir: Path | None = None
    shaped: tuple[str, ...] = ()


class MotionLength(NamedTuple):
    """Of a motion file: frames and frames per second."""

    frames: int
    fps: Fraction


@runtime_checkable
class Backend(Protocol):
    """What a backend offers. Constructing one is cheap: no weights, no heavy imports.

    Attributes:
        name: as used with ``--backend``.
        summary: one line.
        licence: of code and weights, one line.
        commercial: whether commercial use of code and weights is allowed.

    What a backend may have besides:

    * ``recodes = True``, where its networks redraw the face: its frame of unchanged landmarks resembles the picture
      instead of equalling it.
    * ``flags``: those of its own options that the command line has flags for (:data:`FLAGS`), as a tuple of names.
    * ``digital_source_type``: IPTC's name for what it draws, where every pixel is generated
      (``trainedAlgorithmicMedia``); without it, an animated picture (``compositeWithTrainedAlgorithmicMedia``).
    * ``writes``: those of its own options that name files it writes, as a tuple of names; files named by any other
      option are read, and never replaced.
    * ``motion_length(path) -> MotionLength | None``: reads files that hold motion of the backend's own kind and may be
      given as driving; None for any other file, InputError for a damaged one. Such a file is handed over as
      ``options.driving``, with a ``sequence`` that rests.
    * ``motion_features(picture, landmarks, sequence, options)``: a matrix (2, 3) from picture pixels to cells, and for
      every entry of the sequence what a frame is drawn from, (C, h, w) float32 cells.
    * ``poser(picture, landmarks, options)``: a function from landmarks (68, 2) to their frame, where drawing one takes
      no longer than a blink; for live previews.
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


#: Options of backends that are flags of ``faceshot animate``; all others are ``--backend-option NAME=VALUE``.
FLAGS = ("fidelity", "low_vram", "parts", "region", "resume")

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
        BackendError: its code fails, or it is no backend.
    """
    found = _entry_points()
    if name not in found:
        for known in KNOWN:
            if known.name == name:
                raise MissingError(f"backend {name!r} is not installed; install it with: {known.install}")
        raise UsageError(f"unknown backend {name!r}; installed are {', '.join(sorted(found)) or 'none'}")
    who = f"backend {name!r} ({found[name].value})"
    with guard(who):
        try:
            made = found[name].load()
        except ImportError as error:
            raise MissingError(f"{who} does not import ({error}); reinstall its package") from error
        backend = made()
    lacking = [member for member in MEMBERS if not hasattr(backend, member)]
    if lacking:
        raise BackendError(f"{who} lacks {', '.join(lacking)}; faceshot.backends.Backend says what a backend has")
    return backend  # type: ignore[no-any-return]  # it has the members


@contextmanager
def guard(who: str) -> Iterator[None]:
    """Run code of a plug-in: whatever goes wrong in there becomes one line that names it.

    Our own errors pass, so do Ctrl-C and a machine without memory.

    Raises:
        BackendError: the code raised, or tried to end the program.
    """
    try:
        yield
    except (FaceShotError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())[:300]
        raise BackendError(f"{who} failed: {type(error).__name__}{': ' if said else ''}{said}") from error


def named(backend: Backend) -> str:
    """A backend as messages call it: its name and the class behind it."""
    return f"backend {backend.name!r} ({type(backend).__module__}:{type(backend).__qualname__})"


def requirements(backend: Backend) -> list[str]:
    """What :meth:`Backend.requires` says is missing.

    Raises:
        BackendError: it fails.
    """
    with guard(named(backend)):
        lines = backend.requires()
        return [lines] if isinstance(lines, str) else [str(line) for line in lines]


def with_flags(name: str, flags: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The own options of backend ``name``: ``options``, and ``flags`` (of :data:`FLAGS`) that were given.

    Raises:
        UsageError: the backend does not know a flag (the message names those that do), or it is given both ways.
        Also as :func:`load_backend`.
    """
    known = getattr(load_backend(name), "flags", ())
    for flag in flags:
        shown = option(flag)
        if flag not in known:
            others = [other for other, backend in _installed() if flag in getattr(backend, "flags", ())]
            have = (
                f"it belongs to {option('backend', ' or '.join(others))}" if others else "no installed backend has it"
            )
            raise UsageError(f"backend {name!r} has no {shown}; {have}")
        if flag in options:
            raise UsageError(
                f"{shown} and {option('backend_option', f'{flag}={options[flag]}')} exclude each other; give one"
            )
    return {**options, **flags}


def motion_length(backend: Backend, path: Path) -> MotionLength | None:
    """Length of a file with motion of the backend's own kind; None where ``path`` is something else.

    Raises:
        InputError: it is of that kind, but damaged.
    """
    reader = getattr(backend, "motion_length", None)
    if reader is None:
        return None
    with guard(named(backend)):
        length: MotionLength | None = reader(path)
    return length


def motion_readers(path: Path) -> list[str]:
    """The installed backends that read ``path`` as motion of their own kind."""
    found = []
    for name, backend in _installed():
        try:
            if motion_length(backend, path) is not None:
                found.append(name)
        except FaceShotError:
            continue  # damaged, or a plug-in that fails: there is nothing to recommend
    return found


def _installed() -> Iterator[tuple[str, Backend]]:
    """Every installed backend that can be made."""
    for name in list_backends():
        try:
            backend = load_backend(name)
        except FaceShotError:
            continue
        yield name, backend
