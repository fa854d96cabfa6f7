"""The pages of the preview."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Final

from faceshot.live.character import EXPRESSIONS

#: Key -> what it asks for; digits choose characters.
KEYS: Final = {
    "n": "neutral", "q": "quit", " ": "clear",
    **dict(zip("jsaufd", ("joy", "sadness", "anger", "surprise", "fear", "disgust"), strict=True)),
}  # fmt: skip

OBS_PAGE: Final = """<!doctype html><meta charset="utf-8"><title>FaceShot</title>
<style>html,body{margin:0;height:100%;background:transparent;overflow:hidden}
img{width:100%;height:100%;object-fit:contain}</style><img src="/stream" alt="">
"""

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>FaceShot live</title>
<meta name="viewport" content="width=device-width">
<style>
body { margin: 0; font: 15px system-ui, sans-serif; background: #1d232b; color: #e8edf2; text-align: center }
img { max-width: 100%; height: 72vh; object-fit: contain; margin: 12px auto; display: block;
  background: repeating-conic-gradient(#39424d 0 25%, #2d353f 0 50%) 0 0 / 24px 24px }
button { font: inherit; margin: 3px; padding: .5em .9em; border: 1px solid #55616e; border-radius: 6px;
  background: #2b333d; color: inherit; cursor: pointer }
button:focus-visible { outline: 2px solid #4fd1b8 }
kbd { opacity: .6; margin-left: .5em }
p { margin: 8px }
</style>
<img src="/stream" alt="The character, live">
<p>BUTTONS</p>
<p role="status" id="state"></p>
<p>For OBS: a browser source with the address <code id="obs"></code></p>
<script>
const keys = KEYS;
async function ask(what) {
    const answer = await fetch("/do?what=" + encodeURIComponent(what), { method: "POST" });
    if (!answer.ok) document.getElementById("state").textContent = await answer.text();
}
for (const button of document.querySelectorAll("button")) button.onclick = () => ask(button.dataset.what);
document.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (keys[event.key]) { event.preventDefault(); ask(keys[event.key]); }
};
document.getElementById("obs").textContent = location.origin + "/obs";
setInterval(async () => {
    try {
        const state = await (await fetch("/state")).json();
        const numbers = `${state.fps.toFixed(1)} frames/s, ${Math.round(state.latency_ms)} ms behind`;
        document.getElementById("state").textContent = state.seen ? numbers : numbers + ", no face";
    } catch { document.getElementById("state").textContent = "ended"; }
}, 1000);
</script>
</html>
"""


def page(characters: Sequence[str]) -> str:
    """The page with a button for each of these characters."""
    keys = dict(KEYS)
    rows = [("n", "neutral", "this is my neutral face")]
    rows += [(key, name, name) for key, name in KEYS.items() if name in EXPRESSIONS]
    rows.append(("space", "clear", "no expression"))
    if len(characters) > 1:
        for number, name in enumerate(characters[:9], 1):
            keys[str(number)] = f"character:{number}"
            rows.append((str(number), f"character:{number}", name))
    rows.append(("q", "quit", "end"))
    buttons = " ".join(
        f'<button type="button" data-what="{html.escape(what)}">{html.escape(label)}<kbd>{key}</kbd></button>'
        for key, what, label in rows
    )
    return _PAGE.replace("BUTTONS", buttons).replace("KEYS", json.dumps(keys).replace("<", "\\u003c"))
