"""How well the matcher finds landmarks, and how well it knows: everything this repository says about it, in one run.

    python benchmarks/landmarks.py [--preset mini] [--drawn 96] [--held 144] [--scenes 24] [--faceless 96]
                                   [--sheet FILE.png] [--predictions DIR] [--json FILE]

Measured on fresh drawings of the trained kinds, on drawings of kinds never trained on, and on real characters where
they lie: `../shared/characters`, FACESHOT_SHARED/characters, or `--characters FOLDER`, a folder of yours with a
landmark file beside each picture (docs/reproduce.md); `--only-characters` leaves out all else. Real characters are
measured only, never learned from. Then the same characters small and turned in cluttered pictures, MediaPipe on the
same pictures, and whether the confidence tells good from bad.

Errors are percent of sqrt(width * height) of the box around the visible points ("box") and of the distance between the
outer eye corners ("iod"); a failure is a box error above 20 %; AUC is the area under the cumulative curve of box errors
up to 20 %. `--sheet` writes all real characters (drawn ones where there are none) with truth and answer, and the scenes
beside it as FILE-scenes.png.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from landmarks_cases import SHARED, drawn_characters, real_characters, without_face
from landmarks_measure import BAD, FAILURE, Row, by_group, confidence_report, measure, summary
from landmarks_mediapipe import available, comparison, on_same_pictures
from landmarks_sheet import sheet
from landmarks_tables import errors, number, table
from scenes import MODES, Cast, Scene, drawn_casts, scenes

from faceshot.errors import FaceShotError, UsageError
from faceshot.matching import Matcher
from faceshot.media import SUFFIXES, write_picture

#: Bounds of the pasted square's side as shares of the frame's longer side.
BUCKETS = ((0.10, 0.20), (0.20, 0.30), (0.30, 0.40))


def section(title: str, rows: Sequence[Row], threshold: float) -> dict[str, Any]:
    """Print the errors of ``rows`` by group; returns them."""
    groups = by_group(rows, threshold)
    print(f"\n### {title}\n\n{errors(groups)}\n")
    seconds = sorted(row.seconds for row in rows[1:] or rows)
    print(f"Seconds per picture, warm: median {seconds[len(seconds) // 2]:.2f}, worst {seconds[-1]:.2f}.", flush=True)
    return {"groups": groups, "seconds": seconds[len(seconds) // 2], "pictures": [row.plain() for row in rows]}


def scene_section(title: str, made: Sequence[Scene], rows: Sequence[Row]) -> dict[str, Any]:
    """Print the errors of scenes by way of pasting and by size; returns them."""
    lines, out = [], {}
    for mode in MODES:
        some = [(scene, row) for scene, row in zip(made, rows, strict=True) if scene.mode == mode]
        for low, high in (*BUCKETS, (0.0, 1.0)):
            part = [(s, r) for s, r in some if low <= s.share < high or (s.share >= high == BUCKETS[-1][1])]
            if not part:
                continue
            line = summary([row for _, row in part])
            found = [row.box for _, row in part if row.box <= FAILURE]
            line["found"] = 100 * float(np.mean(found)) if found else float("nan")
            line["face"] = [100 * f(scene.face for scene, _ in part) for f in (min, max)]
            line["seconds"] = float(np.median([row.seconds for _, row in part]))
            name = "all" if low == 0 else f"{100 * low:.0f}-{100 * high:.0f} %"
            out[f"{mode} {name}"] = line
            values = [number(line[key]) for key in ("box", "median", "found")]
            face = f"{line['face'][0]:.0f}-{line['face'][1]:.0f}"
            lines.append([f"{mode}, {name}", line["n"], face, *values, line["failures"], number(line["seconds"])])
    head = ["pasted, size of the square", "n", "face %", "box %", "median", "of found", "> 20 %", "seconds"]
    print(f"\n### {title}\n\n{table(head, lines)}", flush=True)
    misses = [f"{s.name} ({s.mode}, {100 * s.share:.0f} %)" for s, r in zip(made, rows, strict=True) if r.box > FAILURE]
    print(f"\nMissed: {', '.join(misses) or 'none'}.")
    pictures = [
        {**row.plain(), "mode": scene.mode, "share": scene.share, "face": scene.face, "roll": scene.roll}
        for scene, row in zip(made, rows, strict=True)
    ]
    return {"sizes": out, "pictures": pictures}


def mediapipe_section(sets: dict[str, list[Row]], model: Path | None) -> dict[str, Any] | None:
    """MediaPipe on the pictures of every set."""
    finder, why = available(model)
    print("\n### MediaPipe on the same pictures\n")
    if finder is None:
        print(f"Not measured: {why}.")
        return None
    out, lines = {}, []
    for name, rows in sets.items():
        line = comparison(rows, on_same_pictures(rows, finder))
        out[name] = line
        keys = ("theirs_on_seen", "theirs_median_on_seen", "ours_on_seen", "ours_on_all")
        shares = [number(line[key], 1) for key in ("theirs_within", "ours_within")]
        values = [number(line["rate"], 1), *(number(line[key]) for key in keys)]
        lines.append([name, line["n"], line["seen"], *values, *shares])
    head = ["pictures", "n", "it sees", "rate %", "its box %", "its median", "ours there", "ours on all"]
    print(table([*head, "its <= 20 %", "ours <= 20 %"], lines), flush=True)
    return out


def confidence_section(rows: Sequence[Row], empty: list[tuple[str, bool, float]], threshold: float) -> dict[str, Any]:
    """Whether confidence tells good matches from bad ones, and faces from other pictures."""
    report = confidence_report(rows, [confidence for *_, confidence in empty], threshold)
    print("\n### Confidence\n")
    print(
        f"- AUROC of 'box error above {100 * BAD:.0f} %': {number(report['auroc_bad'], 3)} "
        f"({report['bad']} of {report['pictures']} matches are that bad)\n"
        f"- AUROC of 'no face in the picture': {number(report['auroc_no_face'], 3)} "
        f"({report['without_face']} pictures without one); of either: {number(report['auroc_either'], 3)}\n"
        f"- `match` warns below {threshold:.2f}: {report['good_refused']} of {report['good']} good matches are warned "
        f"of, {report['bad_accepted']} of {report['bad']} bad ones and {report['without_face_accepted']} of "
        f"{report['without_face']} pictures without a face pass; of what passes, {100 * report['precision']:.1f} % is "
        "good"
    )
    head = ["confidence", "n", "mean", "good matches %"]
    lines = [
        [f"{b['low']:.1f}-{b['high']:.1f}", b["n"], number(b["mean"]), number(100 * b["good"], 1)]
        for b in report["reliability"]
    ]
    print(f"\n{table(head, lines)}\n")
    kinds = []
    for kind in dict.fromkeys(kind for kind, *_ in empty):
        some = [(known, confidence) for name, known, confidence in empty if name == kind]
        values = [confidence for _, confidence in some]
        passing = sum(value >= threshold for value in values)
        used = "yes" if some[0][0] else "no"
        kinds.append([kind, used, len(some), number(float(np.median(values))), number(max(values)), passing])
        report.setdefault("kinds", {})[kind] = {"calibrated_on": some[0][0], "confidence": values}
    print(table(["without a face", "calibrated on", "n", "median", "highest", "pass"], kinds), flush=True)
    return report


def write_sheets(path: Path, sets: dict[str, list[Row]], matcher: Matcher) -> None:
    """The characters into ``path``, the scenes into ``path``-scenes beside it; real ones where there are any."""
    main = "real" if "real" in sets else "drawn"
    title = f"{len(sets[main])} {main} characters"
    write_picture(path, sheet(title, sets[main], threshold=matcher.threshold), overwrite=True)
    name = f"scenes, {main}"
    if name in sets:
        beside = path.with_name(f"{path.stem}-scenes{path.suffix}")
        page = sheet(f"{len(sets[name])} scenes", sets[name], columns=3, close=True, threshold=matcher.threshold)
        write_picture(beside, page, overwrite=True)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure everything and print it."""
    from faceshot_gallery.cast.casting import DOMAINS, HELD_OUT

    matcher = Matcher(args.preset, galleries=["shipped"])
    threshold = matcher.threshold
    sets: dict[str, list[Row]] = {}
    report: dict[str, Any] = {"preset": args.preset, "digest": matcher.extractor.settings.digest, "seed": args.seed}
    matched = {"regularise": args.regularise}
    characters: dict[str, list[Cast]] = {
        "drawn": drawn_characters(args.drawn, args.seed, DOMAINS),
        "held-out": drawn_characters(args.held, args.seed + 1, HELD_OUT),
    }
    folder = args.characters or SHARED / "characters"
    if args.only_characters and not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; name one with --characters")
    if folder.is_dir():
        characters["real"] = real_characters(folder)
    titles = {
        "drawn": "fresh drawings of the trained kinds",
        "held-out": "drawings of kinds never trained on",
        "real": "real characters",
    }
    for name, cases in characters.items():
        if cases:
            sets[name] = measure(matcher, cases, **matched)
            report[name] = section(f"{len(cases)} {titles[name]}", sets[name], threshold)
    if "real" not in characters:
        print(f"\nNo real characters at {folder} (set FACESHOT_SHARED, or --characters).")
    pasted = {"scenes, drawn": drawn_casts(args.scenes, args.seed), "scenes, real": characters.get("real", [])}
    for name, casts in pasted.items():
        if args.scenes and casts:
            low, high = args.scene_sizes
            made = [s for mode in MODES for s in scenes(casts, mode, seed=args.seed, low=low, high=high)]
            sets[name] = measure(matcher, made, **matched)
            report[name] = scene_section(f"{name}: {len(made)} larger pictures", made, sets[name])
    report["mediapipe"] = mediapipe_section(sets, args.mediapipe)
    empty = [(k, known, matcher.match(p).confidence) for k, known, p in without_face(args.faceless, args.seed)]
    rows = [row for some in sets.values() for row in some]
    report["confidence"] = confidence_section(rows, empty, threshold)
    if args.sheet:
        write_sheets(args.sheet, sets, matcher)
    if args.predictions:
        args.predictions.mkdir(parents=True, exist_ok=True)
        for row in sets.get("real", []):
            assert row.found is not None
            np.save(args.predictions / f"{row.name}.npy", row.found.xy)
    return report


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--drawn", type=int, default=96, help="how many drawings of the trained kinds")
    parser.add_argument("--held", type=int, default=144, help="how many drawings of kinds never trained on")
    parser.add_argument("--scenes", type=int, default=24, help="how many drawn scenes; 0 leaves all scenes out")
    parser.add_argument("--scene-sizes", type=float, nargs=2, default=(0.1, 0.4), metavar=("LOW", "HIGH"))
    parser.add_argument("--faceless", type=int, default=96, help="how many pictures without a face")
    parser.add_argument("--characters", type=Path, help="folder of real characters")
    parser.add_argument("--only-characters", action="store_true", help="leave out everything drawn")
    parser.add_argument("--mediapipe", type=Path, help="MediaPipe's face_landmarker.task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--regularise", default="robust", choices=("none", "faceshot", "robust"))
    parser.add_argument("--sheet", type=Path, help="write contact sheets: FILE.png and FILE-scenes.png")
    parser.add_argument("--predictions", type=Path, help="write one .npy (68, 2) per real character into this folder")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    if args.only_characters:
        args.drawn = args.held = args.scenes = args.faceless = 0
    elif min(args.drawn, args.scenes, args.held, args.faceless) < 0 or args.drawn < 1:
        raise SystemExit(f"error: counts must be positive, got --drawn {args.drawn}")
    begin = time.perf_counter()
    try:
        if args.sheet and args.sheet.suffix.lower() not in SUFFIXES:
            raise UsageError(f"--sheet {args.sheet} needs one of the suffixes {' '.join(SUFFIXES)}")
        report = run(args)
    except FaceShotError as error:
        raise SystemExit(f"error: {error}") from error
    print(f"\nThe whole run took {time.perf_counter() - begin:.0f} s.")
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
