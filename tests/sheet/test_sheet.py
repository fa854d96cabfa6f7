"""Expression sheets: every pose there is, pixel on pixel, and each says what it shows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from faceshot.driving import POSES, BlendshapeEstimator, named_pose
from faceshot.errors import InputError, UsageError
from faceshot.formats import read_landmarks
from faceshot.landmarks import BLENDSHAPES, Picture
from faceshot.media import read_picture, write_picture
from faceshot.sheet import draw_poses, make_sheet
from tests.helpers import Run

TOLD = ("jawOpen", "jawLeft", "jawRight", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight", "browInnerUp")
SIDED = ("eyeBlink", "eyeWide", "eyeSquint", "mouthSmile", "mouthFrown", "mouthStretch", "browDown", "browOuterUp")


def test_there_is_a_pose_for_every_name() -> None:
    assert tuple(pose.name for pose in POSES["arkit"]) == BLENDSHAPES
    counts = {"arkit": 52, "visemes": 15, "emotions": 6, "blinks": 3, "gaze": 8, "pngtuber": 4}
    assert {group: len(poses) for group, poses in POSES.items()} == counts
    for poses in POSES.values():
        for pose in poses:
            still = pose.name in ("sil", "idle")
            sequence = pose.sequence()
            moves = np.abs(sequence.xy[1] - sequence.xy[0]).max() > 1 or any(map(any, pose.looks))
            assert moves != still, pose.name


@pytest.mark.parametrize("name", [*TOLD, *(f"{name}{side}" for name in SIDED for side in ("Left", "Right"))])
def test_a_pose_is_told_by_its_own_name(name: str) -> None:
    """By the estimator, which shares no tables with the poses."""
    sequence = named_pose("arkit", name).sequence()
    values, _ = BlendshapeEstimator(sequence.xy[0])(sequence.xy[1])
    told = dict(zip(BLENDSHAPES, values, strict=True))
    assert told[name] > 0.3, told[name]
    if name.endswith(("Left", "Right")) and not name.startswith("jaw"):
        other = name.replace("Left", "Right") if name.endswith("Left") else name.replace("Right", "Left")
        assert told[name] > told[other] + 0.2, (told[name], told[other])


@pytest.fixture(scope="module")
def fox(repo: Path) -> tuple[Path, Path]:
    return repo / "examples" / "fox.png", repo / "examples" / "fox.landmarks.json"


def test_pictures_lie_pixel_on_pixel(fox: tuple[Path, Path], cli: Callable[..., Run], tmp_path: Path) -> None:
    whole = read_picture(fox[0])
    rows, columns = np.mgrid[: whole.size.height, : whole.size.width]
    alpha = np.where(np.hypot(rows - 256, columns - 256) < 250, 255, 0).astype(np.uint8)
    write_picture(tmp_path / "fox.png", whole.rgb, alpha)
    out = tmp_path / "sheet"
    words = ("--landmarks", fox[1], "--only", "blinks,gaze,pngtuber", "--max-side", 256, "-o", out, "-q")
    done = cli("sheet", tmp_path / "fox.png", *words)
    assert done.code == 0, done.err
    record = json.loads((out / "sheet.json").read_text())
    assert record["size"] == [256, 256] and record["transparent"] and len(record["poses"]) == 16
    pictures = {row["name"]: read_picture(out / row["file"]) for row in record["poses"] if row["group"] != "gaze"}
    neutral, blink = pictures["neutral"], pictures["both"]
    small = read_picture(tmp_path / "fox.png").scaled((256, 256))
    assert all(picture.size == (256, 256) for picture in pictures.values())
    assert neutral.alpha is not None and small.alpha is not None and blink.alpha is not None
    seen = small.alpha > 0
    assert np.array_equal(neutral.rgb[seen], small.rgb[seen]) and np.array_equal(neutral.alpha, small.alpha)
    marks = read_landmarks(fox[1]).resized((256, 256))
    changed = np.argwhere((blink.rgb != neutral.rgb).any(-1) & (neutral.alpha == 255))[:, ::-1]
    eyes = np.concatenate([marks.right_eye, marks.left_eye])
    width = np.ptp(marks.right_eye[:, 0])
    assert len(changed) > 50
    assert np.linalg.norm(changed[:, None] - eyes[None], axis=-1).min(1).max() < 2.5 * width
    assert np.array_equal(blink.alpha, neutral.alpha)
    row = next(row for row in record["poses"] if row["name"] == "talk")
    points = np.array(row["landmarks"])
    assert points.shape == (68, 2) and points[66, 1] - points[62, 1] > marks.xy[66, 1] - marks.xy[62, 1] + 3
    page = (out / "obs.html").read_text()
    assert all((out / name).is_file() for name in re.findall(r'src="([^"]+)"', page))
    assert sorted(path.name for path in (out / "pngtuber").iterdir()) == [
        "idle-blink.png", "idle.png", "talk-blink.png", "talk.png"
    ]  # fmt: skip
    again = cli("sheet", tmp_path / "fox.png", *words)
    assert again.code == 1 and "exists" in again.err


def test_eyes_look_where_the_name_says(repo: Path) -> None:
    picture = read_picture(repo / "examples" / "anime.png")
    marks = read_landmarks(repo / "examples" / "anime.landmarks.json")
    poses = [named_pose("gaze", name) for name in ("left", "right")]
    rest, left, right = (np.asarray(frame, int) for frame in draw_poses(picture, marks, poses))
    eye = marks.left_eye
    (x0, y0), (x1, y1) = np.floor(eye.min(0)).astype(int), np.ceil(eye.max(0)).astype(int)

    def darkest(frame: np.ndarray) -> float:
        dark = 255.0 - frame[y0:y1, x0:x1].mean(-1)
        dark -= dark.mean()
        return float((dark.clip(0).sum(0) * np.arange(x1 - x0)).sum() / dark.clip(0).sum())

    # The subject's left is to the right of the picture.
    assert darkest(left) > darkest(rest) + 0.5 and darkest(right) < darkest(rest) - 0.5


def test_bad_wishes(fox: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown group of poses 'hands'"):
        make_sheet(fox[0], tmp_path / "s", groups=["hands"])
    with pytest.raises(UsageError, match="unknown pose"):
        named_pose("visemes", "zz")
    with pytest.raises(InputError):
        make_sheet(tmp_path / "nothing.png", tmp_path / "s")
    blank = Picture(np.full((64, 64, 3), 200, np.uint8))
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "neutral.png").write_bytes(b"mine")
    with pytest.raises(InputError, match="exists"):
        make_sheet(blank, tmp_path / "s")
    assert [path.name for path in tmp_path.rglob("*")] == ["s", "neutral.png"]
