"""The MOFA backend: what computing once per video saves, and on a GPU the time and memory of a full-size run.

Weights are random stand-ins (the speed does not depend on their values), so nothing has to be fetched.

    python benchmarks/mofa.py [--frames 50] [--steps 25] [--size 512] [--device cuda] [--no-gpu]
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLTemporalDecoder
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from faceshot.driving import motion_template
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture
from faceshot.models import quiet
from faceshot_mofa.nets.cmp import CMP
from faceshot_mofa.nets.controlnet import ControlNetConfig, LandmarkControlNet
from faceshot_mofa.nets.unet import MotionUNet
from faceshot_mofa.networks import Networks
from faceshot_mofa.options import parse_options
from faceshot_mofa.pipeline import Renderer

FULL = {
    "controlnet": ControlNetConfig(),
    "unet": None,
    "vae": {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2},
    "clip": dict(
        hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=16, patch_size=14,
        image_size=224, projection_dim=1024,
    ),
}  # fmt: skip
TINY = {
    "controlnet": ControlNetConfig((32, 64, 128, 128), (1, 2, 2, 4), 8, 48, 32),
    "unet": dict(
        block_out_channels=(32, 64, 128, 128), num_attention_heads=(1, 2, 4, 4), cross_attention_dim=48,
        addition_time_embed_dim=32, projection_class_embeddings_input_dim=96,
    ),
    "vae": {"block_out_channels": (32, 32, 32, 32), "layers_per_block": 1},
    "clip": dict(
        hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, patch_size=56,
        image_size=224, projection_dim=48,
    ),
}  # fmt: skip


def stand_ins(sizes: dict[str, Any], device: str, dtype: torch.dtype, low_vram: str = "off") -> Networks:
    """All five networks with fresh weights."""
    torch.manual_seed(0)
    home = "cpu" if low_vram != "off" else device
    vae = dict(down_block_types=("DownEncoderBlock2D",) * 4, force_upcast=True, **sizes["vae"])

    def build(make: Any) -> Any:
        with quiet(), torch.device(device):  # weights are drawn there, which is fast, then move
            net = make()
            return net.to(home, dtype)

    return Networks(
        cmp=CMP(),
        controlnet=build(lambda: LandmarkControlNet(sizes["controlnet"])),
        unet=build(lambda: MotionUNet.build(sizes["unet"] or {"num_attention_heads": (5, 10, 20, 20)})),
        vae=build(lambda: AutoencoderKLTemporalDecoder(**vae)),
        image_encoder=build(lambda: CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes["clip"]))),
        device=torch.device(device),
        dtype=dtype,
        low_vram=low_vram,  # type: ignore[arg-type]
        identity="stand-in",
    )


def clip(frames: int, side: int) -> tuple[Picture, Landmarks, LandmarkSequence]:
    """A picture of noise and the built-in motion ``talk``."""
    talk = motion_template("talk", fps=Fraction(25), seconds=max(frames / 25, 0.5)).resized((side, side))[:frames]
    rgb = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    return Picture(rgb), Landmarks(talk.xy[0], talk.size), talk


def counts(networks: Networks) -> str:
    """How often each network was asked, in frames (CMP, ControlNet's encoders) and batch items (the rest)."""
    own, net = networks.cmp.counts, networks.controlnet.counts
    return (
        f"CMP encoder {own['image_encoder']}, decoder {own['decoder']}; ControlNet appearance {net['appearance']}, "
        f"landmarks {net['landmarks']}, warp {net['warp']}, step {net['step']}; U-Net {networks.unet.calls}"
    )


def run(networks: Networks, frames: int, side: int, *, reuse: bool = True, **extra: Any) -> float:
    """Seconds from landmarks to the last frame: of processor time on a CPU, which a busy machine does not change."""
    clock = time.process_time if networks.device.type == "cpu" else time.perf_counter
    networks.cmp.counts.clear()
    networks.controlnet.counts.clear()
    networks.unet.calls = 0
    with tempfile.TemporaryDirectory() as work:
        renderer = Renderer(networks, parse_options({"size": side, "work": work, **extra}), reuse=reuse)
        begin = clock()
        found = sum(1 for _ in renderer.render(*clip(frames, side), seed=0))
        seconds = clock() - begin
    assert found == frames
    return seconds


def on_cpu() -> None:
    """Tiny networks (CMP in full size): the same frames with and without reuse, in one run."""
    frames, side, steps = 8, 192, 8
    networks = stand_ins(TINY, "cpu", torch.float32)
    run(networks, 2, side, steps=1)
    print(f"CPU, tiny networks, {frames} frames at {side}x{side}, {steps} steps, seconds of processor time:")
    seconds = {}
    for label, reuse in (("once per video", True), ("anew at every step", False)):
        seconds[label] = run(networks, frames, side, steps=steps, reuse=reuse)
        print(f"  {label:20s} {seconds[label]:6.2f} s   {counts(networks)}")
    print(f"  ratio {seconds['anew at every step'] / seconds['once per video']:.2f}")


def on_gpu(device: str, frames: int, steps: int, side: int) -> None:
    """Full-size networks in half precision."""
    name = torch.cuda.get_device_name(device)
    print(f"{name}, full-size stand-in weights, {frames} frames at {side}x{side}, {steps} steps:")
    runs: tuple[tuple[str, str, bool, dict[str, Any]], ...] = (
        ("default", "off", True, {}),
        ("without reuse", "off", False, {}),
        ("upstream's windows, without reuse", "off", False, {"fidelity": "upstream"}),
        ("low_vram=on", "on", True, {"low_vram": "on"}),
        ("low_vram=max", "max", True, {"low_vram": "max"}),
    )
    networks, level, first = None, "", None
    for label, wanted, reuse, extra in runs:
        if networks is None or wanted != level:
            networks = None
            torch.cuda.empty_cache()
            networks, level = stand_ins(FULL, device, torch.float16, wanted), wanted
            run(networks, 2, side, steps=1, **extra)  # kernels are chosen at the first run
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        seconds = run(networks, frames, side, reuse=reuse, steps=steps, **extra)
        first = first or seconds
        memory = torch.cuda.max_memory_allocated(device) / 1e9
        print(f"  {label:34s} {seconds:6.1f} s ({seconds / first:.2f} x)  peak {memory:.1f} GB")
        print(f"    {counts(networks)}")


def main() -> None:
    """Print both sections."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--no-gpu", action="store_true", help="the CPU section only")
    arguments = parser.parse_args()
    logging.getLogger("faceshot").setLevel(logging.ERROR)
    on_cpu()
    if arguments.no_gpu or not torch.cuda.is_available():
        reason = "left out (--no-gpu)" if arguments.no_gpu else f"no CUDA device (torch {torch.__version__})"
        print(f"GPU section: {reason}; repeat `python benchmarks/mofa.py` on a machine with a GPU")
        return
    on_gpu(arguments.device, arguments.frames, arguments.steps, arguments.size)


if __name__ == "__main__":
    main()
