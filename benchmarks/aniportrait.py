"""The AniPortrait backend against a plain loop of the same arithmetic, and on a GPU the time of a full-size run.

Weights are random stand-ins (the speed does not depend on their values), so nothing has to be fetched.

    python benchmarks/aniportrait.py [--frames 50] [--steps 25] [--size 512] [--device cuda] [--no-gpu] [--full]
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from faceshot.driving import motion_template
from faceshot.landmarks import Landmarks, LandmarkSequence, Picture
from faceshot.models import quiet
from faceshot.rendering import frame_noise, sample_in_turn, sample_jointly
from faceshot_aniportrait.nets.pose_guider import PoseGuider
from faceshot_aniportrait.nets.unet import CONFIG, DenoisingUNet, ReferenceUNet
from faceshot_aniportrait.networks import Networks
from faceshot_aniportrait.options import parse_options
from faceshot_aniportrait.pipeline import Renderer
from faceshot_aniportrait.sampling import Denoiser, Poses
from faceshot_aniportrait.schedule import Schedule

FULL = {
    "unet": CONFIG,
    "pose": (320, 320, 640, 1280, 1280),
    "vae": {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2},
    "clip": {
        "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
        "patch_size": 14, "projection_dim": 768,
    },
}  # fmt: skip
TINY = {
    "unet": {
        "sample_size": 16, "block_out_channels": (32, 64, 128, 128), "cross_attention_dim": 32, "attention_head_dim": 8,
    },
    "pose": (32, 32, 64, 128, 128),
    "vae": {"block_out_channels": (32, 32, 32, 32), "layers_per_block": 1},
    "clip": {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
        "patch_size": 56, "projection_dim": 32,
    },
}  # fmt: skip


def stand_ins(
    sizes: Mapping[str, Any] = TINY, device: str = "cpu", dtype: torch.dtype = torch.float32, low_vram: str = "off"
) -> Networks:
    """All five networks with fresh weights."""
    torch.manual_seed(0)
    home = "cpu" if low_vram != "off" else device
    blocks = {
        f"{way}_block_types": (f"{name}Block2D",) * 4 for way, name in (("down", "DownEncoder"), ("up", "UpDecoder"))
    }

    def build(make: Any, dtype: torch.dtype = dtype) -> Any:
        with quiet(), torch.device(device):  # weights are drawn there, which is fast, then move
            return make().to(home, dtype)

    return Networks(
        reference=build(lambda: ReferenceUNet(sizes["unet"])),
        unet=build(lambda: DenoisingUNet(sizes["unet"])),
        pose_guider=build(lambda: PoseGuider(sizes["pose"]), torch.float32),
        vae=build(lambda: AutoencoderKL(**blocks, **sizes["vae"])),
        image_encoder=build(lambda: CLIPVisionModelWithProjection(CLIPVisionConfig(image_size=224, **sizes["clip"]))),
        device=torch.device(device),
        dtype=dtype,
        low_vram=low_vram,  # type: ignore[arg-type]
        identity="stand-in",
    )


@dataclass
class Plain:
    """The published order of things (a :class:`faceshot.rendering.Stepper`): the stock U-Net with hooks, both halves
    of guidance through all of it, everything anew in every step but the picture's U-Net, which the published code runs
    once as well."""

    networks: Networks
    poses: Poses
    schedule: Schedule
    seen: Mapping[str, Tensor]
    embedding: Tensor
    guidance: float
    start: float = 1.0
    _now: list[Tensor] = field(default_factory=list)
    _frames: int = 0

    def __post_init__(self) -> None:
        ours = self.networks.unet
        self.steps, self.device, self.resident = len(self.schedule), self.networks.device, self.networks.using
        self.stock: Any = UNet2DConditionModel(**{key: ours.config[key] for key in CONFIG}).eval()
        self.stock.load_state_dict({k: v for k, v in ours.state_dict().items() if "motion_module" not in k})
        with quiet():
            self.stock.to(self.networks.device, self.networks.dtype)
        for name, processor in self.stock.attn_processors.items():
            assert isinstance(processor, AttnProcessor2_0)
            if ".attn1." in name:
                self.stock.get_submodule(name.removesuffix(".processor")).processor = self._looking(name)
        for own, block in zip(self._blocks(ours), self._blocks(self.stock), strict=True):
            layers = getattr(block, "attentions", block.resnets)
            for motion, layer in zip(own.motion_modules, layers, strict=False):
                layer.register_forward_hook(self._moving(motion))
        self.stock.conv_in.register_forward_hook(lambda _m, _i, out: out + self._now[0])
        for level, block in enumerate(self.stock.down_blocks):
            block.register_forward_hook(lambda _m, _i, out, level=level: (out[0] + self._now[level + 1], out[1]))

    @staticmethod
    def _blocks(net: Any) -> list[Any]:
        return [*net.down_blocks, net.mid_block, *net.up_blocks]

    def _looking(self, name: str) -> Any:
        """Self-attention whose second half sees the picture as well."""
        place, plain = name.partition(".transformer_blocks")[0], AttnProcessor2_0()

        def attend(layer: Any, x: Tensor, *_: Any, **__: Any) -> Tensor:
            alone, sees = x.chunk(2)
            both = torch.cat([sees, self.seen[place].expand(len(sees), -1, -1)], 1)
            return torch.cat([plain(layer, alone), plain(layer, sees, encoder_hidden_states=both)])

        return attend

    def _moving(self, motion: Any) -> Any:
        def hook(_module: Any, _inputs: Any, out: Any) -> Any:
            return (motion(out[0], self._frames),) if isinstance(out, tuple) else motion(out, self._frames)

        return hook

    def conditioning(self, frames: Sequence[int]) -> None:
        """Nothing beforehand."""

    @torch.no_grad()
    def advance(self, latents: Tensor, frames: Sequence[int], step: int, window: None) -> Tensor:
        """The latents after ``step``."""
        maps = self.networks.pose(self.poses.pictures(frames), "measured")
        self._now, self._frames = [torch.cat([found, found]) for found in maps], len(frames)
        told = torch.cat([torch.zeros_like(self.embedding), self.embedding]).repeat_interleave(len(frames), 0)
        noisy = torch.cat([latents, latents]).to(self.networks.dtype)
        without, given = self.stock(noisy, self.schedule.timesteps[step], told).sample.float().chunk(2)
        return self.schedule.step(latents, torch.lerp(without, given, self.guidance), step)


def clip(frames: int, side: int) -> tuple[Picture, Landmarks, LandmarkSequence]:
    """A picture of noise and the built-in motion ``talk``."""
    talk = motion_template("talk", fps=Fraction(25), seconds=max(frames / 25, 0.5)).resized((side, side))[:frames]
    rgb = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    return Picture(rgb), Landmarks(talk.xy[0], talk.size), talk


@torch.no_grad()
def denoise(networks: Networks, *, plain: bool, frames: int, side: int, steps: int, **extra: Any) -> Tensor:
    """All final latents (frames, 4, h, w), by the backend or by the plain loop."""
    picture, landmarks, sequence = clip(frames, side)
    options = parse_options({"size": side, "steps": steps, "pose_norm": "window", **extra})
    schedule, poses = Schedule.of(steps), Poses(networks, sequence.xy, landmarks.size, "window", 2 * frames)
    latent, embedding = networks.picture(picture.rgb)
    _, seen = networks.reference(latent, embedding)
    stepper: Any = (
        Plain(networks, poses, schedule, seen, embedding, options.guidance)
        if plain
        else Denoiser(networks, poses, schedule, networks.unet.remember(seen, embedding), options.guidance)
    )
    windows = Renderer(networks, options).windows(frames)
    noise = frame_noise(0, (4, side // 8, side // 8))
    finals = (
        sample_jointly(stepper, noise, frames, windows) if options.joint else sample_in_turn(stepper, noise, windows)
    )
    return torch.cat([final.latents for final in finals])


def on_cpu(*, full: bool = False) -> None:
    """The same latents by both ways, and their seconds of processor time."""
    frames, side, steps = (2, 256, 3) if full else (20, 128, 8)
    networks = stand_ins(FULL, dtype=torch.bfloat16) if full else stand_ins()
    denoise(networks, plain=False, frames=2, side=side, steps=1)
    kind = "full-size" if full else "tiny"
    print(f"CPU, {kind} networks, {frames} frames at {side}x{side}, {steps} steps, seconds of processor time:")
    for fidelity in ("corrected", "upstream"):
        seconds, found = {}, {}
        for plain in (False, True):
            begin = time.process_time()
            found[plain] = denoise(networks, plain=plain, frames=frames, side=side, steps=steps, fidelity=fidelity)
            seconds[plain] = time.process_time() - begin
        off = (found[True] - found[False]).abs().max()
        print(
            f"  windows of fidelity={fidelity:9s} ours {seconds[False]:6.2f} s, plain loop {seconds[True]:6.2f} s, "
            f"ratio {seconds[True] / seconds[False]:.2f}; latents differ by {off:.1e} at most"
        )


def on_gpu(device: str, frames: int, steps: int, side: int) -> None:
    """Full-size networks in half precision, from landmarks to frames."""
    name = torch.cuda.get_device_name(device)
    print(f"{name}, full-size stand-in weights, {frames} frames at {side}x{side}, {steps} steps:")
    for low_vram in ("off", "on"):
        torch.cuda.empty_cache()
        networks = stand_ins(FULL, device, torch.float16, low_vram)
        for fidelity in ("corrected", "upstream"):
            with tempfile.TemporaryDirectory() as work:
                options = {"size": side, "low_vram": low_vram, "fidelity": fidelity, "work": work}
                for warming in (True, False):  # kernels are chosen at the first run
                    renderer = Renderer(networks, parse_options({**options, "steps": 1 if warming else steps}))
                    torch.cuda.reset_peak_memory_stats(device)
                    begin = time.perf_counter()
                    count = sum(1 for _ in renderer.render(*clip(2 if warming else frames, side), seed=0))
                    seconds = time.perf_counter() - begin
            assert count == frames
            memory = torch.cuda.max_memory_allocated(device) / 1e9
            print(f"  low_vram={low_vram:3s} fidelity={fidelity:9s} {seconds:6.1f} s  peak {memory:.1f} GB")
        del networks, renderer


def main() -> None:
    """Print both sections."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--no-gpu", action="store_true", help="the CPU section only")
    parser.add_argument("--full", action="store_true", help="full-size networks on the CPU, 10 GB and minutes")
    arguments = parser.parse_args()
    logging.getLogger("faceshot").setLevel(logging.ERROR)
    on_cpu(full=arguments.full)
    if arguments.no_gpu or not torch.cuda.is_available():
        reason = "left out (--no-gpu)" if arguments.no_gpu else f"no CUDA device (torch {torch.__version__})"
        print(f"GPU section: {reason}; repeat `python benchmarks/aniportrait.py` on a machine with a GPU")
        return
    on_gpu(arguments.device, arguments.frames, arguments.steps, arguments.size)


if __name__ == "__main__":
    main()
