"""The formats there are: what each writes, what it needs, and how its program is fed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True)
class Format:
    """One program's files.

    Attributes:
        name: as given to ``export``.
        summary: what is written, one line.
        run: how it is used there, one line.
        files: names of everything written into the folder, beside ``README.txt``. single: each of them is good on its
            own, so that one may be asked for by its suffix.
        extra: files written too where there is a picture.
        picture: whether the character's picture is needed, used where given, or of no use.
        writer: module of this package with ``write(job, target)``, or ``module:function``.
    """

    name: str
    summary: str
    run: str
    files: tuple[str, ...]
    single: bool = False
    extra: tuple[str, ...] = ()
    picture: Literal["needed", "used", "no"] = "no"
    writer: str = ""


_ALL = (
    Format(
        "arkit",
        "52 blendshapes and the head's turn: Live Link Face CSV, and the layout of Audio2Face's JSON",
        "Import face.csv as Live Link Face data (Unreal, Faceit for Blender), or face.json as Audio2Face weights.",
        ("face.csv", "face.json"),
        single=True,
        writer="arkit",
    ),
    Format(
        "after-effects",
        "a null layer for each of the 68 points, keyed in every frame; over the picture where there is one",
        "File > Scripts > Run Script File, choose import.jsx; it makes a composition of its own.",
        ("import.jsx", "keyframes.json"),
        extra=("picture.png",),
        picture="used",
        writer="after_effects",
    ),
    Format(
        "blender",
        "an empty for each of the 68 points, and the 52 blendshapes onto shape keys of the selected mesh",
        "Scripting workspace: open import_faceshot.py and run it, with a mesh selected that has ARKit's shape keys.",
        ("import_faceshot.py", "keyframes.json"),
        extra=("picture.png",),
        picture="used",
        writer="blender",
    ),
    Format(
        "wan-animate-2",
        "the moved character as a driving clip at 24 frames/s and the pipeline's size, its matte, reference and prompt",
        "diffusers: WanAnimate2ModularPipeline, with image=reference.png, driving_video=driving.mp4, "
        "driving_video_fps=24 and the prompt.",
        ("driving.mp4", "matte.mp4", "reference.png", "prompt.txt"),
        picture="needed",
        writer="renderers:wan_animate_2",
    ),
    Format(
        "scail-2",
        "the moved character as a driving clip, and masks of driver and reference in the model's colours, lossless",
        "ComfyUI's SCAIL-2 nodes, mode animation: reference.png with reference_mask.png, driving.mkv with "
        "driving_mask.mkv, and the prompt.",
        ("driving.mkv", "driving_mask.mkv", "reference.png", "reference_mask.png", "prompt.txt"),
        picture="needed",
        writer="renderers:scail_2",
    ),
    Format(
        "wan-animate",
        "a head-and-shoulders pose drawing and 512x512 crops of the moved face, at 30 frames/s",
        "diffusers: WanAnimatePipeline, with image=reference.png, pose_video=pose.mp4 and face_video=face.mp4.",
        ("pose.mp4", "face.mp4", "reference.png", "prompt.txt"),
        picture="needed",
        writer="renderers:wan_animate",
    ),
    Format(
        "follow-your-emoji",
        "478 points of every frame in MediaPipe's order as its landmark file, the rest frame first, and the reference",
        "infer.py of its repository, with --input_path reference.png --lmk_path landmarks.npy.",
        ("landmarks.npy", "reference.png"),
        picture="needed",
        writer="follow_your_emoji",
    ),
    Format(
        "x-portrait",
        "the moved character in its face's square, and where eyes and mouth lie in every frame",
        "In its environment: python run.py CHECKOUT, where CHECKOUT is your clone; the video is result.mp4 here.",
        ("driving.mp4", "driving.npy", "source.png", "job.json", "run.py"),
        picture="needed",
        writer="renderers:x_portrait",
    ),
    Format(
        "hunyuan-portrait",
        "crops of the moved head and from its brows to its mouth, five points a frame, the reference's pictures",
        "In its environment: python run.py CHECKOUT, where CHECKOUT is your clone; the video is result.mp4 here.",
        (
            *("driving.mp4", "face.npy", "pose.npy"),
            *("source.png", "reference.png", "arcface.png", "job.json", "run.py"),
        ),
        picture="needed",
        writer="renderers:hunyuan_portrait",
    ),
    Format(
        "motion-position-maps",
        "RealPortrait's motion: LivePortrait's warped features of the moved face over a 512x512 picture; experimental",
        "faceshot.export.position_map('maps.npz', frame) gives a map (C, 512, 512); no public program reads them yet.",
        ("maps.npz", "preview.mp4"),
        picture="needed",
        writer="position_maps",
    ),
    Format(
        "lottie",
        "line art of the landmarks, one shape layer for each part of the face; a drawing, not the picture",
        "Play face.json in any Lottie player, or import it with Bodymovin or a LottieFiles plug-in.",
        ("face.json",),
        single=True,
        writer="lottie",
    ),
    Format(
        "spine",
        "a skeleton (4.2) whose one mesh holds the picture and follows the landmarks by vertex keys, and an atlas",
        "Spine: Import Data, choose character.json; a runtime loads character.json with character.atlas.",
        ("character.json", "character.atlas", "character.png"),
        picture="needed",
        writer="spine",
    ),
)

#: By name, in the order in which they are listed.
FORMATS: Mapping[str, Format] = MappingProxyType({one.name: one for one in _ALL})
