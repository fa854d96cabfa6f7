"""``export``: a motion into the files of another program, all of them or none."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceshot.errors import UsageError, option
from faceshot.export.job import README, Job, Target
from faceshot.export.table import FORMATS, Format
from faceshot.landmarks import LandmarkSequence
from faceshot.output import check_outputs, protecting, together

if TYPE_CHECKING:
    from faceshot.pipeline import DrivingLike, FaceShot, LandmarksLike, PictureLike


def export(
    driving: DrivingLike | None,
    form: str,
    output: str | Path,
    *,
    picture: PictureLike | None = None,
    landmarks: LandmarksLike | None = None,
    motion: str | None = None,
    seconds: float | None = None,
    overwrite: bool = False,
    shot: FaceShot | None = None,
    **clip: Any,
) -> list[Path]:
    """Write a motion for another program.

    Args:
        driving: a clip (an animation of ours too), a landmark file, or a sequence; or None and ``motion``, the name of
            a built-in one, ``seconds`` long.
        form: a name of :data:`faceshot.export.FORMATS`.
        output: the folder; or one file, where the format's files are good on their own.
        picture: a character that the motion is retargeted to; without it the driver's own landmarks are written.
        landmarks: of the character; None matches them.
        overwrite: existing files of these names may be replaced.
        shot: does the matching and following; a default one otherwise.
        clip: further arguments of :meth:`faceshot.FaceShot.drive`: ``source``, ``start``, ``stop``, ``face``, ...

    Returns:
        What was written, the format's own files first.

    Raises:
        UsageError: unknown format, nothing or too much that drives, a picture that is lacking or of no use.
        InputError: unusable files, an output that is there. NoFaceError: no face in picture or clip.
    """
    if form not in FORMATS:
        raise UsageError(f"unknown program {form!r}; there are {', '.join(FORMATS)}")
    chosen = FORMATS[form]
    _check(chosen, driving, motion, seconds, picture, landmarks)
    target = Target(Path(output), chosen, pictured=picture is not None, overwrite=overwrite)
    paths = list(target.paths.values())
    read = [value for value in (driving, picture, landmarks, clip.get("model")) if isinstance(value, str | Path)]
    check_outputs(paths, overwrite=overwrite, inputs=read)
    if shot is None:
        from faceshot.pipeline import FaceShot as Shot

        shot = Shot()
    with protecting(read):
        job = _job(shot, driving, motion, seconds, picture, landmarks, clip)
        with together(paths):
            module, _, function = chosen.writer.partition(":")
            getattr(import_module(f"faceshot.export.{module}"), function or "write")(job, target)
            target.text(README, lambda: f"{chosen.name}: {chosen.summary}.\n{chosen.run}\n")
    return paths


def _check(form: Format, driving: Any, motion: str | None, seconds: float | None, picture: Any, landmarks: Any) -> None:
    """Refuse what can be refused before anything is read."""
    if (driving is None) == (motion is None):
        raise UsageError(f"give a clip, a landmark file or {option('motion', 'NAME')}, and one of these only")
    if seconds is not None and motion is None:
        raise UsageError(f"{option('seconds')} belongs to {option('motion')}")
    if form.picture == "needed" and picture is None:
        raise UsageError(f"{form.name} is made of a character's picture; name it with {option('picture', 'FILE')}")
    if landmarks is not None and picture is None:
        raise UsageError(f"{option('landmarks')} belong to a picture; name it with {option('picture', 'FILE')}")


def _job(
    shot: FaceShot,
    driving: DrivingLike | None,
    motion: str | None,
    seconds: float | None,
    picture: PictureLike | None,
    landmarks: LandmarksLike | None,
    clip: dict[str, Any],
) -> Job:
    """Find the motion, and bring it onto the character."""
    from faceshot.pipeline import as_landmarks, as_picture

    shown = None if picture is None else as_picture(picture)
    marks = None
    if shown is not None:
        given = None if landmarks is None else as_landmarks(landmarks, shown.size, picture=shown.name)
        marks = given or shot.match(shown).landmarks
    name, sequence, source = _motion(shot, driving, motion, seconds, clip)
    if marks is None:
        return Job(name, sequence, clip=source)
    return Job(name, shot.retarget(marks, sequence), shown, marks)


def _motion(
    shot: FaceShot, driving: DrivingLike | None, motion: str | None, seconds: float | None, clip: dict[str, Any]
) -> tuple[str, LandmarkSequence, Path | None]:
    """The name of the motion, its landmarks with every frame found, and the clip they are of."""
    if motion is not None:
        from faceshot.driving import motion_template

        return motion, motion_template(motion, seconds=seconds, seed=shot.seed), None
    assert driving is not None
    if isinstance(driving, str | Path):
        from faceshot.formats import is_landmark_file

        path = Path(driving)
        found = shot.drive(path, **clip)
        return path.name.split(".")[0] or path.name, found, None if is_landmark_file(path) else path
    from faceshot.driving import finish
    from faceshot.pipeline import as_sequence

    cut = {name: clip[name] for name in ("start", "stop", "rest", "gaps") if name in clip}
    return "motion", finish(as_sequence(driving), "the driving sequence", **cut), None
