"""Other programs' side of the exports, written from their documentation and sharing no code with the writers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


class SpineMesh:
    """The one mesh of a Spine skeleton (JSON export, 4.x)."""

    def __init__(self, path: Path) -> None:
        data = json.loads(path.read_text())
        assert set(data) == {"skeleton", "bones", "slots", "skins", "animations"}
        assert data["skeleton"]["spine"].startswith("4.") and data["bones"] == [{"name": "root"}]
        (slot,) = data["slots"]
        (skin,) = data["skins"]
        self.size = data["skeleton"]["width"], data["skeleton"]["height"]
        mesh = skin["attachments"][slot["name"]][slot["attachment"]]
        assert mesh["type"] == "mesh" and skin["name"] == "default" and slot["bone"] == "root"
        self.vertices = np.array(mesh["vertices"], float).reshape(-1, 2)
        self.uvs = np.array(mesh["uvs"], float).reshape(-1, 2)
        # As many numbers as coordinates of the texture: the mesh has no weights.
        assert len(self.vertices) == len(self.uvs)
        self.triangles = np.array(mesh["triangles"], int).reshape(-1, 3)
        assert self.triangles.min() >= 0 and self.triangles.max() < len(self.uvs)
        self.hull = mesh["hull"]
        (animation,) = data["animations"].values()
        self.keys = animation["attachments"]["default"][slot["name"]][slot["attachment"]]["deform"]
        times = [key["time"] for key in self.keys]
        assert times == sorted(set(times)) and times[0] == 0

    def at(self, key: int) -> np.ndarray:
        """(V, 2) places of the vertices, in pixels of the picture, y down, from its corner."""
        moved = self.vertices.reshape(-1).copy()
        values = self.keys[key].get("vertices", [])
        start = self.keys[key].get("offset", 0)
        moved[start : start + len(values)] += values
        return moved.reshape(-1, 2) * [1, -1] + np.array(self.size) / 2


def lottie_points(drawing: dict[str, Any], layer: str, frame: int) -> np.ndarray:
    """The corners of a layer's path at a frame."""
    (found,) = (one for one in drawing["layers"] if one["nm"] == layer)
    assert found["ty"] == 4 and found["ip"] <= frame < found["op"]
    group = found["shapes"][0]
    assert group["ty"] == "gr" and group["it"][-1]["ty"] == "tr"
    shape = next(item for item in group["it"] if item["ty"] == "sh")
    keys = shape["ks"]["k"]
    assert shape["ks"]["a"] == 1
    key = [one for one in keys if one["t"] <= frame][-1]["s"][0]
    assert len(key["v"]) == len(key["i"]) == len(key["o"]) and isinstance(key["c"], bool)
    return np.array(key["v"])


#: An After Effects that notes what a script does to it; given the folder of the script.
AFTER_EFFECTS = r"""
const fs = require("fs"), path = require("path"), vm = require("vm"), folder = process.argv[2];
const done = { layers: [], imported: [] };
class File {
    constructor(name) { this.fsName = name; }
    get parent() { return { fsName: path.dirname(this.fsName) }; }
    get exists() { return fs.existsSync(this.fsName); }
    open() { return this.exists; }
    read() { return fs.readFileSync(this.fsName, "utf8"); }
    close() {}
}
const layer = () => {
    const own = {}, made = { own };
    made.property = (name) => ({
        setValue: (v) => { own[name] = v; },
        setValuesAtTimes: (t, v) => { if (t.length !== v.length) throw Error("lengths"); own[name] = [t, v]; },
    });
    done.layers.push(made);
    return made;
};
const app = {
    beginUndoGroup() {}, endUndoGroup() {},
    project: {
        importFile: (o) => { done.imported.push(o.file.fsName); return o; },
        items: { addComp: (...a) => {
            done.comp = a;
            return { duration: a[4], layers: { add: () => {}, addNull: () => layer() }, openInViewer() {} };
        } },
    },
};
const script = path.join(folder, "import.jsx");
vm.runInNewContext(fs.readFileSync(script, "utf8"), {
    app, File, alert: (m) => { throw Error(m); }, $: { fileName: script },
    ImportOptions: class { constructor(f) { this.file = f; } },
});
const named = done.layers.map((l) => ({ name: l.name, position: l.own.Position }));
console.log(JSON.stringify({ comp: done.comp, imported: done.imported, layers: named }));
"""
