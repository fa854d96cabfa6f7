"""The invisible mark: written, attacked, read; and nothing found where there is none."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from faceshot.errors import UsageError
from faceshot.pipeline import AnimateOptions
from faceshot.provenance import Watermark, marked, read_watermark

MARK = Watermark.of("auto", {"picture": "x"})


def clip(side: int = 384, count: int = 8, seed: int = 0) -> list[Any]:
    """A textured picture part of which moves."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.normal(0, 1, (n, n, 3)), (side, side), interpolation=cv2.INTER_CUBIC) for n in (4, 16, 64)]
    still = np.clip(128 + 40 * layers[0] + 14 * layers[1] + 8 * layers[2], 0, 255).astype(np.uint8)
    frames = []
    for k in range(count):
        frame = still.copy()
        frame[100:200, 100:200] = np.roll(still, 2 * k, 1)[100:200, 100:200]
        frames.append(frame)
    return frames


def coded(frames: list[Any], crf: int) -> list[Any]:
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as out:
        video = out.add_stream("libx264", rate=30, options={"crf": str(crf)})
        video.height, video.width = (side - side % 2 for side in frames[0].shape[:2])
        video.pix_fmt = "yuv420p"
        for frame in frames:
            pixels = np.ascontiguousarray(frame[: video.height, : video.width])
            out.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(video.encode())
    stream.seek(0)
    with av.open(stream) as back:
        return [frame.to_ndarray(format="rgb24") for frame in back.decode(video=0)]


@pytest.mark.parametrize("attack", ["none", "crf 28", "half", "crop", "mirror"])
def test_a_mark_is_read_back(attack: str) -> None:
    frames = list(marked(clip(), MARK))
    if attack == "half":
        frames = [cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in frames]
    if attack == "crop":
        frames = [frame[19:-19, 25:-13] for frame in frames]
    if attack == "mirror":
        frames = [np.ascontiguousarray(frame[:, ::-1]) for frame in frames]
    if attack != "none":
        frames = coded(frames, 28)
    assert read_watermark(frames) == MARK


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_read_where_nothing_is(seed: int) -> None:
    assert read_watermark(clip(256, 3, seed)) is None


def test_frames_hardly_change() -> None:
    plain = clip(count=1)[0].astype(float)
    error = next(marked(clip(count=1), MARK)).astype(float) - plain
    assert 10 * np.log10(255**2 / (error**2).mean()) > 35
    assert np.abs(error).max() < 25


@pytest.mark.parametrize("text", ["", "nine byte", "\u00e9\u00e9\u00e9\u00e9\u00e9", " x", "a\0b"])
def test_a_text_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="at most 8 bytes"):
        Watermark.of(text)


def test_options_refuse_it_before_any_work() -> None:
    with pytest.raises(UsageError, match="at most 8 bytes"):
        AnimateOptions(watermark="far too long")


@pytest.mark.parametrize("text", ["FaceShot", "caf\u00e9", "7"])
def test_texts_come_back(text: str) -> None:
    assert Watermark.from_bits(Watermark.of(text).bits) == Watermark("text", text)


def test_transparent_frames_keep_their_matte() -> None:
    matte = np.dstack([clip(count=1)[0], np.full((384, 384), 77, np.uint8)])
    frame = next(marked([matte], MARK))
    assert frame.shape[2] == 4 and (frame[..., 3] == 77).all() and (frame[..., :3] != matte[..., :3]).any()


def test_animate_marks_and_check_reads(cli: Any, repo: Path, tmp_path: Path) -> None:
    pytest.importorskip("c2pa")
    picture = sorted((repo / "examples").rglob("*.png"))[0]
    video = tmp_path / "out.mp4"
    flags = ["--motion", "nod", "--seconds", "1", "--watermark", "STUDIO-7", "--no-provenance"]
    assert cli("animate", picture, "-o", video, *flags).code == 0
    assert json.loads(Path(f"{video}.json").read_text())["watermark"] == {"kind": "text", "value": "STUDIO-7"}
    told = cli("provenance", "check", video, "--json")
    assert json.loads(told.out)["watermark"] == {"kind": "text", "value": "STUDIO-7"}
