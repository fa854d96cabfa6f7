"""Mutated files through every reader; nothing may raise anything but our errors, hang, swell or leave files behind.

By hand: ``PYTHONPATH=.:adapters:gallery OMP_NUM_THREADS=1 python -m tests.fuzz.fuzz --count 2000 --seed 1``. An input
is named by seed and number and is made again from them (``--only NUMBER``).
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS, make_world

REPO = Path(__file__).resolve().parents[2]
MOST_SECONDS = 10.0
MOST_BYTES = 1.5e9


def make_input(world: Path, place: Path, seed: int, number: int) -> tuple[str, Path]:
    """Input ``number`` in the folder ``place``: the target's name and what it is given (the file, or its folder)."""
    rng = random.Random(f"{seed} {number}")
    target = TARGETS[number % len(TARGETS)]
    source = world / target.seed
    given = place / source.name
    (place / "out").mkdir(parents=True)
    if source.is_dir():
        shutil.copytree(source, given)
    else:
        shutil.copyfile(source, given)
    file = given / target.inside if target.inside else given
    kind = file.name.rpartition(".")[2]
    others = [path.read_bytes() for path in sorted(world.glob(f"*.{kind}")) if path.is_file()]
    file.write_bytes(mutated(file.read_bytes(), kind, rng, others))
    return target.name, given


def run_one(world: Path, place: Path, seed: int, number: int) -> dict[str, Any]:
    """Make an input, read it, and say what happened; in this process."""
    from faceshot.cli.app import main
    from faceshot.errors import FaceShotError

    _forget_peak()
    name, given = make_input(world, place, seed, number)
    target = next(target for target in TARGETS if target.name == name)
    before = _state(place, given)
    said, trouble, began = io.StringIO(), "", time.process_time()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            if isinstance(target.run, str):
                roots = {"@": str(given), "%": f"{place}/out/", "#": f"{world}/"}
                words = [roots[w[0]] + w[1:] if w[0] in roots else w for w in target.run.split()]
                code = main(words)
                if code and code not in (1, 2):
                    trouble = f"exit code {code}"
            else:
                code = 0
                try:
                    target.run(given)
                except FaceShotError:
                    code = 1
    except Exception:  # noqa: BLE001 - this is what is looked for
        code, trouble = -1, traceback.format_exc()
    seconds = time.process_time() - began
    if "Traceback" in said.getvalue() or "this is a bug" in said.getvalue():
        trouble = said.getvalue()
    kept = (place / "out").iterdir() if code else place.rglob(".*.part")
    left = [path.name for path in kept if ".refused." not in path.name]  # the attempt, for the user to judge
    if left and not trouble:
        trouble = f"left behind: {left}"
    if not trouble and _state(place, given) != before:
        trouble = "the input was changed"
    lines = [line for line in said.getvalue().splitlines() if line.startswith("error: ")]
    if not trouble and isinstance(target.run, str) and code and len(lines) != ("gallery check" not in target.run):
        trouble = f"{len(lines)} error lines: {said.getvalue()[:300]}"
    return {"number": number, "target": name, "code": code, "seconds": seconds, "peak": _peak(), "trouble": trouble}


def _state(place: Path, given: Path) -> str:
    digest = hashlib.sha256()
    for path in [given, *sorted(given.rglob("*"))]:
        digest.update(path.relative_to(place).as_posix().encode() + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest()


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Peak resident memory since :func:`_forget_peak` [bytes]; 0 where the system does not say."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    return 0


def serve(world: Path) -> None:
    """The worker: numbers come in on stdin, results go out as lines of JSON."""
    out = os.fdopen(os.dup(1), "w")
    with Path(os.devnull).open("w") as nothing:  # what C libraries print
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    for line in sys.stdin:
        seed, number = map(int, line.split())
        place = Path(tempfile.mkdtemp(prefix="fuzz"))
        try:
            result = run_one(world, place, seed, number)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        out.write(json.dumps(result) + "\n")
        out.flush()


def fuzz(world: Path, seed: int, numbers: Iterator[int], until: float = float("inf")) -> list[dict[str, Any]]:
    """Run inputs in a worker process, which is replaced when it dies or hangs."""
    results: list[dict[str, Any]] = []
    worker: subprocess.Popen[str] | None = None
    for number in numbers:
        if time.monotonic() > until:
            break
        if worker is None:
            command = [sys.executable, "-m", "tests.fuzz.fuzz", "--serve", str(world)]
            worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPO)
        assert worker.stdin is not None and worker.stdout is not None
        worker.stdin.write(f"{seed} {number}\n")
        worker.stdin.flush()
        ready, _, _ = select.select([worker.stdout], [], [], 60 if results else 120)
        line = worker.stdout.readline() if ready else ""
        if line:
            results.append(json.loads(line))
            continue
        target = TARGETS[number % len(TARGETS)].name
        trouble = f"died with {worker.wait()}" if ready else "hangs"
        worker.kill()
        worker = None
        results.append({"number": number, "target": target, "code": -2, "seconds": 60.0, "peak": 0, "trouble": trouble})
    if worker is not None and worker.stdin is not None:
        worker.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(10)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    return results


def faults(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those results that must not be."""
    return [r for r in results if r["trouble"] or r["seconds"] > MOST_SECONDS or r["peak"] > MOST_BYTES]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="one input, with all that is said")
    parser.add_argument("--keep", type=Path, help="with --only: write the input here")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder)
        make_world(world, REPO)
        if given.only is not None:
            place = given.keep or Path(tempfile.mkdtemp())
            print(json.dumps(run_one(world, place, given.seed, given.only), indent=1))
            return 0
        began = time.monotonic()
        results = fuzz(world, given.seed, iter(range(given.count)))
    bad = faults(results)
    for result in bad:
        print(f"--- {given.seed}/{result['number']} {result['target']}: {result['seconds']:.1f} s, "
              f"{result['peak'] / 1e6:.0f} MB\n{result['trouble']}")  # fmt: skip
    refused = sum(r["code"] in (1, 2) for r in results)
    print(
        f"{len(results)} inputs, seed {given.seed}, {time.monotonic() - began:.0f} s: {refused} refused, "
        f"{sum(bool(r['trouble']) for r in results)} tracebacks or leftovers, "
        f"{sum(r['seconds'] > MOST_SECONDS for r in results)} over {MOST_SECONDS:g} s "
        f"(longest {max(r['seconds'] for r in results):.1f}), "
        f"{sum(r['peak'] > MOST_BYTES for r in results)} over 1.5 GB "
        f"(largest {max(r['peak'] for r in results) / 1e9:.2f})"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
