"""Retargeting measured: what ``stable`` promises, on real and drawn characters, and milliseconds per 50 frames.

    python benchmarks/retarget.py [--shared ../shared] [--json FILE] [--strip FILE.png]

With the development material the references and the driving clip of its golden file are added; without it everything
runs on caricatures made here and on the built-in motion templates.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.driving import MOTIONS, motion_template
from faceshot.landmarks import Landmarks, LandmarkSequence, crossings, eye_opening
from faceshot.landmarks.topology import CURVES, LEFT_EYE, RIGHT_EYE
from faceshot.retargeting import RetargetMode, RetargetOptions, retarget

SIZE = (512, 512)
GOLDEN_REFERENCES = ("portrait", "danbooru1", "cuphead", "dog")
_EYES = (list(RIGHT_EYE), list(LEFT_EYE))
_MOUTH = list(range(48, 68))


def caricatures() -> dict[str, Landmarks]:
    """Characters that break naive retargeting, all bent from one plain face."""
    plain = motion_template("idle").xy[0].astype(np.float64)
    made = {"plain": plain}

    def bent(change: Callable[[np.ndarray], None]) -> np.ndarray:
        xy = plain.copy()
        change(xy)
        return xy

    def scale(xy: np.ndarray, points: Sequence[int], x: float, y: float, angle: float = 0.0) -> None:
        middle = xy[points].mean(0)
        c, s = np.cos(angle), np.sin(angle)
        xy[points] = (xy[points] - middle) * (x, y) @ np.array([[c, s], [-s, c]]) + middle

    def eyes(x: float, y: float) -> Callable[[np.ndarray], None]:
        return lambda xy: [scale(xy, eye, x, y) for eye in _EYES] and None

    def shut(xy: np.ndarray) -> None:
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
            xy[[upper, lower]] = xy[[upper, lower]].mean(0)

    def off_axis(xy: np.ndarray) -> None:
        scale(xy, _MOUTH, 0.8, 0.8, 0.5)
        xy[_MOUTH] += (65, -5)

    def arc(depth: float, thickness: float) -> Callable[[np.ndarray], None]:
        def change(xy: np.ndarray) -> None:
            left, right = xy[48, 0], xy[54, 0]
            middle = xy[_MOUTH, 1].mean()
            along = (2 * xy[_MOUTH, 0] - left - right) / (right - left)
            xy[_MOUTH, 1] = middle + (xy[_MOUTH, 1] - middle) * thickness + depth * (along**2 - 1)

        return change

    def gape(xy: np.ndarray) -> None:
        xy[[55, 56, 57, 58, 59, 65, 66, 67], 1] += 38
        xy[[49, 50, 51, 52, 53, 61, 62, 63], 1] -= 6

    def tilt(degrees: float) -> Callable[[np.ndarray], None]:
        return lambda xy: scale(xy, list(range(68)), 1, 1, np.radians(degrees))

    def high_brows(xy: np.ndarray) -> None:
        xy[17:27, 1] -= 70

    made["huge eyes"] = bent(eyes(2.1, 5.0))
    made["tiny eyes"] = bent(eyes(0.25, 0.25))
    made["shut eyes"] = bent(shut)
    made["slit eyes"] = bent(eyes(1.2, 0.1))
    made["mouth off axis"] = bent(off_axis)
    made["frown"] = bent(arc(35, 1.0))
    made["lips on one side"] = bent(arc(60, 0.3))
    made["grin"] = bent(arc(-25, 0.8))
    made["open mouth"] = bent(gape)
    made["tilted 40"] = bent(tilt(40))
    made["tilted -75"] = bent(tilt(-75))
    made["wide face"] = bent(lambda xy: scale(xy, list(range(68)), 1.7, 0.8))
    made["small face"] = bent(lambda xy: scale(xy, list(range(68)), 0.2, 0.2))
    made["high brows"] = bent(high_brows)
    return {name: Landmarks(xy.astype(np.float32), SIZE) for name, xy in made.items()}  # type: ignore[arg-type]


def drivers() -> dict[str, LandmarkSequence]:
    """The built-in motions as drivers."""
    return {name: motion_template(name) for name in MOTIONS}


def golden(shared: Path | None) -> tuple[dict[str, Landmarks], dict[str, LandmarkSequence]]:
    """References and driving clip of the development material; empty without it."""
    path = None if shared is None else shared / "parity/faceshot/retarget_upstream.golden.npz"
    if path is None or not path.is_file():
        return {}, {}
    with np.load(path) as data:
        characters = {name: Landmarks(data[f"{name}_ref_xy"], SIZE) for name in GOLDEN_REFERENCES}  # type: ignore[arg-type]
        clip = LandmarkSequence(data["driving_xy"], SIZE, Fraction(30000, 1001))  # type: ignore[arg-type]
    return characters, {"clip": clip}


def measure(character: Landmarks, driving: LandmarkSequence) -> dict[str, float]:
    """What the retargeted motion of one character by one driver is like; lengths in pixels unless stated.

    ``closed`` is the largest opening (share of rest) of an eye over the frames in which the driver's eye is shut: the
    lowest 5 % of its opening, if it closes at all (NaN if not). ``widest`` is the largest opening, ``bend`` the
    largest way of a point from rest and ``jump`` between two frames, in face sizes.
    """
    xy = retarget(character, driving).xy.astype(np.float64)
    still = LandmarkSequence(np.repeat(driving.xy[driving.rest][None], 20, 0), driving.size, driving.fps)
    crossed = crossings(xy)
    at_rest = crossings(character.xy)
    driver = eye_opening(driving.xy)
    shut = driver <= driver.min(0) + 0.05 * driver[driving.rest]
    shut &= driver < 0.4 * driver[driving.rest]
    opening = eye_opening(xy)
    rest = opening[driving.rest]
    share = np.where(rest > 0.5, opening / np.maximum(rest, 0.5), 0.0)
    size = float(np.sqrt(np.prod(np.ptp(character.xy.astype(np.float64), axis=0))))
    return {
        "static": float(np.abs(retarget(character, still).xy - character.xy).max()),
        "rest": float(np.abs(xy[driving.rest] - character.xy).max()),
        "lid crossings": sum(crossed[k] for k in ("right_eye", "left_eye") if at_rest[k] == 0),
        "lip crossings": sum(crossed[k] for k in ("inner_lips", "outer_lips") if at_rest[k] == 0),
        "closed": float(share[shut].max()) if shut.any() else float("nan"),
        "widest": float(share.max()),
        "bend": float(np.linalg.norm(xy - character.xy, axis=-1).max() / size),
        "jump": float(np.linalg.norm(np.diff(xy, axis=0), axis=-1).max() / size),
    }


def self_error(driving: LandmarkSequence) -> float:
    """Largest deviation in pixels when the character is the driver's own rest frame."""
    return float(np.abs(retarget(driving[driving.rest], driving).xy - driving.xy).max())


def noise_gain(character: Landmarks, driving: LandmarkSequence, sigma: float = 0.5) -> tuple[float, float]:
    """Worst point's noise out over noise in (relative to the faces' sizes) for a trembling still driver.

    Without and with ``smoothing``.
    """
    rng = np.random.default_rng(0)
    still = np.repeat(driving.xy[driving.rest][None], 90, 0)
    noise = rng.normal(0, sigma, still.shape)
    noise[0] = 0
    noisy = LandmarkSequence((still + noise).astype(np.float32), driving.size, driving.fps)
    size = character.box()
    scale = np.hypot(size[2] - size[0], size[3] - size[1]) / np.hypot(*np.ptp(driving.xy[driving.rest], axis=0))
    base = np.linalg.norm(noise, axis=-1).mean() * scale
    # Around the mean: a constant offset from a noisy rest frame is not trembling.
    moved = [retarget(character, noisy, options=RetargetOptions(smoothing=on)).xy for on in (False, True)]
    out = [float(np.linalg.norm(xy - xy.mean(0), axis=-1).mean(0).max() / base) for xy in moved]
    return out[0], out[1]


def milliseconds(character: Landmarks, driving: LandmarkSequence, mode: RetargetMode, repeats: int = 20) -> float:
    """Median CPU time of 50 frames (one thread; other work on the machine does not count)."""
    clip = driving[:50]
    retarget(character, clip, mode=mode)
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        retarget(character, clip, mode=mode)
        times.append(time.thread_time() - start)
    return 1e3 * float(np.median(times))


def strip(rows: list[tuple[str, np.ndarray]], path: Path, columns: int = 12, side: int = 180) -> None:
    """Stick figures of several sequences side by side, rest pose in grey behind."""
    from PIL import Image, ImageDraw

    colours = ("#333", "#8a5a20", "#8a5a20", "#5560a8", "#5560a8", "#16743a", "#16743a", "#bb2030", "#e07828")
    sheet = Image.new("RGB", (side * columns, side * len(rows)), "white")
    for row, (name, xy) in enumerate(rows):
        low, high = xy.min((0, 1)), xy.max((0, 1))
        scale = 2 * side * 0.94 / float((high - low).max())
        for column in range(columns):
            frame = round(column * (len(xy) - 1) / (columns - 1))
            cell = Image.new("RGB", (2 * side, 2 * side), "white")
            draw = ImageDraw.Draw(cell)
            for points, faint in ((xy[0], True), (xy[frame], False)):
                own = (points - (low + high) / 2) * scale + side
                for (curve, closed), colour in zip(CURVES, colours, strict=True):
                    line = [tuple(own[i]) for i in (*curve, *((curve[0],) if closed else ()))]
                    draw.line(line, fill="#ddd" if faint else colour, width=2)
            draw.text((6, 4), f"{name} {frame}", fill="#000", font_size=20)
            sheet.paste(cell.resize((side, side), Image.Resampling.LANCZOS), (column * side, row * side))
    sheet.save(path)


def report(characters: dict[str, Landmarks], motions: dict[str, LandmarkSequence]) -> list[dict[str, Any]]:
    """One line per character: the worst over all drivers."""
    lines = []
    timing = next(iter(motions.values()))
    for name, character in characters.items():
        results = [measure(character, driving) for driving in motions.values()]
        line: dict[str, Any] = {"character": name}
        for key in results[0]:
            values = [r[key] for r in results if not np.isnan(r[key])]
            line[key] = (sum(values) if "crossings" in key else max(values)) if values else float("nan")
        line["noise"], line["noise smoothed"] = noise_gain(character, timing)
        line["stable ms"] = milliseconds(character, timing, "stable")
        line["faceshot ms"] = milliseconds(character, timing, "faceshot")
        lines.append(line)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="development material, if present")
    parser.add_argument("--json", type=Path, help="write the table here as well")
    parser.add_argument("--strip", type=Path, help="write a PNG of stick figures here")
    options = parser.parse_args()
    references, clips = golden(options.shared)
    characters, motions = {**references, **caricatures()}, {**clips, **drivers()}
    lines = report(characters, motions)
    print(f"worst over {len(motions)} drivers: {', '.join(motions)}\n")
    keys = list(lines[0])
    print("| " + " | ".join(keys) + " |\n|" + "---|" * len(keys))
    for line in lines:
        print("| " + " | ".join(v if isinstance(v, str) else f"{v:.3g}" for v in line.values()) + " |")
    print("\ndriver = reference, largest deviation in px: ", end="")
    print(", ".join(f"{name} {self_error(driving):.1e}" for name, driving in motions.items()))
    if options.json:
        options.json.write_text(json.dumps(lines, indent=2) + "\n")
    if options.strip:
        name, driving = next(iter(motions.items()))
        shown = list(references or characters)[:6]
        rows = [(name, driving.xy.astype(np.float64))]
        rows += [(who, retarget(characters[who], driving).xy.astype(np.float64)) for who in shown]
        strip(rows, options.strip)
        print(f"\nstick figures: {options.strip}")


if __name__ == "__main__":
    main()
