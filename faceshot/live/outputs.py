"""Where frames go besides the page: a video that keeps time, and a virtual camera."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from faceshot.errors import MissingError
from faceshot.landmarks import Picture, RGBArray, Size


class Recording:
    """A video of a constant rate out of frames that come as they come: each is shown until the next.

    Use it as a context manager; nothing is left of a recording without frames.
    """

    def __init__(self, path: Path, size: Size, fps: Fraction, *, overwrite: bool = False) -> None:
        from faceshot.media import VideoWriter, keeps_alpha

        self._alpha = keeps_alpha(path)
        self._fps, self._size = fps, size
        self._writer = VideoWriter(path, size, fps, alpha=self._alpha, overwrite=overwrite)
        self._begin: float | None = None
        self._last: RGBArray | None = None
        self._count = 0

    def __enter__(self) -> Recording:
        self._writer.__enter__()
        return self

    def write(self, frame: RGBArray, moment: float) -> None:
        """A frame of this moment [s]."""
        if frame.shape[1::-1] != tuple(self._size):
            return  # another character, of another size: the picture before it stays
        self._begin = moment if self._begin is None else self._begin
        until = int((moment - self._begin) * float(self._fps) + 0.5)
        while self._last is not None and self._count < until:
            self._writer.write(self._last)
            self._count += 1
        self._last = frame if self._alpha else flat(frame)

    def __exit__(self, *error: Any) -> None:
        if error[0] is None and self._last is not None:
            self._writer.write(self._last)
        self._writer.__exit__(*error)


class VirtualCamera:
    """A camera for other programs, through pyvirtualcam where that is installed (it is GPL, and no part of ours).

    Raises:
        MissingError: pyvirtualcam, or the driver it needs, is not there.
    """

    def __init__(self, size: Size, fps: float) -> None:
        try:
            import pyvirtualcam
        except ImportError as error:
            raise MissingError(
                "a virtual camera needs pyvirtualcam (GPL-2.0); run: pip install pyvirtualcam"
            ) from error
        try:
            self._camera = pyvirtualcam.Camera(width=size.width, height=size.height, fps=fps)
        except RuntimeError as error:
            raise MissingError(f"no virtual camera on this machine ({error}); install OBS or v4l2loopback") from error
        self._size = size

    def send(self, frame: RGBArray) -> None:
        """Show a frame."""
        if frame.shape[1::-1] == tuple(self._size):
            self._camera.send(flat(frame))

    def close(self) -> None:
        """Give the camera back."""
        self._camera.close()


def flat(frame: RGBArray) -> RGBArray:
    """(H, W, 3): over green where the frame is transparent, to be keyed out."""
    if frame.shape[2] == 3:
        return frame
    return Picture(np.ascontiguousarray(frame[..., :3]), frame[..., 3]).flat((0, 177, 64))
