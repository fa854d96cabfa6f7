"""What was found in pictures and clips, kept by their content: matched once, driven once, by whoever comes first.

Several processes, and several machines with a common folder, share a store. An entry is computed under a lock that the
system lets go when its owner dies; it appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from faceshot.errors import FaceShotError, InputError, NoFaceError
from faceshot.formats import read_landmarks, read_sequence, write_landmarks, write_sequence
from faceshot.landmarks import LandmarkSequence, Picture
from faceshot.matching import Match
from faceshot.output import writing
from faceshot.pipeline import FaceShot, as_picture, file_hash, plain_json
from faceshot.version import __version__

#: Errors that say something about the input, and will say it again.
_LASTING = {kind.__name__: kind for kind in (NoFaceError, InputError)}


class Store:
    """Entries in a folder, by content.

    Args:
        folder: made where it is missing.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path(self, kind: str, content: str, how: Mapping[str, Any], suffix: str) -> Path:
        """Where the entry lies: ``kind`` (``match``, ``drive``) of ``content`` (a hash), found in this way."""
        text = json.dumps(plain_json({"how": how, "version": __version__}), sort_keys=True)
        name = hashlib.sha256(f"{content} {text}".encode()).hexdigest()[:32]
        return self.folder / kind / f"{name}{suffix}"

    @contextmanager
    def claim(self, path: Path) -> Iterator[None]:
        """Alone with an entry: others wait until its owner is done, or gone."""
        from filelock import FileLock

        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(path.name + ".lock")):
            yield

    def refusal(self, path: Path) -> FaceShotError | None:
        """The error that was found instead of an entry."""
        try:
            kind, message = json.loads(path.with_suffix(".error").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return _LASTING.get(kind, NoFaceError)(message)

    def refuse(self, path: Path, error: FaceShotError) -> None:
        """Keep an error that belongs to the input; others may pass."""
        if type(error).__name__ in _LASTING:
            with writing(path.with_suffix(".error"), overwrite=True) as part:
                part.write_text(json.dumps([type(error).__name__, str(error)]), encoding="utf-8")


class Stored(FaceShot):
    """``FaceShot`` that looks into a :class:`Store` first.

    Attributes:
        computed: how many entries this object had to work out, by kind. score: confidence of the last match.
    """

    def __init__(self, store: Store, preset: str = "mini", **settings: Any) -> None:
        super().__init__(preset, **settings)
        self.store = store
        self.computed = {"match": 0, "drive": 0}
        self.score: float | None = None

    def match(self, picture: Any, **how: Any) -> Match:
        """As :meth:`faceshot.FaceShot.match`; what is kept are landmarks and confidence."""
        picture = as_picture(picture)
        path = self.store.path("match", _pixels(picture), self._how(how), ".json")
        with self.store.claim(path):
            if (error := self.store.refusal(path)) is not None:
                raise type(error)(str(error))
            if not path.exists():
                self._worked_out("match", path, lambda: self._match(path, picture, how))
        landmarks = read_landmarks(path)
        self.score = float(json.loads(path.with_suffix(".score").read_text(encoding="utf-8")))
        return Match(landmarks, self.score, landmarks, {}, landmarks.box())

    def _match(self, path: Path, picture: Picture, how: Mapping[str, Any]) -> None:
        found = super().match(picture, **how)
        with writing(path.with_suffix(".score"), overwrite=True) as part:
            part.write_text(json.dumps(found.confidence), encoding="utf-8")
        write_landmarks(path, found.landmarks, overwrite=True)

    def drive(self, clip: str | Path, **how: Any) -> LandmarkSequence:
        """As :meth:`faceshot.FaceShot.drive`."""
        path = self.store.path("drive", content(Path(clip)), self._how(how), ".npz")
        with self.store.claim(path):
            if (error := self.store.refusal(path)) is not None:
                raise type(error)(str(error))
            if not path.exists():
                make = super().drive
                self._worked_out("drive", path, lambda: write_sequence(path, make(clip, **how), overwrite=True))
        return read_sequence(path)

    def _how(self, how: Mapping[str, Any]) -> dict[str, Any]:
        """What else decides: the model, and the galleries by the names, sizes and dates of their files."""
        given = {name: value for name, value in how.items() if value is not None}
        return {**given, "preset": self.preset, "galleries": [_state(Path(place)) for place in self.galleries]}

    def _worked_out(self, kind: str, path: Path, work: Any) -> None:
        try:
            work()
        except FaceShotError as error:
            self.store.refuse(path, error)
            raise
        self.computed[kind] += 1


def content(path: Path) -> str:
    """Hash of a file, or of a folder of frames."""
    files = sorted(entry for entry in path.iterdir() if entry.is_file()) if path.is_dir() else [path]
    hashes = [f"{file.name if path.is_dir() else ''} {_hash(file, *_stamp(file))}" for file in files]
    return hashes[0].strip() if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


@lru_cache(maxsize=10_000)
def _hash(path: Path, _changed: int, _size: int) -> str:
    return file_hash(path)


def _stamp(path: Path) -> tuple[int, int]:
    known = path.stat()
    return known.st_mtime_ns, known.st_size


def _pixels(picture: Picture) -> str:
    planes = [picture.rgb, *([] if picture.alpha is None else [picture.alpha])]
    digest = hashlib.sha256(str([plane.shape for plane in planes]).encode())
    for plane in planes:
        digest.update(plane.tobytes())
    return digest.hexdigest()


def _state(place: Path) -> str:
    files = sorted(place.rglob("*")) if place.is_dir() else []
    stamps = [f"{file.relative_to(place)} {_stamp(file)}" for file in files if file.is_file()]
    return hashlib.sha256("\n".join([str(place), *stamps]).encode()).hexdigest()
