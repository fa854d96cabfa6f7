"""How well 68 points tell ARKit's blendshapes: against the scores of the face mesh that found the points.

    python benchmarks/arkit.py --model face_landmarker.task CLIP...

A CLIP may also be a sequence file of ``faceshot drive`` with an expression channel. Prints a Markdown table:
mean absolute error and correlation over all frames, and the correlation in each clip in which the score moves
(deviation over 0.05).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from faceshot.driving import drive, with_blendshapes
from faceshot.landmarks import BLENDSHAPES

MOVES = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    pairs = []
    for clip in arguments.clips:
        sequence = drive(clip, source="facemesh", model=arguments.model)
        assert sequence.expression is not None
        guessed = with_blendshapes(replace(sequence, expression=None)).expression
        assert guessed is not None
        pairs.append((guessed.blendshapes, sequence.expression.blendshapes))
    print(
        "| blendshape | mean error | r | r in "
        + ", ".join(clip.stem for clip in arguments.clips)
        + " |\n|---|---|---|---|"
    )
    errors = []
    for column, name in enumerate(BLENDSHAPES):
        found = np.concatenate([a[:, column] for a, _ in pairs])
        truth = np.concatenate([b[:, column] for _, b in pairs])
        good = np.isfinite(found) & np.isfinite(truth)
        if not good.any():
            print(f"| {name} | not told | | |")
            continue
        errors.append(float(np.abs(found - truth)[good].mean()))
        said = ", ".join(_correlation(a[:, column], b[:, column]) for a, b in pairs)
        print(f"| {name} | {errors[-1]:.3f} | {_correlation(found, truth)} | {said} |")
    print(f"| mean of {len(errors)} | {np.mean(errors):.3f} | | |")


def _correlation(found: np.ndarray, truth: np.ndarray) -> str:
    good = np.isfinite(found) & np.isfinite(truth)
    if truth[good].std() < MOVES or found[good].std() == 0:
        return "still"
    return f"{np.corrcoef(found[good], truth[good])[0, 1]:.2f}"


if __name__ == "__main__":
    main()
