"""Who is at the page: each browser tab has a folder of its own that goes when the tab is closed."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from faceshot.errors import UsageError
from faceshot.formats import read_content, write_landmarks
from faceshot.landmarks import Landmarks, Picture, RGBArray

if TYPE_CHECKING:
    from faceshot.demo.clips import Clip
    from faceshot.matching import Match

#: Longest side of the picture as the page shows it [px]; landmarks stay in pixels of the whole.
SHOWN = 2048
#: Uploads are kept apart by their content, so two visitors may have one; it is safe to delete when it is as old [s].
SETTLED = 300.0
#: Characters that a file's name keeps.
_KEPT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. ()")


@dataclass
class Session:
    """One visitor.

    Attributes:
        folder: everything of this visitor's; its name cannot be guessed.
        source: the picture's file in it; picture: its content; found: the faces in it, the matcher's answers.
        landmarks: as they are now; edited: numbers of the points that were moved by hand.
        runs: how many results there were. clip: the clip of the second tab.
    """

    folder: Path
    source: Path | None = None
    picture: Picture | None = None
    found: list[Match] = field(default_factory=list)
    landmarks: Landmarks | None = None
    edited: tuple[int, ...] = ()
    runs: int = 0
    uploads: set[Path] = field(default_factory=set)
    turn: threading.Lock = field(default_factory=threading.Lock)
    clip: Clip | None = None
    poser: Callable[..., RGBArray] | None = None

    @property
    def token(self) -> str:
        return self.folder.name

    def keep(self, upload: str | Path, kind: str) -> Path:
        """A copy of an uploaded file in the visitor's own folder, under ``kind``/, replacing the last one."""
        upload = Path(upload)
        self.uploads.add(upload)
        place = self.folder / kind
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        target = place / _tame(upload.name)
        shutil.copyfile(upload, target)
        return target

    def ready(self) -> tuple[Path, Picture, Landmarks]:
        """The picture's file, its content and its landmarks.

        Raises:
            UsageError: there is none yet.
        """
        if self.source is None or self.picture is None:
            raise UsageError("there is no picture yet; drop one in step 1")
        if self.landmarks is None:
            raise UsageError("the picture has no landmarks yet; click both eyes and the mouth in step 2")
        return self.source, self.picture, self.landmarks

    def settle(self, landmarks: Landmarks | None, edited: tuple[int, ...] = ()) -> None:
        """These are the landmarks from now on."""
        with self.turn:
            was, self.landmarks, self.edited = self.landmarks, landmarks, edited
            if was != landmarks:
                self.poser = None

    def next_run(self) -> Path:
        """A new empty folder for a result."""
        self.runs += 1
        place = self.folder / f"result-{self.runs}"
        place.mkdir()
        return place

    def url(self, path: Path) -> str:
        """Where the page finds a file of this visitor's."""
        assert path.is_relative_to(self.folder)
        return f"gradio_api/file={quote(str(path))}"


class Sessions:
    """All visitors, by the name Gradio knows them under; also a context manager that leaves nothing behind."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="faceshot-demo-")).resolve()
        self.uploads = self.root / "uploads"
        self._open: dict[str, Session] = {}
        self._left: set[Path] = set()
        self._turn = threading.Lock()

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def of(self, name: str | None) -> Session:
        """The visitor called ``name``, who may be new."""
        key = name or secrets.token_hex(16)
        with self._turn:
            if key not in self._open:
                folder = self.root / secrets.token_hex(16)
                folder.mkdir(parents=True)
                self._open[key] = Session(folder)
            return self._open[key]

    def by_token(self, token: object) -> Session | None:
        """The visitor whose folder has this name."""
        with self._turn:
            return next((session for session in self._open.values() if session.token == token), None)

    def close(self, name: str | None) -> None:
        """Forget a visitor, with all files that nobody else has."""
        with self._turn:
            session = self._open.pop(name or "", None)
            if session is not None:
                shutil.rmtree(session.folder, ignore_errors=True)
                self._left |= {upload for upload in session.uploads if upload.is_relative_to(self.uploads)}
            used = set().union(*(other.uploads for other in self._open.values()))
            for upload in self._left - used:
                # Somebody else may be about to use what they have just uploaded.
                if not upload.exists() or time.time() - upload.stat().st_mtime > SETTLED:
                    shutil.rmtree(upload.parent, ignore_errors=True)
                    self._left.discard(upload)


def show(session: Session) -> dict[str, Any]:
    """The visitor's picture for the page: where it is, its size, and how large it is drawn [px of the whole]."""
    from faceshot.media import write_picture

    assert session.picture is not None
    small = session.picture.reduced(SHOWN)
    path = session.folder / "shown" / f"{secrets.token_hex(4)}.{'jpg' if small.alpha is None else 'png'}"
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir()
    write_picture(path, small.rgb, small.alpha)
    step = round(session.picture.size.width / small.size.width)
    drawn = [small.size.width * step, small.size.height * step]
    return {"src": session.url(path), "drawn": drawn, **session.picture.size._asdict()}


def landmarks_of(session: Session, value: Any) -> tuple[Landmarks, tuple[int, ...]]:
    """What the editor holds, checked as any landmark file is; the points moved by hand besides.

    Raises:
        InputError: not our landmarks.
    """
    path = session.folder / f"{secrets.token_hex(4)}.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    try:
        content = read_content(path, single=True)
    finally:
        path.unlink()
    return content.landmarks(path.name, None), content.edited


def editor_json(session: Session) -> dict[str, Any] | None:
    """The visitor's landmarks as the editor holds them: our JSON, with the points moved by hand."""
    return None if session.landmarks is None else landmarks_json(session, session.landmarks, session.edited)


def landmarks_json(session: Session, landmarks: Landmarks, edited: tuple[int, ...]) -> dict[str, Any]:
    """Landmarks as our JSON has them."""
    path = session.folder / f"{secrets.token_hex(4)}.json"
    write_landmarks(path, landmarks, edited=edited)
    text = path.read_text(encoding="utf-8")
    path.unlink()
    return {"edited": [], **json.loads(text)}


def _tame(name: str) -> str:
    """A file's name without anything that a folder, a shell or a page could take for something else."""
    kept = "".join(letter if letter in _KEPT or letter.isalnum() else "_" for letter in name).strip(". ")
    return kept[-120:] or "file"
