"""The list of a batch: CSV, JSON lines or Parquet, a row for every video; or the product of pictures and motions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.media import check_file, pictures_in

SUFFIXES = (".csv", ".jsonl", ".ndjson", ".parquet")
#: Rows of a manifest; more are better several batches.
MOST_ROWS = 1_000_000
_CELL = 1 << 20


@dataclass(frozen=True)
class Row:
    """One row as it stands: its number (from 1, without the header) and its cells; empty ones are left out."""

    number: int
    cells: Mapping[str, Any]


def read_manifest(path: str | Path) -> list[Row]:
    """The rows of a manifest, nothing checked yet but that it can be read.

    Raises:
        UsageError: unknown suffix. InputError: missing, damaged, without rows, more than :data:`MOST_ROWS`.
        MissingError: ``.parquet`` without pyarrow.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"manifest {path} needs one of the suffixes {' '.join(SUFFIXES)}")
    check_file(path, "manifest")
    read = {".csv": _csv, ".parquet": _parquet}.get(path.suffix.lower(), _lines)
    try:
        cells = read(path)
    except (ValueError, csv.Error) as error:
        raise InputError(f"manifest {path} is malformed ({error}); export it again") from error
    if not cells:
        raise InputError(f"manifest {path} has no rows")
    if len(cells) > MOST_ROWS:
        raise InputError(f"manifest {path} has {len(cells)} rows; at most {MOST_ROWS}, divide it")
    return [Row(k, _filled(row)) for k, row in enumerate(cells, 1)]


def _filled(row: Mapping[Any, Any]) -> dict[str, Any]:
    found = {str(name).strip(): value.strip() if isinstance(value, str) else value for name, value in row.items()}
    return {name: value for name, value in found.items() if name and value is not None and value != ""}


def _csv(path: Path) -> list[dict[Any, Any]]:
    text = path.read_text(encoding="utf-8-sig")
    header = text.partition("\n")[0]
    csv.field_size_limit(_CELL)
    reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=header.count))
    rows = list(reader)
    for k, row in enumerate(rows, 1):
        if None in row:
            raise ValueError(f"row {k} has more cells than the header")
    return rows


def _lines(path: Path) -> list[dict[Any, Any]]:
    rows = []
    for k, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except RecursionError as error:
            raise ValueError(f"line {k} is nested too deeply") from error
        except ValueError as error:
            raise ValueError(f"line {k}: {error}") from error
        if not isinstance(value, dict):
            raise ValueError(f"line {k} is no object")
        rows.append(value)
    return rows


def _parquet(path: Path) -> list[dict[Any, Any]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingError(f"{path} needs pyarrow: pip install pyarrow (or faceshot[ray])") from error
    try:
        rows: list[dict[Any, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    except pyarrow.ArrowException as error:
        raise ValueError(str(error).splitlines()[0]) from error
    return rows


def product(pictures: str | Path, clips: str | Path | None, motions: Sequence[str] = ()) -> list[Row]:
    """Every picture with every clip and every built-in motion; a folder, or a pattern such as ``cats/*.png``.

    Paths are absolute, so that the list can be kept anywhere.

    Raises:
        InputError: nothing there. UsageError: neither clips nor motions.
    """
    faces = _matching(pictures, "pictures") if not Path(pictures).is_dir() else pictures_in(pictures).pictures
    moving = [] if clips is None else _matching(clips, "clips")
    if not moving and not motions:
        raise UsageError("give clips, or the name of a built-in motion")
    kinds = [("driving", str(path.absolute())) for path in moving] + [("motion", name) for name in motions]
    pairs = [(picture, kind) for picture in faces for kind in kinds]
    cells = ({"picture": str(picture.absolute()), name: value} for picture, (name, value) in pairs)
    return [Row(k, row) for k, row in enumerate(cells, 1)]


def _matching(pattern: str | Path, what: str) -> list[Path]:
    place = Path(pattern)
    if place.is_dir():
        found = [path for path in sorted(place.iterdir()) if not path.name.startswith(".") and path.suffix != ".json"]
    else:
        found = sorted(Path(place.anchor or ".").glob(str(place.relative_to(place.anchor))))
    if not found:
        raise InputError(f"no {what} in {pattern}")
    return found


def manifest_text(rows: Iterable[Row]) -> str:
    """Rows as CSV."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row.cells))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.cells for row in rows)
    return out.getvalue()
