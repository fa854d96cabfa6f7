"""Seconds and memory of the MOFA-Video networks, part by part, with stand-in weights.

    python benchmarks/mofa_nets.py [--device cuda] [--dtype float16] [--frames 25] [--size 512] [--steps 25]
                                   [--width full|tiny] [--only splat,cmp,nets] [--json FILE]

On a GPU the networks have their published size; on a CPU a tiny twin of them, since the real ones need minutes a step.
No weights are needed: how long a network takes does not depend on what it has learnt.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "adapters")]

import torch  # noqa: E402
from diffusers.models.attention_processor import AttnProcessor2_0  # noqa: E402

from faceshot_mofa.nets.cmp import CMP, SIZE  # noqa: E402
from faceshot_mofa.nets.controlnet import ControlNetConfig, LandmarkControlNet  # noqa: E402
from faceshot_mofa.nets.splat import EPSILON, corners, splat_average  # noqa: E402
from faceshot_mofa.nets.unet import MotionUNet  # noqa: E402

WARM, RUNS = 2, 5
TINY = ControlNetConfig((32, 64, 128, 128), heads=(1, 2, 2, 4), context=48, time_ids=32)
TINY_UNET = {
    "block_out_channels": (32, 64, 128, 128),
    "num_attention_heads": (1, 2, 4, 4),
    "cross_attention_dim": 48,
    "addition_time_embed_dim": 32,
    "projection_class_embeddings_input_dim": 96,
}


class Bench:
    """Rows of (what, seconds, peak GB)."""

    def __init__(self, device: torch.device, runs: int) -> None:
        self.device, self.runs, self.rows = device, runs, []

    def __call__(self, what: str, call: Callable[[], Any], note: str = "") -> float:
        """The median of ``runs`` runs after a warm-up, in seconds."""
        cuda = self.device.type == "cuda"
        for _ in range(WARM if cuda else 1):
            call()
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        seconds = []
        for _ in range(self.runs):
            self._wait()
            begin = time.perf_counter()
            call()
            self._wait()
            seconds.append(time.perf_counter() - begin)
        middle = sorted(seconds)[len(seconds) // 2]
        row = {"what": what, "seconds": middle, "fastest": min(seconds)}
        if cuda:
            row["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
        self.rows.append(row)
        memory = f"  {row['peak_gb']:6.2f} GB" if cuda else ""
        print(f"{what:58s} {1e3 * middle:10.2f} ms{memory}  {note}", flush=True)
        return middle

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def splat_atomic(features: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """The usual way, for comparison: add every contribution where it lands, in whatever order threads arrive."""
    count, _, height, width = flow.shape
    channels = features.shape[1]
    targets, weights = corners(flow)
    table = torch.cat([features, features.new_ones(1, 1, height, width)], 1).flatten(2)[0].T
    sums = table.new_zeros(count * height * width, channels + 1)
    for corner in range(4):
        values = table * weights[:, corner, :, None]
        sums.index_add_(0, targets[:, corner].flatten(), values.flatten(0, 1))
    mean = sums[:, :channels] / (sums[:, channels:] + EPSILON)
    return mean.view(count, height, width, channels).permute(0, 3, 1, 2).contiguous()


def bench_splat(bench: Bench) -> None:
    """25 frames of 320 x 64 x 64 features, flow of a moving head: several pixels, and a crowded spot."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1, 320, 64, 64, generator=generator).to(bench.device)
    flow = torch.nn.functional.interpolate(3 * torch.randn(25, 2, 8, 8, generator=generator), (64, 64), mode="bilinear")
    flow = flow.to(bench.device)
    ours, theirs = splat_average(features, flow), splat_atomic(features, flow)
    hit = ours.abs().sum(1, keepdim=True) > 0
    difference = float(((ours - theirs).abs() * hit).max())
    same = all(torch.equal(splat_average(features, flow), ours) for _ in range(5))
    bench("splat, 25 x 320 x 64 x 64", lambda: splat_average(features, flow), f"same bits five times: {same}")
    bench(
        "  with atomic additions instead", lambda: splat_atomic(features, flow), f"largest difference {difference:.1e}"
    )


def bench_cmp(bench: Bench) -> None:
    """The picture's part (once per video) and the part of each frame."""
    net = CMP().to(bench.device)
    image = torch.rand(1, 3, SIZE, SIZE, device=bench.device)
    sparse, mask = (
        torch.zeros(1, 2, SIZE, SIZE, device=bench.device),
        torch.zeros(1, 2, SIZE, SIZE, device=bench.device),
    )
    sparse[..., ::40, ::40], mask[..., ::40, ::40] = 5.0, 1.0
    encoded = net.encode_image(image)
    bench("CMP, the picture", lambda: net.encode_image(image))
    bench("CMP, each frame", lambda: net.decode(encoded, sparse, mask))


def bench_nets(bench: Bench, options: argparse.Namespace, dtype: torch.dtype) -> None:
    """ControlNet and U-Net; one window, both guidance halves in one batch."""
    tiny = options.width == "tiny"
    config = TINY if tiny else ControlNetConfig()
    with bench.device:
        control = LandmarkControlNet(config).to(dtype)
        unet = MotionUNet.build(TINY_UNET if tiny else None).to(dtype)
    frames, size, small = options.frames, options.size, options.size // 8
    made = {"device": bench.device, "dtype": dtype}
    picture, pose = torch.rand(1, 3, size, size, **made) * 2 - 1, torch.rand(frames, 3, size, size, **made)
    flow = 5 * torch.randn(frames - 1, 2, size, size, device=bench.device)
    ids = torch.tensor([[6, 128, 0.02]] * 2, device=bench.device)
    step = (torch.randn(2, frames, 8, small, small, **made), 1.0, torch.randn(2, 1, config.context, **made), ids)
    appearance = control.encode_appearance(picture)
    ready = control.prepare(picture, flow, pose)
    residuals = control.step(*step, ready)

    what = f"{frames} frames at {size}"
    prepare = bench(f"ControlNet, once per video, {what}", lambda: control.prepare(picture, flow, pose))
    bench(
        "  frame by frame",
        lambda: [control.encode_frames(appearance, f[None], p[None]) for f, p in zip(flow, pose[1:], strict=True)],
    )
    cached = bench(f"ControlNet, each step, {what} x 2", lambda: control.step(*step, ready))
    plain = bench("  without the cache", lambda: control(*step, picture, flow, pose))
    network = bench(f"U-Net, each step, {what} x 2", lambda: unet(*step, residuals))
    half = (step[0][:1], step[1], step[2][:1], step[3][:1])
    one = control.step(*half, ready)
    bench("  one guidance half", lambda: unet(*half, one))
    for name, module in unet.named_modules():
        if name.endswith("attn2"):
            module.set_processor(AttnProcessor2_0())
    bench("  with ordinary cross-attention", lambda: unet(*step, residuals))

    with_cache = prepare + options.steps * (cached + network)
    without = options.steps * (plain + network)
    bench.rows.append({"what": "caching off / on", "ratio": without / with_cache, "steps": options.steps})
    print(
        f"\n{options.steps} steps of one window, from the rows above: {with_cache:.1f} s; "
        f"caching off: {without:.1f} s; ratio {without / with_cache:.2f}"
    )


def main() -> None:
    """Parse the command line, measure, print."""
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if cuda else "cpu")
    parser.add_argument("--dtype", default=None, choices=["float16", "bfloat16", "float32"])
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--width", choices=["full", "tiny"], default=None)
    parser.add_argument("--only", default="splat,cmp,nets")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = torch.device(options.device)
    on_gpu = device.type == "cuda"
    options.width = options.width or ("full" if on_gpu else "tiny")
    dtype = getattr(torch, options.dtype or ("float16" if on_gpu else "float32"))
    name = torch.cuda.get_device_name(device) if on_gpu else f"CPU, {torch.get_num_threads()} threads"
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{name}{load}; torch {torch.__version__}; {options.width} width, {dtype}; median of {RUNS} runs\n")
    bench = Bench(device, RUNS)
    parts = options.only.split(",")
    with torch.inference_mode():
        if "splat" in parts:
            bench_splat(bench)
        if "cmp" in parts:
            bench_cmp(bench)
        if "nets" in parts:
            bench_nets(bench, options, dtype)
    if options.json:
        options.json.write_text(json.dumps({"device": name, "torch": torch.__version__, "rows": bench.rows}, indent=1))


if __name__ == "__main__":
    main()
