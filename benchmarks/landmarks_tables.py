"""Markdown tables that also read well in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from faceshot.topology import PARTS

SHORT = {"face_boundary": "outline", "eyebrows": "brows", "nose": "nose", "eyes": "eyes", "mouth": "mouth"}


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table, columns padded; the first column to the left, the others to the right."""
    cells = [[str(value) for value in row] for row in [head, *rows]]
    widths = [max(3, *(len(row[k]) for row in cells)) for k in range(len(head))]
    rule = [("-" * widths[0]), *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = []
    for index, row in enumerate(cells):
        padded = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        lines.append("| " + " | ".join(padded) + " |")
        if index == 0:
            lines.append("| " + " | ".join(rule) + " |")
    return "\n".join(lines)


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
