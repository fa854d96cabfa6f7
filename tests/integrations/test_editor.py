"""The editor in the node, in a real browser: ComfyUI's page is stood in for by as much as an extension asks of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from tests.browser import chromium
from tests.integrations.comfy import PACK, Host, loaded

PAGE = """<!doctype html><title>stand-in</title><link rel="icon" href="data:,"><body style="background:#222;color:#ddd">
<script type="module">
import { extensions } from "/scripts/app.js";
import "/extensions/faceshot/faceshot.js";
const node = {
  comfyClass: "FaceShotEditFaceLandmarks", size: [300, 100], setSize(size) { this.size = size; },
  widgets: [{ name: "edits", value: "" }],
  addDOMWidget(name, type, element) {
    element.style.cssText = "width:480px;height:560px"; document.body.append(element); return {};
  },
};
window.node = node;
for (const one of extensions) await one.nodeCreated(node);
window.ready = true;
</script>"""
SCRIPTS = {
    "/": PAGE,
    "/scripts/app.js": "export const extensions = [], app = { registerExtension: (e) => extensions.push(e) };",
    "/scripts/api.js": "export const api = { apiURL: (route) => `/api${route}` };",
}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The address of the page, and the nodes."""
    host = Host(tmp_path)
    with loaded(host) as nodes:
        from faceshot_comfyui.host import editor_module

        texts = {**SCRIPTS, "/extensions/faceshot/faceshot.js": (PACK / "web" / "faceshot.js").read_text("utf-8"),
                 "/api/faceshot/editor.js": editor_module()}  # fmt: skip

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None: ...

            def do_GET(self) -> None:
                where = urlsplit(self.path)
                if where.path == "/api/view":
                    asked = parse_qs(where.query)
                    body, kind = (getattr(host, asked["type"][0]) / asked["filename"][0]).read_bytes(), "image/jpeg"
                elif where.path in texts:
                    body = texts[where.path].encode()
                    kind = "text/html" if where.path == "/" else "text/javascript"
                else:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(body)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", nodes
        server.shutdown()
        server.server_close()


def test_points_are_dragged_in_the_node(served: tuple[str, dict[str, Any]], repo: Path) -> None:
    import torch

    from faceshot.formats import read_landmarks
    from faceshot.media import read_picture

    address, nodes = served
    marks = read_landmarks(repo / "examples" / "cat.landmarks.json")
    image = torch.from_numpy(read_picture(repo / "examples" / "cat.png").flat().copy())[None].float() / 255
    edit = nodes["FaceShotEditFaceLandmarks"].execute
    faults: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 700, "height": 700})
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        page.wait_for_function("window.ready")
        assert "Run once" in page.locator(".fs-blank").inner_text()
        first = edit(image, marks, "")
        page.evaluate("output => node.onExecuted(output)", first.ui)
        page.wait_for_function("document.querySelector('.fs-image image')?.href.baseVal.includes('/api/view')")
        circles = page.locator(".fs-points circle")
        assert circles.count() == 68
        box = circles.nth(30).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 30, y + 12, steps=4)
        page.mouse.up()
        edits = page.evaluate("node.widgets[0].value")
        assert json.loads(edits)["edited"] == [30]
        moved = edit(image, marks, edits)
        scale = marks.size.width / page.locator("svg[data-fs=canvas]").bounding_box()["width"]
        way = moved[0].xy[30] - marks.xy[30]
        assert np.abs(way - np.array((30, 12)) * scale).max() < 3
        page.evaluate("output => node.onExecuted(output)", moved.ui)
        assert "1 point moved" in page.locator("[data-fs=status]").inner_text()
        at = [float(circles.nth(30).get_attribute(name)) for name in ("cx", "cy")]
        assert np.abs(np.array(at) - moved[0].xy[30]).max() < 0.01
    assert not faults
