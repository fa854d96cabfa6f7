"""Made by FaceShot. Runs HunyuanPortrait on the prepared inputs beside this file, without its face detector.

In HunyuanPortrait's own environment: python run.py CHECKOUT. The video of the square is result.mp4 beside this file;
settings are in job.json.
"""

import importlib
import json
import os
import shutil
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

CONFIG = "config/hunyuan-portrait.yaml"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def prepared(folder, job):
    """What HunyuanPortrait's own preparation returns."""
    import numpy as np
    import torch

    def tensor(images):
        return torch.from_numpy(np.array(images)).movedim(-1, -3).float() / 255

    count, reference = job["frames"], picture(folder / "reference.png")
    small = tensor(reference.resize((224, 224), 2))
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    drawing = folder / "drawing.npy"
    pose = torch.zeros(1, 1, 512, 512) if not drawing.exists() else tensor(np.load(drawing)[..., None])
    return {
        "ref_img": tensor(reference) * 2 - 1,
        "transformed_images": (small - mean) / deviation,
        "arcface_image": np.asarray(picture(folder / "arcface.png"), np.float32) / 255,
        "motion_face_image": tensor(np.load(folder / "face.npy")),
        "motion_pose_image": tensor(np.load(folder / "pose.npy")),
        "img_pose": pose.expand(count, 3, 512, 512),
        "driven_image": torch.zeros(count, 3, 8, 8),  # handed around upstream, never looked at
        "lmk_list": [np.array(points, np.float32) for points in job["points"]],
        "crop_bbox": job["square"],
        "original_image": np.asarray(picture(folder / "source.png")),
    }


def picture(path):
    """A Pillow image, RGB."""
    from PIL import Image

    return Image.open(path).convert("RGB")


def main():
    """Run it."""
    folder, checkout = Path(__file__).resolve().parent, Path(sys.argv[1]).resolve()
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    os.chdir(checkout)
    sys.path.insert(0, str(checkout))
    config = importlib.import_module("omegaconf").OmegaConf.load(CONFIG)
    config.seed = job["settings"]["seed"]
    config.num_inference_steps = job["settings"]["steps"]
    config.use_arcface = job["settings"]["identity"]
    config.frame_num = job["frames"]
    config.output_dir = str(folder / "out")
    program: Any = importlib.import_module("inference")
    program.preprocess = lambda *_, **__: prepared(folder, job)
    paths = {"video_path": str(folder / "driving.mp4"), "image_path": str(folder / "source.png")}
    program.main(config, Namespace(config=CONFIG, **paths))
    (made,) = (folder / "out").glob("*/cropped.mp4")
    shutil.move(str(made), str(folder / "result.mp4"))


if __name__ == "__main__":
    main()
