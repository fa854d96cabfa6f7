"""The flags that several commands share, and how a command gets them."""

from __future__ import annotations

import functools
import inspect
import json
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from faceshot.cli.typed.paths import clean
from faceshot.errors import InputError, UsageError
from faceshot.output import protecting
from faceshot.reading import whole_number

if TYPE_CHECKING:
    from faceshot.pipeline import FaceShot

Dtype = Literal["auto", "float32", "float16", "bfloat16"]
Regularise = Literal["none", "faceshot", "robust"]
Source = Literal["auto", "facemesh", "facexlib", "track", "mediapipe"]
Mode = Literal["stable", "faceshot", "paper"]
Gaps = Literal["hold", "rest", "cut", "refuse"]
Guidance = Literal["none", "self", "domain", "swap"]

UNSIGNED = "not signed: the proof of what made it, and of its inputs, is left out"
CONSENT = "A real person's face or performance may only be used with that person's consent."

#: Parameters of commands that name files they read: nothing there is ever replaced. Pictures, which may be folders to
#: write beside, and galleries and presets, which have names too, are seen to where they are looked up.
READ = ("audio", "clip", "driving", "landmarks", "model", "points")

BoxFlag = Annotated[
    str | None, typer.Option("--box", metavar="L,T,R,B", help="Approximate face box in pixels; skips the search.")
]
PointsFlag = Annotated[
    str | None,
    typer.Option(
        "--points",
        metavar="FILE|TEXT",
        help="Hand-set anchors, e.g. 'right_eye=90,120;left_eye=160,121': two or more of right_eye, left_eye, nose, "
        "right_mouth, left_mouth (the subject's sides), mouth (its middle), in pixels; or a JSON file of them.",
    ),
]
FaceFlag = Annotated[
    str | None,
    typer.Option(metavar="largest|left|right|N", help="Which of several faces; N counts from the left, from 1."),
]
SureFlag = Annotated[
    float | None,
    typer.Option(metavar="X", min=0.0, max=1.0, help="Take faces from this confidence on (default: the model's)."),
]
AcceptFlag = Annotated[bool, typer.Option("--accept", help="Take what there is, however unsure.")]
RegulariseFlag = Annotated[Regularise, typer.Option(help="How matches are tidied into a face.")]
DomainFlag = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Use only this gallery domain (may be repeated).")
]
PresetFlag = Annotated[
    str,
    typer.Option(
        metavar="NAME|DIR|FILE|OWNER/NAME",
        help="Diffusion model of the matcher: mini, sd15, sd15-fast, sd15-onestep, sd21, a folder, a checkpoint file, "
        "or a model of the hub. Settings may follow: sd15:steps=20,guidance=self.",
    ),
]
GuidanceFlag = Annotated[Guidance | None, typer.Option(help="Image prompt of the matcher's model (with sd15: domain).")]
StepsFlag = Annotated[
    int | None, typer.Option(metavar="N", help="DDIM steps of the matcher's model (with sd15: 50).", min=1)
]
NoProvenanceFlag = Annotated[
    bool, typer.Option("--no-provenance", help="Do not sign videos (see: faceshot provenance).")
]
GalleryFlag = Annotated[
    list[str] | None, typer.Option(metavar="NAME|DIR", help="Appearance gallery to use (may be repeated).")
]
ModeFlag = Annotated[
    Mode, typer.Option(help="stable, or the paper's algorithm: faceshot as released, paper as written.")
]
GainFlag = Annotated[
    str | None,
    typer.Option(
        metavar="PART=G,...",
        help="Gain 0 to 3 per part, e.g. mouth=1.2,eyes=0.8 (also: all, brows, head, jaw, gaze, zoom).",
    ),
]
OnlyFlag = Annotated[str | None, typer.Option(metavar="PARTS", help="Move only these parts, e.g. mouth,eyes.")]
WithoutFlag = Annotated[str | None, typer.Option(metavar="PARTS", help="Keep these parts still.")]
StartFlag = Annotated[
    bool, typer.Option("--start-from-picture", help="Begin with the untouched picture and ease into the motion.")
]
SmoothFlag = Annotated[bool, typer.Option("--smooth/--no-smooth", help="Calm jittery landmarks; softens fast speech.")]
SkipFlag = Annotated[bool, typer.Option("--skip-existing", help="Leave out pictures whose result is there.")]
FpsFlag = Annotated[
    str | None, typer.Option(metavar="N", help="Frame rate of a landmark file that has none (.npy), e.g. 29.97.")
]


@dataclass(frozen=True)
class Common:
    """The flags every command has.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        dtype: number type of the networks; ``auto`` is float32 on a CPU.
        low_vram: networks share the device's memory in turns; slower.
        seed: of every random draw.
        offline: never touch the network.
        cache_dir: instead of the user's cache folder.
        overwrite: existing results may be replaced.
        quiet: no progress, no notes.
        verbose: log what happens; show the traceback of an error.
        as_json: results as one JSON object on stdout.
    """

    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where networks run.")] = "auto"
    dtype: Annotated[Dtype, typer.Option(help="Number type of the networks.")] = "auto"
    low_vram: Annotated[bool, typer.Option("--low-vram", help="Less GPU memory, more time.")] = False
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 0
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network.")] = False
    cache_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Cache folder (default: FACESHOT_CACHE or the user's).")
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing results.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")] = False
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more; full traceback on errors.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="Results as one JSON object on stdout.")] = False

    def check(self) -> None:
        """Refuse what no command can use, before anything heavy is imported."""
        kind, _, index = self.device.partition(":")
        numbered = kind == "cuda" and whole_number(index) is not None
        if kind not in ("auto", "cpu", "cuda", "mps") or (index and not numbered):
            raise UsageError(f"unknown device {self.device!r}; use auto, cpu, cuda, cuda:N or mps")
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"--seed must lie in 0..2^63-1, got {self.seed}")
        if self.quiet and self.verbose:
            raise UsageError("--quiet and --verbose exclude each other")
        if self.cache_dir is not None and self.cache_dir.exists() and not self.cache_dir.is_dir():
            raise InputError(f"--cache-dir {self.cache_dir} is not a folder")

    def say(self, note: str) -> None:
        """A note for the person in front of the screen: on stderr, unless ``quiet``."""
        if not self.quiet:
            typer.echo(note, err=True)

    def give(self, result: dict[str, Any], lines: Iterable[str]) -> None:
        """The result on stdout: ``lines``, or the object with ``--json``."""
        if self.as_json:
            typer.echo(to_json(result, indent=2))
        else:
            for line in lines:
                typer.echo(line)


@dataclass(frozen=True)
class ClipFlags:
    """The flags of a driving clip, as arguments of :meth:`faceshot.FaceShot.drive` (see :meth:`options`)."""

    source: Annotated[Source, typer.Option(help="How the clip's landmarks are found.")] = "auto"
    model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Model file of the source, e.g. face_landmarker.task.")
    ] = None
    rest: Annotated[str, typer.Option(metavar="N|auto", help="Rest frame that motion is measured from.")] = "auto"
    start: Annotated[str, typer.Option(metavar="N|TIME", help="First frame, or a time: 1.5s, 0:01.5.")] = "0"
    stop: Annotated[str | None, typer.Option(metavar="N|TIME", help="Frame or time to stop before.")] = None
    face: Annotated[
        str | None,
        typer.Option(
            "--face",
            metavar="largest|left|right|N|L,T,R,B",
            help="Whom to follow where the clip shows several people; N counts from the left, a box is in pixels.",
        ),
    ] = None
    gaps: Annotated[
        Gaps,
        typer.Option(
            help="Where the face is gone for long: hold its last pose (and rest at the ends), rest, cut the ends off, "
            "or refuse."
        ),
    ] = "hold"

    def options(self) -> dict[str, Any]:
        """As arguments; a range that can hold no frame is refused."""
        from faceshot.cli.typed.values import check_range, parse_face, parse_rest

        check_range(self.start, self.stop)
        return {
            "face": parse_face(self.face) or "largest",
            "source": self.source,
            "model": self.model,
            "rest": parse_rest(self.rest),
            "start": self.start if self.start != "0" else 0,
            "stop": self.stop,
            "gaps": self.gaps,
        }


def to_json(value: Any, *, indent: int | None = None) -> str:
    """JSON of a result, readable; file names that are no text come as escapes, so that it is always UTF-8."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent, default=str)
    return text


def with_common(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags of :class:`Common` (all, or only ``names``); it receives them as ``common``.

    A parameter whose type is another class of flags (:class:`ClipFlags`) gets its flags in the same way.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        groups: dict[str, Any] = {
            name: p.annotation for name, p in signature.parameters.items() if is_dataclass(p.annotation)
        }
        own: list[inspect.Parameter] = []
        flags: list[inspect.Parameter] = []
        chosen: dict[str, list[str]] = {}
        for name, parameter in signature.parameters.items():
            group = groups.get(name)
            if group is None:
                own.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
                continue
            hints = inspect.get_annotations(group, eval_str=True)
            kept = [entry for entry in fields(group) if group is not Common or not names or entry.name in names]
            chosen[name] = [entry.name for entry in kept]
            made = [
                inspect.Parameter(
                    entry.name, inspect.Parameter.KEYWORD_ONLY, default=entry.default, annotation=hints[entry.name]
                )
                for entry in kept
            ]
            own, flags = (own, flags + made) if group is Common else (own + made, flags)

        @functools.wraps(command)
        def run(**given: Any) -> None:
            given = {name: clean(value) for name, value in given.items()}
            read = [given.get(name) for name in READ]
            made = {name: groups[name](**{flag: given.pop(flag) for flag in chosen[name]}) for name in chosen}
            common = made["common"]
            common.check()
            configure(common)
            with protecting(read):
                command(**made, **given)

        run.__signature__ = signature.replace(parameters=own + flags)  # type: ignore[attr-defined]
        # typer resolves annotations through this mapping, which `wraps` has copied from the command.
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in own + flags}
        return run

    return decorate


class _Log(logging.Handler):
    """Writes to whatever ``sys.stderr`` is at that moment (tests and notebooks replace it)."""

    def emit(self, record: logging.LogRecord) -> None:
        name = "note" if record.levelno <= logging.INFO else record.levelname.lower()
        typer.echo(f"{name}: {record.getMessage()}", file=sys.stderr)


def configure(common: Common) -> None:
    """Progress and log of this process, as the flags say; only the command line does this."""
    from faceshot.progress import show_progress

    show_progress.set(not common.quiet)
    log = logging.getLogger("faceshot")
    log.handlers = [_Log()]
    log.propagate = False
    log.setLevel(logging.ERROR if common.quiet else logging.DEBUG if common.verbose else logging.INFO)


def load_shot(
    common: Common, *, preset: str = "mini", gallery: Sequence[str] | None = None, backend: str = "warp"
) -> FaceShot:
    """The pipeline these flags describe; nothing is loaded yet."""
    from faceshot.pipeline import FaceShot

    return FaceShot(
        preset,
        galleries=tuple(gallery or ()),
        backend=backend,
        device=common.device,
        dtype=common.dtype,
        seed=common.seed,
        offline=common.offline,
        cache_dir=common.cache_dir,
        low_vram=common.low_vram,
    )
