"""The editor in the node, and the workflows, in a real browser: in ComfyUI's own page, and in as much of one as an
extension asks for.

ComfyUI's page is ``pip install comfyui-frontend-package``, 1.58.1 when this was written; its server is stood in for.
"""

from __future__ import annotations

import importlib.util
import json
import mimetypes
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.browser import chromium
from tests.integrations import workflows
from tests.integrations.comfy import Host, loaded
from tests.integrations.page import Answer, server_state, serving
from tests.integrations.workflows import WORKFLOWS, Schemas, source

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


def test_points_are_dragged_in_the_node(tmp_path: Path, repo: Path) -> None:
    host = Host(tmp_path)
    with loaded(host) as nodes, serving(host, SCRIPTS) as address:
        _drag(address, nodes, repo)


def _drag(address: str, nodes: dict[str, Any], repo: Path) -> None:
    import torch

    from faceshot.formats import read_landmarks
    from faceshot.media import read_picture

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


@pytest.fixture(scope="module")
def page_files() -> Path:
    """ComfyUI's page."""
    spec = importlib.util.find_spec("comfyui_frontend_package")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("comfyui-frontend-package is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "static"


READY = "window.app?.graph && !!window.LiteGraph?.registered_node_types.FaceShotEditFaceLandmarks"
LOAD = "async (page) => { await app.loadGraphData(page); return (await app.graphToPrompt()).output; }"
SHOW = """([id, output]) => { const node = app.graph.getNodeById(id); node.onExecuted(output);
app.canvas.ds.scale = 1; app.canvas.ds.offset = [100 - node.pos[0], 100 - node.pos[1]];
app.canvas.setDirty(true, true); }"""


@pytest.mark.parametrize("drawn_by", ["canvas", "vue"])
def test_comfyuis_own_page_takes_the_workflows_and_the_editor(
    page_files: Path, tmp_path: Path, repo: Path, drawn_by: str
) -> None:
    """Each workflow becomes the very prompt it is defined as; a point dragged in the node is in the next prompt."""
    host = Host(tmp_path)
    workflows.fill(host, repo / "examples", 320)

    def static(path: str) -> Answer:
        file = page_files / (path.lstrip("/") or "index.html")
        return (file.read_bytes(), mimetypes.guess_type(file.name)[0] or "") if file.is_file() else None

    with (
        loaded(host) as nodes,
        serving(host, server_state(nodes, host, drawn_by), static) as address,
        chromium() as browser,
    ):
        schemas = Schemas(nodes)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(120_000)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        page.wait_for_function(READY)
        for name, graph in WORKFLOWS.items():
            made = page.evaluate(LOAD, json.loads((workflows.FOLDER / f"{name}.json").read_text("utf-8")))
            ids = {key: str(k) for k, key in enumerate(graph, 1)}
            for key, (kind, given) in graph.items():
                wanted = {}
                for one, about in schemas.inputs[kind].items():
                    value = given.get(one, about.default)
                    link = source(value, graph, schemas)
                    wanted |= {one: [ids[link[0]], link[1]] if link else value} if value is not None else {}
                assert made[ids[key]]["class_type"] == kind and made[ids[key]]["inputs"] == wanted, (name, key)
        done = workflows.run(WORKFLOWS["landmark_editing"], nodes, schemas, host, frames=None)
        number = list(WORKFLOWS["landmark_editing"]).index("face") + 1
        page.evaluate(SHOW, [number, done["face"].ui])
        circle = page.locator(".fs-comfy .fs-points circle").nth(30)
        page.wait_for_timeout(1000)
        box = circle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 25, y - 15, steps=4)
        page.mouse.up()
        edits = page.evaluate("async () => (await app.graphToPrompt()).output")[str(number)]["inputs"]["edits"]
        assert json.loads(edits)["edited"] == [30] and not faults
