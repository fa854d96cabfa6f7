"""What is written for renderers is what they read: by their own classes where these are installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from faceshot.driving import motion_template
from faceshot.export import export
from faceshot.formats import read_landmarks
from faceshot.landmarks import LandmarkSequence
from faceshot.landmarks.topology import MEDIAPIPE_TO_68
from faceshot.media import open_media, probe, read_frames, read_picture, write_picture
from faceshot.retargeting import retarget


@pytest.fixture(scope="module")
def nod() -> LandmarkSequence:
    return motion_template("surprise", seconds=0.5, fps=20)


@pytest.fixture(scope="module")
def cat(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A cat half as large, cut out, 320 wide and 256 high."""
    folder = tmp_path_factory.mktemp("cat")
    whole = read_picture(repo / "examples" / "cat.png")
    marks = read_landmarks(repo / "examples" / "cat.landmarks.json").resized((320, 320))
    small = whole.scaled((320, 320))
    rows, columns = np.mgrid[:320, :320]
    alpha = np.where(np.hypot(rows - 160, columns - 160) < 150, 255, 0).astype(np.uint8)
    write_picture(folder / "cat.png", small.rgb[:256].copy(), alpha[:256].copy())
    from faceshot.formats import write_landmarks
    from faceshot.landmarks import Landmarks, Size

    write_landmarks(folder / "cat.json", Landmarks(marks.xy, Size(320, 256), absent=marks.absent))
    return {"picture": folder / "cat.png", "landmarks": folder / "cat.json"}


def test_wan_animate_2(nod: LandmarkSequence, cat: dict[str, Path], tmp_path: Path) -> None:
    processor = pytest.importorskip("diffusers.modular_pipelines.wan_animate_2.video_processor")
    from PIL import Image

    export(nod, "wan-animate-2", tmp_path / "w", **cat)
    clip, matte = probe(tmp_path / "w" / "driving.mp4"), probe(tmp_path / "w" / "matte.mp4")
    assert clip.fps == 24 == matte.fps and clip.size == matte.size and clip.frames == matte.frames == 12
    width, height = clip.size
    assert width % 16 == height % 16 == 0 and 0.9 < width * height / (800 * 640) <= 1
    frames = [Image.fromarray(frame) for frame in read_frames(tmp_path / "w" / "driving.mp4")]
    reference = Image.open(tmp_path / "w" / "reference.png")
    # As the pipeline resolves its size from the reference, and then takes the frames.
    own = processor.WanAnimate2VideoProcessor(vae_scale_factor=8, spatial_patch_size=(2, 2))
    high, wide = own.get_default_height_width(reference)
    area = 800 * 640
    assert (
        int((area * high / wide) ** 0.5) // 16 * 16 == height and int((area * wide / high) ** 0.5) // 16 * 16 == width
    )
    taken = own.preprocess_video(frames, height=height, width=width, resize_mode="fill")
    assert taken.shape == (1, 3, 12, height, width)
    given = np.stack([np.asarray(frame) for frame in frames]).astype(np.float32) / 127.5 - 1
    assert np.abs(taken[0].permute(1, 2, 3, 0).numpy() - given).max() < 0.01
    masks = np.stack(list(read_frames(tmp_path / "w" / "matte.mp4")))
    assert masks[0, height // 2, width // 2].min() > 250 and masks[0, :20, :20].max() < 5
    assert (tmp_path / "w" / "prompt.txt").read_text().strip()


def test_scail_2(nod: LandmarkSequence, cat: dict[str, Path], tmp_path: Path) -> None:
    export(nod, "scail-2", tmp_path / "s", **cat)
    clip, mask = tmp_path / "s" / "driving.mkv", tmp_path / "s" / "driving_mask.mkv"
    assert probe(clip).size == probe(mask).size == (640, 512) and probe(clip).fps == nod.fps == 20
    frames = list(read_frames(mask))
    assert len(frames) == len(list(read_frames(clip))) == 13  # ten of them, to 4k + 1
    with open_media(mask) as container:
        assert container.streams.video[0].codec_context.name == "ffv1"
    driving = {tuple(colour) for frame in frames for colour in np.unique(frame.reshape(-1, 3), axis=0).tolist()}
    assert driving == {(0, 0, 0), (0, 0, 255)}
    reference = read_picture(tmp_path / "s" / "reference_mask.png").rgb
    colours = {tuple(colour) for colour in np.unique(reference.reshape(-1, 3), axis=0).tolist()}
    assert colours == {(255, 255, 255), (0, 0, 255)}
    assert tuple(reference[256, 320]) == (0, 0, 255) and tuple(reference[2, 2]) == (255, 255, 255)
    assert read_picture(tmp_path / "s" / "reference.png").size == (640, 512)


def test_wan_animate(nod: LandmarkSequence, cat: dict[str, Path], tmp_path: Path) -> None:
    export(nod, "wan-animate", tmp_path / "w", **cat)
    pose, face = probe(tmp_path / "w" / "pose.mp4"), probe(tmp_path / "w" / "face.mp4")
    assert pose.fps == face.fps == 30 and pose.frames == face.frames == 15
    assert face.size == (512, 512) and pose.size == read_picture(tmp_path / "w" / "reference.png").size
    drawn = np.stack(list(read_frames(tmp_path / "w" / "pose.mp4")))
    marks = read_landmarks(cat["landmarks"])
    x, y = np.array(marks.xy[30]) * np.array(pose.size) / marks.size
    assert drawn[0, int(y) - 6 : int(y) + 6, int(x) - 6 : int(x) + 6].max() > 200  # the nose
    assert drawn[0, 2, 2].max() < 12 and (drawn[0].max(-1) > 60).mean() < 0.1
    crops = np.stack(list(read_frames(tmp_path / "w" / "face.mp4"))).astype(int)
    assert np.abs(crops[8] - crops[0]).mean() > 1


def test_follow_your_emoji(nod: LandmarkSequence, cat: dict[str, Path], tmp_path: Path) -> None:
    export(nod, "follow-your-emoji", tmp_path / "f", **cat)
    frames = np.load(tmp_path / "f" / "landmarks.npy", allow_pickle=True)  # as its loader does
    assert len(frames) == 11 and read_picture(tmp_path / "f" / "reference.png").size == (512, 512)
    meshes = np.array([frame["lmks"].astype(np.float32) for frame in frames])
    assert meshes.shape == (11, 478, 3) and meshes[..., :2].min() > 0 and meshes[..., :2].max() < 1
    moved = retarget(read_landmarks(cat["landmarks"]), nod)
    found = np.stack([meshes[1:, list(indices), :2].mean(1) for indices in MEDIAPIPE_TO_68], axis=1)
    # 320x256 in a square of 512: 1.6 times as large, a bar of 51 above.
    wanted = (moved.xy.astype(float) + 0.5) * (1.6, 410 / 256) + (0, 51)
    assert np.abs(found * 512 - wanted).max() < 16  # where two of MediaPipe's points share one
    single = [k for k, indices in enumerate(MEDIAPIPE_TO_68) if len(indices) == 1]
    assert np.abs(found * 512 - wanted)[:, single].max() < 0.6
    assert np.array_equal(meshes[0], meshes[1])
    solid, turns = (np.array([frame[name] for frame in frames]) for name in ("lmks3d", "trans_mat"))
    assert solid.shape == (11, 468, 3) and turns.shape == (11, 4, 4) and len(frames[0]["bs"]) == 52
    # The mouth opens: the middle of the lower lip sinks, y up.
    assert solid[8, 14, 1] < solid[0, 14, 1] - 0.15


@pytest.mark.parametrize("form", ["x-portrait", "hunyuan-portrait"])
def test_portrait_programs_run_on_their_folder(
    form: str, nod: LandmarkSequence, cat: dict[str, Path], tmp_path: Path
) -> None:
    """By the script in the folder, with a clone that checks every input and returns the driving frames."""
    from tests.adapters.runners import checkouts

    clone = {"x-portrait": checkouts.x_portrait, "hunyuan-portrait": checkouts.hunyuan_portrait}[form](tmp_path / "c")
    export(nod, form, tmp_path / "w", **cat)
    assert not (tmp_path / "w" / "matte.npy").exists()
    ran = subprocess.run([sys.executable, tmp_path / "w" / "run.py", clone], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    driving, result = (np.stack(list(read_frames(tmp_path / "w" / name))) for name in ("driving.mp4", "result.mp4"))
    assert driving.shape == (10, 512, 512, 3) and result.shape[1:] == (512, 512, 3) and len(result) >= 10
    assert np.abs(driving[8].astype(int) - driving[0]).mean() > 1  # surprise is seen
    if form == "x-portrait":
        assert len(result) == 16 and np.abs(result[:10].astype(int) - driving).mean() < 2


def test_motion_position_maps(
    nod: LandmarkSequence, cat: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With LivePortrait's own classes at small widths; the map is read at single pixels, by hand."""
    from faceshot.export import position_map
    from faceshot_liveportrait import Backend
    from tests.adapters.liveportrait.test_animate import thin_networks

    engine = thin_networks()
    monkeypatch.setattr("faceshot.export.position_maps.load_backend", lambda name: Backend(engine))
    export(nod, "motion-position-maps", tmp_path / "m", **cat)
    with np.load(tmp_path / "m" / "maps.npz") as held:
        features, to_cell, outlines = held["features"], held["to_cell"], held["outlines"]
        assert tuple(held["fps"]) == (20, 1)
    assert features.dtype == np.float16 and features.shape[0] == 10 and features.shape[2:] == (64, 64)
    info = probe(tmp_path / "m" / "preview.mp4")
    assert info.frames == 10 and info.fps == 20 and info.size == (512, 512)
    made = position_map(tmp_path / "m" / "maps.npz", 8)
    assert made.shape == (features.shape[1], 512, 512) and np.abs(features[8] - features[0]).max() > 0
    nose = retarget(read_landmarks(cat["landmarks"]), nod).xy[8, 30].astype(float)
    x, y = np.rint((nose + 0.5) * (1.6, 410 / 256) + (0, 51) - 0.5).astype(int)  # 320x256, letterboxed
    column, row = to_cell @ (x, y, 1)
    assert 16 < column < 48 and 16 < row < 48  # the crop is about the face
    c, r = int(column), int(row)
    u, v = column - c, row - r
    corners = features[8].astype(float)[:, r : r + 2, c : c + 2]
    wanted = corners @ (1 - u, u) @ (1 - v, v)
    assert np.allclose(made[:, y, x], wanted, atol=0.05 * np.abs(corners).max())
    assert not made[:, :51].any() and not made[:, :, :4].any()
    low, high = outlines[8].min(0), outlines[8].max(0)
    ys, xs = np.nonzero(made.any(0))
    assert low[0] - 1 <= xs.min() and xs.max() <= high[0] + 1 and low[1] - 1 <= ys.min() and ys.max() <= high[1] + 1
