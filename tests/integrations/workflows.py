"""The six example workflows: defined here, written in ComfyUI's own format, run for their previews.

    PYTHONPATH=.:adapters:gallery python -m tests.integrations.workflows

writes ``integrations/comfyui/example_workflows/NAME.json`` with ``NAME.jpg`` beside it, where ComfyUI's template
browser looks. Nodes of core are described by what workflows use of them (read in ComfyUI of October 2026).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.integrations.comfy import PACK, WIDGETS, Host, loaded

FOLDER = PACK / "example_workflows"
Graph = dict[str, tuple[str, dict[str, Any]]]

# fmt: off
# ruff: noqa: E501 - tables
#: Core's nodes: inputs (name, type, default), outputs. What is drawn beside a seed or an upload is no input.
CORE: dict[str, tuple[list[tuple[str, str, Any]], list[tuple[str, str]]]] = {
    "LoadImage": ([("image", "COMBO", "cat.png")], [("IMAGE", "IMAGE"), ("MASK", "MASK")]),
    "LoadVideo": ([("file", "COMBO", "actor.mp4")], [("VIDEO", "VIDEO")]),
    "CreateVideo": ([("images", "IMAGE", None), ("audio", "AUDIO", None), ("fps", "FLOAT", 30.0)], [("VIDEO", "VIDEO")]),
    "SaveVideo": ([("video", "VIDEO", None), ("filename_prefix", "STRING", "video/ComfyUI"), ("format", "COMBO", "auto"),
                   ("codec", "COMBO", "auto")], []),
    "PreviewImage": ([("images", "IMAGE", None)], []),
    "ImageStitch": ([("image1", "IMAGE", None), ("image2", "IMAGE", None), ("direction", "COMBO", "right"),
                     ("match_image_size", "BOOLEAN", True), ("spacing_width", "INT", 0),
                     ("spacing_color", "COMBO", "white")], [("IMAGE", "IMAGE")]),
    "MediaPipeFaceMeshVisualize": ([("face_landmarks", "FACE_LANDMARKS", None), ("image", "IMAGE", None),
                                    ("connections", "COMBO", "all"), ("color", "STRING", "#00ff00"),
                                    ("thickness", "INT", 1), ("point_size", "INT", 2)], [("IMAGE", "IMAGE")]),
    "UNETLoader": ([("unet_name", "COMBO", ""), ("weight_dtype", "COMBO", "default")], [("MODEL", "MODEL")]),
    "LoraLoaderModelOnly": ([("model", "MODEL", None), ("lora_name", "COMBO", ""), ("strength_model", "FLOAT", 1.0)],
                            [("MODEL", "MODEL")]),
    "CLIPLoader": ([("clip_name", "COMBO", ""), ("type", "COMBO", "wan"), ("device", "COMBO", "default")], [("CLIP", "CLIP")]),
    "VAELoader": ([("vae_name", "COMBO", "")], [("VAE", "VAE")]),
    "CLIPVisionLoader": ([("clip_name", "COMBO", "")], [("CLIP_VISION", "CLIP_VISION")]),
    "CLIPTextEncode": ([("clip", "CLIP", None), ("text", "STRING", "")], [("CONDITIONING", "CONDITIONING")]),
    "CLIPVisionEncode": ([("clip_vision", "CLIP_VISION", None), ("image", "IMAGE", None), ("crop", "COMBO", "none")],
                         [("CLIP_VISION_OUTPUT", "CLIP_VISION_OUTPUT")]),
    "ModelSamplingSD3": ([("model", "MODEL", None), ("shift", "FLOAT", 5.0)], [("MODEL", "MODEL")]),
    "WanAnimate2ToVideo": (
        [("positive", "CONDITIONING", None), ("negative", "CONDITIONING", None), ("vae", "VAE", None),
         ("reference_image", "IMAGE", None), ("pose_video", "IMAGE", None),
         ("clip_vision_output", "CLIP_VISION_OUTPUT", None), ("positive_pose", "CONDITIONING", None),
         ("clip_vision_output_pose", "CLIP_VISION_OUTPUT", None), ("continue_motion", "IMAGE", None),
         ("width", "INT", 832), ("height", "INT", 480), ("length", "INT", 81), ("batch_size", "INT", 1),
         ("video_frame_offset", "INT", 0), ("pose_strength", "FLOAT", 1.0), ("pose_start_percent", "FLOAT", 0.0),
         ("pose_end_percent", "FLOAT", 1.0), ("reference_image_strength", "FLOAT", 1.0)],
        [("positive", "CONDITIONING"), ("negative", "CONDITIONING"), ("latent", "LATENT"), ("trim_latent", "INT"),
         ("trim_image", "INT"), ("video_frame_offset", "INT")]),
    "KSampler": ([("model", "MODEL", None), ("positive", "CONDITIONING", None), ("negative", "CONDITIONING", None),
                  ("latent_image", "LATENT", None), ("seed", "INT", 0), ("steps", "INT", 20), ("cfg", "FLOAT", 8.0),
                  ("sampler_name", "COMBO", "euler"), ("scheduler", "COMBO", "normal"), ("denoise", "FLOAT", 1.0)],
                 [("LATENT", "LATENT")]),
    "TrimVideoLatent": ([("samples", "LATENT", None), ("trim_amount", "INT", 0)], [("LATENT", "LATENT")]),
    "VAEDecode": ([("samples", "LATENT", None), ("vae", "VAE", None)], [("IMAGE", "IMAGE")]),
}
#: Widgets that the page adds after one of these.
AFTER = {("LoadImage", "image"): "image", ("LoadVideo", "file"): "image", ("KSampler", "seed"): "fixed"}


def _character(picture: str, motion: tuple[str, dict[str, Any]], **gain: float) -> Graph:
    """A picture, its landmarks, and a motion brought onto them."""
    return {
        "picture": ("LoadImage", {"image": picture}),
        "face": ("FaceShotDetectFaceLandmarks", {"image": "@picture"}),
        "motion": motion,
        "moved": ("FaceShotRetargetFaceLandmarks", {"landmarks": "@face", "motion": "@motion", **gain}),
    }


def _render(mask: bool = True, **more: Any) -> tuple[str, dict[str, Any]]:
    given = {"image": "@picture", "landmarks": "@face", "motion": "@moved", **({"mask": "@picture.MASK"} if mask else {})}
    return "FaceShotRenderFaceAnimation", {**given, **more}


def _video(name: str, frames: str = "@frames", fps: str = "@frames.fps", **more: Any) -> Graph:
    return {
        "video": ("CreateVideo", {"images": frames, "fps": fps, **more}),
        "saved": ("SaveVideo", {"video": "@video", "filename_prefix": f"FaceShot/{name}"}),
    }


_TALK = ("FaceShotFaceMotion", {"motion": "talk"})
WORKFLOWS: dict[str, Graph] = {
    # A person's clip moves a portrait; its sound comes along.
    "portrait_photo": {
        "clip": ("LoadVideo", {"file": "actor.mp4"}),
        **_character("portrait.png", ("FaceShotTrackDrivingLandmarks", {"video": "@clip"})),
        "frames": _render(),
        **_video("portrait", audio="@motion.audio"),
    },
    "cat": {**_character("cat.png", _TALK), "frames": _render(), **_video("cat")},
    # Two faces of one picture, each with a motion of its own, drawn one onto the other.
    "several_faces": {
        "picture": ("LoadImage", {"image": "two.png"}),
        "left": ("FaceShotDetectFaceLandmarks", {"image": "@picture", "face": 1}),
        "right": ("FaceShotDetectFaceLandmarks", {"image": "@picture", "face": 2}),
        "talk": _TALK,
        "laugh": ("FaceShotFaceMotion", {"motion": "laugh"}),
        "left_moved": ("FaceShotRetargetFaceLandmarks", {"landmarks": "@left", "motion": "@talk"}),
        "right_moved": ("FaceShotRetargetFaceLandmarks", {"landmarks": "@right", "motion": "@laugh"}),
        "first": _render(landmarks="@left", motion="@left_moved"),
        "frames": _render(landmarks="@right", motion="@right_moved", onto="@first"),
        **_video("two"),
    },
    # The character's own warp drives Wan-Animate-2.
    "wan_animate_2": {
        **_character("cat.png", ("FaceShotFaceMotion", {"motion": "talk", "seconds": 3.4})),
        "driving": ("FaceShotMakeDrivingVideo", {"image": "@picture", "landmarks": "@face", "motion": "@moved",
                                                 "mask": "@picture.MASK"}),
        "driver": ("CreateVideo", {"images": "@driving", "fps": "@driving.fps"}),
        "driver_saved": ("SaveVideo", {"video": "@driver", "filename_prefix": "FaceShot/driving"}),
        "unet": ("UNETLoader", {"unet_name": "wan_animate_2_int8_convrot.safetensors"}),
        "lora": ("LoraLoaderModelOnly", {"model": "@unet", "lora_name":
                 "lightx2v_I2V_14B_480p_cfg_step_distill_rank64_bf16.safetensors"}),
        "model": ("ModelSamplingSD3", {"model": "@lora", "shift": 5.0}),
        "clip": ("CLIPLoader", {"clip_name": "umt5_xxl_fp8_e4m3fn_scaled.safetensors"}),
        "vae": ("VAELoader", {"vae_name": "Wan2_1_VAE_bf16.safetensors"}),
        "sight": ("CLIPVisionLoader", {"clip_name": "clip_vision_h.safetensors"}),
        "seen": ("CLIPVisionEncode", {"clip_vision": "@sight", "image": "@driving.reference"}),
        "prompt": ("CLIPTextEncode", {"clip": "@clip", "text": "The cat in the picture talks. Plain background."}),
        "unwanted": ("CLIPTextEncode", {"clip": "@clip", "text": "blurred, distorted face, text"}),
        "start": ("WanAnimate2ToVideo", {
            "positive": "@prompt", "negative": "@unwanted", "vae": "@vae", "reference_image": "@driving.reference",
            "pose_video": "@driving", "clip_vision_output": "@seen", "width": "@driving.width",
            "height": "@driving.height", "length": "@driving.length"}),
        "drawn": ("KSampler", {"model": "@model", "positive": "@start", "negative": "@start.negative",
                               "latent_image": "@start.latent", "seed": 0, "steps": 6, "cfg": 1.0, "sampler_name": "lcm",
                               "scheduler": "simple"}),
        "trimmed": ("TrimVideoLatent", {"samples": "@drawn", "trim_amount": "@start.trim_latent"}),
        "images": ("VAEDecode", {"samples": "@trimmed", "vae": "@vae"}),
        **_video("wan-animate-2", "@images", "@driving.fps"),
    },
    # The same motion through two backends, side by side.
    "liveportrait_comparison": {
        **_character("portrait.png", ("FaceShotFaceMotion", {"motion": "laugh"})),
        "frames": _render(),
        "networks": _render(backend="liveportrait"),
        "both": ("ImageStitch", {"image1": "@frames", "image2": "@networks"}),
        **_video("comparison", "@both"),
    },
    # What was found is dragged to where it belongs before anything moves.
    "landmark_editing": {
        "picture": ("LoadImage", {"image": "pumpkin.png"}),
        "found": ("FaceShotDetectFaceLandmarks", {"image": "@picture"}),
        "face": ("FaceShotEditFaceLandmarks", {"image": "@picture", "landmarks": "@found"}),
        "kept": ("FaceShotSaveLandmarks", {"landmarks": "@face", "filename_prefix": "FaceShot/pumpkin"}),
        "lines": ("FaceShotDrawLandmarks", {"images": "@picture", "landmarks": "@face"}),
        "shown": ("PreviewImage", {"images": "@lines"}),
        "motion": ("FaceShotFaceExpression", {"smile": 1.0, "jaw": 0.5, "roll": 8.0, "brow_left": 1.0}),
        "moved": ("FaceShotRetargetFaceLandmarks", {"landmarks": "@face", "motion": "@motion"}),
        "frames": _render(),
        **_video("pumpkin"),
    },
}
# fmt: on


class Schemas:
    """Inputs and outputs of all nodes, core's and ours, in one form."""

    def __init__(self, nodes: dict[str, Any]) -> None:
        self.inputs: dict[str, dict[str, Any]] = {}
        self.outputs: dict[str, list[tuple[str, str]]] = {}
        for name, (taken, given) in CORE.items():
            self.inputs[name] = {
                key: SimpleNamespace(type=kind, default=default, optional=default is None, settings={})
                for key, kind, default in taken
            }
            self.outputs[name] = given
        for name, node in nodes.items():
            schema = node.define_schema()
            self.inputs[name] = {
                one.id: SimpleNamespace(
                    type=one.type, default=one.settings.get("default"), optional=one.optional, settings=one.settings
                )
                for one in schema.inputs
            }
            self.outputs[name] = [(one.id, one.type) for one in schema.outputs]

    def widgets(self, kind: str) -> list[str]:
        """The inputs of a node that are widgets, in order."""
        return [name for name, one in self.inputs[kind].items() if one.type in WIDGETS]

    def after(self, kind: str, name: str) -> str | None:
        """What the page puts after a widget."""
        seeded = self.inputs[kind][name].settings.get("control_after_generate")
        return "fixed" if seeded else AFTER.get((kind, name))


def source(value: Any, graph: Graph, schemas: Schemas) -> tuple[str, int] | None:
    """The node and output that an input is linked to, ``"@face"`` or ``"@frames.fps"``; None for a value."""
    if not isinstance(value, str) or not value.startswith("@"):
        return None
    name, _, output = value[1:].partition(".")
    outputs = [key for key, _ in schemas.outputs[graph[name][0]]]
    return name, outputs.index(output) if output else 0


def as_page(graph: Graph, schemas: Schemas) -> dict[str, Any]:
    """The graph as ComfyUI's page saves it (version 0.4), laid out in columns."""
    ids = {name: k for k, name in enumerate(graph, 1)}
    links: list[list[Any]] = []
    nodes = []
    for name, (kind, given) in graph.items():
        inputs, values = [], []
        for key, one in schemas.inputs[kind].items():
            link = source(given.get(key), graph, schemas)
            if link is not None:
                links.append([len(links) + 1, ids[link[0]], link[1], ids[name], len(inputs), one.type])
            slot = {"name": key, "type": one.type, "link": len(links) if link is not None else None}
            widget = one.type in WIDGETS
            if not widget or link is not None:
                inputs.append({**slot, "widget": {"name": key}} if widget else slot)
            if widget:
                values.append(one.default if link is not None else given.get(key, one.default))
                values += [more] if (more := schemas.after(kind, key)) is not None else []
        nodes.append(
            {
                "id": ids[name], "type": kind, "pos": [0, 0], "size": _size(kind, len(inputs), values), "flags": {},
                "order": len(nodes), "mode": 0, "inputs": inputs, "outputs": [], "properties": {"Node name for S&R": kind},
                "widgets_values": values,
            }
        )  # fmt: skip
    for node in nodes:
        for slot, (key, kind) in enumerate(schemas.outputs[node["type"]]):
            out = [link[0] for link in links if link[1:3] == [node["id"], slot]]
            node["outputs"].append({"name": key, "type": kind, "links": out or None})
    _place(nodes, links)
    counts = {"last_node_id": len(nodes), "last_link_id": len(links)}
    return {**counts, "nodes": nodes, "links": links, "groups": [], "config": {}, "extra": {}, "version": 0.4}


def _size(kind: str, sockets: int, values: list[Any]) -> list[int]:
    picture = {
        "LoadImage": 240,
        "LoadVideo": 240,
        "SaveVideo": 260,
        "PreviewImage": 260,
        "FaceShotEditFaceLandmarks": 440,
    }
    return [
        480 if kind == "FaceShotEditFaceLandmarks" else 320,
        60 + 22 * sockets + 26 * len(values) + picture.get(kind, 0),
    ]


def _place(nodes: list[dict[str, Any]], links: list[list[Any]]) -> None:
    """In columns by how many nodes come before."""
    depth = {node["id"]: 0 for node in nodes}
    for _ in nodes:
        for _, start, _, end, _, _ in links:
            depth[end] = max(depth[end], depth[start] + 1)
    left = 40
    for column in range(max(depth.values()) + 1):
        top, there = 60, [node for node in nodes if depth[node["id"]] == column]
        for node in there:
            node["pos"] = [left, top]
            top += node["size"][1] + 60
        left += max(node["size"][0] for node in there) + 80


def run(graph: Graph, nodes: dict[str, Any], schemas: Schemas, host: Host, **instead: Any) -> dict[str, Any]:
    """The values of every node that can run here: ours, and those of core that load, stitch and save.

    Args:
        instead: values for inputs of these names, e.g. ``seconds``; node names for nodes that are left out.
    """
    done: dict[str, Any] = {}
    for name, (kind, given) in graph.items():
        settings = {key: one.default for key, one in schemas.inputs[kind].items() if not one.optional or one.default}
        settings |= given
        settings |= {key: value for key, value in instead.items() if key in settings}
        try:
            for key, value in settings.items():
                if (link := source(value, graph, schemas)) is not None:
                    settings[key] = done[link[0]][link[1]]
        except KeyError:
            continue  # something before it cannot run
        if kind in nodes and name not in instead:
            done[name] = nodes[kind].execute(**settings)
        elif kind in _PLAIN and name not in instead:
            done[name] = _PLAIN[kind](host, **settings)
    return done


def _load_image(host: Host, image: str) -> tuple[Any, Any]:
    import torch

    from faceshot.media import read_picture

    picture = read_picture(host.input / image)
    alpha = picture.alpha if picture.alpha is not None else np.full(picture.rgb.shape[:2], 255, np.uint8)
    return torch.from_numpy(picture.rgb.copy())[None].float() / 255, 1 - torch.from_numpy(alpha.copy())[
        None
    ].float() / 255


def _load_video(host: Host, file: str) -> tuple[Any]:
    import torch

    from faceshot.video import probe, read_frames

    frames = torch.from_numpy(np.stack(list(read_frames(host.input / file)))).float() / 255
    whole = SimpleNamespace(images=frames, audio={"sample_rate": 44100}, frame_rate=probe(host.input / file).fps)
    return (SimpleNamespace(get_components=lambda: whole),)


def _stitch(host: Host, image1: Any, image2: Any, **_: Any) -> tuple[Any]:
    import torch

    return (torch.cat([image1, image2], 2),)


_PLAIN = {
    "LoadImage": _load_image,
    "LoadVideo": _load_video,
    "ImageStitch": _stitch,
    "CreateVideo": lambda host, **given: (given,),
    "SaveVideo": lambda host, **given: (given["video"],),
    "PreviewImage": lambda host, images: (),
}


def fill(host: Host, examples: Path, side: int | None = None) -> None:
    """The pictures and the clip that the workflows load, drawn by us, at most ``side`` pixels."""
    from faceshot.media import read_frames, read_picture, write_picture
    from faceshot.video import VideoWriter, probe
    from faceshot_gallery.illustrator import Pose, character, draw

    def keep(name: str, rgb: np.ndarray) -> None:
        write_picture(host.input / name, rgb, overwrite=True)

    def small(rgb: np.ndarray) -> np.ndarray:
        step = 1 if side is None else -(-max(rgb.shape[:2]) // side)
        return np.ascontiguousarray(rgb[::step, ::step])

    pictures = {name: small(read_picture(examples / f"{name}.png").flat()) for name in ("cat", "fox", "pumpkin")}
    keep("cat.png", pictures["cat"])
    keep("pumpkin.png", pictures["pumpkin"])
    keep("two.png", np.concatenate([pictures["cat"], pictures["fox"]], 1))
    keep("portrait.png", small(draw(character("person", 6, style="photo"), pose=Pose(0, 0), size=640).rgb))
    clip, actor = host.input / "actor.mp4", examples / "actor.mp4"
    with VideoWriter(clip, probe(actor).size, probe(actor).fps, overwrite=True) as writer:
        for frame in read_frames(actor, stop=45):
            writer.write(frame)


def preview(frames: Any, columns: int = 4, height: int = 320) -> Any:
    """Some frames of an IMAGE batch side by side, as a PIL image."""
    from PIL import Image

    chosen = frames[
        np.linspace(0, len(frames) - 1, columns + 1).round().astype(int)[:columns] if len(frames) > 1 else [0]
    ]
    row = (np.concatenate(list(chosen.numpy()), 1) * 255).round().astype(np.uint8)
    made = Image.fromarray(row)
    return made.resize((round(made.width * height / made.height), height), Image.Resampling.LANCZOS)


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        fill(host, PACK.parents[1] / "examples")
        with loaded(host) as nodes:
            schemas = Schemas(nodes)
            for name, graph in WORKFLOWS.items():
                page = json.dumps(as_page(graph, schemas), indent=1)
                (FOLDER / f"{name}.json").write_text(page + "\n", encoding="utf-8")
                left_out = {"networks": None} if name == "liveportrait_comparison" else {}
                done = run(graph, nodes, schemas, host, **left_out)
                shown = done["driving"] if name == "wan_animate_2" else done["frames"]
                columns = 2 if name == "several_faces" else 4
                preview(shown[0], columns).convert("RGB").save(FOLDER / f"{name}.jpg", quality=85)
                sys.stdout.write(f"{name}: {len(shown[0])} frames\n")


if __name__ == "__main__":
    main()
