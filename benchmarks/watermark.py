"""How much of the invisible mark survives what happens to videos: encoding, half size, a crop of a tenth.

Every picture sways for 24 frames of 512 px, is marked, attacked and read; once more without a mark.

    python benchmarks/watermark.py [FOLDER OF PICTURES]

Without a folder: the drawn characters of examples/. Prints, for every attack, of how many pictures the right mark was
read, the signal-to-noise ratio of marked to plain frames, and milliseconds to mark one frame and to read a clip.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from faceshot.pipeline import as_picture
from faceshot.provenance import Watermark, marked, read_watermark

Array = npt.NDArray[Any]
Frames = list[Array]
REPO = Path(__file__).resolve().parents[1]
SIDE, COUNT = 512, 24
MARK = Watermark.of("auto", {"benchmark": "watermark"})


def swaying(path: Path) -> Frames:
    """The picture, its longer side 512 px, whose middle moves to and fro by 6 px."""
    rgb = as_picture(path).flat()
    scale = SIDE / max(rgb.shape[:2])
    rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    height, width = rgb.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    near = np.exp(-(((x - width / 2) / (width / 3)) ** 2) - ((y - height / 2) / (height / 3)) ** 2).astype(np.float32)
    out = []
    for k in range(COUNT):
        move = np.float32(6 * np.sin(2 * np.pi * k / COUNT)) * near
        out.append(cv2.remap(rgb, x + move, y + move / 2, cv2.INTER_LINEAR))
    return out


def encoded(frames: Frames, crf: int) -> Frames:
    """The frames after H.264."""
    height, width = (side - side % 2 for side in frames[0].shape[:2])
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as out:
        video = out.add_stream("libx264", rate=30, options={"crf": str(crf)})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            pixels = np.ascontiguousarray(frame[:height, :width])
            out.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(video.encode())
    stream.seek(0)
    with av.open(stream) as back:
        return [frame.to_ndarray(format="rgb24") for frame in back.decode(video=0)]


def scaled(frames: Frames, size: float) -> Frames:
    """The frames at another size."""
    how = cv2.INTER_AREA if size < 1 else cv2.INTER_CUBIC
    return [cv2.resize(frame, None, fx=size, fy=size, interpolation=how) for frame in frames]


def cropped(frames: Frames, share: float = 0.1) -> Frames:
    """The frames without ``share`` of their height and width."""
    y, x = (int(side * share / 2) for side in frames[0].shape[:2])
    return [frame[y:-y, x:-x] for frame in frames]


ATTACKS: dict[str, Callable[[Frames], Frames]] = {
    "none": lambda frames: frames,
    "H.264 CRF 18 (our writer's)": lambda frames: encoded(frames, 18),
    "H.264 CRF 28": lambda frames: encoded(frames, 28),
    "half size": lambda frames: scaled(frames, 0.5),
    "half size, CRF 28": lambda frames: encoded(scaled(frames, 0.5), 28),
    "three quarters, CRF 28": lambda frames: encoded(scaled(frames, 0.75), 28),
    "double size, CRF 28": lambda frames: encoded(scaled(frames, 2), 28),
    "crop of a tenth, CRF 28": lambda frames: encoded(cropped(frames), 28),
    "CRF 18, then half, crop, CRF 28": lambda frames: encoded(scaled(cropped(encoded(frames, 18)), 0.5), 28),
}


def main() -> None:
    """Attack every picture's clip and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=REPO / "examples")
    folder = parser.parse_args().folder
    pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"))
    read, wrong, false = dict.fromkeys(ATTACKS, 0), 0, 0
    ratios, marking, reading = [], [], []
    for path in pictures:
        plain = swaying(path)
        start = time.perf_counter()
        frames = list(marked(plain, MARK))
        marking.append((time.perf_counter() - start) / COUNT * 1e3)
        error = np.mean([np.mean((a.astype(float) - b) ** 2) for a, b in zip(frames, plain, strict=True)])
        ratios.append(10 * np.log10(255**2 / error))
        for name, attack in ATTACKS.items():
            given = attack(frames)
            start = time.perf_counter()
            found = read_watermark(given)
            reading.append((time.perf_counter() - start) * 1e3)
            read[name] += found == MARK
            wrong += found not in (None, MARK)
        false += read_watermark(encoded(plain, 28)) is not None
    for name, count in read.items():
        print(f"{name:34s} {count:3d} of {len(pictures)}")
    print(f"another mark than was put in: {wrong}; a mark where there is none: {false} of {len(pictures)}")
    print(f"PSNR {min(ratios):.1f} to {max(ratios):.1f} dB; marking {np.median(marking):.2f} ms a frame; "
          f"reading {np.median(reading):.0f} ms in the median, {max(reading):.0f} at most")  # fmt: skip


if __name__ == "__main__":
    main()
