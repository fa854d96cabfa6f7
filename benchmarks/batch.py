"""What a batch takes on this machine: with one worker and with two, found anew and from the store.

    python benchmarks/batch.py [--pictures 8] [--clips 2] [--frames 60] [--size 512] [--ray]

Drawn characters and clips, nothing to download. `--ray` adds the executor ray, and what it costs a row.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def make_inputs(folder: Path, pictures: int, clips: int, frames: int, size: int) -> None:
    """``faces`` and ``clips``: drawn characters, and drawn actors that nod, talk and blink."""
    import numpy as np

    from faceshot.media import VideoWriter, write_picture
    from faceshot_gallery.illustrator import Expression, Pose, character, draw, sample

    for name in ("faces", "clips"):
        (folder / name).mkdir()
    for k in range(pictures):
        write_picture(folder / "faces" / f"face{k:02}.png", sample(500 + k, size=size).rgb)
    for k in range(clips):
        actor = character("person", 40 + k)
        with VideoWriter(folder / "clips" / f"clip{k}.mp4", (size, size), 30) as writer:
            for i in range(frames):
                open_, jaw = min(1.0, abs(i % 30 - 15) / 3), max(0.0, float(np.sin(i / 4)) / 2)
                face = Expression(right_eye_open=open_, left_eye_open=open_, jaw_open=jaw)
                writer.write(draw(actor, face, Pose(roll=6 * float(np.sin(i / 9))), size=size).rgb)


def run(folder: Path, out: str, *more: str) -> tuple[float, dict[str, Any]]:
    """Seconds of one run of the command, and what it says."""
    command = [sys.executable, "-m", "faceshot", "batch", "faces", "clips", "-o", out, "--json", "--quiet", *more]
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return time.perf_counter() - begin, json.loads(done.stdout)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("pictures", 8), ("clips", 2), ("frames", 60), ("size", 512)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--ray", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faceshot-bench-") as place:
        folder = Path(place)
        make_inputs(folder, chosen.pictures, chosen.clips, chosen.frames, chosen.size)
        videos = chosen.pictures * chosen.clips
        one, _ = run(folder, "one", "--workers", "1", "--store", "s1")
        two, _ = run(folder, "two", "--workers", "2", "--store", "s2")
        known, _ = run(folder, "known", "--workers", "2", "--store", "s2")
        there, _ = run(folder, "known", "--workers", "2", "--store", "s2")
        print(f"{videos} videos of {chosen.pictures} pictures and {chosen.clips} clips of {chosen.frames} frames:")
        print(f"  1 worker {one:.1f} s, 2 workers {two:.1f} s: {one / two:.2f} times as fast")
        print(f"  everything found before {known:.1f} s, everything there already {there:.1f} s")
        if chosen.ray:
            cluster, _ = run(folder, "ray", "--workers", "2", "--store", "s2", "--executor", "ray")
            print(f"  ray, everything found before {cluster:.1f} s: {(cluster - known) / videos:+.2f} s a row")


if __name__ == "__main__":
    main()
