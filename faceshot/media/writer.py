"""Writing clips: one writer for every format, chosen by the suffix; the file appears only when it is complete."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from faceshot.errors import InputError, UsageError
from faceshot.landmarks import RGBArray, Size, as_fps
from faceshot.media.image import write_picture
from faceshot.media.palette import Palette
from faceshot.media.tags import write_tag
from faceshot.output import check_output, writing

if TYPE_CHECKING:
    from faceshot.media.audio import AudioTrack

log = logging.getLogger("faceshot")


@dataclass(frozen=True)
class _Kind:
    """How one file format is encoded: PyAV names, and the audio codecs it can take as they are."""

    container: str
    codec: str
    pixels: str
    options: dict[str, str] = field(default_factory=dict)
    muxer: dict[str, str] = field(default_factory=dict)
    copies: tuple[str, ...] = ()
    audio: str = ""


# veryfast: three times as fast as libx264's default, a third of superfast's size, at the same crf (quality).
_X264 = {"crf": "18", "preset": "veryfast"}
_VP9 = {"crf": "20", "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
_MP4_AUDIO = ("aac", "mp3", "ac3", "eac3", "alac")
_ALL_AUDIO = (*_MP4_AUDIO, "opus", "vorbis", "flac", "pcm_s16le")
# Level 3 of 9: three times as fast as the default for files 8 % larger.
_APNG = {"pred": "up", "compression_level": "3"}
_FASTSTART = {"movflags": "+faststart"}
_KINDS = {
    ".mp4": _Kind("mp4", "libx264", "yuv420p", _X264, _FASTSTART, _MP4_AUDIO, "aac"),
    ".mov": _Kind("mov", "libx264", "yuv420p", _X264, _FASTSTART, (*_MP4_AUDIO, "pcm_s16le"), "aac"),
    ".mkv": _Kind("matroska", "libx264", "yuv420p", _X264, {}, _ALL_AUDIO, "aac"),
    ".webm": _Kind("webm", "libvpx-vp9", "yuv420p", _VP9, {}, ("opus", "vorbis"), "libopus"),
    ".webp": _Kind("webp", "libwebp_anim", "bgra", {"quality": "92", "compression_level": "2"}, {"loop": "0"}),
    ".png": _Kind("apng", "apng", "rgb24", _APNG, {"plays": "0"}),
    ".apng": _Kind("apng", "apng", "rgb24", _APNG, {"plays": "0"}),
    ".gif": _Kind("gif", "gif", "pal8", {}, {"loop": "0"}),
}
_ALPHA_KINDS = {
    ".mov": _Kind("mov", "prores_ks", "yuva444p10le", {"profile": "4444"}, _FASTSTART, _KINDS[".mov"].copies, "aac"),
    ".mkv": _Kind("matroska", "ffv1", "bgra", {}, {}, _ALL_AUDIO, "aac"),
    ".webm": _Kind("webm", "libvpx-vp9", "yuva420p", {**_VP9, "auto-alt-ref": "0"}, {}, ("opus", "vorbis"), "libopus"),
    ".webp": _KINDS[".webp"],
    ".png": _Kind("apng", "apng", "rgba", _APNG, {"plays": "0"}),
    ".apng": _Kind("apng", "apng", "rgba", _APNG, {"plays": "0"}),
    ".gif": _KINDS[".gif"],
}
SUFFIXES = tuple(_KINDS)
#: GIF counts time in hundredths of a second, and browsers slow down delays below two of them.
_GIF_TICK = Fraction(1, 100)
_WEBP_SIDE = 16_383


def is_sequence(path: str | Path) -> bool:
    """Whether an output of this name is a folder of PNG frames: no suffix, or a folder that exists."""
    return Path(path).suffix == "" or Path(path).is_dir()


def keeps_alpha(path: str | Path) -> bool:
    """Whether the format of this output name can hold transparency."""
    return is_sequence(path) or Path(path).suffix.lower() in _ALPHA_KINDS


def check_format(path: str | Path, *, alpha: bool = False) -> None:
    """Refuse an output name whose format is unknown or, with ``alpha``, holds no transparency.

    Raises:
        UsageError: with the suffixes that can be used.
    """
    path = Path(path)
    if is_sequence(path):
        return
    if path.suffix.lower() not in _KINDS:
        raise UsageError(
            f"output {path} needs one of the suffixes {' '.join(_KINDS)}, or none for a folder of PNG frames"
        )
    if alpha and not keeps_alpha(path):
        raise UsageError(f"{path.suffix} holds no transparency; use one of {' '.join(_ALPHA_KINDS)} or a folder")


def _at_quality(kind: _Kind, quality: int | None) -> _Kind:
    """The encoder set to a quality of 1..100, and to take its time."""
    if quality is None:
        return kind
    if kind.codec == "libvpx-vp9":
        options = {**kind.options, "crf": str(round(63 - 0.55 * quality)), "deadline": "good", "cpu-used": "4"}
    elif kind.codec == "libx264":
        options = {**kind.options, "crf": str(round(51 - 0.4 * quality)), "preset": "medium"}
    elif kind.codec == "libwebp_anim":
        options = {**kind.options, "quality": str(quality), "compression_level": "4"}
    else:
        options = kind.options
    return replace(kind, options=options)


class VideoWriter:
    """Write frames one by one; use it as a context manager.

    The format follows the suffix: ``.mp4 .mov .mkv`` (H.264, yuv420p, BT.709), ``.webm`` (VP9), ``.webp .png .apng
    .gif`` (animations; GIF keeps time in steps of 10 ms and at most 50 frames per second), no suffix (a folder of
    ``frame_000001.png``). Videos with an odd side get their last column or row repeated once. An exception inside
    the ``with`` block, Ctrl-C included, leaves nothing behind.

    Args:
        path: output file or folder.
        size: (width, height) of every frame.
        fps: frames per second, exact.
        audio_from: media file whose sound is kept, cut to the length of the picture; a file without sound is fine.
        audio_start: where in that file's picture [seconds] the first frame lies.
        alpha: keep transparency; frames are then (H, W, 4) (or (H, W, 3) for opaque ones).
        overwrite: replace an existing output.
        metadata: container tags such as ``title`` and ``comment``; the comment says by default what made the clip.
        quality: 1 (small) to 100 (good) instead of the format's own; slower, and for APNG fewer shades.

    Raises:
        UsageError: a format that is unknown, or without transparency when ``alpha``.
        InputError: the output exists, is an input or cannot be written; a frame of another size or type.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: Fraction,
        *,
        audio_from: str | Path | None = None,
        audio_start: Fraction | float = 0,
        alpha: bool = False,
        overwrite: bool = False,
        metadata: dict[str, str] | None = None,
        quality: int | None = None,
    ) -> None:
        from faceshot.version import __version__

        check_format(path, alpha=alpha)
        self.path = check_output(path, overwrite=overwrite, inputs=[audio_from])
        self.size = Size(*size)
        self.fps = as_fps(fps)
        self.frames = 0
        self.metadata = {"comment": f"generated by FaceShot {__version__}", **(metadata or {})}
        self._alpha, self._overwrite, self._quality = alpha, overwrite, quality
        self._audio = (audio_from, Fraction(audio_start))
        self._stack = contextlib.ExitStack()
        self._sink: _FolderSink | _MediaSink | None = None

    def __enter__(self) -> VideoWriter:
        folder = is_sequence(self.path)
        with contextlib.ExitStack() as stack:
            part = stack.enter_context(writing(self.path, overwrite=self._overwrite, folder=folder))
            if folder:
                self._sink = _FolderSink(part, self.fps, self.metadata)
            else:
                kinds = _ALPHA_KINDS if self._alpha else _KINDS
                kind = _at_quality(kinds[self.path.suffix.lower()], self._quality)
                stack.enter_context(_explained(self.path, self.size))
                self._sink = _MediaSink(part, kind, self.size, self.fps, self.metadata, self._alpha)
                stack.callback(self._sink.abort)
                self._sink.add_audio(*self._audio)
            self._stack = stack.pop_all()
        return self

    def write(self, frame: RGBArray) -> None:
        """Append one uint8 frame (H, W, 3), or (H, W, 4) in a writer with ``alpha``."""
        if self._sink is None:
            raise InputError("a VideoWriter takes frames inside its with block only")
        channels = (3, 4) if self._alpha else (3,)
        shape = (self.size.height, self.size.width)
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[:2] != shape or frame.shape[2] not in channels:
            want = " or ".join(str((*shape, n)) for n in channels)
            raise InputError(f"frame {self.frames} must be uint8 of shape {want}, got {frame.dtype} of {frame.shape}")
        if self._alpha and frame.shape[2] == 3:
            frame = np.dstack([frame, np.full(shape, 255, np.uint8)])
        with _explained(self.path, self.size):
            self._sink.write(self._shaded(frame), self.frames)
        self.frames += 1

    def _shaded(self, frame: RGBArray) -> RGBArray:
        """The frame; for APNG of less than the best quality with fewer shades, which is what makes it smaller."""
        if self._quality is None or self.path.suffix.lower() not in (".png", ".apng"):
            return frame
        drop = max(0, min(5, round((95 - self._quality) / 15)))
        kept = (frame.astype(np.uint16) + (1 << drop >> 1)).clip(0, 255) >> drop
        return (kept * 255 // (255 >> drop)).astype(np.uint8)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._stack:
                if error is not None:
                    raise error
                if self.frames == 0:
                    raise InputError(f"no frames for {self.path}; nothing was written")
                assert self._sink is not None
                self._sink.finish()
        except BaseException as raised:
            if raised is not error:
                raise
        finally:
            self._sink = None


@contextlib.contextmanager
def _explained(path: Path, size: Size) -> Iterator[None]:
    """Turn what an encoder refuses (sizes beyond its limits, mostly) into one line; disk errors pass."""
    import av

    try:
        yield
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        reason = error.strerror or error
        raise InputError(
            f"cannot encode {path} of {size.width}x{size.height} pixels ({reason}); try another size or format"
        ) from error


class _FolderSink:
    """Numbered PNG files; each states the frame rate, so that the folder can be read back as a clip."""

    def __init__(self, folder: Path, fps: Fraction, metadata: dict[str, str]) -> None:
        self.folder = folder
        self.texts = {"Comment": metadata["comment"], "fps": str(fps)}

    def write(self, frame: RGBArray, index: int) -> None:
        alpha = frame[..., 3] if frame.shape[2] == 4 else None
        write_picture(self.folder / f"frame_{index + 1:06d}.png", frame[..., :3], alpha, texts=self.texts)

    def finish(self) -> None:
        """Nothing is pending."""


class _MediaSink:
    """A PyAV container with one video stream and perhaps one of sound."""

    def __init__(
        self, path: Path, kind: _Kind, size: Size, fps: Fraction, metadata: dict[str, str], alpha: bool
    ) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        from faceshot.media.container import accurate_flags

        self.path, self.kind, self.fps, self.metadata, self.alpha = path, kind, fps, metadata, alpha
        self.video = "yuv" in kind.pixels
        even = "420" in kind.pixels
        width, height = ((n + n % 2) for n in size) if even else size
        if kind.container == "webp" and max(size) > _WEBP_SIDE:
            raise InputError(f"WebP holds up to {_WEBP_SIDE} pixels on a side, the clip has {max(size)}; write an mp4")
        self.padding = ((0, height - size.height), (0, width - size.width), (0, 0))
        self.reformatter, self.flags = VideoReformatter(), accurate_flags("BILINEAR")
        self.palette = Palette() if kind.pixels == "pal8" else None
        self.audio: AudioTrack | None = None
        self.last_tick = -10
        muxer = dict(kind.muxer)
        if self.palette is not None:
            muxer["final_delay"] = str(max(2, round(1 / fps / _GIF_TICK)))
        self.container = av.open(f"file:{path.absolute()}", "w", format=kind.container, options=muxer)
        self.container.metadata.update(metadata)
        stream: Any = self.container.add_stream(kind.codec, rate=fps, options=dict(kind.options))
        stream.width, stream.height, stream.pix_fmt = width, height, kind.pixels
        self.step = _GIF_TICK if self.palette else 1 / fps
        context = stream.codec_context
        context.time_base = self.step
        if self.video:
            context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1  # BT.709, tv
        if alpha and kind.container == "webm":
            stream.metadata["alpha_mode"] = "1"
        self.stream = stream

    def add_audio(self, source: str | Path | None, start: Fraction) -> None:
        """Add the sound of ``source``, if it has any and the format carries sound."""
        from faceshot.media.audio import open_audio

        if source is None:
            return
        if not self.kind.audio:
            log.info("%s carries no sound; the sound of %s is left out", self.path.suffix, source)
            return
        self.audio = open_audio(self.container, Path(source), start, copies=self.kind.copies, encoder=self.kind.audio)

    def write(self, frame: RGBArray, index: int) -> None:
        import av

        tick = index
        if self.palette is not None:
            tick = round(index / self.fps / _GIF_TICK)
            if tick - self.last_tick < 2:
                return
            self.last_tick = tick
            picture = self.palette.frame(frame)
        else:
            if any(after for _, after in self.padding):
                frame = np.pad(frame, self.padding, mode="edge")
            picture = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(frame), format="rgba" if frame.shape[2] == 4 else "rgb24"
            )
            target = {"dst_colorspace": "ITU709"} if self.video else {}
            picture = self.reformatter.reformat(
                picture,
                format=self.kind.pixels,
                interpolation=self.flags,
                **target,  # type: ignore[arg-type]
            )
        picture.pts, picture.time_base = tick, self.step
        self.container.mux(self.stream.encode(picture))
        if self.audio is not None:
            self.audio.pump((index + 1) / self.fps)

    def finish(self) -> None:
        """Flush everything and complete the file."""
        self.container.mux(self.stream.encode(None))
        if self.audio is not None:
            self.audio.finish()
        self.container.close()
        write_tag(self.path, self.kind.container, self.metadata["comment"])

    def abort(self) -> None:
        """Let go of files; harmless after :meth:`finish`."""
        import av

        if self.audio is not None:
            self.audio.close()
        with contextlib.suppress(av.FFmpegError, OSError, ValueError):
            self.container.close()
