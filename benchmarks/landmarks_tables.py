"""Markdown tables that also read well in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from faceshot.landmarks.topology import PARTS

SHORT = {"face_boundary": "outline", "eyebrows": "brows", "nose": "nose", "eyes": "eyes", "mouth": "mouth"}


def table(head: Sequence[str], rows: Sequence[Sequence[object]], names: int = 1) -> str:
    """A Markdown table, columns padded; the first ``names`` columns to the left, the others to the right."""
    cells = [[str(value) for value in row] for row in [head, *rows]]
    widths = [max(3, *(len(row[k]) for row in cells)) for k in range(len(head))]
    lines = []
    for row in cells:
        padded = [
            cell.ljust(width) if k < names else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("| " + " | ".join(padded) + " |")
    rule = ["-" * width if k < names else "-" * (width - 1) + ":" for k, width in enumerate(widths)]
    return "\n".join([lines[0], "| " + " | ".join(rule) + " |", *lines[1:]])


def number(value: float | None, digits: int = 2) -> str:
    """``-`` for what was not measured."""
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def errors(groups: dict[str, dict[str, Any]]) -> str:
    """The table of :func:`landmarks_measure.by_group`, percentages; the last line is the overall one."""
    head = ["group", "n", "box %", "median", "iod %", "raw %", "> 20 %", "rate %", "AUC", "warned"]
    rows = []
    for group, line in groups.items():
        values = [number(line[key]) for key in ("box", "median", "iod", "raw")]
        counts = [line["failures"], number(line["failure_rate"], 1), number(line["auc"], 1), line["warned"]]
        parts = [number(line["parts"].get(part)) for part in PARTS]
        rows.append([f"**{group}**" if group == "overall" else group, line["n"], *values, *counts, *parts])
    return table([*head, *(SHORT[part] for part in PARTS)], rows)
