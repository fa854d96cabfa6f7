"""Landmarks of one face as labelling programs open them: labelme (JSON) and dlib's imglab (XML)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from faceshot.formats.content import Content
from faceshot.landmarks.topology import N_POINTS, PART_POINTS

#: What a picture beside the file may end in; the first is taken where there is none.
_PICTURES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff")


def picture_name(path: Path, stem: str) -> str:
    """The file that landmarks of this stem belong to: the picture beside ``path``, else the stem with ``.png``."""
    stem = stem.removesuffix(".landmarks")
    there = (stem + end for suffix in _PICTURES for end in (suffix, suffix.upper()))
    return next((name for name in there if path.with_name(name).is_file()), stem + _PICTURES[0])


def labelme_text(content: Content, picture: str) -> str:
    """A labelme file: one point shape a landmark, labelled with its number from 0; absent parts carry a flag."""
    width, height = content.size
    hidden = {k for part in content.absent for k in PART_POINTS[part]}  # type: ignore[index]
    shapes = [
        {
            "label": str(k),
            "points": [[x, y]],
            "group_id": None,
            "description": "",
            "shape_type": "point",
            "flags": {"hidden": True} if k in hidden else {},
        }
        for k, (x, y) in enumerate(content.xy.astype(np.float64).round(3).tolist())
    ]
    rows = ",\n".join("    " + json.dumps(shape) for shape in shapes)
    rest: dict[str, Any] = {"imagePath": picture, "imageData": None, "imageHeight": height, "imageWidth": width}
    tail = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in rest.items())
    return f'{{\n  "version": "5.5.0",\n  "flags": {{}},\n  "shapes": [\n{rows}\n  ],\n{tail}\n}}\n'


def dlib_text(content: Content, picture: str) -> str:
    """An imglab file of one box around all points; dlib reads whole pixels only, and knows no absent parts."""
    width, height = content.size
    xy = content.xy.astype(np.float64).round().astype(int).tolist()
    low, high = np.min(xy, axis=0), np.max(xy, axis=0)
    root = ElementTree.Element("dataset")
    ElementTree.SubElement(root, "name").text = "iBUG 68 face landmarks written by FaceShot"
    images = ElementTree.SubElement(root, "images")
    image = ElementTree.SubElement(images, "image", file=picture, width=str(width), height=str(height))
    sides = {"top": low[1], "left": low[0], "width": high[0] - low[0] + 1, "height": high[1] - low[1] + 1}
    box = ElementTree.SubElement(image, "box", {name: str(value) for name, value in sides.items()})
    for k in range(N_POINTS):
        ElementTree.SubElement(box, "part", name=f"{k:02d}", x=str(xy[k][0]), y=str(xy[k][1]))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
