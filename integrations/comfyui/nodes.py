"""The nodes. Heavy imports stay inside ``execute``, so that ComfyUI starts as fast with the pack as without."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import ComfyExtension, io

Landmarks = io.Custom("FACESHOT_LANDMARKS")
Motion = io.Custom("FACESHOT_MOTION")
CoreLandmarks = io.Custom("FACE_LANDMARKS")
CATEGORY = "FaceShot"
MOTIONS = ["talk", "laugh", "nod", "shake", "wink", "surprise", "sing", "idle"]


def _watched(label: str) -> Any:
    """ComfyUI's bar follows FaceShot's progress, and its interruption ends the work."""
    from contextlib import contextmanager

    from faceshot.progress import watcher

    @contextmanager
    def watching() -> Any:
        from comfy.model_management import throw_exception_if_processing_interrupted
        from comfy.utils import ProgressBar

        bar: Any = None

        def tell(_: str, done: int, total: int | None) -> None:
            nonlocal bar
            throw_exception_if_processing_interrupted()
            if total:
                bar = bar or ProgressBar(total)
                bar.update_absolute(done, total)

        token = watcher.set(tell)
        try:
            yield
        finally:
            watcher.reset(token)

    return watching()


class DetectFaceLandmarks(io.ComfyNode):
    """The 68 landmarks of the surest face of a picture, human or not."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotDetectFaceLandmarks",
            display_name="Detect Face Landmarks (FaceShot)", category=CATEGORY,
            inputs=[
                io.Image.Input("image"),
                io.Int.Input("face", default=0, min=0, max=16, tooltip="0: the surest; n: the n-th from the left"),
                io.Boolean.Input("strict", default=True, tooltip="Fail where nothing looks enough like a face"),
            ],
            outputs=[Landmarks.Output("landmarks"), io.Float.Output("confidence"), io.Image.Output("preview")],
        )  # fmt: skip

    @classmethod
    def execute(cls, image: Any, face: int, strict: bool) -> Any:
        import faceshot
        from faceshot.media import overlay

        from . import values

        rgb = values.pictures(image)[0]
        found = faceshot.match(rgb, face=face or None, strict=strict)
        drawn = overlay(rgb[..., :3].copy(), found.landmarks)
        return io.NodeOutput(found.landmarks, float(found.confidence), values.image([drawn]))


class TrackDrivingLandmarks(io.ComfyNode):
    """The landmarks of every frame of an IMAGE batch."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotTrackDrivingLandmarks",
            display_name="Track Driving Landmarks (FaceShot)", category=CATEGORY,
            inputs=[
                io.Image.Input("images"),
                io.Float.Input("fps", default=30.0, min=1.0, max=120.0),
                io.Combo.Input("source", options=["auto", "facemesh", "track"], default="auto"),
            ],
            outputs=[Motion.Output("motion")],
        )  # fmt: skip

    @classmethod
    def execute(cls, images: Any, fps: float, source: str) -> Any:
        import tempfile
        from dataclasses import replace
        from pathlib import Path

        from PIL import Image

        import faceshot

        from . import values

        with tempfile.TemporaryDirectory() as folder, _watched("drive"):
            for k, frame in enumerate(values.pictures(images)):
                Image.fromarray(frame).save(Path(folder) / f"{k:06d}.png", compress_level=1)
            motion = faceshot.drive(folder, source=source)
        return io.NodeOutput(replace(motion, fps=fps))


class FaceMotion(io.ComfyNode):
    """A built-in motion."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotFaceMotion",
            display_name="Face Motion (FaceShot)", category=CATEGORY,
            inputs=[
                io.Combo.Input("motion", options=MOTIONS, default="talk"),
                io.Float.Input("seconds", default=2.0, min=0.5, max=600.0),
                io.Float.Input("fps", default=24.0, min=1.0, max=120.0),
                io.Int.Input("seed", default=0, min=0, max=2**31 - 1),
            ],
            outputs=[Motion.Output("motion")],
        )  # fmt: skip

    @classmethod
    def execute(cls, motion: str, seconds: float, fps: float, seed: int) -> Any:
        from faceshot.driving import motion_template

        return io.NodeOutput(motion_template(motion, fps=fps, seconds=seconds, seed=seed))


class RetargetFaceLandmarks(io.ComfyNode):
    """A motion on the face of a character."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotRetargetFaceLandmarks",
            display_name="Retarget Face Landmarks (FaceShot)", category=CATEGORY,
            inputs=[
                Landmarks.Input("landmarks"),
                Motion.Input("motion"),
                io.Float.Input("head", default=1.0, min=0.0, max=3.0),
                io.Float.Input("mouth", default=1.0, min=0.0, max=3.0),
                io.Boolean.Input("smooth", default=False),
            ],
            outputs=[Motion.Output("motion")],
        )  # fmt: skip

    @classmethod
    def execute(cls, landmarks: Any, motion: Any, head: float, mouth: float, smooth: bool) -> Any:
        import faceshot

        return io.NodeOutput(faceshot.retarget(landmarks, motion, gain={"head": head, "mouth": mouth}, smooth=smooth))


class RenderFaceAnimation(io.ComfyNode):
    """The character's frames, and their matte."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotRenderFaceAnimation",
            display_name="Render Face Animation (FaceShot)", category=CATEGORY,
            inputs=[
                io.Image.Input("image"),
                Landmarks.Input("landmarks"),
                Motion.Input("motion"),
                io.String.Input("backend", default="warp"),
                io.Int.Input("seed", default=0, min=0, max=2**31 - 1),
            ],
            outputs=[io.Image.Output("images"), io.Mask.Output("masks"), io.Float.Output("fps")],
        )  # fmt: skip

    @classmethod
    def execute(cls, image: Any, landmarks: Any, motion: Any, backend: str, seed: int) -> Any:
        import faceshot
        from faceshot.pipeline import AnimationOptions, frames_of, load_backend
        from faceshot.progress import progress

        from . import values

        whole = values.pictures(image)[0]
        alpha = whole[..., 3].copy() if whole.shape[2] == 4 else None
        picture = faceshot.Picture(whole[..., :3].copy(), alpha)
        chosen, options = load_backend(backend), AnimationOptions(seed=seed)
        chosen.load(options)
        with _watched("render"):
            frames = frames_of(chosen, picture, landmarks, motion, options)
            drawn = [frame.copy() for frame in progress(frames, "render", total=len(motion))]
        return io.NodeOutput(values.image(drawn), values.mask(drawn), float(motion.fps))


class DrawPoseImage(io.ComfyNode):
    """Pose pictures for face ControlNets, or the landmarks as lines."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotDrawPoseImage",
            display_name="Draw Pose Image (FaceShot)", category=CATEGORY,
            inputs=[
                Motion.Input("motion"),
                io.Combo.Input("style", options=["openpose", "mediapipe"], default="mediapipe"),
            ],
            outputs=[io.Image.Output("images")],
        )  # fmt: skip

    @classmethod
    def execute(cls, motion: Any, style: str) -> Any:
        from faceshot.hooks import draw_mediapipe_face, draw_openpose_face

        from . import values

        draw = draw_openpose_face if style == "openpose" else draw_mediapipe_face
        frames = [draw([motion[k]] if motion.found[k] else [], motion.size) for k in range(len(motion))]
        return io.NodeOutput(values.image(frames))


class ToCoreLandmarks(io.ComfyNode):
    """Our points as core's FACE_LANDMARKS."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotToCoreLandmarks",
            display_name="Convert To Core Face Landmarks (FaceShot)", category=CATEGORY,
            inputs=[Motion.Input("motion")], outputs=[CoreLandmarks.Output("face_landmarks")],
        )  # fmt: skip

    @classmethod
    def execute(cls, motion: Any) -> Any:
        from . import values

        return io.NodeOutput(values.to_core(motion))


class FromCoreLandmarks(io.ComfyNode):
    """Core's detections as a driving motion."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotFromCoreLandmarks",
            display_name="Convert From Core Face Landmarks (FaceShot)", category=CATEGORY,
            inputs=[
                CoreLandmarks.Input("face_landmarks"),
                io.Float.Input("fps", default=30.0, min=1.0, max=120.0),
                io.Int.Input("face", default=0, min=0, max=16),
            ],
            outputs=[Motion.Output("motion")],
        )  # fmt: skip

    @classmethod
    def execute(cls, face_landmarks: Any, fps: float, face: int) -> Any:
        from . import values

        return io.NodeOutput(values.from_core(face_landmarks, fps, face))


class LoadLandmarks(io.ComfyNode):
    """Landmarks of one picture from a file, FaceShot's or another program's."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotLoadLandmarks",
            display_name="Load Face Landmarks (FaceShot)", category=CATEGORY,
            inputs=[io.String.Input("path", default="cat.landmarks.json")],
            outputs=[Landmarks.Output("landmarks")],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, path: str) -> Any:
        from pathlib import Path

        return Path(path).stat().st_mtime_ns if Path(path).is_file() else path

    @classmethod
    def execute(cls, path: str) -> Any:
        from faceshot.formats import read_landmarks

        return io.NodeOutput(read_landmarks(path))


class SaveLandmarks(io.ComfyNode):
    """Landmarks into a file; nothing is overwritten."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotSaveLandmarks",
            display_name="Save Face Landmarks (FaceShot)", category=CATEGORY,
            inputs=[Landmarks.Input("landmarks"), io.String.Input("path", default="face.landmarks.json")],
            outputs=[Landmarks.Output("landmarks")], is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(cls, landmarks: Any, path: str) -> Any:
        from faceshot.formats import write_landmarks

        write_landmarks(path, landmarks)
        return io.NodeOutput(landmarks)


class FaceShotExtension(ComfyExtension):
    """All nodes."""

    async def get_node_list(self) -> list[Any]:
        return [
            DetectFaceLandmarks, TrackDrivingLandmarks, FaceMotion, RetargetFaceLandmarks, RenderFaceAnimation,
            DrawPoseImage, ToCoreLandmarks, FromCoreLandmarks, LoadLandmarks, SaveLandmarks,
        ]  # fmt: skip
