"""Nodes that draw: the animation itself, pose pictures for ControlNets, and clips for renderers driven by a video."""

from __future__ import annotations

from typing import Any

import numpy as np
from comfy_api.latest import io

from .types import CATEGORY, Landmarks, Motion

#: The last loaded backend, by what it was loaded with.
_loaded: dict[tuple[str, str, str], Any] = {}


class RenderFaceAnimation(io.ComfyNode):
    """The character's frames, and what is transparent in them."""

    @classmethod
    def define_schema(cls) -> Any:
        import faceshot

        return io.Schema(
            node_id="FaceShotRenderFaceAnimation",
            display_name="Render Face Animation (FaceShot)",
            category=CATEGORY,
            inputs=[
                io.Image.Input("image"),
                Landmarks.Input("landmarks"),
                Motion.Input("motion", tooltip="Of this character: out of Retarget Face Landmarks"),
                io.Combo.Input("backend", options=faceshot.list_backends(), default="warp"),
                io.String.Input("options", default="", multiline=True, tooltip="The backend's own: NAME=VALUE a line"),
                io.Int.Input("seed", default=0, min=0, max=2**31 - 1, control_after_generate=True),
                io.Mask.Input("mask", optional=True, tooltip="Of Load Image, where the picture is transparent"),
                io.Image.Input("onto", optional=True, tooltip="Frames with another face of this picture moved"),
            ],
            outputs=[io.Image.Output("images"), io.Mask.Output("masks"), io.Float.Output("fps")],
        )

    @classmethod
    def execute(
        cls, image: Any, landmarks: Any, motion: Any, backend: str, options: str, seed: int, mask: Any = None,
        onto: Any = None,
    ) -> Any:  # fmt: skip
        from faceshot.pipeline import frames_of
        from faceshot.progress import progress

        from . import host, values

        picture = values.picture(image, mask)
        chosen, settings = _backend(backend, options, seed)
        with host.watched():
            drawn = list(progress(frames_of(chosen, picture, landmarks, motion, settings), "render", total=len(motion)))
        if onto is not None:
            drawn = _onto(values.frames(onto), drawn, picture, motion)
        return io.NodeOutput(values.image(drawn), values.mask(drawn), float(motion.fps))


def _backend(name: str, options: str, seed: int) -> tuple[Any, Any]:
    """A loaded backend, the one before it forgotten; and its options."""
    import faceshot
    from faceshot.pipeline import AnimationOptions, load_backend

    from . import host

    lines = [line.strip() for line in options.splitlines() if line.strip()]
    if odd := [line for line in lines if "=" not in line]:
        raise faceshot.UsageError(f"options are NAME=VALUE, one a line, got {odd[0]!r}")
    extra = {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}
    where = "cpu" if name == "warp" else host.device()
    settings = AnimationOptions(device=where, seed=seed, extra=extra)
    key = (name, where, options)
    if key not in _loaded:
        _loaded.clear()
        if where != "cpu":
            host.make_room()
        chosen = load_backend(name)
        chosen.load(settings)
        _loaded[key] = chosen
    return _loaded[key], settings


def _onto(under: list[np.ndarray], drawn: list[np.ndarray], picture: Any, motion: Any) -> list[np.ndarray]:
    """The drawn face, and what it moved around it, over frames in which something else moved."""
    import cv2

    import faceshot
    from faceshot.rendering import head_boxes

    if under[0].shape[:2] != drawn[0].shape[:2]:
        raise faceshot.InputError("'onto' has another size than the image; render it from the same image")
    height, width = drawn[0].shape[:2]
    column, row = np.meshgrid(np.arange(width), np.arange(height))
    out = []
    for k, frame in enumerate(drawn):
        below = under[min(k, len(under) - 1)]
        moved = (np.abs(frame[..., :3].astype(np.int16) - picture.rgb).max(2) > 3).astype(np.uint8)
        near = cv2.blur(cv2.dilate(moved, np.ones((9, 9), np.uint8)).astype(np.float32), (9, 9))
        left, top, right, bottom = head_boxes(motion.xy[k])
        reach = np.hypot(
            (column - (left + right) / 2) / (right - left), (row - (top + bottom) / 2) / (bottom - top)
        ).astype(np.float32)
        share = (near * np.clip((1.1 - reach) / 0.3, 0, 1))[..., None]
        mixed = frame.copy()
        mixed[..., :3] = (below[..., :3] * (1 - share) + frame[..., :3] * share + 0.5).astype(np.uint8)
        out.append(mixed)
    return out


class DrawPoseImage(io.ComfyNode):
    """Pose pictures for face ControlNets."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotDrawPoseImage",
            display_name="Draw Pose Image (FaceShot)",
            category=CATEGORY,
            description="OpenPose's 70 face points, or the coloured lines of the MediaPipe-face ControlNet.",
            inputs=[
                Motion.Input("motion", optional=True),
                Landmarks.Input("landmarks", optional=True),
                io.Combo.Input("style", options=["openpose", "mediapipe"], default="mediapipe"),
            ],
            outputs=[io.Image.Output("images")],
        )

    @classmethod
    def execute(cls, style: str, motion: Any = None, landmarks: Any = None) -> Any:
        import faceshot
        from faceshot.hooks import draw_mediapipe_face, draw_openpose_face

        from . import values

        if (landmarks is None) == (motion is None):
            raise faceshot.UsageError("connect landmarks or a motion, one of the two")
        draw = draw_openpose_face if style == "openpose" else draw_mediapipe_face
        faces = values.still(landmarks) if motion is None else motion
        return io.NodeOutput(values.image([draw(those, faces.size) for those in values.each(faces)]))


class MakeDrivingVideo(io.ComfyNode):
    """The character's own warp as the driving clip of a renderer, in its size and rate."""

    @classmethod
    def define_schema(cls) -> Any:
        from faceshot.export import RENDERERS

        return io.Schema(
            node_id="FaceShotMakeDrivingVideo",
            display_name="Make Driving Video for Wan-Animate, SCAIL (FaceShot)",
            category=CATEGORY,
            description="Driver and character are the same face, so no other identity leaks in.",
            inputs=[
                io.Image.Input("image"),
                Landmarks.Input("landmarks"),
                Motion.Input("motion", tooltip="Of this character: out of Retarget Face Landmarks"),
                io.Combo.Input("renderer", options=list(RENDERERS), default="wan-animate-2"),
                io.Mask.Input("mask", optional=True, tooltip="Of Load Image, where the picture is transparent"),
            ],
            outputs=[
                io.Image.Output("driving", tooltip="wan-animate: the pose"),
                io.Image.Output("driving_mask", tooltip="scail-2: in its colours; wan-animate: the face, 512x512"),
                io.Image.Output("reference"),
                io.Image.Output("reference_mask"),
                io.Int.Output("width"),
                io.Int.Output("height"),
                io.Int.Output("length"),
                io.Float.Output("fps"),
            ],
        )

    @classmethod
    def execute(cls, image: Any, landmarks: Any, motion: Any, renderer: str, mask: Any = None) -> Any:
        from faceshot.export import renderer_inputs

        from . import host, values

        made = renderer_inputs(renderer, values.picture(image, mask), landmarks, motion)
        with host.watched():
            driving, masks = zip(*made.frames, strict=True)
        around = np.full_like(made.reference, 255) if made.reference_mask is None else made.reference_mask
        pictures = [values.image(list(those)) for those in (driving, masks, (made.reference,), (around,))]
        return io.NodeOutput(*pictures, made.size.width, made.size.height, made.count, float(made.fps))


class SaveFaceAnimation(io.ComfyNode):
    """The frames as a file that says it is generated, signed with the user's chain where there is one."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotSaveFaceAnimation",
            display_name="Save Face Animation, Signed (FaceShot)",
            category=CATEGORY,
            description="Marked as generated; signed (C2PA) after 'faceshot provenance init'.",
            inputs=[
                io.Image.Input("images"),
                io.Float.Input("fps", default=25.0, min=1.0, max=240.0),
                io.String.Input("filename_prefix", default="video/FaceShot"),
                io.Combo.Input("format", options=["mp4", "webm", "webp", "gif"], default="mp4"),
                io.Mask.Input("masks", optional=True, tooltip="What is transparent; mp4 cannot keep it"),
                io.Audio.Input("audio", optional=True),
            ],
            outputs=[io.String.Output("path")],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls, images: Any, fps: float, filename_prefix: str, format: str, masks: Any = None, audio: Any = None
    ) -> Any:
        import tempfile
        from pathlib import Path

        from faceshot.pipeline import save_frames

        from . import host, values

        path = host.new_file(filename_prefix, f".{format}")
        frames = values.frames(images) if masks is None or format == "mp4" else values.with_masks(images, masks)
        with tempfile.TemporaryDirectory() as folder, host.watched():
            sound = None if audio is None else values.sound(audio, Path(folder) / "sound.wav")
            save_frames(frames, path, fps, audio=sound)
        return io.NodeOutput(str(path), ui=host.saved(path))


NODES = [RenderFaceAnimation, DrawPoseImage, MakeDrivingVideo, SaveFaceAnimation]
