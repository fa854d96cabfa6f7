"""Nodes for the landmarks of a picture: find, load, save, edit, draw. Heavy imports stay inside ``execute``."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from .types import CATEGORY, Boxes, Landmarks, Motion


class DetectFaceLandmarks(io.ComfyNode):
    """The 68 landmarks of a face of a picture, human or not."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotDetectFaceLandmarks",
            display_name="Detect Face Landmarks (FaceShot)",
            category=CATEGORY,
            description="68 landmarks of a person, an animal, a toy or a drawing.",
            inputs=[
                io.Image.Input("image"),
                io.Int.Input("face", default=0, min=0, max=16, tooltip="0: the surest; n: the n-th from the left"),
                io.Boolean.Input("strict", default=True, tooltip="Fail where nothing looks enough like a face"),
            ],
            outputs=[
                Landmarks.Output("landmarks"),
                io.Float.Output("confidence"),
                io.Image.Output("preview"),
                Boxes.Output("bboxes"),
                io.Int.Output("faces"),
            ],
        )

    @classmethod
    def execute(cls, image: Any, face: int, strict: bool) -> Any:
        import faceshot
        from faceshot.media import overlay

        from . import host, values

        rgb = values.frames(image[:1])[0][..., :3].copy()
        with host.watched():
            found = faceshot.match(rgb, face=face or None, strict=strict)
        marks = found.landmarks
        bboxes = [values.boxes([(marks.xy, found.confidence)])]
        return io.NodeOutput(
            marks, float(found.confidence), values.image([overlay(rgb, marks)]), bboxes, int(found.faces)
        )


class LoadLandmarks(io.ComfyNode):
    """Landmarks of one picture from a file, FaceShot's or another program's."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotLoadLandmarks",
            display_name="Load Face Landmarks (FaceShot)",
            category=CATEGORY,
            description="JSON, npz, npy, pts, COCO, labelme, dlib; 68, 98, 478 or other points.",
            inputs=[io.String.Input("path", default="cat.landmarks.json", tooltip=FILE)],
            outputs=[Landmarks.Output("landmarks")],
        )

    @classmethod
    def fingerprint_inputs(cls, path: str) -> Any:
        return changed(path)

    @classmethod
    def execute(cls, path: str) -> Any:
        from faceshot.formats import read_landmarks

        from .host import existing

        return io.NodeOutput(read_landmarks(existing(path)))


class SaveLandmarks(io.ComfyNode):
    """Landmarks into a new file of the output folder."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotSaveLandmarks",
            display_name="Save Face Landmarks (FaceShot)",
            category=CATEGORY,
            inputs=[Landmarks.Input("landmarks"), io.String.Input("filename_prefix", default="FaceShot/face")],
            outputs=[Landmarks.Output("landmarks"), io.String.Output("path")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, landmarks: Any, filename_prefix: str) -> Any:
        from faceshot.formats import write_landmarks

        from .host import new_file

        path = new_file(filename_prefix, ".landmarks.json")
        write_landmarks(path, landmarks)
        return io.NodeOutput(landmarks, str(path), ui={"text": [str(path)]})


class EditFaceLandmarks(io.ComfyNode):
    """Landmarks corrected by hand, in the node: drag points, parts or the face; the picture appears after a run."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotEditFaceLandmarks",
            display_name="Edit Face Landmarks (FaceShot)",
            category=CATEGORY,
            description="Run once: the picture appears in the node. Drag what is off, and run again.",
            inputs=[
                io.Image.Input("image"),
                Landmarks.Input("landmarks"),
                io.String.Input("edits", default="", socketless=True, tooltip="What was moved; the editor writes it"),
            ],
            outputs=[Landmarks.Output("landmarks")],
        )

    @classmethod
    def execute(cls, image: Any, landmarks: Any, edits: str) -> Any:
        from . import editing, host, values

        rgb = values.frames(image[:1])[0]
        of = editing.stamp(rgb, landmarks)
        moved, edited, note = editing.apply(landmarks, edits, of)
        shown = {**editing.value(moved, landmarks, edited, note, of), "file": host.shown(rgb)}
        return io.NodeOutput(moved, ui={"faceshot": [shown]})


class DrawLandmarks(io.ComfyNode):
    """The landmarks as lines over the frames, coloured by confidence."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="FaceShotDrawLandmarks",
            display_name="Draw Face Landmarks (FaceShot)",
            category=CATEGORY,
            inputs=[
                io.Image.Input("images", tooltip="One picture stays under all frames"),
                Landmarks.Input("landmarks", optional=True),
                Motion.Input("motion", optional=True),
            ],
            outputs=[io.Image.Output("images")],
        )

    @classmethod
    def execute(cls, images: Any, landmarks: Any = None, motion: Any = None) -> Any:
        import faceshot
        from faceshot.media import overlay

        from . import values

        if (landmarks is None) == (motion is None):
            raise faceshot.UsageError("connect landmarks or a motion, one of the two")
        under = [frame[..., :3].copy() for frame in values.frames(images)]
        faces = values.each(values.still(landmarks) if motion is None else motion)
        count = max(len(under), len(faces))
        if len(under) not in (1, count) or len(faces) not in (1, count):
            raise faceshot.InputError(f"{len(under)} images for {len(faces)} frames of landmarks; give as many, or one")
        drawn = []
        for k in range(count):
            frame = under[k if len(under) > 1 else 0]
            for face in faces[k if len(faces) > 1 else 0]:
                frame = overlay(frame, face)
            drawn.append(frame)
        return io.NodeOutput(values.image(drawn))


FILE = "A file of the input folder; NAME [output] for one that was saved"


def changed(path: str) -> Any:
    """When a file was last written; its name where it is not there."""
    from .host import existing

    file = existing(path)
    return file.stat().st_mtime_ns if file.is_file() else path


NODES = [DetectFaceLandmarks, LoadLandmarks, SaveLandmarks, EditFaceLandmarks, DrawLandmarks]
