"""The page: a picture, its landmarks to correct, a motion, the result. Layout and wiring only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from faceshot.demo import parts
from faceshot.demo.clip_page import clip_tab
from faceshot.demo.handlers import GAINS, Handlers
from faceshot.demo.sessions import Sessions
from faceshot.demo.wish import FORMATS
from faceshot.driving import MOTIONS
from faceshot.pipeline import FaceShot

NOTICE = (
    "Everything stays on the machine that runs this page. Animate real people only with their consent; "
    "every video says that it is generated."
)
SOURCES = ["auto", "facemesh", "track", "facexlib"]
#: Of several faces in a clip: numbers count from the left; more may be typed.
FACES = ["largest", "left", "right", "1", "2", "3", "4"]
#: Kinds of the shipped gallery that stand as examples.
EXAMPLES = ("cat", "fox", "robot", "person", "pumpkin", "plush")
#: All that uses the model waits in one line; what takes long in another, so that nobody's picture waits for a clip.
_ONE = {"concurrency_limit": 1, "concurrency_id": "model"}
_LONG = {"concurrency_limit": 1, "concurrency_id": "render"}


def build_page(
    shot: FaceShot, sessions: Sessions, *, picture: Path | None = None, landmarks: Path | None = None,
    local: bool = True,
) -> gr.Blocks:  # fmt: skip
    """The page, not served yet.

    Args:
        shot: does the work. sessions: where visitors' files go.
        picture, landmarks: what every tab begins with.
        local: only the machine's own user sees it, who may add to the gallery.
    """
    do = Handlers(shot, sessions, (picture, landmarks))
    with gr.Blocks(title="FaceShot", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.Markdown("# FaceShot\nBring any picture with a face to life: people, pets, toys, cartoons, statues.")
        with gr.Tabs() as tabs:
            with gr.Tab("Animate a picture", id="picture"):
                gr.Markdown("## 1. Picture")
                with gr.Row():
                    upload = parts.as_it_came(gr.Image(
                        label="Picture", type="filepath", image_mode=None, sources=["upload", "clipboard", "webcam"],
                        height=220, elem_id="picture",
                    ))  # fmt: skip
                    gr.Examples(_examples(), upload, label="Or one of ours", examples_per_page=6)
                gr.Markdown("## 2. Correct")
                editor = parts.editor()
                _more_landmarks(do, editor, local)
                gr.Markdown("## 3. Motion")
                do.fields = _motion(do)
                with gr.Row():
                    go = gr.Button("Animate", variant="primary", elem_id="animate")
                    cancel = gr.Button("Cancel", elem_id="cancel")
                gr.Markdown("## 4. Result")
                result = parts.result()
                with gr.Accordion("The same on a command line and in Python", open=False):
                    command = gr.Code(label="Command line", language="shell", interactive=False)
                    snippet = gr.Code(label="Python", language="python", interactive=False)
            with gr.Tab("Correct a clip", id="clip"):
                use, at = clip_tab(do, SOURCES, FACES, _LONG)
        gr.Markdown(NOTICE)
        _wire(page, do, upload, editor)
        run = go.click(do.make, set(do.fields.values()), [result, command, snippet], api_visibility="private", **_LONG)
        cancel.click(None, cancels=[run])
        use.click(
            at.used, None,
            [tabs, do.kinds, do.fields["kind"], do.fields["file"]], api_visibility="private",
        )  # fmt: skip
        _api(do)
    page.queue(max_size=100, default_concurrency_limit=4)
    return page


def _examples() -> list[list[str]]:
    from faceshot.gallery import list_domains

    shipped = {domain.name: domain for domain in list_domains("shipped")}
    return [[str(shipped[name].pictures[0].path)] for name in EXAMPLES if name in shipped]


def _more_landmarks(do: Handlers, editor: gr.HTML, local: bool) -> None:
    with gr.Accordion("Landmarks from a file; teach FaceShot a new kind", open=False):
        with gr.Row():
            file = gr.UploadButton("Load landmarks", file_types=[".json", ".npz", ".npy", ".pts", ".xml"])
            file.upload(do.landmark_upload, file, editor, api_visibility="private")
        if local:
            with gr.Row():
                kind = gr.Textbox(label="Name of the new kind", placeholder="axolotl", scale=3)
                add = gr.Button("Add to my gallery", scale=1)
            add.click(do.teach, kind, None, api_visibility="private", **_ONE)


def _motion(do: Handlers) -> dict[str, Any]:
    """The components of step 3, by name."""
    kind = gr.State("motion")
    with gr.Tabs() as do.kinds:
        with gr.Tab("Built in", id="motion") as built_in:
            cards = parts.cards()
        with gr.Tab("Clip", id="clip") as follow:
            clip = parts.as_it_came(gr.Video(
                label="Clip of a face", sources=["upload", "webcam"], height=260, include_audio=True,
                webcam_options=gr.WebcamOptions(mirror=False), elem_id="clip",
            ))  # fmt: skip
        with gr.Tab("By hand", id="sliders") as by_hand:
            sliders = parts.sliders(do.pose)
        with gr.Tab("File", id="file") as from_file:
            file = gr.File(
                label="Landmark sequence (faceshot drive)", file_types=[".json", ".npz", ".npy"], type="filepath"
            )
    for name, tab in (("motion", built_in), ("clip", follow), ("sliders", by_hand), ("file", from_file)):
        tab.select(lambda name=name: name, None, kind, api_visibility="private", queue=False)
    fields: dict[str, Any] = {"kind": kind, "motions": cards, "clip": clip, "sliders": sliders, "file": file}
    with gr.Row():
        fields["format"] = gr.Dropdown(list(FORMATS), value=next(iter(FORMATS)), label="Format")
        fields["seconds"] = gr.Number(
            0, label="Seconds of a built-in motion (0: its own length)", minimum=0, maximum=600
        )
    with gr.Accordion("How much of each part", open=False):
        for row in (GAINS[:3], GAINS[3:6], GAINS[6:]):
            with gr.Row():
                for name in row:
                    fields[f"gain {name}"] = gr.Slider(0, 3, 1, step=0.05, label=name.replace("_", " "))
        fields["smooth"] = gr.Checkbox(False, label="Calm jittery landmarks (softens fast speech)")
    with gr.Accordion("How the clip is read", open=False):
        with gr.Row():
            gaps = ["hold", "rest", "cut", "refuse"]
            fields["source"] = gr.Dropdown(SOURCES, value="auto", label="Landmarks found by")
            fields["face"] = parts.faces(FACES)
            fields["gaps"] = gr.Dropdown(gaps, value="hold", label="Where the face is gone")
        with gr.Row():
            fields["start"] = gr.Textbox("", label="From", placeholder="frame, or 1.5s")
            fields["stop"] = gr.Textbox("", label="To", placeholder="frame, or 4s")
    with gr.Accordion("Renderer", open=False):
        fields["backend"] = parts.backends()
    return fields


def _wire(page: gr.Blocks, do: Handlers, upload: gr.Image, editor: gr.HTML) -> None:
    own: dict[str, Any] = {"api_visibility": "private"}
    shown = {"show_progress": "hidden", "trigger_mode": "always_last", **own}
    cards, sliders = do.fields["motions"], do.fields["sliders"]
    fresh = (do.previews, cards, [cards, sliders])
    for begun in (
        upload.change(do.picture, upload, editor, **own, **_ONE),
        editor.submit(do.clicks, editor, editor, **own, **_ONE),
        editor.select(do.face, editor, editor, **own, **_ONE),
        editor.change(do.edited, editor, None, **shown),
        page.load(do.opened, None, editor, **own, **_ONE),
    ):
        begun.success(*fresh, **{**shown, **_ONE})
    page.unload(do.closed)
    # Gradio's pictures to choose from have no names that a screen reader could say.
    named = f"() => document.querySelectorAll('.gallery-item').forEach((b, k) => b.ariaLabel = {list(EXAMPLES)}[k])"
    page.load(None, None, None, js=named)


def _api(do: Handlers) -> None:
    """``match``, ``retarget`` and ``animate`` for ``gradio_client``."""
    with gr.Row(visible=False):
        picture, landmarks = parts.as_it_came(gr.Image(type="filepath")), gr.File(type="filepath")
        driving = gr.File(type="filepath", label="driving")
        motion = gr.Dropdown(["", *MOTIONS], value="", label="motion")
        found, moved, video = gr.JSON(), gr.File(), gr.File()
        button = gr.Button()
    button.click(do.api_match, picture, found, api_name="match", **_ONE)
    button.click(do.api_retarget, [landmarks, driving], moved, api_name="retarget", **_ONE)
    button.click(do.api_animate, [picture, motion, driving, landmarks], video, api_name="animate", **_LONG)
