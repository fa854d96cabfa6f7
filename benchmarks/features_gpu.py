"""Diffusion features on a CUDA GPU at full size, with stand-in weights: one character, a gallery, memory, the ratio.

    python benchmarks/features_gpu.py [--device cuda] [--dtype float16] [--compile]

Stand-in weights have the names and shapes of Stable Diffusion 1.5, the IP-Adapter and CLIP ViT-H, and take the time of
the published ones. They are written to a temporary folder first (6 GB). Without a GPU this says so and ends.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from features import agreement, load, ours, plain, task

#: Peak memory of a character [GB], seconds of a character.
PEAK = 5.0
TARGETS = {"1 domain, n = 50": 0.20, "5 domains, n = 50": 0.35, "1 domain, n = 10": 0.10, "5 domains, n = 10": 0.10}


def timed(run: Callable[[], Any], repeat: int = 5) -> tuple[float, float, Any]:
    """Median seconds of a warm run, peak GPU memory [GB] of all, and the result."""
    import torch

    for _ in range(3):  # the second call of a shape records its graph
        result = run()
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(repeat):
        begin = time.perf_counter()
        result = run()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begin)
    return float(np.median(seconds)), torch.cuda.max_memory_reserved() / 1e9, result


def row(name: str, seconds: float, gigabytes: float, limit: float | None = None) -> None:
    verdict = "" if limit is None else f"   limit {limit:.2f} s: {'met' if seconds < limit else 'MISSED'}"
    print(f"  {name:44s} {seconds:8.3f} s   {gigabytes:5.2f} GB{verdict}", flush=True)


def characters(device: str, dtype: str) -> dict[str, np.ndarray]:
    """One picture under the prompts of its domains, features and raw matches; and a picture with its mirror image."""
    import torch

    found: dict[str, np.ndarray] = {}
    peaks: list[float] = []
    for steps in (50, 10):
        found |= _character(load(f"sd15:steps={steps}", device, dtype), steps, peaks)
        torch.cuda.empty_cache()
    print(f"  peak memory of these: {max(peaks):.2f} GB   limit {PEAK:.0f}: {'met' if max(peaks) < PEAK else 'MISSED'}")
    return found


def _character(extractor: Any, steps: int, peaks: list[float]) -> dict[str, np.ndarray]:
    import torch

    found = {}
    extractor.embed(np.repeat(task(1, 1)[0], 6, 0))  # CLIP stays on the device, so its memory counts
    for domains in (1, 5):
        data = task(1280, 1024, domains)
        name = f"{domains} domain{'s' * (domains > 1)}, n = {steps}"
        seconds, gigabytes, found[name] = timed(partial(ours, extractor, *data))
        row(f"one character, {name}", seconds, gigabytes, TARGETS[name])
        peaks.append(gigabytes)
        pair = np.concatenate([data[0], data[0][:, :, ::-1]])
        seconds, gigabytes, _ = timed(partial(extractor.features_under, pair, torch.from_numpy(data[1])))
        row(f"  with its mirror image, {name}", seconds, gigabytes)
        peaks.append(gigabytes)
    if steps == 50:
        network, extractor.network = extractor.network, None
        seconds, gigabytes, _ = timed(partial(ours, extractor, *task(1280, 1024, 1)))
        row("  the same without CUDA graphs, 1 domain, n = 50", seconds, gigabytes)
        extractor.network = network
    return found


def embeddings(device: str, dtype: str) -> None:
    """The six CLIP embeddings of a character: five parts and the whole."""
    extractor = load("sd15-fast", device, dtype)
    pictures = np.repeat(task(1, 1)[0], 6, 0)
    seconds, gigabytes, _ = timed(lambda: extractor.embed(pictures))
    row("  six CLIP embeddings", seconds, gigabytes)


def low_vram(device: str, dtype: str) -> None:
    import torch

    torch.cuda.empty_cache()
    extractor = load("sd15", device, dtype, low_vram=True)
    data = task(1280, 1024, 1)
    seconds, gigabytes, _ = timed(lambda: ours(extractor, *data), 2)
    row("  --low-vram, 1 domain, n = 50", seconds, gigabytes)


def compiled(device: str, dtype: str) -> None:
    """Whether torch.compile would pay: the first calls include the compilation."""
    import torch

    extractor = load("sd15", device, dtype)
    extractor.network = None
    extractor.unet.forward = torch.compile(extractor.unet.forward, mode="max-autotune-no-cudagraphs")
    data = task(1280, 1024, 1)
    begin = time.perf_counter()
    try:
        ours(extractor, *data)
    except Exception as error:  # noqa: BLE001  a compiler may fail in any way, and this row is a question, not a promise
        print(f"  torch.compile fails: {str(error).splitlines()[0]}")
        return
    first = time.perf_counter() - begin
    seconds, gigabytes, _ = timed(lambda: ours(extractor, *data))
    row(f"  torch.compile ({first:.0f} s to compile), 1 domain, n = 50", seconds, gigabytes)


def gallery(device: str, dtype: str, root: Path) -> None:
    """Fourteen domains of ten pictures from the shipped gallery, embeddings and features, n = 50."""
    import torch

    from faceshot.gallery import list_domains, obtain_all

    domains = [domain for domain in list_domains("shipped") if len(domain.pictures) >= 10][:14]
    extractor = load("sd15", device, dtype)
    torch.cuda.reset_peak_memory_stats()
    begin = time.perf_counter()
    obtain_all(domains, extractor, cache_dir=root / "cache")
    torch.cuda.synchronize()
    pictures = sum(len(domain.pictures) for domain in domains)
    seconds, gigabytes = time.perf_counter() - begin, torch.cuda.max_memory_reserved() / 1e9
    row(f"gallery of {len(domains)} domains, {pictures} pictures, n = 50", seconds, gigabytes, 60.0)


def whole(device: str, dtype: Any, root: Path) -> None:
    """What `faceshot match --box` does once the gallery is there: CLIP scores, both looks, matching, shape."""
    from faceshot.landmarks import Picture
    from faceshot.matching import Matcher

    matcher = Matcher(
        "sd15",
        galleries=["shipped"],
        device=device,
        dtype=dtype,
        cache_dir=root / "cache",
        offline=True,
    )
    picture = Picture(task(1, 1)[0][0])
    low, high = 0.2 * picture.size.width, 0.8 * picture.size.width
    seconds, gigabytes, _ = timed(lambda: matcher.match(picture, box=(low, low, high, high)), 3)
    row("  a whole match, n = 50 (one or two looks)", seconds, gigabytes)


def ratio(device: str, matches: np.ndarray) -> None:
    """The plain implementation: batch 1, the whole network, float32, a 512x512 map of 1280 channels."""
    import torch

    torch.cuda.empty_cache()
    extractor = load("sd15", device, "float32")
    data = task(1280, 1024, 5)
    seconds, gigabytes, theirs = timed(lambda: plain(extractor, *data), 1)
    row("plain implementation, 5 domains, n = 50", seconds, gigabytes)
    mine = ours(extractor, *data)
    close = float((np.abs(matches - theirs).max(-1) <= 16).mean())
    print(f"  the same matches within a pixel, float32: {agreement(mine, theirs, 32):.1%}")
    print(f"  half precision against that, within a feature cell: {close:.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", default="float16", choices=["float16", "bfloat16"])
    parser.add_argument("--compile", action="store_true", help="also try torch.compile (minutes)")
    options = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        print("no CUDA GPU here: nothing is measured; run this where there is one")
        return
    print(f"{torch.cuda.get_device_name(options.device)}, torch {torch.__version__}, {options.dtype}, stand-in weights")
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory(prefix="faceshot-bench-") as folder:
        os.environ["FACESHOT_WEIGHTS"] = folder
        script = Path(__file__).with_name("features.py")
        subprocess.run([sys.executable, str(script), "--row", "write", "full"], check=True, stdout=subprocess.DEVNULL)
        matches = characters(options.device, options.dtype)
        embeddings(options.device, options.dtype)
        low_vram(options.device, options.dtype)
        gallery(options.device, options.dtype, Path(folder))
        whole(options.device, options.dtype, Path(folder))
        if options.compile:
            compiled(options.device, options.dtype)
        ratio(options.device, matches["5 domains, n = 50"])


if __name__ == "__main__":
    main()
