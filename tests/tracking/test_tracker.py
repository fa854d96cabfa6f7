"""Source ``track`` on drawn faces that move, where the truth is known."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from faceshot.errors import NoFaceError
from faceshot.landmarks import depth68
from faceshot.landmarks.topology import LID_PAIRS, PART_POINTS
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Picture
from faceshot.tracking.align import FaceTemplate, apply, compose, invert, pyramid
from faceshot.tracking.canvas import similarity, warp
from faceshot.tracking.flow import Flow, lucas_kanade, texture
from faceshot.tracking.prior import DisplacementPrior
from faceshot.tracking.tracker import closed_level, track
from tests.moving import FPS, first, moving_face


def eye_distance(xy: np.ndarray) -> float:
    return float(np.linalg.norm(xy[36] - xy[45]))


def lid_gap(xy: np.ndarray) -> float:
    return float(np.mean([np.linalg.norm(xy[a] - xy[b]) for pairs in LID_PAIRS.values() for a, b in pairs]))


@pytest.fixture(scope="module", params=["cat", "person", "robot"])
def tracked(request: pytest.FixtureRequest) -> tuple[str, LandmarkSequence, LandmarkSequence]:
    pictures, truth = moving_face(request.param)
    return request.param, truth, track(iter(pictures), FPS, anchor=first(truth))


#: Mean error allowed, in eye distances; the clips move by 0.08 to 0.12.
BOUNDS = {"eyes": 0.03, "nose": 0.03, "mouth": 0.06, "face_boundary": 0.04}


def test_a_drawn_face_is_followed(tracked: tuple[str, LandmarkSequence, LandmarkSequence]) -> None:
    _, truth, found = tracked
    assert found.found is not None and found.found.all()
    assert found.size == truth.size and found.fps == truth.fps and found.absent == truth.absent
    error = np.linalg.norm(found.xy - truth.xy, axis=-1) / eye_distance(truth.xy[0])
    for part, bound in BOUNDS.items():
        if part not in truth.absent:
            mean = error[:, list(PART_POINTS[part])].mean()  # type: ignore[index]
            assert mean < bound, f"{part}: {mean:.3f}"
    assert np.allclose(found.xy[0], truth.xy[0], atol=1e-3)


def test_a_blink_closes_and_opens(tracked: tuple[str, LandmarkSequence, LandmarkSequence]) -> None:
    _, _, found = tracked
    open_before, shut, open_after = (lid_gap(found.xy[i]) for i in (6, 12, 20))
    assert shut < 0.3 * open_before
    assert open_after > 0.7 * open_before


def test_scores_and_lids_stay_in_bounds(tracked: tuple[str, LandmarkSequence, LandmarkSequence]) -> None:
    _, _, found = tracked
    assert found.score is not None and found.score.min() >= 0 and found.score.max() <= 1
    across = found.xy[:, 45] - found.xy[:, 36]
    down = np.stack([-across[:, 1], across[:, 0]], axis=1)
    for pairs in LID_PAIRS.values():
        for upper, lower in pairs:
            assert (((found.xy[:, lower] - found.xy[:, upper]) * down).sum(1) >= -1e-2).all()


def test_a_hidden_face_is_not_invented_and_found_again() -> None:
    pictures, truth = moving_face("cat")
    noise = np.random.default_rng(0).integers(0, 256, pictures[0].shape, dtype=np.uint8)
    pictures[8:12] = [noise] * 4
    found = track(iter(pictures), FPS, anchor=first(truth))
    assert found.found is not None
    assert not found.found[8:12].any() and found.found[:8].all() and found.found[14:].all()
    assert np.isnan(found.xy[9]).all()
    error = np.linalg.norm(found.xy[14:] - truth.xy[14:], axis=-1).mean() / eye_distance(truth.xy[0])
    assert error < 0.06


def test_a_cut_to_another_place_is_survived() -> None:
    pictures, truth = moving_face("cat", frames=8)
    wide = [np.pad(p, ((0, 0), (0, 120), (0, 0)), mode="edge") for p in pictures]
    cut = [np.pad(p, ((0, 0), (120, 0), (0, 0)), mode="edge") for p in pictures]
    anchor = replace(first(truth), size=(wide[0].shape[1], wide[0].shape[0]))  # type: ignore[arg-type]
    found = track([*wide, *cut], FPS, anchor=anchor)
    expected = truth.xy + np.float32([120, 0])
    last = np.linalg.norm(found.xy[12:] - expected[4:], axis=-1).mean() / eye_distance(truth.xy[0])
    assert last < 0.06


def test_the_first_good_frame_is_looked_for_and_tracked_both_ways() -> None:
    pictures, truth = moving_face("cat", frames=20)
    asked = []

    def locate(picture: object, box: object) -> tuple[Landmarks, float]:
        if box is not None:  # about the mouth, where the face is known
            return truth[15], 0.1
        asked.append(len(asked))
        return truth[15], 0.9 if len(asked) == 2 else 0.1

    found = track(iter(pictures), FPS, locate=locate)
    assert len(asked) == 2 and found.found is not None and found.found.all()
    assert np.allclose(found.xy[15], truth.xy[15], atol=1e-3)
    assert np.linalg.norm(found.xy - truth.xy, axis=-1).mean() / eye_distance(truth.xy[0]) < 0.05


def test_no_face_is_said_with_the_frames_and_scores() -> None:
    blank = [np.full((64, 64, 3), 200, np.uint8)] * 40
    _, truth = moving_face("cat", frames=1)
    with pytest.raises(NoFaceError, match=r"frames 0, 15, 30 \(best 0\.20, needs 0\.50\)"):
        track(blank, FPS, locate=lambda picture, box: (first(truth), 0.2))
    with pytest.raises(NoFaceError, match="matcher"):
        track(blank, FPS)


def test_size_of_the_frames_does_not_matter() -> None:
    import cv2

    pictures, truth = moving_face("cat", frames=6)
    small = track(iter(pictures), FPS, anchor=first(truth))
    grown = [cv2.resize(p, (960, 960), interpolation=cv2.INTER_CUBIC) for p in pictures]
    large = track(grown, FPS, anchor=first(truth).resized((960, 960)))
    assert np.abs(large.resized(truth.size).xy - small.xy)[:, truth.visible].mean() < 0.5


@pytest.mark.parametrize("turn, zoom, shift", [(0, 1.0, (7, -4)), (8, 1.0, (0, 0)), (-5, 1.08, (3, 5))])
def test_alignment_recovers_a_similarity(turn: float, zoom: float, shift: tuple[float, float]) -> None:
    import cv2

    pictures, _ = moving_face("cat", frames=1)
    gray = cv2.cvtColor(pictures[0], cv2.COLOR_RGB2GRAY)
    matrix = cv2.getRotationMatrix2D((120, 120), turn, zoom)
    matrix[:, 2] += shift
    moved = cv2.warpAffine(gray, matrix, (240, 240), borderMode=cv2.BORDER_REPLICATE)
    template = FaceTemplate(gray, np.ones(gray.shape, np.float32), (120, 120))
    dimmed = np.clip(moved * 0.8 + 20, 0, 255).astype(np.uint8)
    found, correlation = template.align(pyramid(dimmed, 3), np.eye(2, 3), iterations=20)
    corners = np.array([[60.0, 60], [180, 60], [180, 180], [60, 180]])
    assert np.abs(apply(found, corners) - apply(matrix, corners)).max() < 0.5
    assert correlation > 0.9


def test_matrices_compose_and_invert() -> None:
    a, b = np.array([[0.9, -0.2, 3], [0.2, 0.9, -1]]), np.array([[1.1, 0.3, -2], [-0.3, 1.1, 4]])
    points = np.random.default_rng(1).normal(size=(5, 2))
    assert np.allclose(apply(compose(a, b), points), apply(a, apply(b, points)))
    assert np.allclose(apply(invert(a), apply(a, points)), points)
    assert np.allclose(similarity(points, apply(a, points)), a)


def test_warp_shrinks_without_aliasing_and_keeps_places() -> None:
    fine = np.indices((600, 600)).sum(0) % 2 * 255
    frame = np.repeat(fine[..., None], 3, axis=2).astype(np.uint8)
    frame[296:304, 296:304] = 255
    pose = np.array([[4.0, 0, 1.5], [0, 4.0, 1.5]])
    view = warp(frame, pose, 150)
    assert np.ptp(view[:60].astype(int)) < 40
    y, x = np.unravel_index(view[..., 0].argmax(), view.shape[:2])
    assert np.abs(apply(pose, [[x, y]])[0] - 299.5).max() < 4.5


@pytest.mark.parametrize("scale", [1.2, 1.5, 1.9, 2.0, 2.6, 3.5, 5.0])
def test_warp_takes_means_of_what_a_pixel_covers(scale: float) -> None:
    """Beside plain means of every pixel's square, sampled finely; a plain bilinear look is far off."""
    import cv2

    rng = np.random.default_rng(3)
    frame = cv2.GaussianBlur(rng.integers(0, 256, (301, 333, 3), dtype=np.uint8), (0, 0), 1.0)
    turn, side = 0.3, round(200 / scale)
    pose = np.array([[np.cos(turn), -np.sin(turn), 90], [np.sin(turn), np.cos(turn), 40]]) * [[scale, scale, 1]]
    offset = (np.arange(8) + 0.5) / 8 - 0.5
    places = np.stack(np.meshgrid(*(2 * [(np.arange(side)[:, None] + offset).ravel()])), -1)
    fine = cv2.remap(frame, *apply(pose, places).astype(np.float32).transpose(2, 0, 1), cv2.INTER_LINEAR)
    means = fine.reshape(side, 8, side, 8, 3).mean((1, 3))
    rough = cv2.remap(frame, *apply(pose, places[4::8, 4::8]).astype(np.float32).transpose(2, 0, 1), cv2.INTER_LINEAR)
    inner = slice(3, -3)
    away, plain = (np.abs(view.astype(float) - means)[inner, inner] for view in (warp(frame, pose, side), rough))
    assert away.mean() < (0.85 if scale < 2.5 else 0.6) * plain.mean()
    gray = warp(frame, pose, side, grey=True)
    assert gray.shape == (side, side)
    assert np.abs(gray - cv2.cvtColor(warp(frame, pose, side), cv2.COLOR_RGB2GRAY).astype(float)).max() < 4


def test_flow_that_looks_only_near_finds_the_same() -> None:
    import cv2

    rng = np.random.default_rng(5)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (240, 260), dtype=np.uint8), (0, 0), 2.0)
    moved = cv2.warpAffine(picture, np.array([[1, 0.01, 2.3], [-0.01, 1, -1.6]]), (260, 240))
    for points in (rng.uniform(80, 120, (9, 2)), rng.uniform(2, 238, (30, 2))):
        whole = lucas_kanade(picture, moved, points, points, levels=1)
        near = lucas_kanade(picture, moved, points, points, levels=1, reach=6.0)
        close = np.linalg.norm(whole.points - points, axis=1) < 6
        assert close.sum() > 5 and (whole.ok == near.ok)[close].all()
        assert np.abs(whole.points - near.points)[close].max() < 0.01


def test_flow_and_its_trust_know_an_edge_from_a_corner() -> None:
    picture = np.full((100, 100), 60, np.uint8)
    picture[50:, 50:] = 200
    points = np.array([[50.0, 50], [50, 80], [20, 20]])
    trust = texture(picture, points)
    assert trust[0, 0, 0] > 0.8 and trust[0, 1, 1] > 0.8
    assert trust[1, 0, 0] > 0.8 and trust[1, 1, 1] < 0.1
    assert np.abs(trust[2]).max() < 0.05
    flow = lucas_kanade(picture, np.roll(picture, 3, axis=1), points[:1], points[:1])
    assert flow.ok[0] and np.allclose(flow.points[0], [53, 50], atol=0.3)


def test_the_prior_repairs_a_lost_and_a_wild_point() -> None:
    _, truth = moving_face("person", frames=1)
    shape = truth.xy[0].astype(np.float64) / eye_distance(truth.xy[0])
    prior = DisplacementPrior(shape)
    lift = np.zeros((68, 2))
    lift[17:22] = (0.0, -0.08)
    information = np.tile(np.eye(2) * 2e4, (68, 1, 1))
    measured = lift.copy()
    information[19] = 0
    measured[24] += (0.5, 0.5)
    state, weight = prior.fit(measured[None], information[None], previous=np.zeros((68, 2)), rounds=6)
    assert abs(state[19, 1] + 0.08) < 0.03
    assert np.linalg.norm(state[24]) < 0.1 and weight[0, 24] < 0.1


def test_the_outline_goes_where_the_turn_of_the_rest_says() -> None:
    """Nothing but eyes, nose and mouth is seen of a head that turns by 30 degrees."""
    _, truth = moving_face("person", frames=1)
    shape = truth.xy[0].astype(np.float64) / eye_distance(truth.xy[0])
    depth = depth68(shape).astype(np.float64)
    turned = np.zeros((68, 2))
    turned[:, 0] = (depth - depth[27:48].mean()) * np.sin(np.deg2rad(30))
    information = np.zeros((68, 2, 2))
    information[27:] = 1e5 * np.eye(2)
    state, _ = DisplacementPrior(shape).fit(turned[None], information[None], previous=np.zeros((68, 2)), hold=1.0)
    sides = [0, 1, 2, 3, 13, 14, 15, 16]
    assert turned[sides, 0].mean() > 0.2
    assert np.abs(state - turned)[sides, 0].max() < 0.06


@pytest.mark.parametrize(
    ("own", "other", "closed"),
    [
        ([1, 0.6, 0.3, 0.6, 1], [1, 1, 1, 1, 1], 0.3),  # a wink
        ([1, 0.8, 0.55, 0.8, 1], [1, 0.6, 0.3, 0.6, 1], 0.55),  # heavy lashes, in a blink of both
        ([1, 0.6, 0.55, 0.6, 1], [1, 1, 1, 1, 1], 0.2),  # one eye narrowed
        ([1, 1, 1, 0.8, 0.6], [0.3, 0.6, 1, 1, 1], 0.2),  # at different times
        ([1, 1, 1, 1, 1], [1, 1, 1, 1, 1], 0.2),
    ],
)
def test_what_closed_looks_like(own: list[float], other: list[float], closed: float) -> None:
    assert closed_level(np.array(own, float), np.array(other, float)) == pytest.approx(closed)


def test_a_clip_that_begins_with_an_open_mouth_is_anchored_on_a_calm_frame() -> None:
    """The matcher's first answer shows an open mouth; soon after it is shut, and motion is measured from there."""
    pictures, truth = moving_face("person", frames=24)
    gaps = [float(np.linalg.norm(xy[62] - xy[66])) for xy in truth.xy]
    talking = int(np.argmax(gaps))
    order = [talking, *range(24)]
    shown, real = [pictures[k] for k in order], truth.xy[order]
    known = {id(picture): k for k, picture in enumerate(shown)}

    def locate(picture: object, box: object) -> tuple[Landmarks, float]:
        index = next(known[key] for key in known if np.array_equal(picture.rgb, shown[known[key]]))  # type: ignore[attr-defined]
        return replace(truth[0], xy=real[index].astype(np.float32)), 0.9

    found = track(iter(shown), FPS, locate=locate)
    errors = np.linalg.norm(found.xy[1:, 48:68] - real[1:, 48:68], axis=-1).mean() / eye_distance(real[1])
    assert found.found is not None and found.found.all() and errors < 0.05


def test_tracking_beside_the_features_is_noticed_and_put_right(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceshot.tracking import face

    pictures, truth = moving_face("cat", frames=40)
    steps = face.FaceTracker.step
    count = iter(range(1000))

    def beside(self: face.FaceTracker, rgb: np.ndarray, hint: Landmarks | None = None) -> face.Step:
        lost = next(count) >= 3 and hint is None and not done
        step = steps(self, rgb, hint)
        if hint is not None:
            done.append(1)
        return replace(step, xy=step.xy + 0.3 * eye_distance(truth.xy[0])) if lost else step

    done: list[int] = []
    monkeypatch.setattr(face.FaceTracker, "step", beside)
    asked = iter(range(1000))

    def locate(picture: object, box: object) -> tuple[Landmarks, float]:
        next(asked)
        index = next(k for k, shown in enumerate(pictures) if np.array_equal(picture.rgb, shown))  # type: ignore[attr-defined]
        return truth[index], 0.9

    track(iter(pictures), FPS, locate=locate)
    assert done, "nobody noticed"


def test_a_face_is_found_behind_a_long_title_card() -> None:
    """At four frames a second, half a minute of nothing."""
    pictures, truth = moving_face("cat", frames=24)
    card = [np.zeros_like(pictures[0])] * 120

    def locate(picture: Picture, box: object) -> tuple[Landmarks, float]:
        shown = [k for k, one in enumerate(pictures) if np.array_equal(one, picture.rgb)]
        return truth[shown[0] if shown else 0], 0.9 if shown else 0.0

    found = track(iter([*card, *pictures]), Fraction(4), locate=locate)
    assert found.found is not None and not found.found[:100].any() and found.found[120:].mean() > 0.8


def test_an_eye_does_not_leap_onto_the_nose(monkeypatch: pytest.MonkeyPatch) -> None:
    """As flow says of a dot that shuts to a line beside a nose of its colour."""
    from faceshot.tracking import face

    pictures, truth = moving_face("cat", frames=1)
    tracker = face.FaceTracker(pictures[0], truth.xy[0])
    follow = face.lucas_kanade

    def leaping(*args: Any, **options: Any) -> Flow:
        flow = follow(*args, **options)
        if len(flow.points) == 68 and "levels" not in options:
            flow.points[36:48] += 0.6 * (flow.points[30] - flow.points[36:48])
            flow.ok[36:48] = True
        return flow

    gone = pictures[0].copy()
    for middle in (truth.xy[0, 36:42].mean(0), truth.xy[0, 42:48].mean(0)):
        x, y = np.round(middle).astype(int)
        gone[y - 22 : y + 22, x - 22 : x + 22] = gone[y + 24, x]
    monkeypatch.setattr(face, "lucas_kanade", leaping)
    step = tracker.step(gone)
    assert np.abs(step.xy - truth.xy[0])[36:48].max() < 0.05 * eye_distance(truth.xy[0])
