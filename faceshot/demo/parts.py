"""The page's own components: the landmark editor, the cards of motions, the sliders, the result; and its inputs."""

from __future__ import annotations

import html
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from faceshot.demo.names import asset, editor_script, vocabulary
from faceshot.driving import AMOUNTS, MOTIONS
from faceshot.errors import FaceShotError
from faceshot.pipeline import Animation, list_backends, load_backend, requirements

_LABELS = {"blink_right": "blink, right eye", "blink_left": "blink, left eye", "brow_right": "right brow",
           "brow_left": "left brow", "jaw": "mouth open", "yaw": "turn", "pitch": "nod", "roll": "tilt",
           "gaze_x": "look aside", "gaze_y": "look down"}  # fmt: skip
_PICTURES = (".webp", ".gif")


def as_it_came(component: Any) -> Any:
    """Make a picture or clip input hand on the uploaded file, never opened or converted: our readers say better what
    is wrong with it. (A subclass would do, but Gradio writes a stub file beside every module that has one.)"""
    usual = component.preprocess
    component.preprocess = lambda payload: _path(payload) or usual(payload)
    return component


def _path(payload: Any) -> str | None:
    inner = getattr(payload, "video", None) or payload
    return getattr(inner, "path", None)


def faces(offered: list[str]) -> gr.Dropdown:
    """Which of several people in a clip; a crowd's numbers can be typed."""
    return gr.Dropdown(
        offered, value=offered[0], label="Which face, where there are several", allow_custom_value=True,
        info="numbers count from the left",
    )  # fmt: skip


def editor() -> gr.HTML:
    """The picture with its 68 points, to be dragged."""
    return gr.HTML(
        {"stamp": "none", "picture": None}, html_template=asset("editor/editor.html"), js_on_load=editor_script(),
        vocabulary=vocabulary(), elem_id="editor",
    )  # fmt: skip


def cards() -> gr.HTML:
    """The built-in motions."""
    template = "<fieldset class='fs-motions'><legend>A built-in motion</legend><div data-fs='cards'></div></fieldset>"
    motions = [{"name": name, "src": ""} for name in MOTIONS]
    return gr.HTML(
        {"stamp": secrets.token_hex(4), "motions": motions, "chosen": MOTIONS[0]}, html_template=template,
        js_on_load=asset("motions.js"), elem_id="motions",
    )  # fmt: skip


def timeline(frame: Callable[[dict[str, Any]], Any]) -> gr.HTML:
    """The editor over a clip; ``frame`` gives the editor's value for ``{"token": ..., "frame": ...}``."""

    def answer(asked: dict[str, Any]) -> Any:
        return frame(asked)

    return gr.HTML(
        {"stamp": "none", "picture": None, "token": "", "frames": 0, "scores": [], "changed": []},
        html_template=asset("editor/editor.html") + asset("timeline.html"),
        js_on_load=editor_script() + asset("timeline.js"), vocabulary=vocabulary(), server_functions=[answer],
        elem_id="timeline",
    )  # fmt: skip


def sliders(pose: Callable[[dict[str, Any]], str]) -> gr.HTML:
    """Expressions by hand; ``pose`` gives the frame for ``{"token": ..., "amounts": ...}``."""
    amounts = [
        {"name": name, "label": _LABELS.get(name, name), "low": low, "high": high, "step": (high - low) / 50}
        for name, (low, high) in AMOUNTS.items()
    ]

    def answer(asked: dict[str, Any]) -> str:
        return pose(asked)

    return gr.HTML(
        {"stamp": "none", "token": "", "src": "", "amounts": {}, "keys": []}, html_template=asset("sliders.html"),
        js_on_load=asset("sliders.js"), amounts=amounts, server_functions=[answer], elem_id="sliders",
    )  # fmt: skip


def backends() -> gr.HTML:
    """What draws the frames: those that lack something cannot be chosen, and say how to get it."""
    rows = []
    for name in list_backends():
        row = {"name": name, "chosen": name == "warp"}
        try:
            backend = load_backend(name)
            commands = {need.rpartition("run: ")[2] for need in requirements(backend)}
        except FaceShotError as error:
            rows.append({**row, "summary": str(error), "lacks": "does not work"})
            continue
        rows.append({**row, "summary": backend.summary, "licence": backend.licence, "lacks": "; ".join(commands)})
    return gr.HTML(
        {"backends": rows}, html_template=asset("backends.html"), js_on_load=asset("backends.js"), elem_id="backends"
    )


def chosen_backend(value: dict[str, Any]) -> str:
    """The name of what was chosen in :func:`backends`."""
    return next((str(row["name"]) for row in value["backends"] if row.get("chosen")), "warp")


def result() -> gr.HTML:
    """Where :func:`result_html` is shown."""
    return gr.HTML("", js_on_load=asset("result.js"), elem_id="result")


def result_html(made: Animation, url: Callable[[Path], str], files: list[Path], before: str, driver: str) -> str:
    """Before, driver and result side by side, and every file to be taken along."""
    shown = [_figure("before", before, False)] + ([_figure("driver", driver, True)] if driver else [])
    moves = made.output.suffix not in _PICTURES
    shown.append(_figure(f"result, {len(made.sequence)} frames", url(made.output), moves, before))
    names = [(html.escape(path.name), html.escape(url(path), quote=True)) for path in files]
    links = "".join(f'<li><a href="{where}" download="{name}">{name}</a></li>' for name, where in names)
    return f'<div class="fs-result">{"".join(shown)}</div><ul class="fs-files" aria-label="Files">{links}</ul>'


def _figure(caption: str, src: str, moves: bool, under: str = "") -> str:
    """A picture or a clip; with ``under``, that picture can be drawn across it."""
    src, caption, under = (html.escape(text, quote=True) for text in (src, caption, under))
    if moves:
        inner = f'<video src="{src}" controls loop autoplay muted playsinline aria-label="{caption}"></video>'
    else:
        inner = f'<img src="{src}" alt="{caption}">'
    if under:
        inner = f'<div class="fs-stack">{inner}<img class="fs-before" src="{under}" alt=""></div>'
        inner += '<input type="range" value="0" aria-label="Draw the picture before across">'
    return f"<figure>{inner}<figcaption>{caption}</figcaption></figure>"
