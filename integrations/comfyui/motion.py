"""Nodes for motion: out of frames or a video, built in, by sliders, on a character, from and into files."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from .landmarks import FILE, changed
from .types import CATEGORY, Landmarks, Motion


class TrackDrivingLandmarks(io.ComfyNode):
    """The landmarks of every frame of an IMAGE batch or a VIDEO."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotTrackDrivingLandmarks",
            display_name="Track Driving Landmarks (FaceShot)",
            category=CATEGORY,
            description="Motion out of a clip of a person, an animal or a cartoon.",
            inputs=[
                io.Image.Input("images", optional=True),
                io.Video.Input("video", optional=True, tooltip="Instead of images; brings its own rate and sound"),
                io.Float.Input("fps", default=30.0, min=1.0, max=120.0, step=0.01, tooltip="Of images"),
                io.Combo.Input("source", options=["auto", "facemesh", "track"], default="auto",
                               tooltip="facemesh: people; track: any face; auto: the first that fits"),
                io.Combo.Input("face", options=["largest", "left", "right"], default="largest",
                               tooltip="Which of several people"),
            ],
            outputs=[Motion.Output("motion"), io.Float.Output("fps"), io.Audio.Output("audio")],
        )  # fmt: skip

    @classmethod
    def execute(cls, fps: float, source: str, face: str, images: Any = None, video: Any = None) -> Any:
        import tempfile
        from pathlib import Path

        import faceshot
        from faceshot.video import VideoWriter

        from . import host, values

        if (images is None) == (video is None):
            raise faceshot.UsageError("connect images or a video, one of the two")
        rate, audio = fps, None
        if video is not None:
            whole = video.get_components()
            images, rate, audio = whole.images, whole.frame_rate, whole.audio
        size = (images.shape[2], images.shape[1])
        with tempfile.TemporaryDirectory() as folder, host.watched():
            clip = Path(folder) / "driving.mkv"  # lossless
            with VideoWriter(clip, size, rate, alpha=True) as writer:
                for k in range(len(images)):
                    writer.write(values.frames(images[k : k + 1])[0][..., :3])
            motion = faceshot.drive(clip, source=source, face=face)
        return io.NodeOutput(motion, float(motion.fps), audio)


class FaceMotion(io.ComfyNode):
    """A built-in motion."""

    @classmethod
    def define_schema(cls) -> Any:
        from faceshot.driving import MOTIONS

        return io.Schema(
            node_id="FaceShotFaceMotion",
            display_name="Make Face Motion (FaceShot)",
            category=CATEGORY,
            description="A motion that needs no clip; it loops.",
            inputs=[
                io.Combo.Input("motion", options=list(MOTIONS), default="talk"),
                io.Float.Input("seconds", default=2.0, min=0.5, max=600.0, step=0.1),
                io.Float.Input("fps", default=24.0, min=1.0, max=120.0, step=0.01),
                io.Int.Input("seed", default=0, min=0, max=2**31 - 1, control_after_generate=True),
            ],
            outputs=[Motion.Output("motion")],
        )

    @classmethod
    def execute(cls, motion: str, seconds: float, fps: float, seed: int) -> Any:
        from faceshot.driving import motion_template

        return io.NodeOutput(motion_template(motion, fps=fps, seconds=seconds, seed=seed))


class FaceExpression(io.ComfyNode):
    """An expression by sliders: it comes, stays for half the time, and goes."""

    @classmethod
    def define_schema(cls) -> Any:
        from faceshot.driving import AMOUNTS

        shown: Any = {"default": 0.0, "display_mode": io.NumberDisplay.slider}
        sliders = [
            io.Float.Input(name, min=low, max=high, step=(high - low) / 50, **shown)
            for name, (low, high) in AMOUNTS.items()
        ]
        return io.Schema(
            node_id="FaceShotFaceExpression",
            display_name="Make Face Expression (FaceShot)",
            category=CATEGORY,
            description="Sides are the character's; yaw, pitch and roll are degrees.",
            inputs=[
                io.Float.Input("seconds", default=2.0, min=0.5, max=60.0, step=0.1),
                io.Float.Input("fps", default=24.0, min=1.0, max=120.0, step=0.01),
                *sliders,
            ],
            outputs=[Motion.Output("motion")],
        )

    @classmethod
    def execute(cls, seconds: float, fps: float, **amounts: float) -> Any:
        from faceshot.driving import expression_timeline

        keys: Any = [(seconds / 4, amounts), (3 * seconds / 4, amounts), (seconds, {})]
        return io.NodeOutput(expression_timeline(keys, fps=fps))


class RetargetFaceLandmarks(io.ComfyNode):
    """A motion on the face of a character."""

    @classmethod
    def define_schema(cls) -> Any:
        from faceshot.landmarks.topology import MOTION_PARTS

        return io.Schema(
            node_id="FaceShotRetargetFaceLandmarks",
            display_name="Retarget Face Landmarks (FaceShot)",
            category=CATEGORY,
            description="How much of each part's motion the character takes.",
            inputs=[
                Landmarks.Input("landmarks"),
                Motion.Input("motion"),
                *(io.Float.Input(part, default=1.0, min=0.0, max=3.0, step=0.05) for part in (*MOTION_PARTS, "zoom")),
                io.Boolean.Input("smooth", default=False, tooltip="For jittery detectors; softens fast speech"),
                io.Boolean.Input("start_from_picture", default=False, tooltip="Frame 0 is the untouched picture"),
            ],
            outputs=[Motion.Output("motion")],
        )

    @classmethod
    def execute(cls, landmarks: Any, motion: Any, smooth: bool, start_from_picture: bool, **gain: float) -> Any:
        import faceshot

        moved = faceshot.retarget(landmarks, motion, gain=gain, smooth=smooth, start_from_picture=start_from_picture)
        return io.NodeOutput(moved)


class LoadMotion(io.ComfyNode):
    """A sequence of landmarks from a file."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotLoadMotion",
            display_name="Load Face Motion (FaceShot)",
            category=CATEGORY,
            inputs=[io.String.Input("path", default="drive.npz", tooltip=FILE)],
            outputs=[Motion.Output("motion")],
        )

    @classmethod
    def fingerprint_inputs(cls, path: str) -> Any:
        return changed(path)

    @classmethod
    def execute(cls, path: str) -> Any:
        from faceshot.formats import read_sequence

        from .host import existing

        return io.NodeOutput(read_sequence(existing(path)))


class SaveMotion(io.ComfyNode):
    """A sequence of landmarks into a new file of the output folder."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotSaveMotion",
            display_name="Save Face Motion (FaceShot)",
            category=CATEGORY,
            inputs=[Motion.Input("motion"), io.String.Input("filename_prefix", default="FaceShot/motion")],
            outputs=[Motion.Output("motion"), io.String.Output("path")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, motion: Any, filename_prefix: str) -> Any:
        from faceshot.formats import write_sequence

        from .host import new_file

        path = new_file(filename_prefix, ".npz")
        write_sequence(path, motion)
        return io.NodeOutput(motion, str(path), ui={"text": [str(path)]})


NODES = [TrackDrivingLandmarks, FaceMotion, FaceExpression, RetargetFaceLandmarks, LoadMotion, SaveMotion]
