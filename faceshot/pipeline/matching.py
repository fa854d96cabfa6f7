"""The half of ``FaceShot`` that looks at pictures: its settings, the matcher, one face, all faces, many pictures."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceshot.errors import FaceShotError, MissingError, NoFaceError, UsageError
from faceshot.landmarks import Picture, check_box, check_wish
from faceshot.matching import Match, Regularise
from faceshot.models import DType
from faceshot.opencv import require_opencv
from faceshot.output import named_files
from faceshot.pipeline.backends import load_backend
from faceshot.pipeline.inputs import PictureLike, as_box, as_picture
from faceshot.pipeline.result import no_face_message
from faceshot.pipeline.sidecar import installed_version
from faceshot.progress import progress

if TYPE_CHECKING:
    from typing_extensions import Self

    from faceshot.matching import Matcher

#: Longest side of the picture that a match keeps to be looked at [px].
PREVIEW = 768


class Matching:
    """Settings, and what they find in pictures; see :class:`faceshot.FaceShot`, which adds motion."""

    def __init__(
        self,
        preset: str = "mini",
        *,
        galleries: Sequence[str | Path] = (),
        backend: str = "warp",
        device: str = "auto",
        dtype: DType = "auto",
        seed: int = 0,
        offline: bool = False,
        cache_dir: str | Path | None = None,
        low_vram: bool = False,
    ) -> None:
        self.preset, self.galleries, self.backend_name = preset, tuple(galleries), backend
        self.device, self.dtype, self.seed = device, dtype, seed
        self.offline, self.cache_dir, self.low_vram = offline, cache_dir, low_vram
        self._loading = threading.Lock()
        self._matcher: Matcher | None = None

    def __getstate__(self) -> dict[str, Any]:
        """The settings: another process loads a model of its own."""
        return {name: value for name, value in vars(self).items() if name != "_loading"} | {"_matcher": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _loading=threading.Lock())

    @property
    def matcher(self) -> Matcher:
        """The landmark matcher, loaded on first use, once for all threads."""
        from faceshot.matching import Matcher

        require_opencv()
        with self._loading:
            if self._matcher is None:
                self._matcher = Matcher(
                    self.preset,
                    galleries=self.galleries,
                    device=self.resolved_device,
                    dtype=self.dtype,
                    offline=self.offline,
                    cache_dir=self.cache_dir,
                    low_vram=self.low_vram,
                )
            return self._matcher

    def with_backend(self, name: str) -> Self:
        """The same settings and, where it is loaded already, the same matcher; rendering with another backend."""
        other = copy(self)
        other.backend_name, other._matcher = name, self._matcher
        return other

    @property
    def reads(self) -> list[Path]:
        """Folders and files its settings name, which no result may replace: galleries, a model of the user's own."""
        from faceshot.gallery import default_galleries, gallery_folder

        found = []
        for gallery in self.galleries or default_galleries():
            with suppress(FaceShotError):  # whoever needs it will say so
                found.append(gallery_folder(gallery))
        return [*found, *named_files([self.preset, self.preset.rpartition(":")[0]])]

    @cached_property
    def resolved_device(self) -> str:
        """``auto`` as the device it means here."""
        # A CPU build of torch says so in its version; then the answer costs no import of torch.
        if self.device == "cpu" or (self.device == "auto" and "+cpu" in (installed_version("torch") or "")):
            return "cpu"
        from faceshot.models import pick_device

        return pick_device(self.device)

    def match(
        self,
        picture: PictureLike,
        *,
        box: Sequence[float] | None = None,
        points: Mapping[str, tuple[float, float]] | None = None,
        face: str | int | None = None,
        regularise: Regularise = "robust",
        domains: Sequence[str] | None = None,
        strict: bool = True,
    ) -> Match:
        """Landmarks of a character; ``.landmarks.xy`` is (68, 2) in pixels of the picture.

        Args:
            box: approximate face box (left, top, right, bottom) [px]; points: hand-set anchors by name [px].
            face: of several faces ``largest``, ``left``, ``right`` or the n-th from the left, from 1; None is the first
                found, and ``.faces`` tells how many there are.
            regularise: ``robust``, ``faceshot`` or ``none``; domains: use these gallery domains only.
            strict: raise where the match is worse than ``matcher.threshold``; otherwise compare yourself.

        Raises:
            InputError: unusable picture, box or points. NoFaceError: nothing looks like a face.
        """
        picture = as_picture(picture)
        place = None if box is None else as_box(box)
        if place is not None:
            check_box(place, picture.size)
        wish = None if face is None else check_wish(face)
        found = self.matcher.match(picture, box=place, points=points, face=wish, regularise=regularise, domains=domains)
        if strict and found.confidence < self.matcher.threshold:
            raise NoFaceError(no_face_message(picture.name, found.confidence, self.matcher.threshold))
        return replace(found, preview=picture.reduced(PREVIEW))

    def match_all(
        self, picture: PictureLike, *, regularise: Regularise = "robust", domains: Sequence[str] | None = None
    ) -> list[Match]:
        """Landmarks of every face in a picture, from left to right; arguments as of :meth:`match`.

        Raises:
            InputError: unusable picture. NoFaceError: nothing looks like a face.
        """
        picture = as_picture(picture)
        found = self.matcher.match_all(picture, regularise=regularise, domains=domains)
        if not found:
            raise NoFaceError(f"nothing in {picture.name or 'the picture'} looks enough like a face")
        small = picture.reduced(PREVIEW)
        return [replace(match, preview=small) for match in found]

    def match_many(
        self,
        pictures: Iterable[PictureLike],
        *,
        regularise: Regularise = "robust",
        domains: Sequence[str] | None = None,
        strict: bool = True,
    ) -> list[Match | FaceShotError]:
        """Landmarks of many characters, in order; where one fails its error stands in its place and the rest goes on.

        ``for picture, found in zip(pictures, shot.match_many(pictures))``, then ``isinstance(found, Match)``.

        Raises:
            UsageError, MissingError: what would fail for every picture: unknown names, missing weights.
        """
        if isinstance(pictures, str | Path | Picture) or not isinstance(pictures, Iterable):
            raise UsageError(f"match_many takes a list of pictures, got {type(pictures).__name__}; use match for one")
        self.check_names(domains=domains)
        found: list[Match | FaceShotError] = []
        for picture in progress(pictures, "match"):
            try:
                found.append(self.match(picture, regularise=regularise, domains=domains, strict=strict))
            except (UsageError, MissingError):
                raise
            except FaceShotError as error:
                found.append(error)
        return found

    def check_names(self, *, domains: Sequence[str] | None = None, match: bool = True) -> None:
        """Refuse an unknown backend, preset, gallery or domain before any model is loaded.

        Raises:
            UsageError: with the names there are.
        """
        from faceshot.gallery import default_galleries, domain_folders
        from faceshot.models import get_preset

        load_backend(self.backend_name)
        if match:
            get_preset(self.preset)
            known = {name for gallery in self.galleries or default_galleries() for name in domain_folders(gallery)}
            for domain in domains or ():
                if domain not in known:
                    raise UsageError(f"unknown domain {domain!r}; the gallery has {', '.join(sorted(known))}")
