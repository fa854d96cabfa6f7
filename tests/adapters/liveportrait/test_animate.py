"""The liveportrait backend: exact rest frames in every mode, untouched surroundings, mattes, several faces, options."""

from __future__ import annotations

import logging
import pickle
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceshot.errors import FaceShotError, InputError, MissingError, UsageError
from faceshot.formats.files import write_landmarks, write_sequence
from faceshot.landmarks import topology as topo
from faceshot.landmarks.types import Landmarks, LandmarkSequence, Picture, Size
from faceshot.pipeline.backends import AnimationOptions, load_backend
from faceshot_liveportrait import FILES, Backend
from faceshot_liveportrait.options import parse_options
from faceshot_liveportrait.paste import Paster, feather, pasted
from faceshot_liveportrait.place import face_crop, network_input, warp
from tests.adapters.liveportrait.standin import Standin, layout_of

SIDE = 240


def clip(landmarks, moved, **more):
    return LandmarkSequence(np.stack(moved).astype(np.float32), landmarks.size, Fraction(25), **more)


def standin(landmarks, **more):
    return Standin(layout_of(face_crop(landmarks.xy).to_units(landmarks.xy)), **more)


def animate(picture, landmarks, moved, engine=None, **extra):
    backend = Backend(engine or standin(landmarks))
    sequence = moved if isinstance(moved, LandmarkSequence) else clip(landmarks, moved)
    return list(backend.animate(picture, landmarks, sequence, AnimationOptions(extra=extra)))


def recoded(picture, landmarks, engine):
    """The source through the networks, pasted back: what the rest frame has to be, by another way."""
    crop = face_crop(landmarks.xy)
    image = warp(picture.rgb, crop.matrix, (512, 512), "edge")
    import torch

    given = torch.from_numpy(network_input(image))
    return pasted(picture.rgb, engine.recode(engine.appearance(given), torch.zeros(1, 21, 3)), crop)


def open_mouth(xy, pixels):
    out = xy.copy()
    out[list(topo.OUTER_LIPS[7:] + topo.INNER_LIPS[5:]), 1] += pixels
    return out


@pytest.fixture(scope="module")
def face(drawn_face):
    return drawn_face(SIDE)


@pytest.fixture(scope="module")
def driver(tmp_path_factory, drawn_face):
    """A driving clip (a folder of frames) of a nodding, talking face, and its landmarks' file and sequence."""
    from faceshot.media.image import write_picture

    picture, landmarks = drawn_face(200)
    folder = tmp_path_factory.mktemp("driver")
    moved = [landmarks.xy, open_mouth(landmarks.xy, 8), open_mouth(landmarks.xy + np.float32([0, 6]), 3)]
    sequence = clip(landmarks, moved)
    frames = load_backend("warp").animate(picture, landmarks, sequence, AnimationOptions())
    for i, frame in enumerate(frames):
        write_picture(folder / f"frame_{i:06d}.png", frame)
    path = folder.parent / "driver.npz"
    write_sequence(path, sequence)
    return folder, path, sequence


# --- the rest frame ------------------------------------------------------------------------------------------------

MODES = {
    "landmarks": {},
    "landmarks_stitched": {"stitching": "on"},
    "landmarks_multiplied": {"multiplier": 1.7, "stitching": "on"},
    "landmarks_by_points": {"eyes": "points", "mouth": "points"},
    "animal": {"variant": "animal"},
    "proxy": {"mode": "proxy"},
    "proxy_stitched": {"mode": "proxy", "stitching": "on", "smoothing": "1e-5"},
    "video": {"mode": "video"},
    "video_stitched": {"mode": "video", "stitching": "on", "multiplier": "1.3"},
    "video_eyes_and_lips": {"mode": "video", "retarget": "both"},
    "video_animal": {"mode": "video", "variant": "animal"},
}


@pytest.mark.parametrize("name", MODES)
def test_unchanged_landmarks_give_the_recoded_source_bit_for_bit(face, driver, name):
    picture, landmarks = face
    extra = dict(MODES[name])
    if extra.get("mode") == "video":
        extra |= {"driving": driver[0], "driving_landmarks": driver[1]}
    engine = standin(landmarks)
    moved = [landmarks.xy, open_mouth(landmarks.xy + np.float32([3, 5]), 6), landmarks.xy]
    frames = animate(picture, landmarks, moved, engine, **extra)
    expected = recoded(picture, landmarks, engine)
    assert np.array_equal(frames[0], expected)
    assert np.abs(frames[1].astype(int) - expected).max() > 8
    if extra.get("mode") != "video":
        assert np.array_equal(frames[2], expected)


@pytest.mark.parametrize("region", ["all", "exp", "pose", "lip", "eyes"])
@pytest.mark.parametrize("mode", ["landmarks", "proxy"])
def test_regions_move_their_own(face, region, mode):
    picture, landmarks = face
    shut = landmarks.xy.copy()
    for pairs in topo.LID_PAIRS.values():
        for up, low in pairs:
            shut[up] = shut[low] = (shut[up] + 4 * shut[low]) / 5
    shifted, spoken = landmarks.xy + np.float32([0, 9]), open_mouth(landmarks.xy, 12)
    frames = animate(picture, landmarks, [landmarks.xy, shifted, spoken, shut], mode=mode, region=region)
    moves = [np.abs(frame.astype(int) - frames[0]).max() > 8 for frame in frames[1:]]
    if mode == "landmarks":
        wanted = {"all": (1, 1, 1), "exp": (0, 1, 1), "pose": (1, 0, 0), "lip": (0, 1, 0), "eyes": (0, 0, 1)}[region]
        assert moves == [bool(value) for value in wanted]
    else:
        assert any(moves)


def test_a_wider_mouth_opens_the_mouth_and_nothing_above(face):
    picture, landmarks = face
    rest, spoken = animate(picture, landmarks, [landmarks.xy, open_mouth(landmarks.xy, 14)], stitching="off")
    changed = np.abs(rest.astype(int) - spoken).max(-1) > 12
    rows = np.flatnonzero(changed.any(1))
    assert len(rows) and rows.min() > 0.55 * SIDE


def test_the_head_follows_the_landmarks_way(face):
    picture, landmarks = face
    shift = 12.0
    rest, moved = animate(picture, landmarks, [landmarks.xy, landmarks.xy + np.float32([shift, 0])], stitching="off")

    def pupils(frame):
        r, b = frame[..., 0].astype(int), frame[..., 2].astype(int)
        return float(np.flatnonzero(((b - r > 50) & (b > 90)).any(0)).mean())

    assert pupils(moved) - pupils(rest) == pytest.approx(shift, abs=2.5)


def test_frames_without_a_face_hold_the_last_place(face):
    picture, landmarks = face
    lost = np.full((68, 2), np.nan, np.float32)
    moved = clip(
        landmarks,
        [lost, landmarks.xy + 4, lost, landmarks.xy],
        found=np.array([False, True, False, True]),
        rest=1,
    )
    frames = animate(picture, landmarks, moved)
    assert np.array_equal(frames[0], frames[3]) and np.array_equal(frames[1], frames[2])
    assert not np.array_equal(frames[0], frames[1])


# --- pictures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["landmarks", "proxy"])
@pytest.mark.parametrize(
    ("width", "height", "matte"),
    [(48, 48, False), (52, 48, True), (301, 199, False), (133, 257, True), (1400, 900, True)],
    ids=["tiny", "tiny_matte", "wide_odd", "tall_odd_matte", "large_matte"],
)
def test_any_size_and_matte(drawn_face, width, height, matte, mode):
    picture, landmarks = drawn_face(width, height, matte=matte)
    step = min(width, height) / 40
    frames = animate(picture, landmarks, [landmarks.xy, landmarks.xy + np.float32([step, step / 2])], mode=mode)
    assert [frame.shape for frame in frames] == [(height, width, 4 if matte else 3)] * 2
    assert all(frame.dtype == np.uint8 for frame in frames)
    if matte:
        assert np.array_equal(frames[0][..., 3], picture.alpha)
    assert not np.array_equal(frames[0], frames[1])


@pytest.mark.parametrize("extra", [{}, {"mode": "proxy"}, {"stitching": "on"}], ids=["landmarks", "proxy", "stitched"])
def test_pixels_outside_the_paste_mask_are_the_pictures(drawn_face, extra):
    small, landmarks = drawn_face(120)
    rng = np.random.default_rng(0)
    rgb, alpha = rng.integers(0, 255, (420, 500, 3), np.uint8), rng.integers(0, 255, (420, 500), np.uint8)
    rgb[150:270, 200:320], alpha[150:270, 200:320] = small.rgb, 255
    rest = Landmarks(landmarks.xy + np.float32([200, 150]), (500, 420))
    turned = rest.xy.mean(0) + (rest.xy - rest.xy.mean(0)) @ np.float32([[0.98, 0.2], [-0.2, 0.98]])
    frame = animate(Picture(rgb, alpha), rest, [turned], **extra)[0]
    outside = warp(feather(), face_crop(rest.xy).inverse, (500, 420)) == 0
    assert 0.2 < outside.mean() < 0.9
    assert np.array_equal(frame[..., :3][outside], rgb[outside])
    assert np.array_equal(frame[..., 3][outside], alpha[outside])
    assert not np.array_equal(frame[..., :3][~outside], rgb[~outside])


def test_the_matte_goes_with_the_head(drawn_face):
    picture, landmarks = drawn_face(SIDE, matte=True)
    hidden = np.where(picture.alpha[..., None] < 8, np.uint8([0, 255, 0]), picture.rgb)
    moved = landmarks.xy + np.float32([12, 0])
    frame = animate(Picture(hidden, picture.alpha), landmarks, [moved], stitching="off")[0]
    expected = cv2.warpAffine(picture.alpha, np.float32([[1, 0, 12], [0, 1, 0]]), (SIDE, SIDE))
    assert np.abs(frame[..., 3].astype(int) - expected).mean() < 4
    seen = frame[frame[..., 3] > 60].astype(int)
    assert (seen[:, 1] - seen[:, 0]).max() < 60  # no green of the hidden pixels


def test_a_face_off_the_picture_leaves_the_picture(drawn_face):
    picture, landmarks = drawn_face(96)
    rest = Landmarks(landmarks.xy + np.float32([5000, 0]), landmarks.size)
    assert np.array_equal(animate(picture, rest, [rest.xy + 3])[0], picture.rgb)


@pytest.mark.parametrize("part", ["eyes", "mouth", "eyebrows", "nose", "face_boundary"])
def test_absent_parts_move_nothing(face, part):
    picture, landmarks = face
    rest = Landmarks(landmarks.xy, landmarks.size, absent=frozenset([part]))
    moved = landmarks.xy.copy()
    points = list(topo.PART_POINTS[part])
    moved[points] += np.random.default_rng(0).normal(0, 12, (len(points), 2)).astype(np.float32)
    rest_frame, frame = animate(picture, rest, [rest.xy, moved])
    assert np.array_equal(rest_frame, frame)


def test_everything_absent_and_one_pixel_faces(face):
    picture, landmarks = face
    nothing = Landmarks(landmarks.xy, landmarks.size, absent=frozenset(topo.PARTS))
    assert len(animate(picture, nothing, [landmarks.xy + 2])) == 1
    with pytest.raises(InputError, match="one spot"):
        animate(picture, Landmarks(np.zeros((68, 2)), picture.size), [np.zeros((68, 2))], standin(landmarks))


# --- several faces -------------------------------------------------------------------------------------------------


def test_further_faces_move_like_the_first_and_are_pasted_too(drawn_face, tmp_path):
    small, landmarks = drawn_face(160)
    rgb = np.concatenate([small.rgb, small.rgb[:, ::-1]], axis=1)
    size = Size(320, 160)
    one = Landmarks(landmarks.xy, size)
    two = Landmarks(landmarks.xy + np.float32([160, 0]), size)
    write_landmarks(tmp_path / "two.json", two)
    moved = [one.xy, open_mouth(one.xy, 8)]
    alone = animate(Picture(rgb), one, moved)
    both = animate(Picture(rgb), one, moved, standin(one), faces=f"{tmp_path / 'two.json'}")
    right = np.s_[100:140, 215:265]
    assert np.array_equal(alone[1][right], alone[0][right])
    change = np.abs(both[1][right].astype(int) - both[0][right])
    assert change.max() > 20
    left = np.abs(both[1][100:140, 55:105].astype(int) - both[0][100:140, 55:105])
    assert left.sum() == pytest.approx(change.sum(), rel=0.4)


def test_a_neighbour_in_the_crop_is_not_painted_over(drawn_face, tmp_path):
    small, landmarks = drawn_face(160)
    rgb = np.concatenate([small.rgb, small.rgb], axis=1)
    one, two = (Landmarks(landmarks.xy + np.float32([x, 0]), (320, 160)) for x in (0, 160))
    assert face_crop(two.xy).side > 1.4 * 160  # the crops hold both faces
    write_landmarks(tmp_path / "two.json", two)
    moved = [open_mouth(one.xy, 8)]
    alone = animate(Picture(rgb), one, moved)[0][90:130, 50:110].astype(int)
    both = animate(Picture(rgb), one, moved, faces=tmp_path / "two.json")[0][90:130, 50:110].astype(int)
    rest = animate(Picture(rgb), one, [one.xy])[0][90:130, 50:110].astype(int)
    assert np.abs(both - alone).mean() < 0.1 * np.abs(alone - rest).mean()


def test_a_further_face_may_have_its_own_motion(drawn_face, tmp_path):
    small, landmarks = drawn_face(160)
    rgb = np.concatenate([small.rgb, small.rgb], axis=1)
    one, two = (Landmarks(landmarks.xy + np.float32([x, 0]), (320, 160)) for x in (0, 160))
    write_sequence(tmp_path / "two.npz", clip(two, [two.xy, open_mouth(two.xy, 8)]))
    frames = animate(Picture(rgb), one, [one.xy, one.xy], faces=[tmp_path / "two.npz"])
    changed = np.flatnonzero((frames[0] != frames[1]).any((0, 2)))
    assert changed.min() > 130


@pytest.mark.parametrize(("size", "frames", "message"), [((99, 99), 1, "99x99"), ((SIDE, SIDE), 5, "5 frames")])
def test_unfit_faces_are_refused(face, tmp_path, size, frames, message):
    picture, landmarks = face
    other = Landmarks(landmarks.xy, size)
    write_sequence(tmp_path / "other.npz", clip(other, [landmarks.xy] * frames))
    with pytest.raises(InputError, match=message):
        animate(picture, landmarks, [landmarks.xy] * 2, faces=tmp_path / "other.npz")


# --- driving clips and templates -----------------------------------------------------------------------------------


def test_a_template_repeats_its_clip(face, driver, tmp_path):
    picture, landmarks = face
    folder, path, _ = driver
    kept = tmp_path / "kept.npz"
    moved = clip(landmarks, [landmarks.xy] * 3)
    given = {"mode": "video", "driving": folder, "driving_landmarks": path}
    first = animate(picture, landmarks, moved, save_template=kept, **given)
    again = animate(picture, landmarks, moved, mode="video", template=kept)
    assert len(first) == 3
    # The folder of frames says 30 per second, the sequence 25: the last frame is reached either way.
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one, two)
    with pytest.raises(InputError, match="exists"):
        animate(picture, landmarks, moved, save_template=kept, **given)


def test_a_short_clip_is_held_and_said(face, driver, caplog):
    picture, landmarks = face
    moved = clip(landmarks, [landmarks.xy] * 6)
    with caplog.at_level(logging.WARNING, "faceshot"):
        frames = animate(picture, landmarks, moved, mode="video", driving=driver[0], driving_landmarks=driver[1])
    assert "last one is held" in caplog.text
    assert np.array_equal(frames[-1], frames[-2]) and not np.array_equal(frames[0], frames[-1])


def test_one_driving_picture_gives_its_expression(face, driver):
    from faceshot.landmarks.types import LandmarkSequence

    picture, landmarks = face
    folder, _, sequence = driver
    single = folder.parent / "single.npz"
    write_sequence(single, sequence[1:2])
    frames = animate(picture, landmarks, [landmarks.xy] * 2, mode="video", driving=folder, driving_landmarks=single)
    assert isinstance(sequence[1:2], LandmarkSequence)
    assert np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[0], recoded(picture, landmarks, standin(landmarks)))


def test_landmarks_of_another_clip_are_refused(face, driver, tmp_path):
    picture, landmarks = face
    write_sequence(tmp_path / "other.npz", clip(landmarks, [landmarks.xy]))
    with pytest.raises(InputError, match="240x240"):
        animate(
            picture, landmarks, [landmarks.xy], mode="video", driving=driver[0],
            driving_landmarks=tmp_path / "other.npz",
        )  # fmt: skip


def test_absolute_motion_takes_over_the_drivers_pose(face, driver):
    picture, landmarks = face
    given = {"mode": "video", "driving": driver[0], "driving_landmarks": driver[1]}
    relative, absolute = (
        animate(picture, landmarks, [landmarks.xy] * 2, motion=kind, **given) for kind in ("relative", "absolute")
    )
    assert not np.array_equal(relative[0], absolute[0])


def as_pickle(path, template):
    """The template as LivePortrait writes it."""
    motion = [
        {
            "scale": template.driver.motion.scale[i].reshape(1, 1).astype(np.float32),
            "R": template.driver.motion.rotation[i][None].astype(np.float32),
            "exp": template.driver.motion.exp[i][None].astype(np.float32),
            "t": template.driver.motion.t[i][None].astype(np.float32),
        }
        for i in range(len(template.driver))
    ]
    path.write_bytes(pickle.dumps({"n_frames": len(motion), "output_fps": 25, "motion": motion}))


@pytest.fixture
def from_the_command_line(cli, face, driver, tmp_path, monkeypatch):
    """``run(*flags)`` animates the face's picture with the stand-in; the driving landmarks are known."""
    from faceshot.media.image import write_picture

    picture, landmarks = face
    engine = standin(landmarks)
    write_picture(tmp_path / "face.png", picture.rgb)
    write_landmarks(tmp_path / "face.json", landmarks)
    monkeypatch.setattr(Backend, "requires", lambda self: [])
    monkeypatch.setattr(Backend, "_load", lambda self, parsed, options: setattr(self, "_engine", engine))
    seen = []

    def drive(clip, **given):
        seen.append(clip)
        return driver[2]

    monkeypatch.setattr("faceshot.driving.sources.drive", drive)

    def run(*flags):
        out = tmp_path / f"out{len(list(tmp_path.glob('out*')))}"
        given = ("animate", tmp_path / "face.png", "--landmarks", tmp_path / "face.json", "-o", f"{out}/")
        done = cli(*given, "--backend", "liveportrait", *flags)
        frames = [cv2.imread(str(path))[..., ::-1] for path in sorted(out.glob("*.png"))]
        return done, frames

    run.drives = seen
    return run


def test_the_pipelines_clip_drives_mode_video(from_the_command_line, face, driver):
    done, frames = from_the_command_line("--driving", driver[0], "--backend-option", "mode=video")
    assert done.code == 0, done.err
    moved = clip(face[1], [face[1].xy] * 3)
    wanted = animate(*face, moved, mode="video", driving=driver[0], driving_landmarks=driver[1])
    assert len(frames) == 3
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(frames, wanted, strict=True)) <= 1, "rounding at most"
    assert from_the_command_line.drives == [driver[0]], "landmarks are looked for once"


def test_another_clip_may_be_named_and_then_has_its_own_landmarks(from_the_command_line, face, driver, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(driver[0], other)
    named = f"mode=video,driving={other},driving_landmarks={driver[1]}"
    done, frames = from_the_command_line("--driving", driver[0], "--backend-option", named)
    assert done.code == 0 and len(frames) == 3


@pytest.mark.parametrize("kind", ["npz", "pkl"])
def test_a_motion_template_drives_by_itself(from_the_command_line, face, driver, tmp_path, kind, cli):
    from faceshot_liveportrait.driving.template import read_template

    kept = tmp_path / "kept.npz"
    moved = clip(face[1], [face[1].xy] * 3)
    wanted = animate(
        *face, moved, mode="video", driving=driver[0], driving_landmarks=driver[1], save_template=kept
    )  # fmt: skip
    path = tmp_path / f"moves.{kind}"
    if kind == "pkl":
        as_pickle(path, read_template(kept))
    else:
        shutil.copy(kept, path)
    done, frames = from_the_command_line("--driving", path)
    assert done.code == 0, done.err
    assert len(frames) == 3
    for frame, expected in zip(frames, wanted, strict=True):
        assert np.abs(frame.astype(int) - expected).max() <= 3  # a pickle's frames are 25 a second, in single precision
    assert from_the_command_line.drives == []
    refused, _ = from_the_command_line("--driving", path, "--backend-option", "mode=proxy")
    assert refused.code == 2 and "drives mode=video only; leave out mode=proxy" in refused.err
    refused = cli("animate", tmp_path / "face.png", "--driving", path, "-o", tmp_path / "out.mp4")
    assert refused.code == 2 and refused.err.count("\n") == 1
    assert refused.err.rstrip().endswith(f"moves.{kind} is motion for --backend liveportrait only")


def test_a_harmful_pickle_as_driving_is_refused(from_the_command_line, tmp_path):
    path = tmp_path / "moves.pkl"
    path.write_bytes(pickle.dumps({"motion": Path.touch}))
    done, _ = from_the_command_line("--driving", path)
    assert done.code == 1 and done.err.count("\n") == 1 and "is refused: not a pickle of numbers" in done.err


def test_a_file_of_landmarks_cannot_drive_mode_video(from_the_command_line, driver):
    done, _ = from_the_command_line("--driving", driver[1], "--backend-option", "mode=video")
    assert done.code == 2 and "needs a clip: --driving CLIP" in done.err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("template={}", "moves.npz"),
        ("driving={}", "moves.npz"),
        ("driving={0},driving_landmarks={1}", "moves.npz"),
        ("faces={}", "moves.npz"),
    ],
)
def test_unusable_files_are_refused_before_anything_is_loaded(face, driver, tmp_path, option, message):
    bad = tmp_path / "moves.npz"
    bad.write_bytes(b"nothing")
    clips = (bad,) if "{0}" not in option else (driver[0], bad)
    pairs = dict(pair.split("=") for pair in option.format(*clips).split(","))

    class Unloaded(Backend):
        def _load(self, parsed, options):
            raise AssertionError("loaded")

    with pytest.raises(InputError, match=message) as error:
        Unloaded().load(AnimationOptions(extra={"mode": "video", **pairs} if "faces" not in pairs else pairs))
    assert "\n" not in str(error.value)


def test_a_template_of_several_faces_is_the_first_ones(drawn_face, tmp_path):
    from faceshot_liveportrait.driving.template import read_template

    small, landmarks = drawn_face(160)
    rgb = np.concatenate([small.rgb, small.rgb], axis=1)
    one, two = (Landmarks(landmarks.xy + np.float32([x, 0]), (320, 160)) for x in (0, 160))
    write_landmarks(tmp_path / "two.json", two)
    engine, moved = standin(one), [one.xy, open_mouth(one.xy, 8)]
    alone, both = tmp_path / "alone.npz", tmp_path / "both.npz"
    animate(Picture(rgb), one, moved, engine, mode="proxy", save_template=alone)
    animate(Picture(rgb), one, moved, engine, mode="proxy", save_template=both, faces=tmp_path / "two.json")
    first, second = (read_template(path).driver.motion for path in (alone, both))
    assert np.array_equal(first.exp, second.exp) and np.array_equal(first.rotation, second.rotation)


def test_overwrite_holds_for_the_template_too(face, tmp_path):
    picture, landmarks = face
    kept = tmp_path / "kept.npz"
    kept.write_bytes(b"old")
    extra = {"mode": "proxy", "save_template": kept}
    backend, moved = Backend(standin(landmarks)), clip(landmarks, [landmarks.xy + 1])
    with pytest.raises(InputError, match=r"kept\.npz exists"):
        backend.load(AnimationOptions(extra=extra))
    options = AnimationOptions(extra=extra, overwrite=True)
    backend.load(options)
    assert len(list(backend.animate(picture, landmarks, moved, options))) == 1
    assert kept.stat().st_size > 100


def test_frames_marked_as_lost_do_not_place_the_drivers_box(face, driver, tmp_path):
    """Coordinates of frames without a face mean nothing, even where they are numbers."""
    folder, _, sequence = driver
    xy = sequence.xy.copy()
    xy[1] += 900
    found = np.array([True, False, True])
    for name, values in (("wild", xy), ("calm", np.where(found[:, None, None], xy, np.nan))):
        write_sequence(tmp_path / f"{name}.npz", LandmarkSequence(values, sequence.size, sequence.fps, found=found))
    wild, calm = (
        animate(*face, [face[1].xy] * 3, mode="video", driving=folder, driving_landmarks=tmp_path / f"{name}.npz")
        for name in ("wild", "calm")
    )
    assert all(np.array_equal(a, b) for a, b in zip(wild, calm, strict=True))


# --- options, weights, log -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"modus": "proxy"}, "modus.*mode, variant, region"),
        ({"mode": "magic"}, "mode must be one of landmarks, proxy, video, got 'magic'"),
        ({"multiplier": "much"}, "multiplier must be a number in 0..3"),
        ({"multiplier": float("nan")}, "multiplier"),
        ({"turn": 2}, "turn must be a number in 0..1"),
        ({"batch": 1.5}, "batch must be a whole number in 1..256"),
        ({"mode": "video"}, "needs a clip: driving=CLIP, or its option template=FILE"),
        ({"mode": "video", "driving": "a", "template": "b"}, "driving and template exclude each other"),
        ({"speedup": "warp"}, "speedup must be one of none, compile, graph"),
        ({"driving": "x.mp4"}, "driving belongs to mode=video"),
        ({"mode": "proxy", "turn": 0.5}, "turn belongs to mode=landmarks"),
        ({"save_template": "x.npz"}, "save_template needs mode=video or mode=proxy"),
        ({"mode": "proxy", "save_template": "x.pkl"}, "written as .npz"),
        ({"mode": "video", "driving": "no_such_clip.mp4"}, "no such file: no_such_clip.mp4"),
        ({"mode": "video", "template": "t", "variant": "animal", "motion": "absolute"}, "animal knows neither"),
        ({"faces": "a.json;b.json"}, "no such file: a.json"),
    ],
    ids=lambda value: str(value)[:32],
)
def test_bad_options_are_named(face, extra, message):
    with pytest.raises(FaceShotError, match=message) as error:
        Backend(standin(face[1])).load(AnimationOptions(extra=extra))
        parse_options(extra)
    assert "\n" not in str(error.value)


def test_options_that_shape_landmarks_are_refused_where_none_are_followed(face, tmp_path):
    clip = tmp_path / "driver.mp4"
    clip.write_bytes(b"")
    backend = Backend(standin(face[1]))
    given = AnimationOptions(extra={"mode": "video"}, driving=clip, shaped=("gain", "only"))
    with pytest.raises(UsageError, match="gain, only would have no effect"):
        backend.load(given)
    backend.load(replace(given, extra={}))  # mode=landmarks follows them


def test_options_may_be_strings():
    found = parse_options({"multiplier": "1.5", "batch": "8", "turn": "0", "region": "lip", "smoothing": "auto"})
    assert (found.multiplier, found.batch, found.turn, found.region, found.smoothing) == (1.5, 8, 0.0, "lip", None)


@pytest.mark.parametrize("variant", ["human", "animal"])
def test_missing_weights_say_which_where_how_and_which_licence(monkeypatch, tmp_path, variant, face):
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    backend = Backend()
    (line,) = backend.requires()
    assert line.startswith("needs weights") and line.endswith("faceshot weights fetch liveportrait")
    assert all(name in line for name in FILES.values())
    picture, landmarks = face
    options = AnimationOptions(extra={"variant": variant})
    command = f"faceshot weights fetch liveportrait{'-animals' if variant == 'animal' else ''}"
    for call in (backend.load, lambda o: backend.animate(picture, landmarks, clip(landmarks, [landmarks.xy]), o)):
        with pytest.raises(MissingError) as error:
            call(options)
        text = str(error.value)
        assert "\n" not in text and text.rstrip(".").endswith(command)
        for part in ("appearance_feature_extractor.pth", str(tmp_path / "weights"), str(tmp_path / "hub"), "MIT"):
            assert part in text, part


def test_either_set_of_weights_makes_it_ready(monkeypatch, tmp_path):
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    folder = tmp_path / "KwaiVGI" / "LivePortrait"
    for name in FILES.values():
        place = "liveportrait/retargeting_models" if "stitching" in name else "liveportrait_animals/base_models_v1.1"
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / name).write_bytes(b"x")
    backend = Backend()
    assert backend.requires() == []
    with pytest.raises(MissingError, match="liveportrait/base_models"):
        backend.load(AnimationOptions())
    with pytest.raises(InputError, match=r"base_models_v1\.1"):
        backend.load(AnimationOptions(extra={"variant": "animal"}))


def test_time_and_ways_are_said_before_the_start(face, caplog):
    picture, landmarks = face
    backend = Backend(standin(landmarks))
    with caplog.at_level(logging.INFO, "faceshot"):
        frames = backend.animate(picture, landmarks, clip(landmarks, [landmarks.xy, landmarks.xy + 2] * 3),
                                 AnimationOptions())  # fmt: skip
        next(frames)
    assert "6 frames to render on cpu, about 0.02 s each, 0.12 seconds" in caplog.text
    assert "driven by landmarks, eyes by ratio, mouth by ratio" in caplog.text


def test_frames_are_streamed(face):
    picture, landmarks = face
    engine = standin(landmarks)
    frames = Backend(engine).animate(
        picture, landmarks, clip(landmarks, [landmarks.xy + i for i in range(60)]), AnimationOptions()
    )
    next(frames)
    frames.close()
    assert engine.rendered == 1


def test_unknown_option_types_do_not_crash():
    with pytest.raises(UsageError):
        parse_options({"mode": 3})


def test_a_paster_off_the_picture_has_no_box():
    crop = face_crop(np.float32([[900, 900], [960, 900], [930, 930], [915, 960], [945, 960]]))
    paster = Paster.of(crop, Size(100, 80))
    canvas = np.zeros((80, 100, 3), np.uint8)
    paster.paste(canvas, np.full((512, 512, 3), 255, np.uint8))
    assert paster.box is None and not canvas.any()


# --- the real networks ---------------------------------------------------------------------------------------------


def thin_networks():
    """The real networks, few channels wide, with reproducible weights."""
    import torch

    from faceshot_liveportrait import nets
    from faceshot_liveportrait.engine import LivePortrait

    with torch.random.fork_rng():
        torch.manual_seed(0)
        modules = (
            nets.AppearanceExtractor(width=4, blocks=1),
            nets.MotionExtractor(depths=(1, 1, 1, 1), widths=(8, 8, 16, 16)),
            nets.WarpingModule(width=1, widest=4, feature=8),
            nets.SpadeGenerator(width=16, feature=8),
            nets.StitchingRetargeting(),
        )
    return LivePortrait.from_modules(*modules)


@pytest.mark.slow
def test_real_networks_give_the_recoded_source_bit_for_bit(drawn_face):
    import torch

    picture, landmarks = drawn_face(200)
    engine = thin_networks()
    moved = [open_mouth(landmarks.xy + np.float32([2, 4]), 6), landmarks.xy]
    first, rest = animate(picture, landmarks, moved, engine, snap="off")
    crop = face_crop(landmarks.xy)
    given = torch.from_numpy(network_input(warp(picture.rgb, crop.matrix, (512, 512), "edge")))
    from faceshot_liveportrait.driving.motion import Source, read

    own, kp = read({name: value.numpy() for name, value in engine.read_motion(given).items()})
    x_s = torch.from_numpy(Source.of(kp[0], own).x[None])
    expected = pasted(picture.rgb, engine.recode(engine.appearance(given), x_s), crop)
    assert np.array_equal(rest, expected)
    assert not np.array_equal(first, rest)


def test_the_command_line_says_what_is_missing(cli, monkeypatch, tmp_path, repo):
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    cat = repo / "examples" / "cat.png"
    done = cli("animate", cat, "--motion", "nod", "-o", tmp_path / "a.mp4", "--backend", "liveportrait")
    assert done.code == 1 and not (tmp_path / "a.mp4").exists()
    assert done.err.count("\n") == 1 and done.err.rstrip().endswith("run: faceshot weights fetch liveportrait")
    listed = cli("backends")
    assert "needs weights" in listed.out and "faceshot weights fetch liveportrait" in listed.out
