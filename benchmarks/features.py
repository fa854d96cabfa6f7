"""Diffusion features on a CPU: ours against a plain implementation of the same arithmetic, and at full size.

    python benchmarks/features.py            the ratio, at a tenth of Stable Diffusion's width
    python benchmarks/features.py --full     Stable Diffusion 1.5 at full size, n = 10, seconds and memory

Weights are stand-ins of the right names and shapes: published ones take the same time. Each row is a process of its
own, so that its peak memory is its own. Nothing is fetched.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

REPO = Path(__file__).resolve().parents[1]
#: Selected domains, landmarks of each, side of the score maps [px], side of the picture in the small task [px].
DOMAINS, POINTS, SIDE, SMALL_SIDE = 5, 68, 512, 256
FULL_UNET: dict[str, Any] = {"block_out_channels": (320, 640, 1280, 1280), "cross_attention_dim": 768}
SMALL_UNET: dict[str, Any] = {"block_out_channels": (32, 64, 128, 128), "cross_attention_dim": 32}
FULL_VAE, SMALL_VAE = (128, 256, 512, 512), (32, 32, 64, 64)


# Stand-in models, in the layout of the published folders.


def write_standin(root: Path, *, full: bool, dtype: str = "float32") -> None:
    """Stable Diffusion 1.5, the IP-Adapter and CLIP ViT-H with random weights, as a weights folder (``root``)."""
    import torch

    torch.manual_seed(0)
    kind = getattr(torch, dtype)
    model, adapter = root / "stable-diffusion-v1-5", root / "IP-Adapter" / "models"
    unet = _unet(FULL_UNET if full else SMALL_UNET)
    width = 1024 if full else 64
    state = _adapter(unet, width)
    unet.to(kind).save_pretrained(model / "unet")
    del unet
    _vae(FULL_VAE if full else SMALL_VAE).to(kind).save_pretrained(model / "vae")
    (model / "scheduler").mkdir()
    from faceshot.models import SCHEDULER

    (model / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    from safetensors.torch import save_file

    text = FULL_UNET if full else SMALL_UNET
    save_file({"prompt_embeds": torch.randn(1, 77, text["cross_attention_dim"])}, model / "prompt.safetensors")
    adapter.mkdir(parents=True)
    save_file(state, adapter / "ip-adapter_sd15.safetensors")
    _clip(full, width).to(kind).save_pretrained(adapter / "image_encoder")


def _unet(sizes: dict[str, Any]) -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return UNet2DConditionModel(attention_head_dim=8, sample_size=64, **sizes).eval()


def _vae(channels: tuple[int, ...]) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        scaling_factor=0.18215,
    ).eval()


def _clip(full: bool, width: int) -> Any:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    if full:
        sizes = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16}
    config = CLIPVisionConfig(patch_size=14, projection_dim=width, hidden_act="gelu", **sizes)  # type: ignore[arg-type]
    return CLIPVisionModelWithProjection(config).eval()


def _adapter(unet: Any, width: int) -> dict[str, Any]:
    import torch

    text = unet.config.cross_attention_dim
    state = {
        "image_proj.proj.weight": torch.randn(4 * text, width) / width**0.5,
        "image_proj.proj.bias": torch.zeros(4 * text),
        "image_proj.norm.weight": torch.ones(text),
        "image_proj.norm.bias": torch.zeros(text),
    }
    names = [name for name in unet.attn_processors if not name.endswith("attn1.processor")]
    for i, name in enumerate(names):
        out = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        for key in ("to_k_ip", "to_v_ip"):
            state[f"ip_adapter.{2 * i + 1}.{key}.weight"] = torch.randn(out, text) / text**0.5
    return state


# The task: one picture, seen under the image prompt of each selected domain, matched with the domain's 68 vectors.


def task(
    channels: int, width: int, domains: int = DOMAINS, side: int = SIDE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture (1, ``side``, ``side``, 3), image prompts (P, D), target vectors (P, 68, C)."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    prompts = rng.standard_normal((domains, width)).astype(np.float32)
    return picture, prompts, rng.standard_normal((domains, POINTS, channels)).astype(np.float32)


def plain(extractor: Any, picture: np.ndarray, prompts: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The same arithmetic as simply as it can be written: one domain after the other, the whole network at every
    call, a 512x512 map of all channels, normalised, multiplied with the vectors. (P, 68, 2) raw matches."""
    import torch
    from diffusers.schedulers.scheduling_ddim_inverse import DDIMInverseScheduler
    from torch.nn.functional import interpolate, normalize

    from faceshot.models import SCHEDULER, adapter_scale

    unet, preset, device = extractor.unet, extractor.preset, extractor.device
    scheduler = DDIMInverseScheduler.from_config({**SCHEDULER, "clip_sample": False})
    scheduler.set_timesteps(preset.steps)
    adapter_scale(unet, 1.0)
    kept: dict[str, Any] = {}
    hook = unet.get_submodule(preset.layer).register_forward_hook(lambda _m, _i, out: kept.update(feature=out))
    found = []
    with torch.no_grad(), extractor.vae.use() as vae:
        for prompt, targets in zip(prompts, vectors, strict=True):
            pixels = torch.from_numpy(picture).to(device).permute(0, 3, 1, 2).to(vae.dtype) / 127.5 - 1
            z = vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor
            added = {"image_embeds": [torch.from_numpy(prompt).to(device, z.dtype)[None, None]]}
            for t in scheduler.timesteps:
                noise = unet(z, t, extractor.prompt_embeds, added_cond_kwargs=added).sample
                if t == preset.t:
                    break
                z = scheduler.step(noise, t, z).prev_sample
            fine = normalize(interpolate(kept["feature"].float(), (SIDE, SIDE), mode="bilinear"), dim=1)[0]
            scores = torch.einsum("nc,chw->nhw", torch.from_numpy(targets).to(device), fine).flatten(1)
            best = scores.argmax(1).cpu().numpy()
            found.append(np.stack([best % SIDE, best // SIDE], 1))
    hook.remove()
    return np.stack(found)


def ours(extractor: Any, picture: np.ndarray, prompts: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The same through what the matcher uses."""
    import torch

    from faceshot.features import best_matches
    from faceshot.landmarks import Size

    maps = extractor.features_under(picture, torch.from_numpy(prompts))[:, 0].float().cpu().numpy()
    if extractor.device.startswith("cuda"):
        from faceshot.features import match_points

        pairs = zip(maps, vectors, strict=True)
        return np.stack([match_points(f, v, Size(SIDE, SIDE), extractor.device)[0] for f, v in pairs])
    return np.stack([best_matches(f, v, Size(SIDE, SIDE))[0] for f, v in zip(maps, vectors, strict=True)])


def agreement(one: np.ndarray, other: np.ndarray, cells: int) -> float:
    """Share of matches (..., 2) within one pixel of each other. Beyond the outermost cell centres the upsampled map is
    constant, and rounding decides which of those pixels is the largest; there only the cell counts."""
    edge = SIDE / cells / 2
    one, other = (np.clip(each, edge, SIDE - 1 - edge) for each in (one, other))
    return float((np.abs(one - other).max(-1) <= 1).mean())


def load(preset: str, device: str = "cpu", dtype: str = "auto", low_vram: bool = False) -> Any:
    """An extractor on the stand-in of FACESHOT_WEIGHTS."""
    from faceshot.features import FeatureExtractor

    return FeatureExtractor.from_preset(preset, device=device, dtype=dtype, low_vram=low_vram, offline=True)  # type: ignore[arg-type]


# Rows, each in a process of its own.


def peak_gb() -> float:
    """The most memory this process ever had [GB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def row_write(full: bool) -> dict[str, Any]:
    write_standin(Path(os.environ["FACESHOT_WEIGHTS"]), full=full)
    return {}


def row_small(way: str) -> dict[str, Any]:
    """One way of doing the task."""
    extractor = load(f"sd15:steps=10,image_size={SMALL_SIDE}")
    data = task(128, 64, side=SMALL_SIDE)
    run = {"plain": plain, "ours": ours}[way]
    run(extractor, *(each[:1] for each in data))  # one domain, so that nothing is done for the first time below
    begin = time.perf_counter()
    cpu = time.process_time()
    matches = run(extractor, *data)
    return {
        "seconds": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu,
        "peak_gb": peak_gb(),
        "matches": matches.tolist(),
    }


def row_full(dtype: str) -> dict[str, Any]:
    """Everything a character needs at full size: six CLIP embeddings, the VAE, one inversion with n = 10."""
    import torch

    from faceshot.features import loading_seconds

    times: dict[str, float] = {}
    root = Path(os.environ["FACESHOT_WEIGHTS"])
    files = {file: "CLIP" if "image_encoder" in file.parts else "model" for file in root.rglob("*.safetensors")}
    reading = {part: loading_seconds([file for file in files if files[file] == part]) for part in ("model", "CLIP")}
    begin = time.perf_counter()
    extractor = load("sd15-fast", dtype=dtype)
    times["load"] = time.perf_counter() - begin
    picture, prompts, _ = task(1280, 1024, domains=1)
    work = extractor.work(1, embeds=6)
    with extractor.session():  # as a match has it: CLIP stays beside the U-Net, which is where memory is highest
        begin = time.perf_counter()
        extractor.embed(np.repeat(picture[:, :224, :224], 6, 0))
        times["embed"] = time.perf_counter() - begin
        begin = time.perf_counter()
        latents = extractor.encode(picture)
        times["encode"] = time.perf_counter() - begin
        begin = time.perf_counter()
        features = extractor.features_of_latents(latents, image_embeds=torch.from_numpy(prompts[0]))
        times["features"] = time.perf_counter() - begin
    assert features.shape == (1, 1280, 32, 32) and features.isfinite().all()
    return {"times": times, "peak_gb": peak_gb(), "reading": reading, "estimate": work[0] + reading["CLIP"]}


def child(*arguments: str, weights: Path) -> dict[str, Any]:
    """A row in a fresh process; what it measured."""
    command = [sys.executable, str(Path(__file__).resolve()), "--row", *arguments]
    environment = {**os.environ, "FACESHOT_WEIGHTS": str(weights), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=REPO)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def ratio(weights: Path) -> None:
    child("write", "small", weights=weights)
    rows = {way: child("small", way, weights=weights) for way in ("plain", "ours")}
    same = agreement(*(np.array(rows[way].pop("matches")) for way in ("plain", "ours")), cells=SMALL_SIDE // 16)
    if same < 0.99:
        raise SystemExit(f"the two find the same points in {same:.1%} of the cases only")
    channels = SMALL_UNET["block_out_channels"]
    print(f"one picture under {DOMAINS} domains, n = 10, {SIDE}x{SIDE} score maps, U-Net {channels}, float32:")
    for way, row in rows.items():
        print(f"  {way:6s} {row['seconds']:8.2f} s   {row['cpu']:8.2f} s of processor   peak {row['peak_gb']:5.2f} GB")
    seconds, cpu, peak = (rows["plain"][key] / rows["ours"][key] for key in ("seconds", "cpu", "peak_gb"))
    print(f"  ratio  {seconds:8.2f} x   {cpu:8.2f} x                {peak:10.2f} x")
    print(f"  the same matches within a pixel: {same:.1%} of {DOMAINS * POINTS}")


def full(weights: Path, dtype: str) -> None:
    child("write", "full", weights=weights)
    row = child("full", dtype, weights=weights)
    times = row["times"]
    work = {"embed": 6 * 167, "encode": 558, "features": 1424}
    print(f"Stable Diffusion 1.5 at full size with stand-in weights, {dtype}, n = 10:")
    print(f"  load               {times['load']:8.1f} s")
    for name, gmacs in work.items():
        print(f"  {name:10s} {gmacs:5d} GMAC {times[name]:8.1f} s   {gmacs / times[name]:6.1f} GMAC/s")
    total = sum(seconds for name, seconds in times.items() if name != "load")
    print(
        f"  announced: load {row['reading']['model']:.0f} s (took {times['load']:.0f}; imports are not reckoned), ",
        end="",
    )
    print(f"the rest {row['estimate']:.0f} s (took {total:.0f})")
    print(f"  peak memory {row['peak_gb']:.1f} GB (limit 10)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="measure Stable Diffusion's own size (10 GB, minutes)")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"], help="of --full")
    parser.add_argument("--row", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        kind, what = options.row
        made = {"write": lambda: row_write(what == "full"), "small": lambda: row_small(what)}
        print(json.dumps((made | {"full": lambda: row_full(what)})[kind]()))
        return
    load_now = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        f"{os.cpu_count()} cores{load_now}, {platform.machine()}, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}"
    )
    with tempfile.TemporaryDirectory(prefix="faceshot-bench-") as folder:
        if options.full:
            full(Path(folder), options.dtype)
        else:
            ratio(Path(folder))


if __name__ == "__main__":
    main()
