"""Between the page's events and :mod:`faceshot.demo.visits`: who is asking, errors as toasts, progress."""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from faceshot.demo import visits
from faceshot.demo.jobs import Job
from faceshot.demo.parts import chosen_backend, result_html
from faceshot.demo.sessions import Session, Sessions
from faceshot.demo.wish import FORMATS, Wish
from faceshot.errors import FaceShotError, UsageError
from faceshot.formats import write_sequence
from faceshot.pipeline import Animation, FaceShot

#: Parts with a gain of their own on the page.
GAINS = ("head", "mouth", "jaw", "right_eye", "left_eye", "right_brow", "left_brow", "nose", "zoom")


def _toast(error: FaceShotError, sessions: Sessions) -> gr.Error:
    """One line, in which files have their names only."""
    line = re.sub(rf"{re.escape(str(sessions.root))}/[0-9a-f]+/(?:[\w-]+/)?", "", " ".join(str(error).split()))
    return gr.Error(html.escape(line), title="Not yet", print_exception=False)


def toasting(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Our errors as one line on the page."""

    @functools.wraps(handler)
    def run(self: Handlers, *given: Any, **named: Any) -> Any:
        try:
            return handler(self, *given, **named)
        except FaceShotError as error:
            raise _toast(error, self.sessions) from None

    return run


class Handlers:
    """The page's functions; ``shot`` is shared, everything else belongs to the visitor who asks."""

    def __init__(self, shot: FaceShot, sessions: Sessions, first: tuple[Path | None, Path | None]) -> None:
        self.shot, self.sessions, self.first = shot, sessions, first
        #: The components of step 3 by name, and its tabs; the page fills them in.
        self.fields: dict[str, Any] = {}
        self.kinds: Any = None

    def _session(self, request: gr.Request) -> Session:
        return self.sessions.of(request.session_hash)

    @toasting
    def opened(self, request: gr.Request) -> Any:
        """A tab was opened: with the picture and the landmarks the demo was started with."""
        picture, landmarks = self.first
        if picture is None:
            return gr.skip()
        session = self._session(request)
        value = visits.take_picture(self.shot, session, picture)
        return visits.take_landmarks(session, landmarks) if landmarks else value

    @toasting
    def picture(self, upload: str | None, request: gr.Request) -> Any:
        """A picture was dropped, or taken away."""
        if upload is None:
            return gr.skip()
        return visits.take_picture(self.shot, self._session(request), upload)

    @toasting
    def clicks(self, value: dict[str, Any], request: gr.Request) -> Any:
        """Both eyes and the mouth were clicked."""
        return visits.take_clicks(self.shot, self._session(request), value.get("clicks"))

    @toasting
    def face(self, value: dict[str, Any], request: gr.Request) -> Any:
        """Another face was clicked."""
        return visits.choose_face(self._session(request), value.get("chosen"))

    @toasting
    def edited(self, value: dict[str, Any], request: gr.Request) -> None:
        """A point was moved."""
        visits.take_edit(self._session(request), value)

    @toasting
    def landmark_upload(self, upload: str, request: gr.Request) -> Any:
        """Landmarks from a file."""
        return visits.take_landmarks(self._session(request), upload)

    @toasting
    def previews(self, motions: dict[str, Any], request: gr.Request) -> Any:
        """The motions and the sliders, on this face."""
        session = self._session(request)
        chosen = str(motions.get("chosen", "talk")) if isinstance(motions, dict) else "talk"
        return visits.motion_cards(self.shot, session, chosen), visits.slider_value(session)

    def pose(self, asked: dict[str, Any]) -> str:
        """The frame with an expression; an empty address where there is none."""
        session = self.sessions.by_token(asked.get("token"))
        if session is None:
            return ""
        try:
            return visits.pose(self.shot, session, asked.get("amounts") or {})
        except FaceShotError:
            return ""

    @toasting
    def teach(self, name: str, request: gr.Request) -> None:
        """Add to the gallery."""
        gr.Info(html.escape(visits.teach(self._session(request), name)))

    def closed(self, request: gr.Request) -> None:
        """A tab was closed."""
        self.sessions.close(request.session_hash)

    def following(self, job: Job[Any], progress: gr.Progress, outputs: int, *, give: bool = True) -> Iterator[Any]:
        """Tell how far long work is; gives its result in the end, or leaves that to the caller."""
        idle = gr.skip() if outputs == 1 else (gr.skip(),) * outputs
        try:
            for label, done, total in job.steps():
                progress((done, total) if total else None, desc=label)
                yield idle
        except FaceShotError as error:
            raise _toast(error, self.sessions) from None
        if give:
            yield job.result

    def make(
        self,
        given: dict[Any, Any],
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[Any]:
        """The video, and how the same is said elsewhere; ``given`` holds the values of :attr:`fields`."""
        value = {name: given[component] for name, component in self.fields.items()}
        try:
            session = self._session(request)
            wish, driver = self._wish(session, value)
        except FaceShotError as error:
            raise _toast(error, self.sessions) from None
        job: Job[Animation] = Job(lambda: visits.animate(self.shot, session, wish))
        yield from self.following(job, progress, 3, give=False)
        made = job.result
        files = list(visits.files_of(made))
        shown = result_html(made, session.url, files, session.url(wish.picture), driver)
        yield shown, wish.command(), wish.snippet()

    def _wish(self, session: Session, value: dict[str, Any]) -> tuple[Wish, str]:
        """What was chosen, and the address of the clip to show beside the result."""
        picture, _, _ = session.ready()
        kind, driver = value["kind"], ""
        chosen: dict[str, Any] = {"smooth": value["smooth"], "backend": chosen_backend(value["backend"])}
        chosen["gain"] = {name: float(value[f"gain {name}"]) for name in GAINS if value[f"gain {name}"] != 1}
        if kind == "motion":
            chosen |= {"motion": value["motions"].get("chosen"), "seconds": value["seconds"] or None}
        elif kind == "sliders":
            chosen["driving"] = visits.keyframes(session, value["sliders"])
        elif value[kind] is None:
            raise UsageError("there is nothing to follow yet; choose a file first")
        else:
            chosen["driving"] = session.keep(value[kind], "drive")
        if kind == "clip":
            driver = session.url(chosen["driving"])
            chosen |= {name: value[name] for name in ("gaps", "source", "face", "start", "stop")}
        suffix, sticker = FORMATS.get(value["format"], (".mp4", None))
        return Wish(picture, visits.landmark_file(session), suffix=suffix, sticker=sticker, **chosen), driver

    # ---- the same for programs

    @toasting
    def api_match(self, picture: str, request: gr.Request) -> dict[str, Any]:
        """Landmarks of a picture, as our JSON, with the confidence beside them."""
        session = self._session(request)
        value = visits.take_picture(self.shot, session, picture)
        return {"landmarks": value["landmarks"], "confidence": session.found[0].confidence}

    @toasting
    def api_retarget(self, landmarks: str, driving: str, request: gr.Request) -> str:
        """The character's landmarks in every frame of a driving sequence, as a file."""
        session = self._session(request)
        marks = session.keep(landmarks, "api-landmarks")
        moved = self.shot.retarget(marks, visits.sequence_file(session, driving))
        path = session.next_run() / "moved.npz"
        write_sequence(path, moved)
        return str(path)

    @toasting
    def api_animate(
        self, picture: str, motion: str | None, driving: str | None, landmarks: str | None, request: gr.Request
    ) -> str:
        """The video, as a file."""
        session = self._session(request)
        source = session.keep(picture, "picture")
        clip = None if driving is None else session.keep(driving, "drive")
        marks = None if landmarks is None else session.keep(landmarks, "api-landmarks")
        made = self.shot.animate(
            source,
            output=session.next_run() / f"{source.stem}.mp4",
            motion=motion or None,
            driving=clip,
            landmarks=marks,
        )
        return str(made.output)
