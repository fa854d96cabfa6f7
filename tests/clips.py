"""Tiny clips made on the fly: each frame shows its own number, so that a test can say which frame it got."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

BITS = 16
NTSC = Fraction(30000, 1001)


def numbered_frame(number: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """(H, W, 3): the number as 16 black or white columns in the upper half, grey below."""
    width, height = size
    columns = (np.arange(width) * BITS) // width
    bits = (number >> columns) & 1
    frame = np.full((height, width, 3), 120, np.uint8)
    frame[: height // 2] = np.where(bits, 235, 20)[None, :, None]
    return frame


def number_of(frame: np.ndarray) -> int:
    """The number a frame shows, after any lossy codec."""
    height, width = frame.shape[:2]
    bright = frame[: height // 2].mean(axis=(0, 2))
    middles = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    return int(sum(1 << k for k, x in enumerate(middles) if bright[x] > 128))


def numbers_of(frames: Iterable[np.ndarray]) -> list[int]:
    """The numbers of a clip."""
    return [number_of(frame) for frame in frames]


def make_clip(
    path: Path,
    frames: Sequence[np.ndarray],
    fps: Fraction = Fraction(30),
    *,
    ticks: Sequence[int] | None = None,
    codec: str = "libx264",
    rotation: int = 0,
    aspect: Fraction | None = None,
    container: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video with PyAV alone; ``ticks`` sets the times of the frames in thousandths of a second."""
    import av

    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", options=container or {}) as out:
        stream: Any = out.add_stream(codec, rate=fps, options=options or {"preset": "ultrafast", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        step = 1 / fps if ticks is None else Fraction(1, 1000)
        stream.time_base = stream.codec_context.time_base = step
        if rotation:
            stream.set_display_rotation(rotation)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture.pts, picture.time_base = (index if ticks is None else ticks[index]), step
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


def clicks(seconds: float, rate: int = 44_100) -> np.ndarray:
    """Mono samples with a short tone at 0.5 s, 1.5 s, ..."""
    samples = np.zeros(round(seconds * rate), np.float32)
    tone = (0.8 * np.sin(np.arange(200) * 0.6)).astype(np.float32)
    for second in range(int(seconds)):
        start = round((second + 0.5) * rate)
        samples[start : start + 200] = tone[: len(samples) - start]
    return samples


def make_clip_with_clicks(
    path: Path,
    seconds: float,
    *,
    fps: Fraction = NTSC,
    codec: str = "aac",
    video_delay: Fraction = Fraction(0),
    rate: int = 44_100,
) -> Path:
    """A small clip with :func:`clicks`; ``video_delay`` [seconds] lets the picture begin later than the sound."""
    import av

    count = int(seconds * fps)
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        audio: Any = out.add_stream(codec, rate=rate)
        audio.layout = "mono"
        sample = "flt" if codec == "libopus" else ("s16" if codec.startswith("pcm") else "fltp")
        delay = round(video_delay * fps)
        for index in range(count):
            picture = av.VideoFrame.from_ndarray(numbered_frame(index, (64, 64)), format="rgb24")
            picture.pts, picture.time_base = index + delay, 1 / fps
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        samples = clicks(seconds, rate)
        block = 960 if codec == "libopus" else 1024
        for start in range(0, len(samples), block):
            piece = samples[None, start : start + block]
            if sample == "s16":
                piece = (piece * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(piece, format=sample, layout="mono")
            frame.rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            out.mux(audio.encode(frame))
        out.mux(audio.encode(None))
    return path


def click_times(path: Path) -> np.ndarray:
    """Times [seconds] of the clicks after the first frame of the picture, as a player hears them."""
    import av

    with av.open(str(path)) as media:
        video = media.streams.video[0]
        begin = float((video.start_time or 0) * video.time_base)
        stream = media.streams.audio[0]
        times, values = [], []
        rate = stream.rate
        for frame in media.decode(stream):
            if frame.pts is None:
                continue
            samples = frame.to_ndarray()
            mono = samples.reshape(-1, len(frame.layout.channels))[:, 0] if samples.shape[0] == 1 else samples[0]
            mono = mono / 32768.0 if mono.dtype == np.int16 else mono
            values.append(np.abs(mono))
            times.append(float(frame.pts * frame.time_base) + np.arange(len(mono)) / rate)
    loud = np.concatenate(values) > 0.25
    when = np.concatenate(times)[loud]
    return when[np.r_[True, np.diff(when) > 0.2]] - begin


def audio_seconds(path: Path) -> float:
    """End of the sound after the first frame [seconds]."""
    import av

    with av.open(str(path)) as media:
        frames = [frame for frame in media.decode(audio=0) if frame.pts is not None]
    return float(frames[-1].pts * frames[-1].time_base) + frames[-1].samples / frames[-1].rate
