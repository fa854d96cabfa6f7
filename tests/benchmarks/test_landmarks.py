"""The benchmark of landmarks: its scenes are true, its sums are right, and nothing is left out silently."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from faceshot.landmarks.types import Landmarks, Picture, Size
from faceshot_mini.calibrate import logistic, pick_threshold
from faceshot_mini.faceless import KINDS, UNSEEN, faceless

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
import ablations
import ablations_rows
import landmarks
import landmarks_measure
import landmarks_mediapipe
import landmarks_sheet
import landmarks_tables
import scenes

FRAME = Size(400, 300)


def face(side: int = 200) -> scenes.Cast:
    """A grey square with a small white spot at every fourth landmark."""
    angle = np.linspace(0, np.pi, 17)
    jaw = np.stack([side / 2 - 0.3 * side * np.cos(angle), 0.45 * side + 0.3 * side * np.sin(angle)], 1)
    rng = np.random.default_rng(0)
    inner = rng.uniform(0.35 * side, 0.65 * side, (51, 2))
    xy = np.round(np.concatenate([jaw, inner])).astype(np.float32)
    rgb = np.full((side, side, 3), 90, np.uint8)
    for x, y in xy[:17:4].astype(int):
        rgb[y - 2 : y + 3, x - 2 : x + 3] = 255
    return scenes.Cast("test", "face", Picture(rgb), Landmarks(xy, Size(side, side)))


def row(box: float, confidence: float, group: str = "a", name: str = "x") -> landmarks_measure.Row:
    cast = face(64)
    parts = {"eyes": box, "mouth": 2 * box}
    measured = (box, box, box, parts, confidence, 0.1)
    return landmarks_measure.Row(group, name, *measured, cast.picture, cast.truth, cast.truth)


@pytest.mark.parametrize("mode", scenes.MODES)
@pytest.mark.parametrize("roll", [-30.0, 0.0, 25.0])
def test_true_landmarks_lie_where_the_face_was_pasted(mode, roll):
    below = np.zeros((FRAME.height, FRAME.width, 3), np.uint8)
    scene = scenes.paste(below, face(), mode, 0.4, roll, (0.8, 0.3))
    rgb = scene.picture.flat()
    for x, y in np.round(scene.truth.xy[:17:4]).astype(int):
        assert rgb[y - 1 : y + 2, x - 1 : x + 2].max() > 150
    low, high = scene.truth.xy.min(0), scene.truth.xy.max(0)
    assert (low >= -0.01).all() and (high <= np.array(FRAME) - 0.99).all()
    across = scene.truth.xy[16] - scene.truth.xy[0]
    assert math.degrees(math.atan2(across[1], across[0])) == pytest.approx(roll, abs=1)


def test_a_cut_out_shows_less_of_the_square():
    below = np.zeros((FRAME.height, FRAME.width, 3), np.uint8)
    square, cut = (scenes.paste(below, face(), mode, 0.4, 0.0, (0.5, 0.5)).picture.flat() for mode in scenes.MODES)
    assert (square > 0).mean() > 1.2 * (cut > 0).mean() > 0


def test_scenes_are_the_same_every_time_and_spread_over_sizes():
    casts = [face()] * 2
    first, again = (scenes.scenes(casts, "square", seed=5, size=FRAME) for _ in range(2))
    assert all(np.array_equal(a.picture.flat(), b.picture.flat()) for a, b in zip(first, again, strict=True))
    assert sorted(scene.share for scene in first) == pytest.approx([0.1, 0.4])
    assert all(abs(scene.roll) <= scenes.MAX_ROLL for scene in first)
    other = scenes.scenes(casts, "cut-out", seed=5, size=FRAME)
    assert all(np.array_equal(a.truth.xy, b.truth.xy) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("kind", [*KINDS, *UNSEEN])
def test_pictures_without_a_face_are_drawn_the_same_every_time(kind):
    first = faceless(3, kind, 64)
    assert first.shape == (64, 64, 3) and np.array_equal(first, faceless(3, kind, 64))
    assert not np.array_equal(first, faceless(4, kind, 64))


def test_drawn_faces_of_scenes_have_a_head_in_their_mask():
    cast = scenes.drawn_casts(1, 0, kinds=["cat"], size=128)[0]
    mask = scenes.head_mask(cast.truth)
    inside = np.clip(np.round(cast.truth.xy).astype(int), 0, 127)
    assert (mask[inside[:, 1], inside[:, 0]] > 120).mean() > 0.95
    assert mask[0, 0] == 0 and 0.1 < (mask > 128).mean() < 0.8


def test_groups_and_failures_are_summed_up():
    rows = [row(0.04, 0.9), row(0.06, 0.8), row(0.5, 0.2, "b")]
    groups = landmarks_measure.by_group(rows, threshold=0.5)
    assert list(groups) == ["a", "b", "overall"]
    assert groups["a"]["box"] == pytest.approx(5) and groups["a"]["failures"] == 0
    assert groups["overall"]["box"] == pytest.approx(20) and groups["overall"]["median"] == pytest.approx(6)
    assert groups["overall"]["failures"] == 1 and groups["overall"]["warned"] == 1
    assert groups["overall"]["auc"] == pytest.approx(100 * (0.8 + 0.7 + 0) / 3)
    assert groups["a"]["parts"] == pytest.approx({"eyes": 5, "mouth": 10})
    text = landmarks_tables.errors(groups).splitlines()
    assert len({len(line) for line in text}) == 1 and text[-1].startswith("| **overall**")


@pytest.mark.parametrize(
    ("score", "positive", "expected"),
    [
        ([0.1, 0.2, 0.8, 0.9], [True, True, False, False], 1.0),
        ([0.9, 0.8, 0.2, 0.1], [True, True, False, False], 0.0),
        ([0.5, 0.5], [True, False], 0.5),
        ([0.1, 0.9], [False, False], math.nan),
    ],
    ids=["perfect", "reversed", "tie", "one kind only"],
)
def test_auroc(score, positive, expected):
    assert landmarks_measure.auroc(score, positive) == pytest.approx(expected, nan_ok=True)


def test_the_confidence_report_counts_what_passes():
    rows = [row(0.05, 0.9), row(0.05, 0.4), row(0.15, 0.8), row(0.3, 0.1)]
    report = landmarks_measure.confidence_report(rows, [0.05, 0.7], threshold=0.5)
    assert (report["good"], report["bad"], report["good_refused"], report["bad_accepted"]) == (2, 2, 1, 1)
    assert report["without_face_accepted"] == 1 and report["precision"] == pytest.approx(1 / 3)
    assert sum(line["n"] for line in report["reliability"]) == 6
    assert report["auroc_bad"] == pytest.approx(0.75)


def test_faces_a_detector_does_not_see_count_as_missed():
    rows = [row(0.05, 1), row(0.07, 1), row(0.3, 1)]
    line = landmarks_mediapipe.comparison(rows, [0.03, math.nan, math.nan])
    assert line["seen"] == 1 and line["theirs_on_seen"] == pytest.approx(3) and line["ours_on_seen"] == pytest.approx(5)
    assert line["theirs_within"] == pytest.approx(100 / 3) and line["ours_within"] == pytest.approx(200 / 3)
    nothing = landmarks_mediapipe.comparison(rows, [math.nan] * 3)
    assert math.isnan(nothing["ours_on_seen"]) and nothing["ours_on_all"] == pytest.approx(14)


def test_a_missing_mediapipe_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(landmarks_mediapipe, "SHARED", tmp_path)
    finder, why = landmarks_mediapipe.available()
    assert finder is None and why and "\n" not in why


@pytest.mark.parametrize("close", [False, True])
def test_a_sheet_has_a_tile_for_every_picture(close):
    rows = [row(0.04, 0.9), row(0.15, 0.8, "b"), row(0.5, 0.2, "b")]
    page = landmarks_sheet.sheet("title", rows, columns=2, cell=96, close=close, threshold=0.5)
    colours = {landmarks_sheet.error_colour(r.box) for r in rows}
    assert len(colours) == 3
    for colour in colours:
        assert (page == colour).all(2).sum() >= 3 * 96


def test_the_threshold_is_where_mistakes_are_fewest():
    confidence = np.array([0.1, 0.2, 0.3, 0.6, 0.8, 0.9])
    good = np.array([False, False, False, True, True, True])
    assert pick_threshold(confidence, good) == pytest.approx(0.45)
    assert pick_threshold(confidence, np.array([False, True, False, False, True, True])) == pytest.approx(0.7)
    assert pick_threshold(confidence, ~np.zeros(6, bool)) == pytest.approx(0.05)


def test_logistic_finds_the_measure_that_matters():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 3))
    w = logistic(rows, rows[:, 1] > 0.5, np.ones(400))
    assert w[1] > 5 * max(abs(w[0]), abs(w[2])) and -w[3] / w[1] == pytest.approx(0.5, abs=0.15)


def test_every_ablation_has_a_line_and_a_reason_where_it_has_no_figure(tmp_path):
    listed = list(ablations_rows.rows({"mine": tmp_path}))
    labels = [label for _, label, _ in listed]
    assert len(labels) == len(set(labels)) and labels[0] == "as shipped" and labels[-1] == "mine"
    assert set(ablations_rows.TRAINING) <= set(labels)
    bench = ablations_rows.Bench("mini", tmp_path)
    results = [
        (section, label, ablations.run_row(bench, make, {}))
        for section, label, make in listed
        if label in ("no appearance guidance", *ablations_rows.TRAINING)
    ]
    assert all(result["why"] for _, _, result in results)
    figures = {"drawn": {"box": 4.0, "errors": [0.03, 0.05], "failures": 0}}
    text = ablations.printed([("", "as shipped", figures), *results], ["drawn"])
    for _, label, result in results:
        assert f"- {label}: {result['why']}" in text


def test_a_larger_gallery_is_drawn_where_the_gallery_reads_it(tmp_path):
    from faceshot.gallery.appearance import list_domains

    ablations_rows.draw_gallery(tmp_path, ["cat"], 2)
    domain = list_domains(tmp_path)[0]
    assert domain.name == "cat" and len(domain.pictures) == 2 and all(p.path.is_file() for p in domain.pictures)


@pytest.mark.parametrize("item", ["nothing", "=folder", "name=/does/not/exist"])
def test_checkpoints_have_to_be_folders(item):
    with pytest.raises(SystemExit, match="name=folder"):
        ablations.chosen([item])


@pytest.mark.slow
def test_one_command_measures_everything(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(landmarks, "real_characters", lambda folder: [])
    files = {name: tmp_path / name for name in ("sheet.png", "out.json", "predictions")}
    landmarks.main(
        [
            *("--drawn", "1", "--held", "1", "--scenes", "1", "--scene-sizes", "0.4", "0.4", "--faceless", "1"),
            *("--characters", str(tmp_path / "none"), "--sheet", str(files["sheet.png"])),
            *("--json", str(files["out.json"]), "--predictions", str(files["predictions"])),
        ]
    )
    text = capsys.readouterr().out
    for part in ("drawings of the trained kinds", "kinds never trained on", "No real characters", "scenes, drawn"):
        assert part in text
    for part in ("### MediaPipe", "### Confidence", "AUROC", "without a face"):
        assert part in text
    assert all(path.exists() for path in files.values()) and (tmp_path / "sheet-scenes.png").is_file()
