"""After Effects: the points as JSON, and a script that makes a composition of null layers of them."""

from __future__ import annotations

from faceshot.export.job import Job, Target
from faceshot.export.keyframes import keyframes

#: ExtendScript knows no JSON and no let; what it reads is a file of ours, in the same folder.
_SCRIPT = r"""// Made by FaceShot. Run it in After Effects: File > Scripts > Run Script File.
(function () {
    var here = new File($.fileName).parent;
    var file = new File(here.fsName + "/keyframes.json");
    if (!file.open("r")) { alert("keyframes.json must lie beside this script"); return; }
    file.encoding = "UTF-8";
    var data = eval("(" + file.read() + ")");
    file.close();
    var fps = data.fps[0] / data.fps[1], count = data.frames.length;
    app.beginUndoGroup("FaceShot landmarks");
    var comp = app.project.items.addComp(data.name, data.size[0], data.size[1], 1, count / fps, fps);
    var times = [];
    for (var t = 0; t < count; t++) { times.push(t / fps); }
    if (data.picture) {
        var image = new File(here.fsName + "/" + data.picture);
        if (image.exists) { comp.layers.add(app.project.importFile(new ImportOptions(image))); }
    }
    for (var p = 0; p < data.points.length; p++) {
        var layer = comp.layers.addNull(comp.duration);
        layer.name = data.points[p];
        layer.enabled = false;
        layer.property("Anchor Point").setValue([0, 0]);
        var places = [];
        for (t = 0; t < count; t++) {
            // Pixels are counted from their centres here, from their corners there.
            places.push([data.frames[t][2 * p] + 0.5, data.frames[t][2 * p + 1] + 0.5]);
        }
        layer.property("Position").setValuesAtTimes(times, places);
    }
    app.endUndoGroup();
    if (comp.openInViewer) { comp.openInViewer(); }
})();
"""


def write(job: Job, target: Target) -> None:
    """Write points and script, and the picture where there is one."""
    target.text("import.jsx", lambda: _SCRIPT)
    target.json("keyframes.json", lambda: keyframes(job))
    if job.picture is not None:
        target.picture("picture.png", job.picture)
