"""Video files through PyAV: what is in them, and their frames one by one, upright and in RGB."""

from __future__ import annotations

import contextlib
import errno
import gc
import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.errors import InputError
from faceshot.landmarks import RGBArray, Size
from faceshot.media.clip import MAX_STILL, TimedFrame, VideoInfo, constant_rate, fit_side, standard_rate
from faceshot.media.image import check_file
from faceshot.reading import FOREIGN, MAX_FRAMES, MAX_PIXELS, MAX_RATE, MAX_SIDE, reason

log = logging.getLogger("faceshot")

#: Containers and raw streams that are read; a closed list, because others are lists of further files to read (concat,
#: hls, dash, patterns of picture names), or take any text and bytes for video.
DEMUXERS = (
    *("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "nut", "mxf", "wtv"),
    *("rm", "dv", "gif", "apng", "ivf", "obu", "av1", "h264", "hevc", "vvc", "h263", "m4v", "mpegvideo", "vc1"),
    *("mjpeg", "yuv4mpegpipe", "mp3", "aac", "wav", "w64", "flac", "ac3", "eac3", "aiff", "caf", "amr", "au", "wv"),
    *("tta", "ape", "dts", "truehd", "mpc", "mpc8"),
)
#: Demuxers of bare streams: pictures one after the other, without times.
_BARE = {"h264", "hevc", "mpegvideo", "m4v", "mjpeg", "obu", "vc1", "cavsvideo", "vvc", "h263", "h261", "dirac"}
_COUNTED_PACKETS = 2000
#: A stated duration beyond this [s] (or infinite, or no number) is nonsense.
_LONGEST = 1e6


@contextlib.contextmanager
def open_media(path: str | Path, what: str = "clip") -> Iterator[Any]:
    """Open a media file with PyAV: this one local file and no other, whatever names or addresses stand in it.

    Raises:
        InputError: missing, empty, damaged, no media file, or a list of other files.
    """
    import av

    path = check_file(path, what)
    # Titles in another encoding than UTF-8 are no reason to fail; PyAV 19 knows that, and the argument no longer.
    lenient: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
    options = {"protocol_whitelist": "file", "format_whitelist": ",".join(DEMUXERS)}
    try:
        container = av.open(f"file:{path.absolute()}", options=options, **lenient)
    except (av.FFmpegError, *FOREIGN) as error:
        why = "of a kind that is not read" if getattr(error, "errno", 0) == errno.EINVAL else reason(error)
        raise InputError(
            f"{what} {path} is damaged, cut off or not a video ({why}); convert it to mp4 or copy it again"
        ) from error
    with container:
        yield container


def video_stream(container: Any, path: str | Path) -> Any:
    """The first moving-picture stream; cover art does not count.

    Raises:
        InputError: there is none.
    """
    for stream in container.streams.video:
        if not int(getattr(stream, "disposition", 0)) & 0x400:  # AV_DISPOSITION_ATTACHED_PIC
            if stream.codec_context is None:
                raise InputError(f"clip {path} uses a codec that is not built in; convert it to H.264 mp4")
            _check_size(stream.codec_context.width or 0, stream.codec_context.height or 0, path)
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}  # of frames that grow later
            return stream
    if container.streams.audio:
        raise InputError(f"clip {path} holds only sound; give a clip with a picture")
    raise InputError(f"clip {path} holds no video; give a clip with a picture")


def _check_size(width: int, height: int, path: str | Path = "it") -> None:
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise InputError(
            f"clip {path} has frames of {width}x{height} pixels, more than the {MAX_PIXELS / 1e6:.0f} megapixels (or "
            f"{MAX_SIDE} on a side) accepted; scale the clip down first"
        )


def stream_rate(container: Any, stream: Any) -> Fraction:
    """The constant rate the stream is read at; a bare stream has no clock, and its average is a guess of FFmpeg's."""
    if container.format.name in _BARE:
        stated = stream.codec_context.framerate
        return standard_rate(min(Fraction(stated), MAX_RATE)) if stated else constant_rate(stream.average_rate, None)
    return constant_rate(stream.average_rate, getattr(stream, "base_rate", None))


def probe_container(path: Path) -> VideoInfo:
    """Size, rate and length from the header and one decoded frame."""
    with open_media(path) as container:
        stream = video_stream(container, path)
        fps = stream_rate(container, stream)
        if container.format.name in _BARE and not stream.codec_context.framerate:
            log.warning("clip %s is a bare stream without a rate; %s frames per second are taken", path, fps)
        seconds = _seconds(container, stream)
        frames = round(seconds * fps) if seconds else 0
        if stream.frames and stream.average_rate and abs(stream.average_rate / fps - 1) < 1e-3:
            frames = stream.frames
        first = next(_decoded(container, stream, path), None)
        if first is None:
            raise InputError(f"clip {path} holds no frame that can be decoded; copy or download it again")
        size = _Converter(first, stream, None, _display_matrix(first)).upright
        has_audio, codec = bool(container.streams.audio), stream.codec_context.name
    del first
    _let_go()
    frames = min(frames or _count_packets(path), MAX_FRAMES)
    return VideoInfo(size, fps, max(frames, 1), float(max(frames, 1) / fps), has_audio, codec)


def container_frames(path: Path, max_side: int | None) -> Iterator[TimedFrame]:
    """The stored frames with their times; damage ends or thins them, with a logged warning, if one frame was good.

    Raises:
        InputError: no frame can be decoded.
    """
    with open_media(path) as container:
        stream = video_stream(container, path)
        stream.thread_type = "AUTO"
        step = 1 / stream_rate(container, stream)
        bare = container.format.name in _BARE
        promised = _seconds(container, stream)
        matrix = _matrix_of(path)
        convert: _Converter | None = None
        first = time = end = Fraction(0)
        shift = Fraction(0)
        for frame in _decoded(container, stream, path):
            clock = None if bare else frame.time_base
            stamp = None if frame.pts is None or not clock else frame.pts * clock + shift
            if convert is None:
                convert = _Converter(frame, stream, max_side, matrix)
                first = time = stamp or Fraction(0)
            elif stamp is None or stamp <= time:
                time += step
            elif stamp - time > MAX_STILL:
                log.warning("clip %s: its clock jumps by %.0f s; the gap is left out", path, float(stamp - time))
                shift -= stamp - time - step
                time += step
            else:
                time = stamp
            ticks = getattr(frame, "duration", None)
            duration = ticks * clock if ticks and clock else step
            end = time + duration
            yield TimedFrame(time, duration, lambda frame=frame, convert=convert: convert(frame))  # type: ignore[misc]
        if convert is None:
            raise InputError(f"clip {path} holds no frame that can be decoded; copy or download it again")
        if promised and float(end - first) < 0.95 * promised - 0.2:
            log.warning("clip %s is cut off: %.1f of %.1f s could be read", path, float(end - first), promised)


def _decoded(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    """Decoded frames; packets that do not decode are left out and counted."""
    import av

    bad = 0
    packets = container.demux(stream)
    ended = False
    while not ended:
        try:
            packet = next(packets, None)
            ended = packet is None
            frames = packet.decode() if packet is not None else stream.codec_context.decode(None)
        except EOFError:
            break
        except (av.FFmpegError, *FOREIGN):
            bad += 1
            if bad > 1000:
                break
            continue
        for frame in frames:
            if frame.is_corrupt:
                bad += 1
            else:
                yield frame
    if bad:
        log.warning("clip %s is damaged: %d of its pieces could not be decoded and were left out", path, bad)


class _Converter:
    """Turns decoded frames of one stream into RGB: square pixels, upright, all of one size."""

    def __init__(self, first: Any, stream: Any, max_side: int | None, matrix: np.ndarray | None) -> None:
        from av.video.reformatter import VideoReformatter

        width, height = first.width, first.height
        aspect = stream.sample_aspect_ratio or getattr(stream.codec_context, "sample_aspect_ratio", None)
        if aspect and Fraction(1, 8) < aspect < 8:
            width, height = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
        _check_size(width, height)
        self.stored = fit_side(Size(width, height), max_side)
        self.matrix = matrix
        turned = self.matrix is not None and abs(self.matrix[0, 1]) > abs(self.matrix[0, 0])
        self.upright = Size(self.stored.height, self.stored.width) if turned else self.stored
        self.flags = accurate_flags("BILINEAR" if max(self.stored) >= max(width, height) else "AREA")
        self.reformatter = VideoReformatter()

    def __call__(self, frame: Any) -> RGBArray:
        """(H, W, 3) uint8."""
        from av.video.reformatter import Colorspace

        # Untagged video is BT.709 from 720 lines up, as players guess too.
        large = frame.height >= 720 or frame.width >= 1280
        guessed = Colorspace.ITU709 if large else Colorspace.ITU601
        colorspace = guessed if int(frame.colorspace) == 2 else None
        rgb: Any = self.reformatter.reformat(
            frame, *self.stored, format="rgb24", src_colorspace=colorspace, interpolation=self.flags
        ).to_ndarray()
        if self.matrix is None:
            return rgb
        (a, b), (c, d) = self.matrix  # x' = a x + c y, y' = b x + d y
        if abs(b) > abs(a):
            rgb, a, d = rgb.transpose(1, 0, 2), c, b
        rgb = rgb[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
        return np.ascontiguousarray(rgb)


def accurate_flags(kernel: str) -> Any:
    """swscale flags that round instead of truncating (colours would darken by one level), where PyAV knows them."""
    from av.video.reformatter import Interpolation

    flags = Interpolation[kernel]
    for name in ("ACCURATE_RND", "FULL_CHR_H_INT"):
        extra = getattr(Interpolation, name, None)
        if extra is not None:
            flags = flags | extra
    return flags


def _matrix_of(path: Path) -> np.ndarray | None:
    """The display matrix of a clip, from a frame that is read for it alone and let go of at once."""
    with open_media(path) as container:
        first = next(_decoded(container, video_stream(container, path), path), None)
        matrix = None if first is None else _display_matrix(first)
    del first
    _let_go()
    return matrix


def _let_go() -> None:
    """Free a frame whose side data was looked at: PyAV's two hold each other, and all of the decoder's buffers, until
    Python looks for such rings, which may be gigabytes later."""
    gc.collect(1)


def _display_matrix(frame: Any) -> np.ndarray | None:
    """The 2x2 part of the display matrix (rotation and mirroring of phones), None when it changes nothing."""
    for entry in frame.side_data:
        data = entry if hasattr(entry, "type") else frame.side_data[entry]  # PyAV 19 gives keys
        if getattr(data.type, "name", "") == "DISPLAYMATRIX":
            matrix = np.frombuffer(bytes(data)[:36], "<i4").reshape(3, 3)[:2, :2] / 65536.0
            identity = matrix[0, 0] > abs(matrix[0, 1]) and matrix[1, 1] > abs(matrix[1, 0])
            return None if identity or not matrix.any() else matrix
    return None


def _seconds(container: Any, stream: Any) -> float:
    """Duration of the picture as the header states it, 0 when it does not."""
    found = 0.0
    if stream.duration and stream.time_base:
        found = float(stream.duration * stream.time_base)
    else:
        tag = stream.metadata.get("DURATION", "")  # Matroska: 00:01:02.345000000
        with contextlib.suppress(ValueError, OverflowError):
            hours, minutes, seconds = tag.split(":")
            found = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        if not found and container.duration:
            found = container.duration / 1e6
    return found if 0 < found < _LONGEST else 0.0


def _count_packets(path: Path) -> int:
    """Frames by counting packets, extrapolated by file position after the first two thousand."""
    import av

    count, position = 0, 0
    with open_media(path) as container:
        try:
            for packet in container.demux(video_stream(container, path)):
                count += packet.size > 0
                position = max(position, packet.pos or 0)
                if count >= _COUNTED_PACKETS and position:
                    return round(count * path.stat().st_size / position)
        except (av.FFmpegError, *FOREIGN):
            log.debug("counting the frames of %s ended at %d", path, count)
    return count
