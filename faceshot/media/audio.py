"""The sound of the driving clip beside new pictures: copied packet by packet where the format allows, else re-encoded.

Time 0 of the output is the first frame of the source's picture (plus ``start``), so that sound and lips stay together
even where one of the two begins earlier in the source.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from faceshot.errors import InputError, option
from faceshot.landmarks import FloatArray
from faceshot.media.container import open_media

log = logging.getLogger("faceshot")

_BIT_RATE = 192_000
_OPUS_RATE = 48_000
#: Sound that comes this much [s] earlier or later than the sound before it ends is taken for a cut or a hole.
_HOLE = 0.03
#: Flags of AVStream.disposition.
_DEFAULT, _ATTACHED_PICTURE = 0x1, 0x400
_AAC_RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000)


@dataclass(frozen=True)
class SoundInfo:
    """What :func:`probe_sound` finds: duration [seconds], None where unknown; whether there is a moving picture too."""

    seconds: float | None
    has_picture: bool


def probe_sound(path: str | Path) -> SoundInfo:
    """Length of the sound in a media file, from its header.

    Raises:
        InputError: unusable file, or no sound in it.
    """
    with open_media(path, "sound file") as opened:
        stream = _sound_stream(opened)
        if stream is None:
            raise InputError(f"sound file {path} has no sound; use {option('audio', 'none')}")
        seconds = float(stream.duration * stream.time_base) if stream.duration else None
        if seconds is None and opened.duration:
            seconds = opened.duration / 1e6
        return SoundInfo(seconds, bool(_moving(opened)))


def _sound_stream(opened: Any) -> Any:
    """The sound a player would choose: the track marked as default, else the first; None without one."""
    streams = [s for s in opened.streams.audio if s.codec_context is not None and s.rate]
    marked = [s for s in streams if int(getattr(s, "disposition", 0)) & _DEFAULT]
    return next(iter(marked or streams), None)


def _moving(opened: Any) -> list[Any]:
    """Streams of moving pictures; cover art does not count."""
    return [s for s in opened.streams.video if not int(getattr(s, "disposition", 0)) & _ATTACHED_PICTURE]


class AudioTrack(Protocol):
    """Sound that is written along with the frames."""

    def pump(self, until: Fraction) -> None:
        """Write what sounds before ``until`` [seconds]; the last value given is where the sound ends."""

    def finish(self) -> None:
        """Flush; the source is closed."""

    def close(self) -> None:
        """Close the source."""


def open_audio(
    container: Any, source: Path, start: Fraction, *, copies: tuple[str, ...], encoder: str
) -> AudioTrack | None:
    """Add a sound stream to the output ``container``; None when ``source`` has no sound.

    Raises:
        InputError: ``source`` is missing or no media file.
    """
    with ExitStack() as stack:
        if source.is_dir():
            return None
        opened = stack.enter_context(open_media(source, "sound file"))
        stream = _sound_stream(opened)
        if stream is None:
            return None
        moving = _moving(opened)
        begin = Fraction(0)
        if moving and moving[0].start_time is not None:
            begin = moving[0].start_time * moving[0].time_base
        make: Any = _Copy if stream.codec_context.name in copies else _Encode
        track = make(container, opened, stream, begin + start, encoder)
        track.stack = stack.pop_all()
        return track


class _Track:
    """What both ways share: the source and a clean end when it is damaged."""

    def __init__(self, container: Any, opened: Any, stream: Any, begin: Fraction) -> None:
        self.container, self.opened, self.stream, self.begin = container, opened, stream, begin
        self.stack = ExitStack()
        self.until = Fraction(0)

    def packets(self) -> Iterator[Any]:
        import av

        try:
            yield from self.opened.demux(self.stream)
        except (av.FFmpegError, ValueError) as error:
            log.warning("the sound ends early, the file is damaged: %s", error)

    def close(self) -> None:
        self.stack.close()


class _Copy(_Track):
    """Packets as they are. Those before time 0 stay only as the decoder's run-in, where the container can hide them."""

    def __init__(self, container: Any, opened: Any, stream: Any, begin: Fraction, _encoder: str) -> None:
        super().__init__(container, opened, stream, begin)
        self.target = container.add_stream_from_template(stream)
        self.hides = container.format.name in ("mp4", "mov")  # by an edit list; it also hides encoder delay
        self.source = self.packets()
        self.waiting: Any = None
        self.last: int | None = None

    def pump(self, until: Fraction) -> None:
        self.until = until
        while True:
            packet = self.waiting if self.waiting is not None else next(self.source, None)
            self.waiting = None
            if packet is None:
                return
            if packet.pts is None or packet.size == 0:
                continue
            time = packet.pts * packet.time_base - self.begin
            if time + (packet.duration or 0) * packet.time_base / 2 >= until:  # long packets: round to the nearer end
                self.waiting = packet
                return
            if time < (-2 * (packet.duration or 0) * packet.time_base if self.hides else 0):
                continue
            packet.pts = packet.dts = round(time / packet.time_base)
            if self.last is not None and packet.pts <= self.last:
                continue
            self.last = packet.pts
            packet.stream = self.target
            self.container.mux(packet)

    def finish(self) -> None:
        self.close()


class _Encode(_Track):
    """Decoded, brought to a rate the encoder takes, cut to the sample at both ends, and encoded again."""

    def __init__(self, container: Any, opened: Any, stream: Any, begin: Fraction, encoder: str) -> None:
        from av.audio.resampler import AudioResampler

        super().__init__(container, opened, stream, begin)
        self.rate = _OPUS_RATE if encoder == "libopus" or stream.rate not in _AAC_RATES else stream.rate
        self.layout = "mono" if stream.channels == 1 else "stereo"
        self.format = "flt" if encoder == "libopus" else "fltp"
        self.block = 960 if encoder == "libopus" else 1024
        self.target: Any = container.add_stream(encoder, rate=self.rate)
        self.target.layout = self.layout
        self.target.format = self.format
        self.target.bit_rate = _BIT_RATE
        self.resampler = lambda: AudioResampler(format="fltp", layout=self.layout, rate=self.rate)
        self.channels = 1 if self.layout == "mono" else 2
        self.source = self._samples()
        self.buffer: FloatArray = np.zeros((self.channels, 0), np.float32)
        self.sent = 0

    def _samples(self) -> Iterator[FloatArray]:
        """Pieces (channels, n) of sound that begin at time 0 of the output, silence where the source has holes."""
        done = 0  # samples of the output that are given, counted from time 0; negative while some are left out
        begun = False
        for time, pieces in self._stretches():
            at = round((time - self.begin) * self.rate)
            if not begun:
                done, begun = min(at, 0), True
            if at > done:
                hole = max(at, 0) - max(done, 0)
                for left in range(hole, 0, -self.rate):  # by the second: a broken clock can make it endless
                    yield np.zeros((self.channels, min(left, self.rate)), np.float32)
                done = at
            overlap = done - at  # samples that come a second time
            for samples in pieces:
                twice = min(overlap, samples.shape[1])
                overlap -= twice
                hidden = twice + min(max(-done, 0), samples.shape[1] - twice)
                done += samples.shape[1] - twice
                yield samples[:, hidden:]

    def _stretches(self) -> Iterator[tuple[Fraction, Iterator[FloatArray]]]:
        """Stretches of sound without a hole: the time in the source [s] they begin at, and their pieces."""
        frames = self._frames()
        waiting = next(frames, None)

        def pieces(first: tuple[Fraction, Any]) -> Iterator[FloatArray]:
            nonlocal waiting
            resampler, (begin, _) = self.resampler(), first
            length = Fraction(0)
            waiting = first
            while waiting is not None and abs(waiting[0] - begin - length) <= _HOLE:
                frame = waiting[1]
                length += Fraction(frame.samples, frame.sample_rate)
                frame.pts = None
                yield from (piece.to_ndarray().astype(np.float32, copy=False) for piece in resampler.resample(frame))
                waiting = next(frames, None)
            for piece in resampler.resample(None):
                if piece is not None and piece.samples:
                    yield piece.to_ndarray().astype(np.float32, copy=False)

        while waiting is not None:
            yield waiting[0], pieces(waiting)

    def _frames(self) -> Iterator[tuple[Fraction, Any]]:
        """Decoded frames with their times [s]; one without a time follows the one before it."""
        import av

        end = Fraction(0)
        for packet in self.packets():
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError):
                continue
            for frame in frames:
                time = end if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
                end = time + Fraction(frame.samples, frame.sample_rate)
                yield time, frame

    def pump(self, until: Fraction) -> None:
        self.until = until
        self._send(round(until * self.rate), whole=True)

    def finish(self) -> None:
        self._send(round(self.until * self.rate), whole=False)
        self.container.mux(self.target.encode(None))
        self.close()

    def _send(self, end: int, *, whole: bool) -> None:
        """Encode up to sample ``end``; only whole blocks, or the rest as well."""
        import av

        while self.sent < end:
            count = min(self.block, end - self.sent)
            if whole and count < self.block:
                return
            while self.buffer.shape[1] < count:
                piece = next(self.source, None)
                if piece is None:
                    count = self.buffer.shape[1]
                    break
                self.buffer = np.concatenate([self.buffer, piece], axis=1)
            if count == 0:
                return
            block, self.buffer = self.buffer[:, :count], self.buffer[:, count:]
            if self.format == "flt":
                block = block.T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format=self.format, layout=self.layout)
            frame.rate, frame.pts, frame.time_base = self.rate, self.sent, Fraction(1, self.rate)
            self.container.mux(self.target.encode(frame))
            self.sent += count
