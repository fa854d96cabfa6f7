"""Speed of the warp backend, a sheet of what it draws, and whether it shows what the sequence says.

python benchmarks/warp.py                          # the drawn examples at 512 px, and a 48 px and an 8K copy
python benchmarks/warp.py cat.png --sheet out.png  # own pictures, each with cat.landmarks.json beside it
python benchmarks/warp.py --clips ../shared/clips  # self-reenactment on real clips, optical flow, landmark round trip
python benchmarks/warp.py --checks                 # large motion, stillness, background on the drawn examples
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import cv2
import numpy as np
import warp_checks
import warp_clips

from faceshot.driving import MOTIONS, motion_template
from faceshot.formats import read_landmarks
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, Size
from faceshot.media import read_picture
from faceshot.retargeting import retarget
from faceshot_warp.compose import Animator
from faceshot_warp.options import WarpOptions

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
EIGHT_K = 7680


def load(path: Path) -> tuple[Picture, Landmarks]:
    """A picture and the landmarks beside it (``cat.png``, ``cat.landmarks.json``)."""
    picture = read_picture(path)
    return picture, read_landmarks(path.with_suffix(".landmarks.json"), size=picture.size)


def resized(picture: Picture, landmarks: Landmarks, side: int) -> tuple[Picture, Landmarks]:
    """The picture scaled to a long side of ``side`` pixels."""
    factor = side / max(picture.size)
    size = Size(round(picture.size.width * factor), round(picture.size.height * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    rgb = cv2.resize(picture.rgb, size, interpolation=method)
    alpha = None if picture.alpha is None else cv2.resize(picture.alpha, size, interpolation=method)
    return Picture(rgb, alpha, picture.name), landmarks.resized(size)


def poses(landmarks: Landmarks) -> dict[str, np.ndarray]:
    """(n, 68, 2) landmarks per case: talking, laughing, and everything at once: lids, wide mouth, turned head."""
    moves = {name: retarget(landmarks, motion_template(name)).xy for name in ("talk", "laugh", "wink", "nod")}
    n = min(len(xy) for xy in moves.values())
    rest = landmarks.xy
    moves["all"] = rest + sum(moves[name][:n] - rest for name in ("laugh", "wink", "nod"))
    return {name: moves[name][1:] for name in ("talk", "laugh", "all")}


def measure(picture: Picture, landmarks: Landmarks, frames: int) -> tuple[float, dict[str, float], float]:
    """(seconds of set-up with the first frame, wall frames per second by case, processor seconds per frame)."""
    cases = poses(landmarks)
    start = time.perf_counter()
    animator = Animator(picture, landmarks, WarpOptions())
    animator.frame(cases["all"][len(cases["all"]) // 2])
    setup = time.perf_counter() - start
    speed, busy = {}, time.process_time()
    for name, xy in cases.items():
        start = time.perf_counter()
        for i in range(frames):
            animator.frame(xy[i % len(xy)])
        speed[name] = frames / (time.perf_counter() - start)
    return setup, speed, (time.process_time() - busy) / (frames * len(cases))


def strip(picture: Picture, landmarks: Landmarks, side: int, per_motion: int = 2) -> np.ndarray:
    """The liveliest frames of every motion template, side by side, each ``side`` pixels high."""
    animator = Animator(picture, landmarks, WarpOptions())
    tiles = [picture.flat()]
    for name in MOTIONS:
        sequence: LandmarkSequence = retarget(landmarks, motion_template(name))
        motion = np.abs(sequence.xy - landmarks.xy).mean((1, 2))
        for part in np.array_split(np.arange(len(sequence)), per_motion):
            frame = animator.frame(sequence.xy[part[int(motion[part].argmax())]])
            alpha = frame[..., 3] if picture.alpha is not None else None
            tiles.append(Picture(np.ascontiguousarray(frame[..., :3]), alpha).flat())
    width = round(side * picture.size.width / picture.size.height)
    return np.hstack([cv2.resize(tile, (width, side), interpolation=cv2.INTER_AREA) for tile in tiles])


def _row(values: dict[str, float], digits: int = 2) -> str:
    return "  ".join(f"{name} {value:.{digits}f}" for name, value in values.items())


def clips(folder: Path) -> None:
    """Self-reenactment on every clip of a folder that has MediaPipe's points (``NAME.mediapipe.npz``) beside it."""
    from landmarks_mediapipe import available

    finder, why = available()
    print("error inside the face, around the eyes, around the mouth [levels]; SSIM\n" if finder else f"{why}\n")
    every: dict[str, list[dict[str, float]]] = {method: [] for method in warp_clips.METHODS}
    for stored in sorted(folder.glob("*.mediapipe.npz")):
        clip = warp_clips.load_clip(folder / f"{stored.name.split('.')[0]}.mp4", stored)
        for method, columns in warp_clips.self_reenactment(clip).items():
            every[method].append(columns)
            print(f"{clip.name:12}{method:12}{_row(columns, 3)}", flush=True)
        print(f"{clip.name:12}flow [%]    {_row(warp_clips.flow_agreement(clip))}")
        if finder:
            ours, floor = warp_checks.round_trip(clip, finder)
            print(f"{clip.name:12}round trip  {_row(ours)}   (on the true frames: {_row(floor)})")
        picture = Picture(clip.frames[0])
        large = warp_checks.large_motion(*warp_checks.in_larger(picture, Landmarks(clip.xy[0], picture.size)))
        print(f"{clip.name:12}large [%]   {_row(large)}\n", flush=True)
    for method, rows in every.items():
        mean = {column: float(np.mean([row[column] for row in rows])) for column in warp_clips.COLUMNS}
        print(f"{'mean':12}{method:12}{_row(mean, 3)}")


def checks(paths: list[Path]) -> None:
    """Large motion, a driver that stands still, and the background, of drawn pictures; profiles, and shut eyes."""
    for path in paths:
        picture, landmarks = resized(*load(path), 384)
        frames = poses(landmarks)["all"][::8]
        print(f"{path.stem:12}large [%]   {_row(warp_checks.large_motion(*warp_checks.in_larger(picture, landmarks)))}")
        still = warp_checks.stillness(picture, landmarks, frames[:3])
        changed = warp_checks.background_changed(*warp_checks.in_larger(picture, landmarks), frames)
        print(f"{path.stem:12}still driver changes {still} levels; background {changed:.2f} % changed", flush=True)
    for domain in ("person", "anime", "cartoon", "fox", "cat", "dog", "bear", "monkey"):
        missed = {f"{yaw} degrees": warp_checks.profiles(domain, yaw) for yaw in (45, 70, 85)}
        print(
            f"{domain:12}turned heads miss [%] {_row(missed)}   shut eyes [levels] {warp_checks.shut_eyes(domain):.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--sheet", type=Path, help="write a PNG of the motion templates")
    parser.add_argument("--clips", type=Path, metavar="FOLDER", help="self-reenactment on the real clips of a folder")
    parser.add_argument("--checks", action="store_true", help="large motion, stillness, background")
    arguments = parser.parse_args()
    if arguments.clips:
        clips(arguments.clips)
        return
    paths = arguments.pictures or sorted(
        p for p in EXAMPLES.glob("*.png") if p.with_suffix(".landmarks.json").is_file()
    )
    if arguments.checks:
        checks(paths)
        return
    columns = "".join(f"{name + ' fps':>12}" for name in ("talk", "laugh", "all"))
    print(f"{'picture':24}{'size':>12}{'set-up ms':>12}{columns}{'CPU ms/frame':>14}{'peak MB':>10}")
    strips = []
    for path in paths:
        given = load(path)
        cases = [given] if arguments.pictures else [resized(*given, 512)]
        if not arguments.pictures and path == paths[0]:
            cases += [resized(*given, 48), resized(*given, EIGHT_K)]
        for picture, landmarks in cases:
            frames = arguments.frames if max(picture.size) < 2000 else 3
            setup, speed, busy = measure(picture, landmarks, frames)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            size = f"{picture.size.width}x{picture.size.height}"
            rates = "".join(f"{value:12.1f}" for value in speed.values())
            print(f"{path.stem:24}{size:>12}{setup * 1000:12.0f}{rates}{busy * 1000:14.1f}{peak:10.0f}", flush=True)
        if arguments.sheet:
            strips.append(strip(*cases[0], side=160))
    if arguments.sheet:
        widest = max(s.shape[1] for s in strips)
        rows = [
            cv2.copyMakeBorder(s, 0, 0, 0, widest - s.shape[1], cv2.BORDER_CONSTANT, value=(255,) * 3) for s in strips
        ]
        cv2.imwrite(str(arguments.sheet), np.vstack(rows)[..., ::-1])


if __name__ == "__main__":
    main()
