"""The ``liveportrait`` backend: LivePortrait (arXiv 2407.03168) driven by landmarks, without a face detector.

The face is cut out by its 68 landmarks, read once, and moved by what the landmarks do; every frame is rendered by
LivePortrait's own networks and put back into the picture at its full resolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceshot.errors import InputError, MissingError, UsageError, option
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture, RGBArray
from faceshot.opencv import require_opencv
from faceshot.pipeline import AnimationOptions, MotionLength

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from faceshot_liveportrait.options import LivePortraitOptions

__all__ = ["FILES", "Backend"]

#: Published file of every network, the same for people and animals.
FILES = {
    "appearance": "appearance_feature_extractor.pth",
    "motion": "motion_extractor.pth",
    "warping": "warping_module.pth",
    "spade": "spade_generator.pth",
    "stitching": "stitching_retargeting_module.pth",
}


class Backend:
    """LivePortrait (see :class:`faceshot.pipeline.backends.Backend`); options in ``faceshot_liveportrait.options``.

    The frame of unchanged landmarks is the source as the networks draw it, within the face's square; everything
    outside it is the picture bit for bit.

    Args:
        engine: networks to use instead of the published weights.
    """

    name = "liveportrait"
    summary = "LivePortrait driven by landmarks, no face detector; a GPU is advised"
    licence = "Apache-2.0, weights MIT"
    commercial = True
    recodes = True
    flags = ("region",)
    writes = ("save_template",)

    def __init__(self, engine: Any = None) -> None:
        self._engine, self._own = engine, engine is not None
        self._loaded: tuple[str, ...] | None = None

    def requires(self) -> list[str]:
        """The weight files that are not on this machine, with the command that gets them; one variant is enough."""
        if self._own or not (lack := _lack("liveportrait")) or not _lack("liveportrait-animals"):
            return []
        return [lack]

    def motion_length(self, path: Path) -> MotionLength | None:
        """Of a motion template: ours (.npz) or LivePortrait's (.pkl).

        Raises:
            InputError: it is one, but damaged, or a pickle of anything but numbers.
        """
        from faceshot_liveportrait.driving.template import is_template, read_template

        if not is_template(path):
            return None
        template = read_template(path)
        return MotionLength(len(template.driver), template.fps)

    def load(self, options: AnimationOptions) -> None:
        """Check the options and load the networks; never downloads.

        Raises:
            UsageError: unknown option or bad value. InputError: a file an option names, or a damaged weight file.
            MissingError: a weight file is not on this machine; says which, where was looked, how to get it, its
                licence.
        """
        parsed = _parsed(options)
        require_opencv()
        _check_files(parsed)
        self._load(parsed, options)

    def animate(
        self, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: AnimationOptions
    ) -> Iterator[RGBArray]:
        """Yield the frames; frames without a face repeat the last position.

        Raises:
            UsageError: unknown option or bad value.
            InputError: landmarks or sequence are in pixels of another size than the picture's; unusable files.
            MissingError: not loaded, and a weight file is missing.
        """
        parsed = _parsed(options)
        for what, size in (("landmarks", landmarks.size), ("sequence", sequence.size)):
            if size != picture.size:
                raise InputError(
                    f"{what} are for {size.width}x{size.height} but the picture is "
                    f"{picture.size.width}x{picture.size.height}; use resized() first"
                )
        from faceshot_liveportrait.animate import animate
        from faceshot_liveportrait.faces import all_faces
        from faceshot_liveportrait.place import face_crop

        faces = all_faces(landmarks, sequence, parsed.faces, picture.size)
        for face in faces:
            face_crop(face.landmarks.xy)  # refuses landmarks that are no face
        self._load(parsed, options)
        return animate(self._engine, picture, faces, parsed, options)

    def motion_features(
        self, picture: Picture, landmarks: Landmarks, sequence: LandmarkSequence, options: AnimationOptions
    ) -> tuple[npt.NDArray[np.float64], Iterator[npt.NDArray[np.float32]]]:
        """See :class:`faceshot.pipeline.backends.Backend`; the cells are those of a 64 x 64 grid over the face's crop.

        Raises:
            As :meth:`animate`.
        """
        import numpy as np

        from faceshot_liveportrait.animate import features
        from faceshot_liveportrait.faces import all_faces
        from faceshot_liveportrait.place import SIDE

        parsed = _parsed(options)
        (face, *_) = all_faces(landmarks, sequence, (), picture.size)
        self._load(parsed, options)
        crop, found = features(self._engine, picture, face, parsed, options)
        cell = 64 / SIDE
        matrix = np.array([[cell, 0, 0], [0, cell, 0]]) @ np.vstack([crop.matrix, [0, 0, 1]])
        return matrix + np.array([[0, 0, (cell - 1) / 2]] * 2), found

    def _load(self, parsed: LivePortraitOptions, options: AnimationOptions) -> None:
        wanted = (parsed.variant, options.device, options.dtype, parsed.speedup)
        if self._own or self._loaded == wanted:
            return
        from faceshot.weights import find

        group = "liveportrait" if parsed.variant == "human" else "liveportrait-animals"
        if lack := _lack(group):
            raise MissingError(f"backend 'liveportrait' {lack}")
        files = {kind: find(group, file, offline=True) for kind, file in FILES.items()}
        from faceshot_liveportrait.engine import LivePortrait

        self._engine, self._loaded = None, None  # make room first
        self._engine = LivePortrait.load(
            files, device=options.device, dtype=options.dtype, speedup=parsed.speedup
        )  # fmt: skip
        self._loaded = wanted


def _parsed(options: AnimationOptions) -> LivePortraitOptions:
    from faceshot_liveportrait.options import parse_options

    parsed = parse_options(options.extra, options.driving, overwrite=options.overwrite)
    if parsed.mode == "video" and options.shaped:
        flags = ", ".join(option(name) for name in options.shaped)
        raise UsageError(
            f"liveportrait mode=video follows the driver's frames, not landmarks: {flags} would have no effect; "
            "leave it out, use multiplier= and region= instead, or mode=landmarks"
        )
    return parsed


def _check_files(options: LivePortraitOptions) -> None:
    """Open the files that options name, so that unusable ones are refused before anything is loaded."""
    from faceshot.formats import read_sequence

    for path in options.faces:
        read_sequence(path, size=(1, 1))  # whether they fit the picture is seen when there is one
    if options.driving is not None:
        from faceshot.media import probe

        info = probe(options.driving)
        if options.driving_landmarks is not None:
            read_sequence(options.driving_landmarks, size=info.size, fps=info.fps)
    if options.template is not None:
        from faceshot_liveportrait.driving.template import read_template

        read_template(options.template)


def _lack(group: str) -> str:
    """One line on the weight files of a group that are not on this machine; empty when all are."""
    from faceshot.weights import looked_in, members, where

    absent = [weight for weight in members(group) if where(weight.name) is None]
    if not absent:
        return ""
    first, files = absent[0], ", ".join(weight.file for weight in absent)
    return (
        f"needs weights {files} of {first.repository} (licence: {first.licence}), "
        f"not on this machine ({looked_in(first)}); run: faceshot weights fetch {group}"
    )
