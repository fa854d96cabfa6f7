"""What OpenMP's waiting policy costs: ``faceshot drive`` with threads that spin and with threads that sleep.

    python benchmarks/waiting.py [--clip CLIP] [--runs N] [--busy N] [--json FILE]

Each run is the command in a process of its own, on a quiet machine and beside ``--busy`` processes that only compute
(two per core unless given). ``sleep`` is what the command line asks of OpenMP, ``spin`` what OpenMP does by itself: its
threads turn on the spot for a while before they sleep.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

REPO = Path(__file__).resolve().parents[1]
#: The command line as it is, and with OpenMP's own default put in place of its choice.
POLICIES = {
    "sleep": "import sys, faceshot.cli.app as app; sys.exit(app.main(sys.argv[1:]))",
    "spin": "import sys, faceshot.cli.app as app; app.wait_asleep = lambda: None; sys.exit(app.main(sys.argv[1:]))",
}


def _burn() -> None:
    while True:
        sum(range(100_000))


@contextmanager
def load(processes: int) -> Iterator[None]:
    """So many processes that only compute, for as long as this is open."""
    burning = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(processes)]
    for process in burning:
        process.start()
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.join()


def drive(clip: Path, program: str) -> tuple[float, float]:
    """Wall and processor seconds of one run."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", program, "drive", str(clip), "-o", f"{folder}/drive.npz", "--source", "track"]
        before, begin = os.times(), time.perf_counter()
        subprocess.run(command, check=True, env=environment, cwd=REPO, capture_output=True)
        after, seconds = os.times(), time.perf_counter() - begin
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path, default=REPO / "examples" / "actor.mp4")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--busy", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    print(f"{platform.machine()}, {os.cpu_count()} cores, {given.clip.name}, median of {given.runs} runs")
    for beside in (0, given.busy):
        with load(beside):  # in turns, so that whatever else the machine does meets both alike
            runs = [
                {policy: drive(given.clip, program) for policy, program in POLICIES.items()} for _ in range(given.runs)
            ]
        for policy in POLICIES:
            wall, used = (median(run[policy][which] for run in runs) for which in (0, 1))
            rows.append({"policy": policy, "beside": beside, "seconds": wall, "processor": used})
            print(f"{beside:2d} busy processes, threads {policy:5s} {wall:7.1f} s, {used:7.1f} s of processor time")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
