"""Overlays draw what they should where they should."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from faceshot.errors import InputError
from faceshot.landmarks.topology import CURVES, PART_POINTS
from faceshot.landmarks.types import Landmarks, LandmarkSequence
from faceshot.media.drawing import OverlayOptions, confidence_colours, contact_sheet, overlay, overlay_video
from faceshot.media.video import probe, read_frames
from tests.clips import make_clip, make_clip_with_clicks, numbered_frame


def face(size: tuple[int, int] = (256, 256), **options: object) -> Landmarks:
    """A plain frontal face that fills most of the picture."""
    width, height = size
    t = np.linspace(0, 1, 68)
    xy = np.zeros((68, 2))
    arc = np.pi * np.linspace(0, 1, 17)
    xy[:17] = np.column_stack([0.5 - 0.38 * np.cos(arc), 0.4 + 0.5 * np.sin(arc)])
    for side, brow, eye in ((-1, slice(17, 22), slice(36, 42)), (1, slice(22, 27), slice(42, 48))):
        xy[brow] = np.column_stack([0.5 + side * 0.18 + np.linspace(-0.09, 0.09, 5), np.full(5, 0.27)])
        ring = np.pi * (1 - np.arange(6) / 3)
        xy[eye] = np.column_stack([0.5 + side * 0.18 + 0.07 * np.cos(ring), 0.38 - 0.04 * np.sin(ring)])
    xy[27:31] = np.column_stack([np.full(4, 0.5), np.linspace(0.38, 0.56, 4)])
    xy[31:36] = np.column_stack([np.linspace(0.43, 0.57, 5), np.full(5, 0.6)])
    for points, wide, high in ((slice(48, 60), 0.16, 0.07), (slice(60, 68), 0.11, 0.03)):
        count = points.stop - points.start
        ring = np.pi * (1 - 2 * np.arange(count) / count)
        xy[points] = np.column_stack([0.5 + wide * np.cos(ring), 0.73 - high * np.sin(ring)])
    assert t.size == len(xy)
    return Landmarks(xy * (width, height), size, **options)  # type: ignore[arg-type]


GROUNDS = {
    "white": np.full((256, 256, 3), 255, np.uint8),
    "dark": np.full((256, 256, 3), 10, np.uint8),
    "skin": np.full((256, 256, 3), (224, 172, 140), np.uint8),
    "busy": np.random.default_rng(0).integers(0, 255, (256, 256, 3)).astype(np.uint8),
}


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("confidence", [0.0, 0.5, 1.0, None])
def test_lines_stand_out_on_any_ground(ground: str, confidence: float | None) -> None:
    """Along every line there is a strong step of brightness or colour between the line and what surrounds it."""
    score = None if confidence is None else np.full(68, confidence, np.float32)
    landmarks = face(score=score)
    before = GROUNDS[ground].copy()
    drawn = overlay(GROUNDS[ground], landmarks)
    np.testing.assert_array_equal(GROUNDS[ground], before)  # the input is left alone
    colour = confidence_colours(score)[0].astype(int)
    for indices, _ in CURVES:
        middle = np.rint((landmarks.xy[indices[0]] + landmarks.xy[indices[1]]) / 2).astype(int)
        patch = drawn[middle[1] - 3 : middle[1] + 4, middle[0] - 3 : middle[0] + 4].reshape(-1, 3).astype(int)
        on_line = np.abs(patch - colour).sum(1).min()
        contrast = np.ptp(patch.mean(1))
        assert on_line < 60 and contrast > 60, (ground, indices[:2])


def test_colours_follow_confidence() -> None:
    red, amber, green = confidence_colours(np.array([0, 0.5, 1], np.float32)).astype(int)
    assert red[0] > red[1] + 100 and green[1] > green[0] + 100 and amber[0] > 200 and amber[1] > 150


def test_hidden_points_are_rings() -> None:
    ground = np.full((1024, 1024, 3), 255, np.uint8)
    x, y = np.rint(face((1024, 1024)).xy[54]).astype(int)  # a corner of the mouth, where no other line goes
    seen, hidden = (overlay(ground, face((1024, 1024), hidden=some)) for some in ((), (53, 54, 55, 64)))
    assert seen[y, x].min() < 200 <= hidden[y, x].min()
    patch = np.s_[y - 14 : y + 15, x - 14 : x + 15]
    assert hidden[patch].min() < 100  # but its ring is there
    np.testing.assert_array_equal(seen[:600], hidden[:600])


def test_absent_parts_are_fainter_and_have_no_points() -> None:
    ground = GROUNDS["dark"]
    seen = overlay(ground, face())
    absent = overlay(ground, face(absent=frozenset({"mouth"})))
    box = (slice(165, 206), slice(80, 176))
    changed_seen = np.abs(seen[box].astype(int) - ground[box]).sum()
    changed_absent = np.abs(absent[box].astype(int) - ground[box]).sum()
    assert 0 < changed_absent < 0.5 * changed_seen
    grey = absent[box].astype(int)
    assert np.ptp(grey, axis=2).max() < 60  # dashes without the colour of confidence
    upper = (slice(0, 150), slice(None))
    np.testing.assert_array_equal(seen[upper], absent[upper])


def test_nothing_is_drawn_far_from_the_face() -> None:
    ground = np.full((300, 400, 3), 90, np.uint8)
    xy = face((100, 100)).xy + (250, 50)
    drawn = overlay(ground, Landmarks(xy, (400, 300)))
    changed = (drawn != ground).any(2)
    assert changed.any() and not changed[:, :250].any() and not changed[170:].any()


@pytest.mark.parametrize("shift", [-400.0, 5000.0, 9e6])
def test_points_outside_the_picture_do_no_harm(shift: float) -> None:
    xy = face().xy.copy()
    xy[:20] += shift
    assert overlay(GROUNDS["white"], Landmarks(xy, (256, 256))).shape == (256, 256, 3)


@pytest.mark.parametrize("size", [(48, 48), (1500, 900)])
def test_line_width_follows_the_picture(size: tuple[int, int]) -> None:
    ground = np.full((size[1], size[0], 3), 128, np.uint8)
    drawn = overlay(ground, face(size), OverlayOptions(legend=True))
    share = (drawn != ground).any(2).mean()
    assert 0.01 < share < 0.6 and drawn.shape == ground.shape


def test_other_picture_sizes_legend_and_indices() -> None:
    scored = face((512, 512), score=np.linspace(0, 1, 68))
    plain = overlay(GROUNDS["white"], scored)
    np.testing.assert_array_equal(plain, overlay(GROUNDS["white"], scored.resized((256, 256))))
    legend = overlay(GROUNDS["white"], scored, OverlayOptions(legend=True))
    assert (legend != plain).any() and not (legend != plain)[:200, 100:].any()  # the lower left corner
    assert (overlay(GROUNDS["white"], scored, OverlayOptions(indices=True)) != plain).any()
    for bad in (GROUNDS["white"][..., 0], GROUNDS["white"].astype(float)):
        with pytest.raises(InputError, match="uint8"):
            overlay(bad, scored)
    with pytest.raises(InputError, match="width"):
        overlay(GROUNDS["white"], scored, OverlayOptions(width=0))


def test_contact_sheet() -> None:
    pictures = [
        (np.full((40 + 30 * k, 90, 3), 40 * k, np.uint8), f"picture {k} with a rather long name") for k in range(5)
    ]
    sheet = contact_sheet(pictures, columns=3, cell=64)
    assert sheet.dtype == np.uint8 and sheet.shape[1] == 3 * 68 + 4
    for k in range(5):
        left, top = 4 + (k % 3) * 68, 4 + (k // 3) * ((sheet.shape[0] - 4) // 2)
        assert (sheet[top : top + 64, left : left + 64] == 40 * k).all(2).mean() > 0.4, k
    assert contact_sheet(pictures).shape[2] == 3
    with pytest.raises(InputError):
        contact_sheet([])


def test_overlay_video_meets_by_time_and_keeps_sound(tmp_path: Path) -> None:
    clip = make_clip_with_clicks(tmp_path / "clip.mp4", 2, fps=Fraction(30))
    xy = np.stack([face((128, 128)).xy] * 30)  # 15 per second, of a clip twice as large
    found = np.ones(30, bool)
    found[15:] = False
    sequence = LandmarkSequence(xy, (128, 128), Fraction(15), found)
    overlay_video(clip, sequence, tmp_path / "out.mp4")
    info = probe(tmp_path / "out.mp4")
    assert (info.size, info.fps, info.has_audio) == ((64, 64), 30, True) and info.frames in (59, 60)
    given, drawn = list(read_frames(clip)), list(read_frames(tmp_path / "out.mp4"))
    low = (slice(40, 64), slice(None))  # below the caption: landmarks change it in the first second only
    changes = [float(np.abs(a[low].astype(int) - b[low]).mean()) for a, b in zip(given, drawn, strict=False)]
    assert min(changes[:29]) > 4 * max(changes[32:])
    assert np.abs(given[45][:16].astype(int) - drawn[45][:16]).mean() > 5  # "no face" is said


def test_overlay_video_ends_with_the_shorter(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", [numbered_frame(k) for k in range(10)])
    sequence = LandmarkSequence(np.stack([face((64, 48)).xy] * 4), (64, 48), Fraction(30))
    overlay_video(clip, sequence, tmp_path / "out.mp4")
    assert probe(tmp_path / "out.mp4").frames == 4
    with pytest.raises(InputError, match="overwrite=True"):
        overlay_video(clip, sequence, tmp_path / "out.mp4")
    with pytest.raises(InputError, match="input"):
        overlay_video(clip, sequence, clip, overwrite=True)


def test_face_of_these_tests_has_every_part() -> None:
    for part in PART_POINTS:
        assert np.ptp(face().part(part), axis=0).max() > 20


def test_lines_of_a_clip_have_one_width() -> None:
    """The width is the clip's, not the frame's: a face that nods does not swell its lines."""
    from fractions import Fraction

    from faceshot.landmarks import LandmarkSequence, Size
    from faceshot.media.drawing import OverlayOptions, _steady

    rng = np.random.default_rng(0)
    face = rng.uniform(100, 300, (68, 2))
    xy = np.stack([face, 200 + (face - 200) * 1.6, 200 + (face - 200) * 0.5]).astype(np.float32)
    size = Size(400, 400)
    sequence = LandmarkSequence(xy, size, Fraction(25))
    steady = _steady(OverlayOptions(), sequence, size)
    assert steady.width is not None and steady.width > 0
    assert _steady(OverlayOptions(width=3.0), sequence, size).width == 3.0
    shrunk = LandmarkSequence(xy[[2, 0, 0]], size, Fraction(25))
    assert _steady(OverlayOptions(), shrunk, size).width == _steady(OverlayOptions(), sequence[0:1], size).width
