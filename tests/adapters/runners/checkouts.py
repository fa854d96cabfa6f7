"""Clones of X-Portrait and HunyuanPortrait that hold no networks: they check every input and return the driving frames.

What they expect is written from the programs' own documentation and code, and shares nothing with FaceShot's side.
"""

from __future__ import annotations

from pathlib import Path

_COMMON = '''
import os
import signal
import sys
import time
from pathlib import Path


def behave():
    """As the file ``behaviour`` in the clone wants it."""
    how = Path("behaviour").read_text() if Path("behaviour").exists() else ""
    print("loading 100 %", file=sys.stderr)
    if how == "fail":
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB\\nsee the documentation")
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "slow":
        Path("pid").write_text(str(os.getpid()))
        time.sleep(120)
    if how == "nothing":
        sys.exit(0)
    return how


behaviour = behave()  # before anything slow is imported
import av
import numpy as np
import torch


def write(path, frames, fps):
    """(T, H, W, 3) floats in 0..1 as a video."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(fps))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "8"}
        for frame in (np.clip(frames, 0, 1) * 255).astype(np.uint8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())
'''

_X_PORTRAIT = (
    _COMMON
    + """

def x_portrait_data_prep(*arguments, **named):
    raise AssertionError("X-Portrait's own detector was called")


def main(args):
    assert Path(args.model_config).name == "cldm_v15_appearance_pose_local_mm.yaml" and Path(args.resume_dir).exists()
    assert args.num_drivings == 16 and args.num_mix == 4 and args.eta == 0 and args.out_frames == 0 and args.skip == 1
    assert args.control_type == "appearance_pose_local_mm" and args.control_mode == "controlnet_important"
    assert isinstance(args.uc_scale, int) and args.ddim_steps >= 1 and isinstance(args.seed, int) and args.wonoise
    assert args.sd_locked and not args.only_mid_control and not args.compile and not args.reinit_hint_block
    assert ".mp4" in args.driving_video and Path(args.driving_video).exists() and Path(args.source_image).exists()
    data = x_portrait_data_prep(
        args.source_image, args.driving_video, torch.device("cpu"), args.best_frame, start_idx=args.start_idx,
        num_frames=args.out_frames, skip=args.skip, output_local=True,
    )
    count = len(data["sources"])
    assert count >= 16 and data["fps"] > 0
    for name, shape in (("sources", (1, 3)), ("conditions", (1, 3)), ("local", (3,))):
        value = data[name]
        assert value.shape == (count, *shape, 512, 512) and value.dtype == torch.float32, (name, value.shape)
        assert -1 <= value.min() and value.max() <= 1 and value.std() > 0.05, name
    local, conditions = data["local"], data["conditions"][:, 0]
    black = (local == -1).all(1)
    shown = (~black).sum((1, 2))
    assert (shown <= 3 * 128 * 128).all() and (shown > 128 * 128).all()
    assert torch.equal(local.movedim(1, -1)[~black], conditions.movedim(1, -1)[~black])
    frames = (conditions.movedim(1, -1).numpy() + 1) / 2
    if behaviour == "black":
        frames[:] = 0
    if behaviour == "short":
        frames = frames[:1]
    write(Path(args.output_dir) / f"inference_{args.control_type}_uc{args.uc_scale}.mp4", frames, data["fps"])
"""
)

_HUNYUAN = (
    _COMMON
    + """

def preprocess(*arguments, **named):
    raise AssertionError("HunyuanPortrait's own detector was called")


def main(cfg, args):
    assert Path(args.video_path).exists() and Path(args.image_path).exists()
    sample = preprocess(args.image_path, args.video_path, limit=cfg.frame_num, image_size=512, area=1.05, det_path="x")
    count = len(sample["motion_pose_image"])
    assert count == cfg.frame_num == len(sample["lmk_list"]) and cfg.num_inference_steps >= 1
    shapes = {
        "ref_img": (3, 512, 512), "transformed_images": (3, 224, 224), "motion_face_image": (count, 3, 256, 256),
        "motion_pose_image": (count, 3, 256, 256), "img_pose": (count, 3, 512, 512),
    }
    for name, shape in shapes.items():
        assert tuple(sample[name].shape) == shape and sample[name].dtype == torch.float32, (name, sample[name].shape)
    assert len(sample["driven_image"]) == count
    for name in ("motion_face_image", "motion_pose_image", "img_pose"):
        assert 0 <= sample[name].min() and sample[name].max() <= 1, name
    assert -1 <= sample["ref_img"].min() < 0 < sample["ref_img"].max() <= 1
    mean, deviation = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    small = sample["transformed_images"] * deviation + mean
    assert (small.mean((1, 2)) - (sample["ref_img"].mean((1, 2)) + 1) / 2).abs().max() < 0.02
    assert all(points.shape == (5, 2) for points in sample["lmk_list"])
    assert sample["arcface_image"].shape == (112, 112, 3) and 0 <= sample["arcface_image"].max() <= 1
    left, top, right, bottom = sample["crop_bbox"]
    height, width = sample["original_image"].shape[:2]
    assert 0 <= left < right <= width and 0 <= top < bottom <= height and right - left == bottom - top
    # As upstream moves them along, a batch at a time.
    batches = [sample["img_pose"][k : k + 25].to("cpu") for k in range(0, count, 25)]
    assert torch.cat([batch.unsqueeze(0).movedim(2, 1) for batch in batches], 2).shape == (1, 3, count, 512, 512)
    frames = torch.nn.functional.interpolate(sample["motion_pose_image"], size=512).movedim(1, -1).numpy()
    if behaviour == "black":
        frames[:] = 0
    if behaviour == "short":
        frames = frames[:1]
    write(Path(cfg.output_dir) / "20260101_source_driving" / "cropped.mp4", frames, 25)
"""
)

_OMEGACONF = """
from types import SimpleNamespace


class OmegaConf:
    @staticmethod
    def load(path):
        assert open(path).read().startswith("seed")
        return SimpleNamespace(frame_num=10000, output_dir="./results", use_arcface=True, num_inference_steps=25)
"""


def x_portrait(folder: Path, behaviour: str = "") -> Path:
    """A clone of X-Portrait."""
    return _clone(
        folder,
        {
            "core/test_xportrait.py": _X_PORTRAIT,
            "config/cldm_v15_appearance_pose_local_mm.yaml": "model:\n",
            "checkpoint/model_state-415001.th": "",
            "behaviour": behaviour,
        },
    )


def hunyuan_portrait(folder: Path, behaviour: str = "") -> Path:
    """A clone of HunyuanPortrait."""
    return _clone(
        folder,
        {
            "inference.py": _HUNYUAN,
            "omegaconf.py": _OMEGACONF,
            "config/hunyuan-portrait.yaml": "seed: 72580\n",
            "pretrained_weights/hyportrait/unet.pth": "",
            "behaviour": behaviour,
        },
    )


def _clone(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
