"""Speed, memory and exactness of the LivePortrait backend's networks, at full size with stand-in weights.

python benchmarks/liveportrait.py             # CPU: each network, seconds per frame, memory, PSNR to the plain loop
python benchmarks/liveportrait.py --gpu       # the same on a CUDA device, frames per second at 512x512
python benchmarks/liveportrait.py --quick     # one frame and one run of everything

"plain" is the eager float32 loop, one frame at a time, over the networks as published: nothing folded, nothing kept
between frames. Every configuration runs in a process of its own, so that memory is its own; speed does not depend on
the weights' values, and PSNR is between pixels of the same random weights.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from faceshot_liveportrait.engine import LivePortrait
from faceshot_liveportrait.frames import to_pixels
from faceshot_liveportrait.loading import FILES, build

#: name: dtype and speedup of the engine; None: the plain loop.
CPU_RUNS: dict[str, tuple[str, str] | None] = {
    "plain": None,
    "float32": ("float32", "none"),
    "auto": ("auto", "none"),
}
GPU_RUNS: dict[str, tuple[str, str] | None] = {
    "plain": None,
    "float32": ("float32", "none"),
    "bfloat16": ("bfloat16", "none"),
    "float16": ("float16", "none"),
    "float16 graph": ("float16", "graph"),
    "float16 compile": ("float16", "compile"),
}


def standin(kind: str) -> nn.Module:
    """The full-size network with seeded weights that keep activations near unit size."""
    generator = torch.Generator().manual_seed(sum(map(ord, kind)))
    with torch.device("meta"):
        network = build(kind)
    network = network.to_empty(device="cpu").requires_grad_(False)
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            value.zero_()
            continue
        value.normal_(generator=generator)
        if name.endswith("running_var"):
            value.abs_().mul_(0.1).add_(1)
        elif value.ndim >= 2:
            value.div_(math.sqrt(value[0].numel()))
        else:
            value.mul_(0.1).add_(1.0 if name.endswith("weight") else 0.0)
    for module in network.modules():
        if hasattr(module, "weight_u"):  # spectral norm: vectors that belong to the weight
            matrix = module.weight_orig.flatten(1)
            module.weight_v.copy_(nn.functional.normalize(matrix.T @ module.weight_u, dim=0))
            module.weight_u.copy_(nn.functional.normalize(matrix @ module.weight_v, dim=0))
    return network


def scene(frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """A crop (1, 3, 256, 256), x_s (1, 21, 3) and x_d (frames, 21, 3), no two alike."""
    generator = torch.Generator().manual_seed(0)
    crop = torch.rand(1, 3, 32, 32, generator=generator)
    crop = nn.functional.interpolate(crop, size=256, mode="bicubic", align_corners=False).clamp(0, 1)
    x_s = 0.3 * torch.randn(1, 21, 3, generator=generator)
    return crop, x_s, x_s + 0.05 * torch.randn(frames, 21, 3, generator=generator)


def best_ms(call: Callable[[], object], device: torch.device, runs: int) -> float:
    """Milliseconds of the fastest of ``runs`` calls after a warm-up one."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return 1000 * min(times[1:])


@torch.inference_mode()
def run_plain(device: torch.device, frames: int, runs: int) -> tuple[dict[str, float], np.ndarray]:
    """Times of the networks as published and of the eager loop, and its frames."""
    nets = {kind: standin(kind).to(device) for kind in FILES if kind != "stitching"}
    crop, x_s, x_d = (value.to(device) for value in scene(frames))
    volume = nets["appearance"](crop)
    feature = nets["warping"](volume, x_s, x_d[:1]).feature
    found = {
        "F ms": best_ms(lambda: nets["appearance"](crop), device, runs),
        "M ms": best_ms(lambda: nets["motion"](crop), device, runs),
        "W ms": best_ms(lambda: nets["warping"](volume, x_s, x_d[:1]), device, runs),
        "G ms": best_ms(lambda: nets["spade"](feature), device, runs),
    }
    start = time.perf_counter()
    pixels = [to_pixels(nets["spade"](nets["warping"](volume, x_s, one).feature)).cpu() for one in x_d.split(1)]
    found["s/frame"] = (time.perf_counter() - start) / frames
    return found, torch.cat(pixels).numpy()


def run_engine(
    device: torch.device, frames: int, runs: int, dtype: str, speedup: str, batch: int | None
) -> tuple[dict[str, object], np.ndarray]:
    """Times of W and G as rearranged, of the engine's frames, and the frames."""
    crop, x_s, x_d = scene(frames)
    nets = {kind: standin(kind) for kind in FILES}
    start = time.perf_counter()
    engine = LivePortrait.from_modules(**nets, device=str(device), dtype=dtype, speedup=speedup)  # type: ignore[arg-type]
    found: dict[str, object] = {"dtype": str(engine.dtype).removeprefix("torch.")}
    found["prepare s"] = time.perf_counter() - start
    del nets
    f_s = engine.appearance(crop)
    warping, spade = engine._frames._warping, engine._frames._spade
    with torch.inference_mode():
        source, one = warping.prepare(f_s, x_s.to(device)), x_d[:1].to(device)
        feature = warping(source, one)
        found["W ms"] = best_ms(lambda: warping(source, one), device, runs)
        found["G ms"] = best_ms(lambda: spade(feature), device, runs)
    found["estimate s/frame"] = engine.estimate(1)
    if device.type == "cuda":  # compiling, recording and choosing algorithms are not part of the speed
        list(engine.render(f_s, x_s, x_d, batch=batch))
    start = time.perf_counter()
    pixels = np.stack(list(engine.render(f_s, x_s, x_d, batch=batch)))
    found["s/frame"] = (time.perf_counter() - start) / frames
    return found, pixels


def part(arguments: argparse.Namespace, device: torch.device, setting: tuple[str, str] | None) -> None:
    """One configuration: its figures as JSON on the output, its frames in a file."""
    torch.manual_seed(0)
    if setting is None:
        found, pixels = run_plain(device, arguments.frames, arguments.runs)
    else:
        found, pixels = run_engine(device, arguments.frames, arguments.runs, *setting, arguments.batch)  # type: ignore[assignment]
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else _peak_rss()
    found["GB"] = peak / 1e9
    np.save(Path(arguments.into), pixels[: min(len(pixels), 8)])
    print(json.dumps(found))


def _peak_rss() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of uint8 pixels, in dB."""
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def compare(arguments: argparse.Namespace, names: dict[str, tuple[str, str] | None]) -> None:
    """Run every configuration in a process of its own and print what each measured."""
    plain: np.ndarray | None = None
    base = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            file = Path(folder) / "frames.npy"
            command = [sys.executable, __file__, "--part", name, "--into", str(file), *_passed(arguments)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"{name}: failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else '?'}")
                continue
            found = json.loads(done.stdout.strip().splitlines()[-1])
            frames = np.load(file)
            if plain is None:
                plain, base = frames, found["s/frame"]
            text = [f"{key} {value:.4g}" if isinstance(value, float) else f"{value}" for key, value in found.items()]
            text.append(f"{1 / found['s/frame']:.3g} frames/s, {base / found['s/frame']:.2f} x plain")
            if frames is not plain:
                worst = int(np.abs(frames.astype(int) - plain).max())
                text.append(f"PSNR to plain {psnr(frames, plain):.1f} dB, largest difference {worst} levels")
            print(f"{name}: " + "; ".join(text), flush=True)


def _passed(arguments: argparse.Namespace) -> list[str]:
    passed = ["--frames", str(arguments.frames), "--runs", str(arguments.runs)]
    passed += ["--batch", str(arguments.batch)] if arguments.batch else []
    return [*passed, *(["--gpu"] if arguments.gpu else [])]


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", action="store_true", help="measure a CUDA device instead of the CPU")
    parser.add_argument("--quick", action="store_true", help="one frame and one run of everything")
    parser.add_argument("--frames", type=int, help="frames per configuration (CPU: 3, GPU: 256)")
    parser.add_argument("--runs", type=int, help="runs per network (3)")
    parser.add_argument("--batch", type=int, help="frames at once (the engine's choice)")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--into", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.gpu and not torch.cuda.is_available():
        print("no CUDA device here: GPU figures were not measured")
        return
    arguments.frames = arguments.frames or (1 if arguments.quick else 256 if arguments.gpu else 3)
    arguments.runs = arguments.runs or (1 if arguments.quick else 3)
    names = GPU_RUNS if arguments.gpu else CPU_RUNS
    if arguments.part:
        part(arguments, torch.device("cuda" if arguments.gpu else "cpu"), names[arguments.part])
        return
    place = torch.cuda.get_device_name() if arguments.gpu else f"CPU, {torch.get_num_threads()} threads"
    print(f"{place}, torch {torch.__version__}, {arguments.frames} frames of 512x512, stand-in weights")
    compare(arguments, names)
    if not arguments.gpu and not torch.cuda.is_available():
        print("no CUDA device here: GPU figures were not measured")


if __name__ == "__main__":
    main()
