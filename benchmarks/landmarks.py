"""Landmark error of the matcher, on drawn characters always and on real ones where they lie beside the repository.

    python benchmarks/landmarks.py [--preset mini] [--drawn 96] [--sheet FILE.png] [--predictions DIR] [--json FILE]

Real characters: a folder with `landmarks.json` and `images/` (`../shared/characters`, or FACESHOT_SHARED/characters).
They are measured only, never learned from. Errors are percent of sqrt(width * height) of the box around the visible
points ("box") and of the distance between the outer eye corners ("iod"); a failure is a box error above 20 %.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.image import read_picture, write_picture
from faceshot.matcher import Matcher
from faceshot.metrics import auc, nme, part_nme
from faceshot.render import contact_sheet, overlay
from faceshot.topology import PARTS
from faceshot.types import Landmarks, Picture, Size

REPO = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("FACESHOT_SHARED") or REPO.parent / "shared")
FAILURE = 0.20


def real_characters(folder: Path) -> list[tuple[str, str, Picture, Landmarks]]:
    """(group, name, picture, truth) of every character in ``folder``."""
    data = json.loads((folder / "landmarks.json").read_text())
    size = Size(data["image_size"], data["image_size"])
    rows = []
    for name, entry in data["characters"].items():
        absent = frozenset(part for part in PARTS if not entry["visible"][part])
        truth = Landmarks(np.asarray(entry["points"], np.float32), size, absent=absent)
        rows.append((entry["group"], name, read_picture(folder / "images" / f"{name}.png"), truth))
    return rows


def drawn_characters(count: int, seed: int) -> list[tuple[str, str, Picture, Landmarks]]:
    """(kind, name, picture, truth) of drawings whose seeds neither training nor the gallery use."""
    from faceshot_gallery.illustrator import DOMAINS, sample

    rows = []
    for k in range(count):
        kind = DOMAINS[k % len(DOMAINS)]
        drawing = sample(2**31 + 10_000_000 + 1_000 * seed + k, size=256, domain=kind)
        rows.append((kind, f"{kind}-{k}", Picture(drawing.rgb, name=f"{kind}-{k}"), drawing.landmarks))
    return rows


def measure(matcher: Matcher, rows: list[tuple[str, str, Picture, Landmarks]], **options: Any) -> list[dict[str, Any]]:
    """Match every picture and compare."""
    out = []
    for group, name, picture, truth in rows:
        begin = time.perf_counter()
        found = matcher.match(picture, **options)
        seconds = time.perf_counter() - begin
        xy, visible = found.landmarks.xy, truth.visible
        parts = part_nme(xy, truth.xy, visible=visible)
        out.append(
            {
                "group": group,
                "name": name,
                "box": float(nme(xy, truth.xy, visible=visible)),
                "iod": float(nme(xy, truth.xy, normaliser="iod", visible=visible)),
                "raw": float(nme(found.raw.xy, truth.xy, visible=visible)),
                "parts": {part: float(value) for part, value in parts.items() if part not in truth.absent},
                "confidence": found.confidence,
                "seconds": seconds,
                "picture": picture,
                "found": found.landmarks,
            }
        )
    return out


def table(title: str, rows: list[dict[str, Any]], threshold: float) -> dict[str, Any]:
    """Print errors per group and overall; returns the summary."""
    print(f"\n{title}")
    names = "".join(f"{part:>14}" for part in PARTS)
    print(
        f"{'group':22}{'n':>4}{'box %':>8}{'median':>8}{'iod %':>8}{'raw %':>8}{'fail':>6}{'warned':>8}{'AUC':>7}"
        + names
    )
    groups = sorted({row["group"] for row in rows})
    summary: dict[str, Any] = {}
    for group in [*groups, "overall"]:
        some = [row for row in rows if group in (row["group"], "overall")]
        box = np.array([row["box"] for row in some])
        parts = {
            part: 100 * float(np.mean([row["parts"][part] for row in some if part in row["parts"]]))
            for part in PARTS
            if any(part in row["parts"] for row in some)
        }
        line = {
            "n": len(some),
            "box": 100 * box.mean(),
            "median": 100 * float(np.median(box)),
            "iod": 100 * float(np.mean([row["iod"] for row in some])),
            "raw": 100 * float(np.mean([row["raw"] for row in some])),
            "failures": int((box > FAILURE).sum()),
            "warned": int(sum(row["confidence"] < threshold for row in some)),
            "auc": 100 * auc(box, FAILURE),
            "parts": parts,
        }
        summary[group] = line
        cells = "".join(f"{parts[part]:14.2f}" if part in parts else f"{'-':>14}" for part in PARTS)
        print(
            f"{group:22}{line['n']:4}{line['box']:8.2f}{line['median']:8.2f}{line['iod']:8.2f}{line['raw']:8.2f}"
            f"{line['failures']:6}{line['warned']:8}{line['auc']:7.1f}{cells}"
        )
    seconds = sorted(row["seconds"] for row in rows)
    print(f"seconds per picture, warm: median {seconds[len(seconds) // 2]:.2f}, worst {seconds[-1]:.2f}")
    return summary


def auroc(rows: list[dict[str, Any]], limit: float = 0.10) -> float:
    """How well confidence tells errors above ``limit`` from the rest (0.5 chance, 1 perfect), or NaN."""
    bad = np.array([row["box"] > limit for row in rows])
    confidence = np.array([row["confidence"] for row in rows])
    if bad.all() or not bad.any():
        return float("nan")
    return float(np.mean(confidence[~bad][:, None] > confidence[bad][None, :]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--drawn", type=int, default=96, help="how many drawn characters")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--regularise", default="robust", choices=("none", "faceshot", "robust"))
    parser.add_argument("--sheet", type=Path, help="write a contact sheet of all real characters with landmarks")
    parser.add_argument("--predictions", type=Path, help="write one .npy (68, 2) per real character into this folder")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    matcher = Matcher(args.preset, galleries=["shipped"])
    report: dict[str, Any] = {}
    drawn = measure(matcher, drawn_characters(args.drawn, args.seed), regularise=args.regularise)
    report["drawn"] = table(f"{args.drawn} drawn characters", drawn, matcher.threshold)
    report["drawn_auroc"] = auroc(drawn)
    print(f"AUROC of confidence for errors above 10 %: {report['drawn_auroc']:.3f}")
    folder = SHARED / "characters"
    if not folder.is_dir():
        print(f"\nno real characters at {folder} (set FACESHOT_SHARED)")
    else:
        real = measure(matcher, real_characters(folder), regularise=args.regularise)
        report["real"] = table(f"{len(real)} real characters", real, matcher.threshold)
        report["real_auroc"] = auroc(real)
        if args.sheet:
            cells = [
                (overlay(row["picture"].flat(), row["found"]), f"{row['name']} {100 * row['box']:.1f} %")
                for row in real
            ]
            write_picture(args.sheet, contact_sheet(cells, columns=8, cell=288), overwrite=True)
        if args.predictions:
            args.predictions.mkdir(parents=True, exist_ok=True)
            for row in real:
                np.save(args.predictions / f"{row['name']}.npy", row["found"].xy)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
