"""Frames that were drawn elsewhere as a video that says it is generated, signed where there is a chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

from faceshot.errors import InputError
from faceshot.landmarks import RGBArray, as_fps
from faceshot.media import VideoWriter, check_format
from faceshot.output import check_output, together
from faceshot.pipeline.sidecar import DIGITAL_SOURCE_TYPE, container_metadata, plain_json
from faceshot.provenance import manifests, require_signer, signed


def save_frames(
    frames: Iterable[RGBArray],
    output: str | Path,
    fps: Fraction | float,
    *,
    audio: str | Path | None = None,
    record: Mapping[str, Any] | None = None,
    reads: Sequence[Path] = (),
    overwrite: bool = False,
) -> Path:
    """Write frames as :meth:`faceshot.FaceShot.animate` writes its own: marked as generated, and signed if it would be.

    Args:
        frames: (H, W, 3) uint8, or (H, W, 4) where the first frame is; all of one size.
        output: its suffix is the format, as of :class:`faceshot.media.VideoWriter`.
        fps: frames a second. audio: a media file whose sound is kept, cut to the length of the frames.
        record: what the signed manifest says besides. reads: inputs, which become its ingredients.

    Raises:
        InputError: no frames, or as of :class:`faceshot.media.VideoWriter`.
        UsageError: unknown format. MissingError: there is a chain, and nothing to sign with.
    """
    output, source, rate = Path(output), iter(frames), as_fps(fps)
    check_format(output)
    check_output(output, overwrite=overwrite, inputs=[audio, *reads])
    require_signer()
    first = next(source, None)
    if first is None:
        raise InputError(f"there are no frames to write to {output}")
    about = plain_json({"digital_source_type": DIGITAL_SOURCE_TYPE, **(record or {})})
    size, alpha = (first.shape[1], first.shape[0]), first.shape[2] == 4
    with together([output, *manifests(output)]), signed(output, about, reads, overwrite=overwrite):
        with VideoWriter(
            output, size, rate, alpha=alpha, audio_from=audio, overwrite=overwrite,
            metadata=container_metadata(),
        ) as writer:  # fmt: skip
            for frame in chain([first], source):
                writer.write(frame)
    return output
