"""Blender: the points as JSON, and a script that makes empties and keys blendshapes of them."""

from __future__ import annotations

from faceshot.export.job import Job, Target
from faceshot.export.keyframes import keyframes

_SCRIPT = '''"""Made by FaceShot. Run it in Blender's Scripting workspace, or: blender --python import_faceshot.py

Makes an empty for each of the 68 points, keyed in every frame, below one parent. A selected mesh with shape keys of
ARKit's names (jawOpen, eyeBlinkLeft, ...; upper and lower case do not matter) has them keyed too.
"""

import json
import pathlib

import bpy

SCALE = 100.0  # pixels to one unit


def folder():
    """Where this script and its data lie."""
    text = getattr(getattr(bpy.context, "space_data", None), "text", None)
    name = bpy.path.abspath(text.filepath) if text is not None and text.filepath else __file__
    return pathlib.Path(name).resolve().parent


def points(data):
    """One empty for each point, x to the right and z up, the picture's middle at the origin."""
    width, height = data["size"]
    parent = bpy.data.objects.new("FaceShot " + data["name"], None)
    bpy.context.scene.collection.objects.link(parent)
    for number, name in enumerate(data["points"]):
        empty = bpy.data.objects.new(name, None)
        empty.empty_display_type, empty.empty_display_size = "SPHERE", 0.02
        empty.parent = parent
        bpy.context.scene.collection.objects.link(empty)
        for frame, values in enumerate(data["frames"]):
            x, y = values[2 * number], values[2 * number + 1]
            empty.location = ((x - (width - 1) / 2) / SCALE, 0.0, ((height - 1) / 2 - y) / SCALE)
            empty.keyframe_insert("location", frame=frame + 1)
    return parent


def shapes(data, mesh):
    """Key the shape keys of a mesh; returns how many of them have a name we know."""
    keys = mesh.data.shape_keys
    known = {} if keys is None else {block.name.lower(): block for block in keys.key_blocks}
    count = 0
    for column, name in enumerate(data["blendshapes"]):
        block = known.get(name.lower())
        if block is None:
            continue
        count += 1
        for frame, values in enumerate(data["weights"]):
            block.value = values[column]
            block.keyframe_insert("value", frame=frame + 1)
    return count


def main():
    data = json.loads((folder() / "keyframes.json").read_text(encoding="utf-8"))
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = round(data["fps"][0] / data["fps"][1]), 1.0
    scene.render.fps_base = scene.render.fps * data["fps"][1] / data["fps"][0]
    scene.frame_start, scene.frame_end = 1, len(data["frames"])
    chosen = [thing for thing in bpy.context.selected_objects if thing.type == "MESH"]
    points(data)
    for mesh in chosen:
        print(mesh.name + ":", shapes(data, mesh), "shape keys keyed")


main()
'''


def write(job: Job, target: Target) -> None:
    """Write points and script, and the picture where there is one."""
    target.text("import_faceshot.py", lambda: _SCRIPT)
    target.json("keyframes.json", lambda: keyframes(job))
    if job.picture is not None:
        target.picture("picture.png", job.picture)
