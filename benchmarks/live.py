"""Rate, latency and memory of ``faceshot live``: a clip pretends to be a camera, a viewer looks at the page.

    python benchmarks/live.py --clip ../shared/clips/lp_d19.mp4 --model face_landmarker.task --seconds 60
    python benchmarks/live.py --clip examples/actor.landmarks.npz --seconds 600  # no network: retargeting and drawing

``--decoded`` keeps the clip's frames in memory, as no camera opens its file again and again.

Every line tells the rate, the latency from the camera's moment to the drawn frame (median, 95 %) and the memory of the
process, over the time since the line before; the last line the whole.
"""

from __future__ import annotations

import argparse
import itertools
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from faceshot.facemesh import FaceMesh, FaceStream
from faceshot.formats import is_landmark_file, read_landmarks
from faceshot.live import Live, Preview, Shot, Source, open_source, prepared
from faceshot.media import probe, read_frames, read_picture

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, default=EXAMPLES / "actor.landmarks.npz")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--picture", type=Path, default=EXAMPLES / "cat.png")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--decoded", action="store_true")
    arguments = parser.parse_args()
    picture = read_picture(arguments.picture)
    marks = read_landmarks(arguments.picture.with_suffix(".landmarks.json"), size=picture.size)
    follow = None if is_landmark_file(arguments.clip) else FaceStream(FaceMesh(arguments.model))
    source = in_memory(arguments.clip) if arguments.decoded else open_source(arguments.clip, loop=True)
    live = Live([prepared(picture, marks, arguments.size)], source, follow=follow)
    with Preview(0, do=live.do) as preview:
        live.outputs.append(lambda frame, *_: preview.show(frame))
        threading.Thread(target=look, args=(preview.address,), daemon=True).start()
        threading.Thread(target=tell, args=(live,), daemon=True).start()
        report = live.run(seconds=arguments.seconds)
    print(f"all: {report.frames / report.seconds:.1f} frames/s, {report.skipped} skipped, {memory():.0f} MB")


def in_memory(clip: Path) -> Source:
    """The clip over and over, decoded once."""
    frames, fps = list(read_frames(clip)), float(probe(clip).fps)

    def moments(stop: threading.Event) -> Iterator[Shot]:
        begin = time.perf_counter()
        for count in itertools.count():
            due = begin + count / fps
            if stop.wait(max(0.0, due - time.perf_counter())):
                return
            yield Shot(due, frames[count % len(frames)])

    return Source(clip.name, fps, moments)


def look(address: str) -> None:
    """Take the stream as a browser does."""
    with urllib.request.urlopen(address + "stream") as stream:
        while stream.read(1 << 16):
            pass


def tell(live: Live) -> None:
    start = time.perf_counter()
    while True:
        time.sleep(10)
        report = live.report()
        print(
            f"{time.perf_counter() - start:4.0f} s: {report.fps:.1f} frames/s, {report.latency_ms:.0f} ms "
            f"(95 %: {report.latency_p95_ms:.0f}), {report.skipped} skipped, {memory():.0f} MB",
            flush=True,
        )


def memory() -> float:
    """Of this process [MB]."""
    return float(psutil.Process().memory_info().rss / 1e6)


if __name__ == "__main__":
    main()
