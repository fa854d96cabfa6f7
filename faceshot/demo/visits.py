"""What the page does for a visitor, each a few calls of ``FaceShot``; nothing here knows of Gradio."""

from __future__ import annotations

import base64
import io
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from faceshot.demo.sessions import Session, editor_json, landmarks_of, show
from faceshot.demo.wish import Wish
from faceshot.driving import MOTIONS, expression_timeline, motion_template, posed
from faceshot.errors import UsageError
from faceshot.formats import read_content, read_sequence, write_landmarks, write_sequence
from faceshot.landmarks import LandmarkSequence, Picture, iris_shift
from faceshot.media import VideoWriter, read_picture
from faceshot.pipeline import Animation, AnimationOptions, FaceShot, load_backend, poser

#: Longest side of the moving previews [px], their frames per second and their length [s].
PREVIEW_SIDE, PREVIEW_RATE, PREVIEW_SECONDS = 160, 10, 1.6
#: Longest side of the frame that follows the sliders [px].
LIVE_SIDE = 512


def editor_value(session: Session, note: str = "", ask: str | None = None, chosen: int | None = None) -> dict[str, Any]:
    """Everything the editor shows; a new stamp makes it begin afresh."""
    marks = editor_json(session)
    return {
        "stamp": secrets.token_hex(4),
        "picture": None if session.picture is None else show(session),
        "stem": session.source.stem if session.source else "picture",
        "landmarks": marks,
        "found": marks and marks["points"],
        "faces": [[float(side) for side in match.box] for match in session.found],
        "chosen": chosen,
        "ask": ask,
        "note": note,
    }


def take_picture(shot: FaceShot, session: Session, upload: str | Path) -> dict[str, Any]:
    """A new picture: its faces are looked for at once.

    Raises:
        InputError: not a picture.
    """
    session.source = session.keep(upload, "picture")
    session.picture = read_picture(session.source)
    session.found = []
    session.settle(None)
    first = shot.match(session.picture, strict=False)
    session.found = [first]
    if first.confidence < shot.matcher.threshold:
        session.settle(first.landmarks)
        return editor_value(
            session, "Nothing here looks like a face for sure; this is the best guess. Click both eyes and the mouth.",
            ask="clicks",
        )  # fmt: skip
    if first.faces > 1 and len(several := shot.matcher.match_all(session.picture)) > 1:
        session.found = several
        chosen = max(range(len(several)), key=lambda k: several[k].confidence)
        return choose_face(session, chosen)
    session.settle(first.landmarks)
    return editor_value(session, f"Found, confidence {first.confidence:.2f}. Drag whatever is off.")


def choose_face(session: Session, k: object) -> dict[str, Any]:
    """Of several faces, the one that was clicked."""
    if not isinstance(k, int) or not 0 <= k < len(session.found):
        raise UsageError("there is no such face")
    session.settle(session.found[k].landmarks)
    note = f"{len(session.found)} faces, this is number {k + 1} from the left; click another, or drag whatever is off."
    return editor_value(session, note, ask="face", chosen=k)


def take_clicks(shot: FaceShot, session: Session, clicks: object) -> dict[str, Any]:
    """Both eyes and the middle of the mouth, as clicked.

    Raises:
        UsageError: not three different places.
    """
    if session.picture is None or not isinstance(clicks, list) or len(clicks) != 3:
        raise UsageError("three clicks are needed: both eyes and the mouth")
    places = [(float(x), float(y)) for x, y in clicks]
    points = dict(zip(("right_eye", "left_eye", "mouth"), places, strict=True))
    with suppress(UsageError):
        return _clicked(shot, session, points)
    right, left = points["left_eye"], points["right_eye"]  # the eyes came the other way round
    return _clicked(shot, session, {**points, "right_eye": right, "left_eye": left})


def _clicked(shot: FaceShot, session: Session, points: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    assert session.picture is not None
    found = shot.match(session.picture, points=points, strict=False)
    session.found = [found]
    session.settle(found.landmarks)
    return editor_value(session, "Placed by your clicks. Drag whatever is off.")


def take_edit(session: Session, value: Mapping[str, Any]) -> None:
    """Points were moved: the visitor's landmarks are the editor's from now on.

    Raises:
        InputError: not landmarks, or of another picture.
    """
    landmarks, edited = landmarks_of(session, value.get("landmarks"))
    if session.picture is None or landmarks.size != session.picture.size:
        raise UsageError("these landmarks belong to another picture")
    session.settle(landmarks, edited)


def take_landmarks(session: Session, upload: str | Path) -> dict[str, Any]:
    """Landmarks from a file, any that ``faceshot`` reads.

    Raises:
        UsageError: there is no picture yet. InputError: unusable, or of another picture.
    """
    if session.picture is None:
        raise UsageError("there is no picture yet; drop one in step 1")
    file = session.keep(upload, "landmarks")
    content = read_content(file, single=True, picture=session.picture.name)
    landmarks = content.landmarks(file.name, session.picture.size)
    if landmarks.size != session.picture.size:
        theirs, ours = (f"{size.width}x{size.height}" for size in (landmarks.size, session.picture.size))
        raise UsageError(f"{file.name} belongs to a picture of {theirs} pixels, this one has {ours}")
    session.settle(landmarks, content.edited)
    return editor_value(session, f"Landmarks of {file.name}.")


def motion_cards(shot: FaceShot, session: Session, chosen: str = MOTIONS[0]) -> dict[str, Any]:
    """The built-in motions, each as a small moving picture of this face."""
    cards = [{"name": name, "src": ""} for name in MOTIONS]
    if session.picture is not None and session.landmarks is not None:
        small = session.picture.reduced(PREVIEW_SIDE)
        marks = session.landmarks.resized(small.size)
        backend, options = load_backend("warp"), AnimationOptions()
        draw = poser(backend, small, marks, options)
        folder = session.next_run()
        for card in cards:
            moved = shot.retarget(marks, motion_template(card["name"], fps=PREVIEW_RATE, seconds=PREVIEW_SECONDS))
            path = folder / f"{card['name']}.webp"
            with VideoWriter(path, small.size, moved.fps, alpha=small.alpha is not None) as writer:
                for xy in moved.xy:
                    writer.write(draw(xy))
            card["src"] = session.url(path)
    return {"stamp": secrets.token_hex(4), "motions": cards, "chosen": chosen}


def slider_value(session: Session) -> dict[str, Any]:
    """What the sliders begin with."""
    ready = session.landmarks is not None and session.picture is not None
    src = _inline(session.picture.reduced(LIVE_SIDE)) if ready and session.picture is not None else ""
    return {
        "stamp": secrets.token_hex(4),
        "token": session.token if ready else "",
        "src": src,
        "amounts": {},
        "keys": [],
    }


def pose(shot: FaceShot, session: Session, amounts: Mapping[str, float]) -> str:
    """The frame with an expression, as a ``data:`` address.

    Raises:
        UsageError: no picture yet, unknown expressions.
    """
    _, picture, landmarks = session.ready()
    small = picture.reduced(LIVE_SIDE)
    marks = landmarks.resized(small.size)
    moved = shot.retarget(marks, posed(amounts))
    with session.turn:
        if session.poser is None:
            session.poser = poser(load_backend("warp"), small, marks, AnimationOptions())
        gaze = iris_shift(moved)
        frame = session.poser(moved.xy[1], gaze=None if gaze is None else gaze[1])
    return _inline(Picture(frame[..., :3], frame[..., 3] if frame.shape[2] == 4 else None))


def keyframes(session: Session, value: Mapping[str, Any]) -> Path:
    """The sliders' timeline as a sequence file; without keys, the expression comes and goes."""
    keys = [(key["seconds"], key["amounts"]) for key in value.get("keys") or []]
    amounts = value.get("amounts") or {}
    keys = keys or [(0.5, amounts), (1.5, amounts), (2.0, {})]
    return _sequence_file(session, expression_timeline(keys), "expression.npz")


def sequence_file(session: Session, upload: str | Path) -> Path:
    """An uploaded sequence, checked and kept.

    Raises:
        InputError, UsageError: not a landmark sequence.
    """
    file = session.keep(upload, "drive")
    read_sequence(file, size=(512, 512))
    return file


def _sequence_file(session: Session, sequence: LandmarkSequence, name: str) -> Path:
    path = session.folder / name
    write_sequence(path, sequence, overwrite=True)
    return path


def animate(shot: FaceShot, session: Session, wish: Wish) -> Animation:
    """Make what was wished for, with everything in between kept beside it."""
    folder = session.next_run()
    kept = {"save_landmarks": folder / f"{wish.picture.stem}.landmarks.json", "save_sequence": folder / "moved.npz"}
    kept["save_drive"] = folder / "drive.npz"
    options = {**wish.options(), "landmarks": session.landmarks, **kept}
    made = shot.with_backend(wish.backend).animate(wish.picture, output=folder / wish.output, **options)
    write_landmarks(kept["save_landmarks"], made.landmarks, overwrite=True, edited=session.edited)
    return made


def landmark_file(session: Session) -> Path:
    """The landmarks as they are, as a file."""
    source, _, landmarks = session.ready()
    path = session.folder / f"{source.stem}.landmarks.json"
    write_landmarks(path, landmarks, overwrite=True, edited=session.edited)
    return path


def teach(session: Session, name: str) -> str:
    """Add the picture and its landmarks to the user's gallery, as a kind of its own.

    Raises:
        UsageError, InputError: as of :func:`faceshot.gallery.add_domain`.
    """
    import shutil

    from faceshot.gallery import add_domain

    source, _, landmarks = session.ready()
    folder = session.next_run()
    shutil.copyfile(source, folder / source.name)
    write_landmarks(folder / f"{source.stem}.json", replace(landmarks, score=None))
    domain = add_domain(name.strip(), folder)
    return (
        f"{domain.name} is in your gallery now; matching will look there too. (faceshot gallery remove {domain.name})"
    )


def files_of(made: Animation) -> Sequence[Path]:
    """Everything a run wrote, the video first."""
    return [made.output, *sorted(path for path in made.output.parent.iterdir() if path != made.output)]


def _inline(picture: Picture) -> str:
    from PIL import Image

    small = Image.fromarray(picture.rgb)
    kind = "JPEG"
    if picture.alpha is not None:
        small.putalpha(Image.fromarray(picture.alpha))
        kind = "WEBP"
    small.save(file := io.BytesIO(), kind, quality=88, **({"method": 0} if kind == "WEBP" else {}))
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
