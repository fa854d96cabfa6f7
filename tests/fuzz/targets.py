"""What is fuzzed: a valid file of every kind that is read, and what reads it."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers import face_points

SIDE = 96


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        name: for reports. seed: file in the world, changed by every input; a folder is copied as a whole and ``inside``
            names the file in it. run: command line with ``@`` (the file), ``%`` (the output folder) and ``#`` (the
            world), or a function of the file's path.
    """

    name: str
    seed: str
    run: str | Callable[[Path], Any]
    inside: str = ""


def make_world(folder: Path, repo: Path) -> None:
    """Valid files of every kind."""
    from PIL import Image, PngImagePlugin

    from faceshot.formats.files import write_landmarks, write_sequence
    from faceshot.landmarks.types import Landmarks, LandmarkSequence, Size
    from tests.clips import make_clip, make_clip_with_clicks, numbered_frame

    y, x = np.mgrid[0:SIDE, 0:SIDE]
    rgb = np.stack([x * 2, y * 2, x + y], -1).astype(np.uint8)
    picture = Image.fromarray(rgb)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("fps", "25")
    exif = Image.Exif()
    exif[0x0112] = 6
    for suffix in ("png", "jpg", "webp", "gif", "bmp", "tif", "avif", "ppm", "jp2"):
        more = {"png": {"pnginfo": texts, "exif": exif}, "jpg": {"exif": exif}}.get(suffix, {})
        try:
            picture.save(folder / f"p.{suffix}", **more)
        except (KeyError, OSError, ValueError):
            continue  # not built into this Pillow
    deep = Image.fromarray((x * 600).astype(np.uint16))
    deep.save(folder / "deep.png")
    picture.quantize(16).save(folder / "palette.png", transparency=3)
    stills = [Image.fromarray(np.roll(rgb, 9 * k, 1)) for k in range(5)]
    for name, delay in (("a.gif", 80), ("a.webp", 80), ("a.png", 80)):
        stills[0].save(folder / name, save_all=True, append_images=stills[1:], duration=delay)
    frames = [numbered_frame(k) for k in range(8)]
    for name, codec in (("c.mp4", "libx264"), ("c.mkv", "libx264"), ("c.webm", "libvpx-vp9"), ("c.avi", "mpeg4")):
        make_clip(folder / name, frames, Fraction(25), codec=codec, options={})
    make_clip_with_clicks(folder / "sound.mp4", 0.6)
    make_clip_with_clicks(folder / "sound.mkv", 0.6, codec="libopus", rate=48_000)
    head = b"YUV4MPEG2 W32 H32 F25:1 Ip A1:1 C420jpeg\n"
    (folder / "c.y4m").write_bytes(head + (b"FRAME\n" + bytes(32 * 32 * 3 // 2)) * 4)
    (folder / "shots").mkdir()
    for k, still in enumerate(stills[:3]):
        still.save(folder / "shots" / f"f{k}.png", pnginfo=texts, exif=exif)
    # Landmarks.
    xy = face_points(SIDE)
    face = Landmarks(xy, Size(SIDE, SIDE), absent=frozenset({"nose"}), score=np.full(68, 0.5, np.float32))
    moving = np.repeat(xy[None], 4, 0) + np.arange(4, dtype=np.float32)[:, None, None]
    clip = LandmarkSequence(moving, Size(SIDE, SIDE), Fraction(25), score=np.ones((4, 68), np.float32))
    for suffix in ("json", "npz", "npy", "pts", "coco.json"):
        write_landmarks(folder / f"face.{suffix}", face)
    for suffix in ("json", "npz", "npy", "coco.json"):
        write_sequence(folder / f"seq.{suffix}", clip)
    _labelled(folder, xy)
    (folder / "points.json").write_text(json.dumps({"right_eye": [30, 40], "left_eye": [60, 40], "nose": [48, 55]}))
    _templates(folder)
    _models(folder, repo)
    _gallery(folder / "gallery", picture, xy)


def _labelled(folder: Path, xy: np.ndarray) -> None:
    """As labelling programs and detectors write a face."""
    pairs = xy.astype(float).round(2).tolist()
    shapes = [
        {"label": str(k), "points": [pair], "shape_type": "point", "group_id": None} for k, pair in enumerate(pairs)
    ]
    labelme = {"shapes": shapes, "imagePath": "p.png", "imageWidth": SIDE, "imageHeight": SIDE, "flags": {}}
    person = {"face_keypoints_2d": [n for x, y in pairs for n in (x, y, 0.9)]}
    openpose = {"people": [person], "canvas_width": SIDE, "canvas_height": SIDE}
    spots = [
        {
            "original_width": SIDE,
            "original_height": SIDE,
            "value": {"x": x / SIDE * 100, "y": y / SIDE * 100, "keypointlabels": [str(k)]},
        }
        for k, (x, y) in enumerate(pairs)
    ]
    studio = [{"annotations": [{"result": spots}], "data": {"img": "p.png"}}]
    for name, value in (("labelme", labelme), ("openpose", openpose), ("studio", studio)):
        (folder / f"{name}.json").write_text(json.dumps(value))
    parts = "".join(f"<part name='{k:02d}' x='{x:.0f}' y='{y:.0f}'/>" for k, (x, y) in enumerate(pairs))
    box = f"<box top='1' left='1' width='{SIDE}' height='{SIDE}'>{parts}</box>"
    image = f"<image file='p.png' width='{SIDE}' height='{SIDE}'>{box}</image>"
    (folder / "dlib.xml").write_text(f"<?xml version='1.0'?><dataset><images>{image}</images></dataset>")
    points = "".join(f"<points label='{k}' points='{x:.1f},{y:.1f}'/>" for k, (x, y) in enumerate(pairs))
    image = f"<image id='0' name='p.png' width='{SIDE}' height='{SIDE}'>{points}</image>"
    (folder / "cvat.xml").write_text(f"<?xml version='1.0'?><annotations>{image}</annotations>")


def _templates(folder: Path) -> None:
    from faceshot_liveportrait.driving.motion import Motion
    from faceshot_liveportrait.driving.template import Template, write_template
    from faceshot_liveportrait.driving.video import Driver

    n = 4
    motion = Motion(np.repeat(np.eye(3)[None], n, 0), np.zeros((n, 21, 3)), np.ones(n), np.zeros((n, 3)))
    write_template(folder / "t.npz", Template(Driver(motion, np.ones((n, 2)), np.ones((n, 1)), 1), Fraction(25)))
    frame = {"R": np.eye(3, dtype=np.float32)[None], "exp": np.zeros((1, 21, 3), np.float32), "t": np.zeros((1, 3))}
    held = {"motion": [frame | {"scale": np.ones(1, np.float32)}] * n, "output_fps": 25, "c_eyes_lst": [[0.3, 0.3]] * n}
    (folder / "t.pkl").write_bytes(pickle.dumps(held))


def _models(folder: Path, repo: Path) -> None:
    import torch
    from safetensors.torch import save_file

    tensors = {"a.weight": torch.zeros(3, 4), "b": torch.ones(5, dtype=torch.float16)}
    save_file(tensors, folder / "w.safetensors", metadata={"format": "pt"})
    torch.save({"state_dict": tensors, "epoch": 3}, folder / "w.pth")
    torch.save(tensors, folder / "old.pth", _use_new_zipfile_serialization=False)
    mini = repo / "gallery/faceshot_mini"
    (folder / "model/unet").mkdir(parents=True)
    (folder / "model/scheduler").mkdir()
    for name in ("mini.json", "unet/config.json", "scheduler/scheduler_config.json"):
        shutil.copyfile(mini / name, folder / "model" / name)
    index = {"metadata": {}, "weight_map": {"a.weight": "w.safetensors"}}
    (folder / "model/unet/diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    shutil.copyfile(folder / "w.safetensors", folder / "model/unet/w.safetensors")


def _gallery(folder: Path, picture: Any, xy: np.ndarray) -> None:
    from faceshot.gallery.features import DomainFeatures, save

    (folder / "domains/cat/images").mkdir(parents=True)
    (folder / "domains/ready").mkdir()
    picture.save(folder / "domains/cat/images/1.png")
    points = xy.astype(float).round(2).tolist()
    entry = {"id": "1", "file": "images/1.png", "size": [SIDE, SIDE], "points": points, "absent": ["nose"]}
    data = {"schema": 1, "scheme": "ibug68", "images": [entry]}
    (folder / "domains/cat/landmarks.json").write_text(json.dumps(data))
    unit = np.ones((1, 68, 8), np.float16)
    made = DomainFeatures(
        digest="0" * 16,
        content="1" * 16,
        points=unit,
        norms=np.ones((1, 68), np.float32),
        visible=np.ones((1, 68), bool),
        diff=np.ones((68, 8), np.float32),
        part_embeds=np.ones((5, 6), np.float32),
        image_embed=np.ones(6, np.float32),
    )
    save(folder / "domains/ready/features.safetensors", made, {"preset": "mini", "t": 1}, name="ready")


def _every_frame(path: Path) -> None:
    """As a driving clip is read: headers, then every frame; a few thousand at most, repeated ones cost nothing."""
    from faceshot.media.video import probe, read_frames

    probe(path)
    for k, _ in enumerate(read_frames(path, max_side=256)):
        if k > 1500:
            break


def _sound(path: Path) -> None:
    """The sound of the file beside new pictures, copied and encoded again."""
    from faceshot.media.audio import probe_sound
    from faceshot.media.video import VideoWriter

    probe_sound(path)
    for name in ("copied.mp4", "encoded.webm"):
        with VideoWriter(path.parent / "out" / name, (32, 32), Fraction(10), audio_from=path, overwrite=True) as writer:
            for _ in range(8):
                writer.write(np.zeros((32, 32, 3), np.uint8))


def _template(path: Path) -> None:
    from faceshot_liveportrait import Backend

    Backend().motion_length(path)


def _weights(path: Path) -> None:
    from faceshot.errors import InputError
    from faceshot.models.loading import load_tensors
    from faceshot.weights.checking import structure
    from faceshot_liveportrait.loading import read_tensors, tidy

    structure(path)
    try:
        load_tensors(path)
    except InputError:
        tidy("warping", read_tensors(path))
        raise


def _preset(folder: Path) -> None:
    """Settings, schedule and network of a model's folder."""
    import torch

    from faceshot.models.inversion import NoiseSchedule
    from faceshot.models.presets import get_preset, model_digest
    from faceshot.models.unet import load_unet

    model_digest(get_preset(str(folder)))
    NoiseSchedule.from_folder(folder / "scheduler")
    load_unet(folder / "unet", torch.float32)


def _features(folder: Path) -> None:
    from faceshot.gallery.features import load

    load(folder / "domains/ready/features.safetensors", "0" * 16)


_PICTURE = "animate @ --landmarks #face.json --motion nod --seconds 0.5 -o %o.webp"
TARGETS = (
    *(
        Target(f"picture {s}", f"p.{s}", _PICTURE)
        for s in ("png", "jpg", "webp", "gif", "bmp", "tif", "avif", "ppm", "jp2")
    ),
    *(Target(f"picture {s}", f"{s}.png", _PICTURE) for s in ("deep", "palette")),
    Target("picture matched", "p.png", "match @ -o %o.json --overlay"),
    *(Target(f"clip {s}", f"c.{s}", _every_frame) for s in ("mp4", "mkv", "webm", "avi", "y4m")),
    *(Target(f"animation {s}", f"a.{s}", _every_frame) for s in ("gif", "webp", "png")),
    Target("clip driven", "c.mp4", "drive @ --source track -o %o.npz"),
    Target("frames", "shots", _every_frame, "f1.png"),
    Target("sound mp4", "sound.mp4", _sound),
    Target("sound mkv", "sound.mkv", _sound),
    *(
        Target(f"landmarks {s}", f"face.{s}", "retarget @ #seq.npz -o %o.npz --size 96x96")
        for s in ("json", "npz", "npy")
    ),
    *(
        Target(f"landmarks {s}", f"face.{s}", "retarget @ #seq.npz -o %o.json --size 96x96")
        for s in ("pts", "coco.json")
    ),
    *(
        Target(f"sequence {s}", f"seq.{s}", "retarget #face.json @ -o %o.json")
        for s in ("json", "npz", "npy", "coco.json")
    ),
    *(
        Target(f"labels {s}", s, "retarget @ #seq.npz -o %o.npz --size 96x96")
        for s in ("labelme.json", "openpose.json", "studio.json", "dlib.xml", "cvat.xml")
    ),
    Target("sequence driven", "seq.npz", "drive @ -o %o.coco.json"),
    Target("sequence animated", "seq.npz", "animate #p.png --landmarks #face.json --driving @ -o %o.gif"),
    Target("points", "points.json", "match #p.png --points @ -o %o.json"),
    Target("template npz", "t.npz", _template),
    Target("template pkl", "t.pkl", _template),
    *(Target(f"weights {s}", s, _weights) for s in ("w.safetensors", "w.pth", "old.pth")),
    Target("preset settings", "model", _preset, "mini.json"),
    Target("preset network", "model", _preset, "unet/config.json"),
    Target("preset schedule", "model", _preset, "scheduler/scheduler_config.json"),
    Target("preset list", "model", _preset, "unet/diffusion_pytorch_model.safetensors.index.json"),
    Target("gallery annotations", "gallery", "gallery show cat --gallery @ -o %o.png", "domains/cat/landmarks.json"),
    Target("gallery picture", "gallery", "gallery show cat --gallery @ -o %o.png", "domains/cat/images/1.png"),
    Target("gallery features", "gallery", _features, "domains/ready/features.safetensors"),
    Target("gallery checked", "gallery", "gallery check --gallery @", "domains/cat/landmarks.json"),
)
