"""What four annotated pictures of the user's own teach, of kinds the model was never trained on.

    python benchmarks/own_domain.py [--pictures 4] [--tests 16] [--repeats 3]

For each kind of character that is held out, `gallery add` gets so many drawings, and others of the same kind are
matched with the shipped gallery alone, with the own domain added and not named, and with the own domain alone
(`--domain`). Box NME in percent, over all points and by part; also how often the own domain led, and whether it led on
kinds that it is not of (it must not).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from faceshot.formats import write_landmarks
from faceshot.gallery import add_domain
from faceshot.landmarks import Landmarks, Picture
from faceshot.landmarks.topology import PART_POINTS
from faceshot.matching import Match, Matcher
from faceshot.media import write_picture
from faceshot_gallery.illustrator import HELD_OUT, Drawing, character, draw

SIDE = 256
PARTS = ("nose", "eyes", "mouth")


def drawing(kind: str, seed: int) -> Drawing:
    """A character of a kind."""
    return draw(character(kind, seed=seed), size=SIDE)


def errors(found: Landmarks, truth: Landmarks) -> list[float]:
    """Error [% of the square root of the face's box] of all visible points, then of the parts."""
    low, high = truth.xy[truth.visible].min(0), truth.xy[truth.visible].max(0)
    far = 100 * np.linalg.norm(found.xy - truth.xy, axis=1) / float(np.sqrt(np.prod(high - low)))
    shown = [truth.visible]
    for part in PARTS:
        mask = np.zeros(68, bool)
        mask[list(PART_POINTS[part])] = True
        shown.append(mask & truth.visible)
    return [float(far[mask].mean()) if mask.any() else float("nan") for mask in shown]


def taught(kind: str, count: int, seed: int, folder: Path) -> Matcher:
    """A matcher with ``count`` annotated drawings of ``kind`` beside the shipped gallery."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    for k in range(count):
        one = drawing(kind, seed + k)
        write_picture(pictures / f"{k}.png", one.rgb)
        write_landmarks(pictures / f"{k}.json", one.landmarks)
    add_domain("mine", pictures, gallery=folder / "gallery")
    return Matcher("mini", galleries=("shipped", folder / "gallery"), cache_dir=folder / "cache")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--tests", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    plain = Matcher("mini", galleries=("shipped",))
    names = ("shipped gallery", "own domain added", "own domain alone", "other kind, shipped", "other kind, added")
    print(f"{'':12} {'':18} {'all':>6} " + " ".join(f"{part:>6}" for part in PARTS) + "   led")
    for kind in HELD_OUT:
        rows: dict[str, list[list[float]]] = {name: [] for name in names}
        led, strangers = 0, 0
        for repeat in range(chosen.repeats):
            with tempfile.TemporaryDirectory() as place:
                seed = 40_000 + 1000 * repeat
                matcher = taught(kind, chosen.pictures, seed, Path(place))
                ways: tuple[Callable[[Picture], Match], ...] = (
                    plain.match, matcher.match, lambda one, m=matcher: m.match(one, domains=["mine"])  # type: ignore[misc]
                )  # fmt: skip
                for k in range(chosen.tests):
                    one = drawing(kind, seed + 500 + k)
                    for name, match in zip(names, ways, strict=False):
                        found = match(Picture(one.rgb))
                        rows[name].append(errors(found.landmarks, one.landmarks))
                        led += name == names[1] and "mine" in found.domains.values()
                other = next(name for name in HELD_OUT if name != kind)
                for k in range(chosen.tests):
                    one = drawing(other, seed + 700 + k)
                    for name, match in zip(names[3:], ways, strict=False):  # the second way is the last one here
                        found = match(Picture(one.rgb))
                        rows[name].append(errors(found.landmarks, one.landmarks))
                    strangers += "mine" in found.domains.values()
        total = chosen.tests * chosen.repeats
        for name in names:
            mean = np.nanmean(np.array(rows[name]), axis=0)
            share = {names[1]: f"{100 * led / total:4.0f} %", names[4]: f"{100 * strangers / total:4.0f} %"}.get(
                name, ""
            )
            print(f"{kind:12} {name:20} " + " ".join(f"{value:6.2f}" for value in mean) + f"   {share}")


if __name__ == "__main__":
    main()
