"""``kill -9`` at random moments of every command: no half file, no broken gallery, and the next run works.

By hand: ``PYTHONPATH=.:adapters:gallery OMP_NUM_THREADS=1 python -m tests.fuzz.kill --count 100 --seed 1``.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.targets import make_world

REPO = Path(__file__).resolve().parents[2]
#: The process kills itself after a while that it is given, so that moments are fine: a thread of its own counts.
_RUN = """
import os, signal, sys, threading, time
from faceshot.cli.app import main
after = float(sys.argv[1])
if after > 0:
    end = lambda: (time.sleep(after), os.kill(os.getpid(), signal.SIGKILL))
    threading.Thread(target=end, daemon=True).start()
began = time.monotonic()
code = main(sys.argv[2:])
print(time.monotonic() - began)
sys.exit(code)
"""


@dataclass(frozen=True)
class Command:
    """A command line (``#`` the world, ``%`` the folder of results), and what reads its results back."""

    name: str
    line: str
    again: tuple[str, ...] = ("--overwrite",)


COMMANDS = (
    Command("match", "match #fox.png -o %m.json --overlay"),
    Command("match a folder", "match #many -o %marks --overlay"),
    Command("drive", "drive #seq.npz -o %d.npz"),
    Command("drive with overlay", "drive #c.mp4 --landmarks #small.json --source track -o %c.npz --overlay %c.mp4"),
    Command("retarget", "retarget #face.json #seq.npz -o %r.json"),
    Command(
        "animate",
        "animate #p.png --landmarks #face.json --motion nod --seconds 1 -o %a.mp4 --save-sequence %a.npz "
        "--save-landmarks %a.json",
    ),
    Command("animate into frames", "animate #p.png --landmarks #face.json --motion nod --seconds 1 -o %frames"),
    Command("gallery add", "gallery add new #pairs --gallery %gallery", ()),
    Command("gallery remove", "gallery remove cat --gallery %mine", ()),
    Command("gallery show", "gallery show cat --gallery #gallery -o %sheet.png"),
)


def prepare(world: Path) -> None:
    from faceshot.formats.files import write_landmarks
    from faceshot.landmarks.types import Landmarks, Size
    from tests.helpers import face_points

    make_world(world, REPO)
    shutil.copyfile(REPO / "examples" / "fox.png", world / "fox.png")
    (world / "many").mkdir()
    (world / "pairs").mkdir()
    for k in range(3):
        shutil.copyfile(REPO / "examples" / "fox.png", world / "many" / f"{k}.png")
        shutil.copyfile(world / "p.bmp", world / "pairs" / f"{k}.bmp")
        write_landmarks(world / "pairs" / f"{k}.json", Landmarks(face_points(96), Size(96, 96)))
    write_landmarks(world / "small.json", Landmarks(face_points(44), Size(64, 48)))


def run(line: str, world: Path, out: Path, after: float = 0, *more: str) -> subprocess.CompletedProcess[str]:
    words = [word.replace("#", f"{world}/").replace("%", f"{out}/") for word in line.split()]
    return subprocess.run(
        [sys.executable, "-c", _RUN, str(after), *words, *more, "-q"], capture_output=True, text=True, cwd=REPO
    )


def killed_once(command: Command, world: Path, out: Path, after: float) -> str:
    """Kill a run ``after`` seconds; what is wrong then, empty if nothing is."""
    first = run(command.line, world, out, after, *command.again)
    if first.returncode not in (0, -signal.SIGKILL):
        return f"exit code {first.returncode}: {first.stderr}"
    for path in out.rglob("*"):
        if path.is_file() and ".part" not in "/".join(path.parts) and (wrong := unreadable(path)):
            return f"half a file: {wrong}"
    if "gallery" in command.name and (out / "mine").exists():
        for name in ("mine", "gallery"):
            if (out / name / "domains").is_dir() and any(
                p for p in (out / name / "domains").iterdir() if p.name[0] != "."
            ):
                checked = run(f"gallery list --gallery %{name}", world, out)
                if checked.returncode:
                    return f"the gallery is broken: {checked.stderr}"
    done = command.name == "gallery remove" and not (out / "mine/domains/cat").exists()
    done |= command.name == "gallery add" and (out / "gallery/domains/new").exists()
    second = run(command.line, world, out, 0, *command.again)
    if second.returncode != (0 if not done else second.returncode):
        return f"the next run fails: {second.stderr}"
    return "" if not done or second.returncode in (1, 2) else "it was done and is done again"


def unreadable(path: Path) -> str:
    """Why a result cannot be read; empty if it can."""
    from faceshot.errors import FaceShotError
    from faceshot.formats.files import read_landmarks, read_sequence
    from faceshot.media.image import read_picture
    from faceshot.media.video import read_frames
    from faceshot.reading.text import read_json

    try:
        if path.name.endswith(".mp4.json") or path.name == "landmarks.json" or path.name.endswith("frames.json"):
            read_json(path, "file")
        elif path.suffix in (".json", ".npz"):
            try:
                read_landmarks(path)
            except FaceShotError:
                read_sequence(path)
        elif path.suffix == ".png":
            read_picture(path)
        elif path.suffix == ".mp4":
            assert len(list(read_frames(path))) >= 8
    except (FaceShotError, AssertionError) as error:
        return f"{path.name}: {error}"
    return ""


def stale_parts_are_swept(world: Path, out: Path) -> str:
    """Two days later nothing of the killed runs is left once something is written there."""
    parts = [path for path in out.rglob(".*.part")]
    for part in parts:
        for path in (*sorted(part.rglob("*"), reverse=True), part):
            when = time.time() - 2 * 86_400
            os.utime(path, (when, when), follow_symlinks=False)
    for folder in {part.parent for part in parts}:
        if run(f"retarget #face.json #seq.npz -o {folder}/sweep.json", world, out).returncode:
            return f"writing in {folder} fails"
    left = [path for path in out.rglob(".*.part")]
    return f"{len(left)} of {len(parts)} temporary folders are never swept: {left[0]}" if left else ""


def check(count: int, seed: int, names: tuple[str, ...] = ()) -> list[str]:
    """Kill ``count`` runs, command by command; what was wrong."""
    rng = random.Random(seed)
    wrong = []
    chosen = [command for command in COMMANDS if not names or command.name in names]
    with tempfile.TemporaryDirectory() as folder:
        world, out = Path(folder) / "world", Path(folder) / "out"
        world.mkdir()
        prepare(world)
        lasts: dict[str, float] = {}
        for k in range(count):
            command = chosen[k % len(chosen)]
            out.mkdir(exist_ok=True)
            if not (out / "mine/domains/cat").exists():
                shutil.rmtree(out / "mine", ignore_errors=True)
                shutil.copytree(world / "gallery", out / "mine")
            shutil.rmtree(out / "gallery", ignore_errors=True)
            if command.name not in lasts:
                spare = Path(folder) / "spare"
                shutil.copytree(out, spare)
                whole = run(command.line, world, spare, 0, *command.again)
                if whole.returncode:
                    return [f"{command.name} fails undisturbed: {whole.stderr}"]
                lasts[command.name] = float(whole.stdout.splitlines()[-1])
                shutil.rmtree(spare)
            # Half of the moments lie near the end, where results get their names.
            span = lasts[command.name]
            after = rng.uniform(0, 1.1 * span) if rng.random() < 0.5 else rng.uniform(0.8 * span, 1.1 * span)
            if found := killed_once(command, world, out, max(after, 0.001)):
                wrong.append(f"{command.name} killed after {after:.3f} of {span:.3f} s: {found}")
        if found := stale_parts_are_swept(world, out):
            wrong.append(found)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    wrong = check(given.count, given.seed)
    print("\n".join([*wrong, f"{given.count} runs killed, seed {given.seed}: {len(wrong)} things wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
