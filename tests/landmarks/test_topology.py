"""The index lists agree with each other; facts that tie them together, not copies of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from faceshot.landmarks import topology as t


def test_parts_partition_the_points_with_the_papers_counts() -> None:
    assert [len(t.PART_POINTS[part]) for part in t.PARTS] == [17, 10, 9, 12, 20]
    assert sorted(i for part in t.PARTS for i in t.PART_POINTS[part]) == list(range(68))
    assert [t.part_of(i) for i in (0, 17, 30, 47, 48, 67)] == [
        *("face_boundary", "eyebrows", "nose", "eyes", "mouth", "mouth"),
    ]
    with pytest.raises(IndexError):
        t.part_of(68)


def test_fine_lists_partition_the_points_too() -> None:
    lists = (
        *(t.JAW, t.RIGHT_BROW, t.LEFT_BROW, t.NOSE_BRIDGE, t.NOSE_BASE),
        *(t.RIGHT_EYE, t.LEFT_EYE, t.OUTER_LIPS, t.INNER_LIPS),
    )
    assert sorted(i for indices in lists for i in indices) == list(range(68))
    assert sorted(i for indices, _ in t.CURVES for i in indices) == list(range(68))
    assert {indices for indices, closed in t.CURVES if closed} == {t.RIGHT_EYE, t.LEFT_EYE, t.OUTER_LIPS, t.INNER_LIPS}


def test_chains_cover_every_point_and_close_eyes_and_lips() -> None:
    assert len(t.CHAINS) == len(t.CHAIN_NAMES) == len(t.ENDPOINTS) == 13
    assert set().union(*map(set, t.CHAINS)) == set(range(68))
    named = dict(zip(t.CHAIN_NAMES, t.CHAINS, strict=True))
    for top, bottom in (
        ("outer_lip_top", "outer_lip_bottom"),
        ("inner_lip_top", "inner_lip_bottom"),
        ("right_eye_top", "right_eye_bottom"),
        ("left_eye_top", "left_eye_bottom"),
    ):
        assert named[top][0] == named[bottom][-1] and named[top][-1] == named[bottom][0]
    assert [(chain[0], chain[-1]) for chain in t.CHAINS] == list(t.ENDPOINTS)


def test_flip_is_an_involution_that_swaps_sides() -> None:
    flip = np.array(t.FLIP)
    assert sorted(t.FLIP) == list(range(68))
    np.testing.assert_array_equal(flip[flip], np.arange(68))
    for right, left in ((t.RIGHT_EYE, t.LEFT_EYE), (t.RIGHT_BROW, t.LEFT_BROW)):
        assert {t.FLIP[i] for i in right} == set(left)
    middle = {i for i in range(68) if t.FLIP[i] == i}
    assert middle == {8, 27, 28, 29, 30, 33, 51, 57, 62, 66}
    assert len(t.MIRROR_PAIRS) == (68 - len(middle)) // 2
    assert all(t.part_of(i) == t.part_of(j) for i, j in t.MIRROR_PAIRS)


def test_flip_maps_every_curve_to_a_curve() -> None:
    edges = set()
    for indices, closed in t.CURVES:
        ring = indices + indices[:1] if closed else indices
        edges |= {frozenset(pair) for pair in pairwise(ring)}
    assert {frozenset(t.FLIP[i] for i in edge) for edge in edges} == edges


def test_facing_pairs_mirror_onto_facing_pairs() -> None:
    flipped = {tuple(t.FLIP[i] for i in pair) for pair in t.LID_PAIRS["right_eye"]}
    assert flipped == set(t.LID_PAIRS["left_eye"])
    for pairs in (t.INNER_LIP_PAIRS, t.OUTER_LIP_PAIRS):
        assert {tuple(t.FLIP[i] for i in pair) for pair in pairs} == set(pairs)


@pytest.mark.parametrize(("table", "count"), [(t.MEDIAPIPE_TO_68, 478), (t.WFLW_TO_68, 98)])
def test_maps_from_other_schemes(table: tuple[tuple[int, ...], ...], count: int) -> None:
    assert len(table) == 68 and all(1 <= len(entry) <= 2 for entry in table)
    assert all(0 <= i < count for entry in table for i in entry)
    assert len(set(table)) == 68


def test_mediapipe_map_is_mirror_symmetric_on_a_face(shared: Path) -> None:
    """The map's own mirror: partners in the map are mirror partners of MediaPipe's mesh, as published with the spec."""
    text = (shared / "specs" / "landmark_maps.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.strip().startswith("21-251"))
    partner = {}
    for pair in line.replace(" ", "").strip("-").split(","):
        a, b = (int(n) for n in pair.split("-"))
        partner[a], partner[b] = b, a
    for i, entry in enumerate(t.MEDIAPIPE_TO_68):
        assert {partner.get(m, m) for m in entry} == set(t.MEDIAPIPE_TO_68[t.FLIP[i]]), i


def test_whole_body_slice() -> None:
    assert t.COCO_WHOLEBODY_FACE[1] - t.COCO_WHOLEBODY_FACE[0] == t.N_POINTS
