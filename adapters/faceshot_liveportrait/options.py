"""The LivePortrait backend's own options, parsed from ``AnimationOptions.extra``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from faceshot.errors import InputError, UsageError, option
from faceshot.reading import expanded

Mode = Literal["landmarks", "proxy", "video"]
Variant = Literal["human", "animal"]
Switch = Literal["auto", "on", "off"]
PartWay = Literal["auto", "ratio", "points", "off"]


@dataclass(frozen=True)
class LivePortraitOptions:
    """How the LivePortrait backend animates.

    Attributes:
        mode: what drives: the character's ``landmarks``; ``proxy``, the warp backend's frames; ``video``, the frames
            of ``driving`` or a ``template``, as published.
        variant: the weights: for people, or for animals.
        region: what moves: ``all``, ``exp`` (expression), ``pose``, ``lip``, ``eyes``.
        stitching: keep the shoulders still and the crop's border fitting; ``auto`` does where the weights are those
            for people, the network found the face's parts where the landmarks are, and the head moves little.
        multiplier: of all motion, 0..3; None is 1, or 1.75 for a clip that drives an animal, as its authors advise.
        turn: how much of the turn and nod in the landmarks becomes a turn in depth, 0..1 (mode ``landmarks``).
        eyes, mouth: opened and shut by LivePortrait's ratio networks, by their landmarks' displacement, or not at
            all (mode ``landmarks``); ``auto`` takes the networks where the part was read and the weights are for
            people.
        snap: move keypoints of parts that were not read onto the landmarks (mode ``landmarks``).
        driving: the driving clip where it is not the pipeline's own, driving_landmarks: a landmark file of it, from
            ``faceshot drive``; template: a motion template (.npz, or LivePortrait's .pkl) instead; save_template:
            write one (.npz), of the first face's driver.
        motion: ``relative`` to the driver's rest frame, or ``absolute`` (mode ``video``).
        retarget: set only how open ``eyes``, ``lips`` or ``both`` are (mode ``video``).
        close_lips: start from closed lips where they are open in the picture (mode ``video``).
        smoothing: variance of the driver's noise, 0 (none) .. 1e-3; None is 3e-7 in mode ``proxy``, else none.
        faces: landmark files of further faces in the picture; each is animated too. A clip of landmarks moves its
            face by itself, landmarks of one picture make it move like the first.
        border: what lies beyond the picture: its ``edge`` repeated, or ``black`` as published.
        batch: frames rendered together; None chooses.
        speedup: ``compile`` (torch.compile) or ``graph`` (CUDA graphs) for long clips; both fall back to ``none``.
    """

    mode: Mode = "landmarks"
    variant: Variant = "human"
    region: Literal["all", "exp", "pose", "lip", "eyes"] = "all"
    stitching: Switch = "auto"
    multiplier: float | None = None
    turn: float = 0.5
    eyes: PartWay = "auto"
    mouth: PartWay = "auto"
    snap: Literal["auto", "off"] = "auto"
    driving: Path | None = None
    driving_landmarks: Path | None = None
    template: Path | None = None
    save_template: Path | None = None
    motion: Literal["relative", "absolute"] = "relative"
    retarget: Literal["off", "eyes", "lips", "both"] = "off"
    close_lips: Literal["off", "on"] = "off"
    smoothing: float | None = None
    faces: tuple[Path, ...] = ()
    border: Literal["edge", "black"] = "edge"
    batch: int | None = None
    speedup: Literal["none", "compile", "graph"] = "none"


_CHOICES: dict[str, tuple[str, ...]] = {
    "mode": get_args(Mode),
    "variant": get_args(Variant),
    "region": ("all", "exp", "pose", "lip", "eyes"),
    "stitching": get_args(Switch),
    "eyes": get_args(PartWay),
    "mouth": get_args(PartWay),
    "snap": ("auto", "off"),
    "motion": ("relative", "absolute"),
    "retarget": ("off", "eyes", "lips", "both"),
    "close_lips": ("off", "on"),
    "border": ("edge", "black"),
    "speedup": ("none", "compile", "graph"),
}
_RANGES = {"multiplier": (0.0, 3.0), "turn": (0.0, 1.0), "smoothing": (0.0, 1e-3), "batch": (1, 256)}
#: Options that only one mode reads.
_OF_MODE = {
    "video": ("driving", "driving_landmarks", "template", "motion", "retarget", "close_lips"),
    "landmarks": ("turn", "eyes", "mouth", "snap"),
}


def parse_options(
    extra: Mapping[str, Any], driving: Path | None = None, *, overwrite: bool = False
) -> LivePortraitOptions:
    """Check ``extra`` (values may be strings, as typed on a command line).

    Args:
        driving: the file the whole animation is driven by, if any. A clip is what mode ``video`` takes unless told
            otherwise; a motion template means mode ``video``.
        overwrite: ``save_template`` may replace a file.

    Raises:
        UsageError: a name that does not exist, a value outside its choices or range, options that contradict.
        InputError: a file that does not exist, a template's name that is taken.
    """
    names = [field.name for field in fields(LivePortraitOptions)]
    values: dict[str, Any] = {}
    for name, value in extra.items():
        if name not in names:
            raise UsageError(f"backend 'liveportrait' has no option {name!r}; its options are {', '.join(names)}")
        if value is None or (value == "auto" and name in _RANGES and getattr(LivePortraitOptions, name) is None):
            continue
        if name in _CHOICES:
            if value not in _CHOICES[name]:
                given = f"{', '.join(_CHOICES[name])}, got {value!r}"
                raise UsageError(f"liveportrait option {name} must be one of {given}")
            values[name] = value
        elif name in _RANGES:
            values[name] = _number(name, value)
        elif name == "faces":
            values[name] = _files(value)
        else:
            values[name] = expanded(value, f"liveportrait option {name}:")
    _take(driving, values)
    options = LivePortraitOptions(**values)
    _check(options, values, overwrite)
    return options


def _take(driving: Path | None, values: dict[str, Any]) -> None:
    """What the file the animation is driven by means for the options, in place."""
    from faceshot_liveportrait.driving.template import is_template

    if driving is None:
        return
    if is_template(driving):
        for name in ("driving", "template"):
            if name in values:
                raise UsageError(
                    f"{option('driving', str(driving))} is a motion template; leave out {name}={values[name]}"
                )
        if values.setdefault("mode", "video") != "video":
            raise UsageError(f"motion template {driving} drives mode=video only; leave out mode={values['mode']}")
        values["template"] = driving
    elif values.get("mode") == "video" and "driving" not in values and "template" not in values:
        values["driving"] = driving


def _check(options: LivePortraitOptions, given: Mapping[str, Any], overwrite: bool) -> None:
    for mode, names in _OF_MODE.items():
        for name in names:
            if name in given and options.mode != mode:
                raise UsageError(f"liveportrait option {name} belongs to mode={mode}; this is mode={options.mode}")
    if options.mode == "video":
        if options.driving is None and options.template is None:
            raise UsageError(
                f"liveportrait mode=video needs a clip: {option('driving', 'CLIP')}, or its option template=FILE"
            )
        if options.driving is not None and options.template is not None:
            raise UsageError("liveportrait options driving and template exclude each other; give one")
        if options.driving_landmarks is not None and options.driving is None:
            raise UsageError("liveportrait option driving_landmarks belongs to driving=CLIP")
        if options.variant == "animal" and (options.motion == "absolute" or options.retarget != "off"):
            raise UsageError("liveportrait variant=animal knows neither motion=absolute nor retarget; leave them out")
    if options.save_template is not None:
        from faceshot.output import check_output

        if options.mode == "landmarks":
            raise UsageError("liveportrait option save_template needs mode=video or mode=proxy")
        if options.save_template.suffix.lower() != ".npz":
            raise UsageError(f"motion templates are written as .npz, got {options.save_template}")
        inputs = [options.driving, options.template, *options.faces]
        check_output(options.save_template, overwrite=overwrite, inputs=inputs)
    for name in ("driving", "driving_landmarks", "template"):
        path = getattr(options, name)
        if path is not None and not path.exists():
            raise InputError(f"liveportrait option {name}: no such file: {path}")


def _files(value: Any) -> tuple[Path, ...]:
    """One path, several between ``;``, or a sequence of paths."""
    items = re.split(r"\s*;\s*", value.strip()) if isinstance(value, str) else value
    items = [items] if isinstance(items, Path) else list(items)
    paths = tuple(expanded(item, "liveportrait option faces:") for item in items if str(item))
    for path in paths:
        if not path.is_file():
            raise InputError(f"liveportrait option faces: no such file: {path}")
    return paths


def _number(name: str, value: Any) -> float | int:
    low, high = _RANGES[name]
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    whole = name != "batch" or number.is_integer()
    if isinstance(value, bool) or not low <= number <= high or not whole:
        kind = "a whole number" if name == "batch" else "a number"
        raise UsageError(f"liveportrait option {name} must be {kind} in {low:g}..{high:g}, got {value!r}")
    return int(number) if name == "batch" else number
