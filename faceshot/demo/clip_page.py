"""The second tab: layout, wiring and handlers of a clip's landmarks over time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from faceshot.demo import clips, parts
from faceshot.demo.handlers import Handlers, toasting
from faceshot.demo.jobs import Job
from faceshot.demo.wish import face_wish
from faceshot.errors import FaceShotError
from faceshot.landmarks import check_wish


class ClipHandlers(Handlers):
    """The functions of the second tab."""

    def follow(
        self, upload: str | None, source: str, face: str | None, request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[Any]:  # fmt: skip
        """A clip was dropped."""
        if upload is None:
            return
        session = self._session(request)
        job = Job(lambda: clips.take_clip(self.shot, session, upload, source, check_wish(face_wish(face))))
        yield from self.following(job, progress, 1)

    def frame(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """A frame, for the scrubber; None where there is none."""
        session = self.sessions.by_token(asked.get("token"))
        try:
            return None if session is None else clips.frame_value(session, asked.get("frame"), keep=True)
        except FaceShotError:
            return None

    @toasting
    def edited(self, value: dict[str, Any], request: gr.Request) -> None:
        clips.take_frame(self._session(request), value)

    @toasting
    def repaired(self, value: dict[str, Any], request: gr.Request) -> Any:
        """Hold, carry on, interpolate, undo."""
        return clips.repair(self._session(request), value)

    @toasting
    def saved(self, request: gr.Request) -> str:
        """The sequence as a file."""
        return str(clips.save(self._session(request)))

    @toasting
    def used(self, request: gr.Request) -> Any:
        """The sequence is what drives in step 3."""
        path = str(clips.save(self._session(request)))
        return gr.Tabs(selected="picture"), gr.Tabs(selected="file"), "file", path


def clip_tab(
    do: Handlers, sources: list[str], faces: list[str], long: dict[str, Any]
) -> tuple[gr.Button, ClipHandlers]:
    """Everything in the tab; the button hands the sequence to step 3."""
    own: dict[str, Any] = {"api_visibility": "private"}
    at = ClipHandlers(do.shot, do.sessions, (None, None))
    gr.Markdown(
        "Drop a clip to see its landmarks over time; scrub, drag what is off, repair a range, save the sequence."
    )
    with gr.Row():
        upload = parts.as_it_came(gr.Video(
            label="Clip of a face", sources=["upload", "webcam"], height=220,
            webcam_options=gr.WebcamOptions(mirror=False), elem_id="long-clip",
        ))  # fmt: skip
        with gr.Column():
            source = gr.Dropdown(sources, value="auto", label="Landmarks found by")
            face = parts.faces(faces)
            again = gr.Button("Look again")
            stop = gr.Button("Cancel")
    timeline = parts.timeline(at.frame)
    with gr.Row():
        save = gr.Button("Save the sequence", elem_id="save-sequence")
        use = gr.Button("Use it in step 3", elem_id="use-sequence")
    file = gr.File(label="Sequence", interactive=False, elem_id="sequence-file")
    given = [upload, source, face]
    runs = [event(at.follow, given, timeline, **own, **long) for event in (upload.change, again.click)]
    stop.click(None, cancels=runs)
    timeline.change(at.edited, timeline, None, show_progress="hidden", **own)
    timeline.submit(at.repaired, timeline, timeline, show_progress="hidden", **own)
    save.click(at.saved, None, file, **own)
    return use, at
