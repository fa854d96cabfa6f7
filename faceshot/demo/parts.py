"""The page's own components: the landmark editor, the cards of motions, the sliders, the result; and its inputs."""

from __future__ import annotations

import html
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from faceshot.demo.names import asset, vocabulary
from faceshot.driving import AMOUNTS, MOTIONS
from faceshot.pipeline import Animation

_LABELS = {"blink_right": "blink, right eye", "blink_left": "blink, left eye", "brow_right": "right brow",
           "brow_left": "left brow", "jaw": "mouth open", "yaw": "turn", "pitch": "nod", "roll": "tilt"}  # fmt: skip
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


def editor() -> gr.HTML:
    """The picture with its 68 points, to be dragged."""
    return gr.HTML(
        {"stamp": "none", "picture": None}, html_template=asset("editor.html"), js_on_load=asset("editor.js"),
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


def result_html(made: Animation, url: Callable[[Path], str], files: list[Path], before: str, driver: str) -> str:
    """Before, driver and result side by side, and every file to be taken along."""
    shown = [_figure("before", before, False)] + ([_figure("driver", driver, True)] if driver else [])
    moves = made.output.suffix not in _PICTURES
    shown.append(_figure(f"result, {len(made.sequence)} frames", url(made.output), moves))
    names = [(html.escape(path.name), html.escape(url(path), quote=True)) for path in files]
    links = "".join(f'<li><a href="{where}" download="{name}">{name}</a></li>' for name, where in names)
    return f'<div class="fs-result">{"".join(shown)}</div><ul class="fs-files" aria-label="Files">{links}</ul>'


def _figure(caption: str, src: str, moves: bool) -> str:
    src, caption = html.escape(src, quote=True), html.escape(caption)
    if moves:
        inner = f'<video src="{src}" controls loop autoplay muted playsinline aria-label="{caption}"></video>'
    else:
        inner = f'<img src="{src}" alt="{caption}">'
    return f"<figure>{inner}<figcaption>{caption}</figcaption></figure>"
