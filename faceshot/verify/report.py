"""What was found, as JSON and as a page to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

State = Literal["ok", "measured", "differs", "failed", "skipped"]

#: What numbers must be, and by how much they may be off: target -> number -> (value, tolerance). Only what was computed
#: with the very weights stands here; everything else is measured and compared with nothing.
GOLDEN: Final[Mapping[str, Mapping[str, tuple[float, float]]]] = {
    "preset mini": {"nme": (0.0336, 0.005)},
    "backend warp": {"rest": (0.0, 0.0), "moved": (22.59, 0.1)},
}
_MEANING: Final = {
    "nme": "landmarks of a drawn face: mean error in distances of the outer eye corners",
    "rest": "mean difference of the frame of unchanged landmarks from the picture, of 255",
    "moved": "mean difference of a moved frame from the unchanged one, of 255",
}
_WORDS: Final = {
    "ok": "as it must be",
    "measured": "no reference known",
    "differs": "DIFFERS from the reference",
    "failed": "FAILED",
    "skipped": "skipped",
}


@dataclass(frozen=True)
class Row:
    """One target.

    Attributes:
        target: ``preset NAME`` or ``backend NAME``.
        state: ``ok`` agrees with the reference, ``differs`` does not, ``measured`` has none.
        why: of what failed or was skipped.
        numbers: what is compared. load, seconds: to load, and for each frame or picture once loaded.
        memory: most main memory of the process [bytes], all of it; device_memory: most memory of the device.
    """

    target: str
    state: State
    why: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    load: float | None = None
    seconds: float | None = None
    memory: int | None = None
    device_memory: int | None = None

    @classmethod
    def judged(cls, target: str, found: Mapping[str, Any]) -> Row:
        """The row of what a process reported, compared with :data:`GOLDEN`."""
        if "state" in found:
            return cls(target, found["state"], found["why"])
        known, numbers = GOLDEN.get(target, {}), dict(found["numbers"])
        off = [
            f"{name} is {numbers[name]:.4f}, must be {value:.4f} +- {tolerance:g}"
            for name, (value, tolerance) in known.items()
            if not abs(numbers[name] - value) <= tolerance
        ]
        state: State = "differs" if off else "ok" if known else "measured"
        rest = {name: found[name] for name in ("load", "seconds", "memory", "device_memory")}
        return cls(target, state, "; ".join(off), numbers, **rest)


@dataclass(frozen=True)
class Report:
    """All rows, and the machine they are of; neither paths nor names of users are in it."""

    machine: Mapping[str, str]
    rows: tuple[Row, ...]

    @property
    def good(self) -> bool:
        """Nothing failed or differs."""
        return not any(row.state in ("failed", "differs") for row in self.rows)

    def json(self) -> dict[str, Any]:
        """As data."""
        rows = [asdict(row) for row in self.rows]
        return {"format": "faceshot-verify", "version": 1, "machine": dict(self.machine), "rows": rows}

    def lines(self) -> list[str]:
        """A line for every row."""
        out = []
        for row in self.rows:
            parts = [_WORDS[row.state], row.why]
            parts += [f"{name} {value:.4f}" for name, value in row.numbers.items()]
            parts += [] if row.load is None else [f"load {row.load:.1f} s"]
            parts += [] if row.seconds is None else [f"{row.seconds:.3f} s each"]
            sizes = (("memory", row.memory), ("on the device", row.device_memory))
            parts += [f"{size / 1e9:.2f} GB {what}" for what, size in sizes if size]
            out.append(f"{row.target}: {', '.join(part for part in parts if part)}")
        return out

    def page(self) -> str:
        """As Markdown."""
        text = ["# FaceShot, verified", "", *(f"- {name}: {value}" for name, value in self.machine.items()), ""]
        text += ["| what | result | numbers | load [s] | each [s] | memory [GB] | device [GB] |", "|---|" + "---|" * 6]
        for row in self.rows:
            numbers = ", ".join(f"{name} {value:.4f}" for name, value in row.numbers.items())
            result = _WORDS[row.state] + (f": {row.why}" if row.why else "")
            times = ("" if value is None else f"{value:.3f}" for value in (row.load, row.seconds))
            sizes = (f"{value / 1e9:.2f}" if value else "" for value in (row.memory, row.device_memory))
            cells = (row.target, result.replace("|", "/"), numbers, *times, *sizes)
            text.append("| " + " | ".join(cells) + " |")
        text += ["", *(f"- `{name}`: {meaning}" for name, meaning in _MEANING.items())]
        text += ["- load and memory are of a process of its own; each: a frame or picture once it is loaded", ""]
        return "\n".join(text)
