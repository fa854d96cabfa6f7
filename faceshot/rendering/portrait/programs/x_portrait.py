"""Made by FaceShot. Runs X-Portrait on the prepared inputs beside this file, without its landmark detector.

In X-Portrait's own environment: python run.py CHECKOUT. The video is result.mp4 beside this file; settings are in
job.json. Clips of fewer than 16 frames are held to 16, which is what its motion layers see at a time.
"""

import importlib
import json
import os
import shutil
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

LEAST = 16


def prepared(folder, job, device):
    """What X-Portrait's own preparation returns."""
    import numpy as np
    import torch

    driving = np.load(folder / "driving.npy", mmap_mode="r")
    order = list(range(job["frames"])) + [job["frames"] - 1] * (LEAST - job["frames"])
    frames, half = np.array(driving[order]), job["window"] // 2
    local = np.zeros_like(frames)
    for k, index in enumerate(order):
        for x, y in job["windows"][index]:
            part = slice(y - half, y + half), slice(x - half, x + half)
            local[k][part] = frames[k][part]

    def tensor(images):
        return torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1

    source = tensor(np.array(picture(folder / "source.png"))[None])
    return {
        "fps": job["fps"],
        "sources": source[None].expand(len(order), -1, -1, -1, -1),
        "conditions": tensor(frames)[:, None],
        "local": tensor(local),
    }


def picture(path):
    """(H, W, 3) as a Pillow image."""
    from PIL import Image

    return Image.open(path).convert("RGB")


def settings(folder, job):
    """All that X-Portrait's command line would have set."""
    own = job["settings"]
    return Namespace(
        model_config="config/cldm_v15_appearance_pose_local_mm.yaml",
        resume_dir=own["weights"],
        output_dir=str(folder / "out"),
        source_image=str(folder / "source.png"),
        driving_video=str(folder / "driving.mp4"),
        seed=own["seed"],
        uc_scale=own["guidance"],
        ddim_steps=own["steps"],
        use_fp16=own["half"],
        best_frame=-2,
        out_frames=0,
        start_idx=0,
        skip=1,
        num_mix=4,
        num_drivings=LEAST,
        eta=0.0,
        wonoise=True,
        ema_rate=0,
        compile=False,
        sd_locked=True,
        only_mid_control=False,
        reinit_hint_block=False,
        control_type="appearance_pose_local_mm",
        control_mode="controlnet_important",
        initial_facevid2vid_results=None,
        more_source_image_pattern="",
        local_rank=0,
        world_size=1,
    )


def main():
    """Run it."""
    folder, checkout = Path(__file__).resolve().parent, Path(sys.argv[1]).resolve()
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    os.chdir(checkout)
    sys.path.insert(0, str(checkout))
    program: Any = importlib.import_module("core.test_xportrait")
    program.x_portrait_data_prep = lambda source, driving, device, *_, **__: prepared(folder, job, device)
    program.main(settings(folder, job))
    (made,) = (folder / "out").glob("*.mp4")
    shutil.move(str(made), str(folder / "result.mp4"))


if __name__ == "__main__":
    main()
