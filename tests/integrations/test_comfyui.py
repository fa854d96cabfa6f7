"""The ComfyUI pack against a stand-in of ``comfy_api.latest`` that records what it is given; every node runs."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import faceshot
from faceshot.media import read_picture


class _Type:
    def __init__(self, name: str) -> None:
        self.name = name

    def Input(self, id: str, **settings: Any) -> Any:
        return SimpleNamespace(id=id, type=self.name, settings=settings)

    def Output(self, id: str) -> Any:
        return SimpleNamespace(id=id, type=self.name)


@pytest.fixture
def nodes(repo: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Node id -> class, loaded as ComfyUI does it."""
    io = SimpleNamespace(
        Custom=_Type, ComfyNode=object, NodeOutput=lambda *values: values,
        Schema=lambda **given: SimpleNamespace(**given),
        **{name: _Type(name.upper()) for name in ("Image", "Mask", "Int", "Float", "Boolean", "String", "Combo")},
    )  # fmt: skip
    latest = ModuleType("comfy_api.latest")
    latest.io, latest.ComfyExtension = io, object  # type: ignore[attr-defined]
    management, utils = ModuleType("comfy.model_management"), ModuleType("comfy.utils")
    management.throw_exception_if_processing_interrupted = lambda: None  # type: ignore[attr-defined]
    utils.ProgressBar = lambda total: SimpleNamespace(update_absolute=lambda done, total: None)  # type: ignore[attr-defined]
    for name, module in {"comfy_api": ModuleType("comfy_api"), "comfy_api.latest": latest, "comfy": ModuleType("comfy"),
                         "comfy.model_management": management, "comfy.utils": utils}.items():  # fmt: skip
        monkeypatch.setitem(sys.modules, name, module)
    place = repo / "integrations" / "comfyui"
    spec = importlib.util.spec_from_file_location(
        "faceshot_comfyui", place / "__init__.py", submodule_search_locations=[str(place)]
    )
    assert spec is not None and spec.loader is not None
    pack = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "faceshot_comfyui", pack)
    spec.loader.exec_module(pack)
    extension = asyncio.run(pack.comfy_entrypoint())
    return {one.define_schema().node_id: one for one in asyncio.run(extension.get_node_list())}


def test_every_node_runs(nodes: dict[str, Any], repo: Path) -> None:
    rgb = read_picture(repo / "examples" / "cat.png").flat()
    image = torch.from_numpy(rgb.copy())[None].float() / 255
    marks, sure, preview = nodes["FaceShotDetectFaceLandmarks"].execute(image, 0, True)
    assert marks.xy.shape == (68, 2) and sure > 0.5 and preview.shape == image.shape
    (motion,) = nodes["FaceShotFaceMotion"].execute("nod", 0.5, 10.0, 1)
    (moved,) = nodes["FaceShotRetargetFaceLandmarks"].execute(marks, motion, 1.0, 1.0, False)
    frames, masks, fps = nodes["FaceShotRenderFaceAnimation"].execute(image, marks, moved, "warp", 0)
    assert frames.shape == (len(moved), *image.shape[1:]) and masks.shape == frames.shape[:3] and fps == 10
    assert not np.array_equal(frames[0].numpy(), frames[len(frames) // 2].numpy())
    (drawn,) = nodes["FaceShotDrawPoseImage"].execute(moved, "openpose")
    assert drawn.shape == frames.shape
    (core,) = nodes["FaceShotToCoreLandmarks"].execute(moved)
    assert core["image_size"] == rgb.shape[:2] and (48, 49) in core["connection_sets"]["lips"]
    (back,) = nodes["FaceShotFromCoreLandmarks"].execute(core, 10.0, 0)
    assert np.allclose(back.xy, moved.xy)
    (followed,) = nodes["FaceShotTrackDrivingLandmarks"].execute(frames, 10.0, "track")
    assert len(followed) == len(frames) and followed.fps == 10


def test_schemas_name_what_execute_takes(nodes: dict[str, Any]) -> None:
    import inspect

    for node in nodes.values():
        schema = node.define_schema()
        assert [one.id for one in schema.inputs] == list(inspect.signature(node.execute).parameters)
        assert schema.category == "FaceShot" and schema.display_name.endswith("(FaceShot)")


def test_landmarks_are_saved_and_loaded(nodes: dict[str, Any], repo: Path, tmp_path: Path) -> None:
    (marks,) = nodes["FaceShotLoadLandmarks"].execute(str(repo / "examples" / "cat.landmarks.json"))
    path = str(tmp_path / "cat.json")
    nodes["FaceShotSaveLandmarks"].execute(marks, path)
    assert nodes["FaceShotLoadLandmarks"].execute(path)[0] == marks
    with pytest.raises(faceshot.InputError, match="exists"):
        nodes["FaceShotSaveLandmarks"].execute(marks, path)
    with pytest.raises(faceshot.InputError, match="no frame has a face number 3"):
        nodes["FaceShotFromCoreLandmarks"].execute({"frames": [[]], "image_size": (9, 9)}, 10.0, 3)


@pytest.mark.parametrize("name", ["animate_cat", "pose_for_controlnet"])
def test_workflows_keep_to_the_schemas(nodes: dict[str, Any], repo: Path, name: str) -> None:
    """Every node, input and link of ours is there, and link types fit; core's two nodes give and take an IMAGE."""
    workflow = json.loads((repo / "integrations" / "comfyui" / "workflows" / f"{name}.json").read_text("utf-8"))
    gives = {"LoadImage": ["IMAGE", "MASK"], "SaveImage": []}
    gives |= {key: [out.type for out in node.define_schema().outputs] for key, node in nodes.items()}
    for step in workflow.values():
        if step["class_type"] in nodes:
            takes = {one.id: one.type for one in nodes[step["class_type"]].define_schema().inputs}
        else:
            takes = {"image": "STRING", "images": "IMAGE", "filename_prefix": "STRING"}
        for key, value in step["inputs"].items():
            if isinstance(value, list):
                assert gives[workflow[value[0]]["class_type"]][value[1]] == takes[key], (step, key)
            assert key in takes


def test_the_pack_imports_fast_and_requires_nothing_heavy(nodes: dict[str, Any], repo: Path) -> None:
    place = repo / "integrations" / "comfyui"
    assert (place / "requirements.txt").read_text("utf-8").split() == ["faceshot>=0.1"]
    for file in place.glob("*.py"):
        top = [
            node for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        names = {getattr(node, "module", None) or node.names[0].name for node in top}
        assert names <= {"__future__", "typing", "numpy", "comfy_api.latest"}, (file, names)
