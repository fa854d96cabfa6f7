"""From rows to jobs: every cell understood, every file there, no two outputs alike, before anything begins."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from faceshot.batch.manifest import Row
from faceshot.driving import MOTIONS
from faceshot.errors import FaceShotError, InputError
from faceshot.pipeline import (
    AnimateOptions,
    check_video,
    is_sequence_file,
    list_backends,
    load_backend,
    motion_length,
    options_record,
    plain_json,
    sidecar_path,
    source_record,
)

#: What a row says beside the options of ``animate``.
_OWN = ("picture", "driving", "motion", "output", "backend", "landmarks")
_OPTIONS = {f.name for f in fields(AnimateOptions) if not f.name.startswith("save_")}
#: Problems that are listed; of more only the number is said.
_LISTED = 5


@dataclass(frozen=True)
class Job:
    """One video to make.

    Attributes:
        number: of its row. picture, output: paths. backend: its name.
        driving, motion: a clip or sequence file, or a built-in motion; landmarks: a file of the character's.
        options: of :meth:`faceshot.FaceShot.animate`. carried: cells that are none of ours, for the report.
    """

    number: int
    picture: Path
    output: Path
    backend: str = "warp"
    driving: Path | None = None
    motion: str | None = None
    landmarks: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    carried: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reads(self) -> list[Path]:
        """The files it reads."""
        own = [self.options.get(name) for name in ("audio", "model")]
        named = [self.picture, self.driving, self.landmarks, *own]
        return [path for path in named if isinstance(path, Path)]

    @property
    def finds(self) -> tuple[Literal["match", "drive"], ...]:
        """What has to be found before it can be rendered."""
        match: tuple[Literal["match", "drive"], ...] = () if self.landmarks else ("match",)
        return (*match, "drive") if self.driving and not self._is_motion(self.driving) else match

    def _is_motion(self, path: Path) -> bool:
        """Whether a driving file is no clip: it holds landmarks, or motion of the backend's own kind."""
        return is_sequence_file(path) or motion_length(load_backend(self.backend), path) is not None

    @property
    def arguments(self) -> dict[str, Any]:
        """As arguments of :meth:`faceshot.FaceShot.animate`."""
        given = {"driving": self.driving, "motion": self.motion, "landmarks": self.landmarks}
        return {"output": self.output, **{k: v for k, v in given.items() if v is not None}, **self.options}

    def done(self, seed: int, preset: str) -> bool:
        """Whether the output is there, made from these very inputs with these options; read from its sidecar."""
        path = sidecar_path(self.output)
        if not self.output.exists() or not path.is_file():
            return False
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            wanted = self._record(seed)
        except (OSError, ValueError):
            return False
        if not isinstance(record, dict) or (record.get("matcher") or {"preset": preset}).get("preset") != preset:
            return False
        return all(record.get(name) == value for name, value in wanted.items())

    def _record(self, seed: int) -> dict[str, Any]:
        sources = {"picture": _source(self.picture)}
        sources |= {"landmarks": _source(self.landmarks)} if self.landmarks else {}
        sources |= {"motion": {"name": self.motion}} if self.motion else {}
        sources |= {"driving": _source(self.driving)} if self.driving else {}
        audio = self.options.get("audio", "driving")
        if audio not in ("driving", "none") and Path(audio) != self.driving and not self.options.get("sticker"):
            sources |= {"audio": _source(Path(audio))}
        record = {"sources": sources, "options": options_record(AnimateOptions(**self.options)), "seed": seed}
        found: dict[str, Any] = plain_json({**record, "backend": self.backend})
        return found


def _source(path: Path) -> dict[str, Any]:
    try:
        known = path.stat()
    except OSError:
        return {}
    return _hashed(path, known.st_mtime_ns, known.st_size)


@lru_cache(maxsize=100_000)
def _hashed(path: Path, _changed: int, _size: int) -> dict[str, Any]:
    return source_record(path)


def jobs_of(
    rows: Sequence[Row], out: Path, *, base: Path | None = None, defaults: Mapping[str, Any] | None = None
) -> list[Job]:
    """Rows as jobs.

    Args:
        out: folder of outputs that no row names. base: what relative paths of rows start from; the working folder.
        defaults: cells of rows that do not have them.

    Raises:
        InputError: with the first problems and their rows: files that are not there, unknown names, bad values, outputs
            that clash. Nothing was started.
    """
    jobs, problems = [], []
    for row in rows:
        try:
            jobs.append(_job(row, out, base or Path(), dict(defaults or {})))
        except (FaceShotError, ValueError, TypeError) as error:
            problems.append(f"row {row.number}: {error}")
    read = {os.path.realpath(path) for job in jobs for path in job.reads}
    problems += [f"row {job.number}: output {job.output} is an input of the batch" for job in jobs
                 if os.path.realpath(job.output) in read]  # fmt: skip
    counts = Counter(str(job.output).lower() for job in jobs)
    clashing: dict[str, list[int]] = {}
    for job in jobs:
        if counts[str(job.output).lower()] > 1:
            clashing.setdefault(str(job.output), []).append(job.number)
    problems += [f"rows {', '.join(map(str, which))} would all become {name}" for name, which in clashing.items()]
    if problems:
        more = f"; and {len(problems) - _LISTED} more" if len(problems) > _LISTED else ""
        raise InputError("; ".join(problems[:_LISTED]) + more)
    return jobs


def _job(row: Row, out: Path, base: Path, cells: dict[str, Any]) -> Job:
    cells |= row.cells
    if "picture" not in cells:
        raise InputError("names no picture")
    if ("driving" in cells) == ("motion" in cells):
        raise InputError("needs either driving or motion")
    names = ("picture", "driving", "landmarks", "model")
    files: dict[str, Path] = {name: base / str(cells[name]) for name in names if name in cells}
    if cells.get("audio", "driving") not in ("driving", "none"):
        files["audio"] = base / str(cells["audio"])
    for name, path in files.items():
        if not path.exists():
            raise InputError(f"{name} {path} is not there")
    motion, backend = cells.get("motion"), str(cells.get("backend", "warp"))
    if motion is not None and motion not in MOTIONS:
        raise InputError(f"unknown motion {motion!r}; motions are {', '.join(MOTIONS)}")
    if backend not in list_backends():
        raise InputError(f"unknown backend {backend!r}; backends are {', '.join(list_backends())}")
    options = {name: _value(name, cells[name]) for name in cells if name in _OPTIONS and name not in files}
    options |= {name: path for name, path in files.items() if name in ("model", "audio")}
    AnimateOptions(**options)
    moving = str(motion) if motion is not None else files["driving"].stem
    output = out / str(cells.get("output", f"{files['picture'].stem}__{moving}.mp4"))
    check_video(output, inputs=list(files.values()), overwrite=True)
    carried = {name: value for name, value in cells.items() if name not in _OPTIONS and name not in _OWN}
    return Job(
        row.number, files["picture"], output, backend, files.get("driving"), motion, files.get("landmarks"), options,
        carried,
    )  # fmt: skip


def _value(name: str, value: Any) -> Any:
    """A cell as the option's type; values of JSON lines and Parquet that are no text stay as they are."""
    if not isinstance(value, str):
        return value
    try:
        return _FROM_TEXT.get(name, str)(value)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error


def _flag(text: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in words:
        raise ValueError(f"takes true or false, got {text!r}")
    return words[text.lower()]


def _names(text: str) -> tuple[str, ...]:
    return tuple(part for word in text.replace(";", ",").split(",") if (part := word.strip()))


def _pairs(text: str) -> dict[str, str]:
    found = dict(item.split("=", 1) for item in _names(text) if "=" in item)
    if len(found) != len(_names(text)):
        raise ValueError(f"takes NAME=VALUE, several with ; between, got {text!r}")
    return {name.strip(): value.strip() for name, value in found.items()}


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.replace(";", ",").split(","))


def _face(text: str) -> Any:
    return int(text) if text.isdecimal() else _numbers(text) if "," in text or ";" in text else text


_FROM_TEXT: Mapping[str, Callable[[str], Any]] = {
    "gain": lambda text: {name: float(value) for name, value in _pairs(text).items()},
    "only": _names,
    "without": _names,
    "domains": _names,
    "smooth": _flag,
    "start_from_picture": _flag,
    "rest": int,
    "seconds": float,
    "audio_offset": float,
    "max_side": int,
    "box": _numbers,
    "points": lambda text: {n: tuple(float(v) for v in xy.split(":")) for n, xy in _pairs(text).items()},
    "backend_options": _pairs,
    "face": _face,
    "character_face": _face,
}
