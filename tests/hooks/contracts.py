"""What the libraries' calls look like; ``python -m tests.hooks.contracts`` records them in contracts.json anew.

Run where the libraries are installed; those that are not keep what was recorded before.
"""

from __future__ import annotations

import inspect
import json
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("contracts.json")
#: Library (as its distribution is called) -> module -> calls that a drop-in has.
CALLS: dict[str, dict[str, tuple[str, ...]]] = {
    "face-alignment": {
        "face_alignment": (
            *("FaceAlignment.__init__", "FaceAlignment.get_landmarks", "FaceAlignment.get_landmarks_from_image"),
            *("FaceAlignment.get_landmarks_from_batch", "FaceAlignment.get_landmarks_from_directory"),
        ),
        "face_alignment.detection.core": ("FaceDetector.detect_from_image", "FaceDetector.detect_from_batch"),
    },
    "facexlib": {
        "facexlib.detection": ("init_detection_model",),
        "facexlib.alignment": ("init_alignment_model", "landmark_98_to_68"),
        "facexlib.detection.retinaface": ("RetinaFace.detect_faces", "RetinaFace.batched_detect_faces"),
        "facexlib.alignment.awing_arch": ("FAN.get_landmarks",),
    },
    "insightface": {
        "insightface.app": ("FaceAnalysis.__init__", "FaceAnalysis.prepare", "FaceAnalysis.get"),
        "insightface.app.common": ("Face.__init__",),
    },
    "mediapipe": {
        "mediapipe.tasks.python.vision": (
            *("FaceLandmarker.create_from_model_path", "FaceLandmarker.create_from_options", "FaceLandmarker.detect"),
            *("FaceLandmarker.detect_for_video", "FaceLandmarker.detect_async", "FaceLandmarker.close"),
            *("FaceLandmarkerOptions.__init__", "FaceLandmarkerResult.__init__"),
        ),
    },
}  # fmt: skip


def parameters(module: Any, name: str) -> list[list[Any]]:
    """Name, kind and whether it may be left out, of each parameter of a call."""
    thing = module
    for part in name.split("."):
        thing = getattr(thing, part)
    taken = inspect.signature(thing).parameters.values()
    return [[one.name, one.kind.name, one.default is not one.empty] for one in taken if one.name not in ("self", "cls")]


def recorded() -> dict[str, Any]:
    """What the file holds."""
    return json.loads(FILE.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def record(library: str) -> dict[str, Any]:
    """The calls of an installed library."""
    calls = {f"{place}:{name}": parameters(import_module(place), name)
             for place, names in CALLS[library].items() for name in names}  # fmt: skip
    return {"version": version(library), "calls": calls}


if __name__ == "__main__":
    found = recorded() if FILE.is_file() else {}
    for library in CALLS:
        try:
            found[library] = record(library)
        except (ImportError, RuntimeError) as error:
            sys.stdout.write(f"{library}: kept as it was ({error})\n")
    lines = [f' "{library}": {{\n  "version": "{it["version"]}",\n  "calls": {{\n' + ",\n".join(
        f"   {json.dumps(name)}: {json.dumps(taken)}" for name, taken in it["calls"].items()) + "\n  }\n }"
        for library, it in found.items()]  # fmt: skip
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
