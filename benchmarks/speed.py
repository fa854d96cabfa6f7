"""Seconds and memory of every stage, as a user meets them: each row is a process of its own.

    python benchmarks/speed.py [--quick] [--clip CLIP] [--picture PICTURE] [--json FILE]

Without arguments the examples of this repository are measured, and `../shared` (or FACESHOT_SHARED) where it lies.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("FACESHOT_SHARED") or REPO.parent / "shared")
LONG = 10_000

#: Run in a fresh interpreter: execute the code of argv[1], then report wall time and peak memory.
_HARNESS = """
import json, resource, sys, time
begin = time.perf_counter()
values = {}
exec(sys.argv[1], {"args": sys.argv[2:], "values": values, "time": time, "begin": begin})
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (30 if sys.platform == "darwin" else 20))
values |= {"seconds": time.perf_counter() - begin, "peak_gb": peak}
print("\\n" + json.dumps(values))
"""

_MATCH = """
import faceshot
found = faceshot.match(args[0], strict=False)
values["confidence"] = float(found.confidence)
values["first"] = time.perf_counter() - begin
again = time.perf_counter()
faceshot.match(args[1], strict=False)
values["second"] = time.perf_counter() - again
"""

_DRIVE = """
import faceshot
sequence = faceshot.drive(args[0], source=args[1])
values["frames"] = len(sequence)
"""

_RETARGET = """
from fractions import Fraction
import faceshot
from faceshot.driving import motion_template
driving = motion_template("sing", fps=Fraction(25), seconds=2.0)
marks = driving[0].resized((700, 700))
best = {}
for mode in ("stable", "faceshot"):
    faceshot.retarget(marks, driving, mode=mode)
    runs = []
    for _ in range(20):
        start = time.perf_counter()
        faceshot.retarget(marks, driving, mode=mode)
        runs.append(time.perf_counter() - start)
    best[mode] = min(runs) * 1000
values.update(frames=len(driving), stable_ms=best["stable"], faceshot_ms=best["faceshot"])
"""

_WARP = """
from fractions import Fraction
from faceshot.pipeline import AnimationOptions, load_backend
from faceshot.pipeline.inputs import as_picture
from faceshot.formats import read_landmarks
from faceshot.driving import motion_template
from faceshot.retargeting import retarget
picture = as_picture(args[0])
marks = read_landmarks(args[1], size=picture.size)
moved = retarget(marks, motion_template("sing", fps=Fraction(30), seconds=8.0))
backend = load_backend("warp")
options = AnimationOptions()
backend.load(options)
frames = backend.animate(picture, marks, moved, options)
next(frames)
start = time.perf_counter()
count = sum(1 for _ in frames)
values.update(size="x".join(map(str, picture.size)), frames=count, fps=count / (time.perf_counter() - start))
"""

_LOOP = """
from itertools import chain, cycle, islice
from faceshot.media import VideoWriter, probe, read_frames
frames = list(read_frames(args[0], max_side=320, stop=120))
there_and_back = cycle(chain(frames, frames[-2:0:-1]))
with VideoWriter(args[1], frames[0].shape[1::-1], probe(args[0]).fps) as writer:
    for frame in islice(there_and_back, int(args[2])):
        writer.write(frame)
"""

_LONG = """
import faceshot
made = faceshot.animate(args[0], driving=args[1], source="track", landmarks=args[2], output=args[3])
values["frames"] = len(made.sequence)
"""

_ANIMATE = """
import faceshot
made = faceshot.animate(args[0], driving=args[1], source=args[2], output=args[3])
values.update(frames=len(made.sequence), **{f"{stage}_s": value for stage, value in made.seconds.items()})
"""


def run(code: str, *arguments: object) -> dict[str, float]:
    """Values, wall seconds and peak memory [GB] of ``code`` in a fresh interpreter; raises on failure."""
    done = subprocess.run(
        [sys.executable, "-c", _HARNESS, code, *map(str, arguments)], capture_output=True, text=True, cwd=REPO
    )
    if done.returncode:
        raise SystemExit(f"{done.stderr.strip().splitlines()[-1]} (while measuring)")
    return json.loads(done.stdout.strip().splitlines()[-1])


def command(*arguments: str, repeat: int = 5) -> dict[str, float]:
    """Best wall time of a command line call."""
    seconds = []
    for _ in range(repeat):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "faceshot", *arguments], check=True, capture_output=True, cwd=REPO)
        seconds.append(time.perf_counter() - begin)
    return {"seconds": min(seconds)}


def pictures(given: Path | None) -> list[Path]:
    """Two pictures to match: the given one, the shared characters, or the examples."""
    if given is not None:
        return [given, given]
    shared = sorted((SHARED / "characters" / "images").glob("*.png"))
    return (shared or sorted((REPO / "examples").glob("*.png")))[:2]


def measure(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """All rows by name."""
    first, second = pictures(options.picture)
    clip = options.clip or next(
        path for path in (SHARED / "clips" / "ravdess_01.mp4", REPO / "examples" / "actor.mp4") if path.exists()
    )
    rows = {}

    def row(name: str, values: dict[str, float]) -> None:
        rows[name] = values
        shown = "  ".join(
            f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in values.items()
        )
        print(f"{name:<28} {shown}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        row("faceshot --help", command("--help"))
        row("match (cold, then warm)", run(_MATCH, first, second))
        row("retarget", run(_RETARGET))
        row(f"drive track {clip.name}", run(_DRIVE, clip, "track"))
        marks = out / "marks.json"
        example = next(path for path in sorted((REPO / "examples").glob("*.png")))
        beside = example.with_suffix(".landmarks.json")
        if not beside.exists():
            subprocess.run(
                [sys.executable, "-m", "faceshot", "match", example, "-o", marks, "-q"], check=True, cwd=REPO
            )
        marks = beside if beside.exists() else marks
        row("warp", run(_WARP, example, marks))
        row(f"animate track {clip.name}", run(_ANIMATE, first, clip, "track", out / "a.mp4"))
        if not options.quick:
            run(_LOOP, clip, out / "loop.mp4", LONG)
            row(f"animate track {LONG} frames", run(_LONG, example, out / "loop.mp4", marks, out / "long.mp4"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the 10,000-frame run")
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", type=Path, help="also write the rows here")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    rows = measure(options)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
