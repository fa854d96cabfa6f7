"""Train ``mini`` on drawings: ``python -m faceshot_mini.train --out runs/mini --steps 2000``.

Deterministic by seed, resumable (``--resume``), CPU or one GPU. Writes ``log.jsonl`` (losses, errors) and, at every
evaluation, a checkpoint and the published layout of the averaged weights. Real characters given with ``--characters``
are only measured, never learned from.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from faceshot_mini.data import DrawingStream
from faceshot_mini.loss import correspondence_loss
from faceshot_mini.network import LAYER, PROMPT_TOKENS, SCHEDULER_CONFIG, UNET_CONFIG, UNSHUFFLE, build_unet, save

logger = logging.getLogger("faceshot.mini")


class Trainer:
    """Network, averaged copy, optimiser and step counter."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.args = args
        self.device = torch.device(args.device)
        self.unet = build_unet()
        torch.nn.Module.to(self.unet, self.device)
        width = UNET_CONFIG["cross_attention_dim"]
        self.prompt = torch.nn.Parameter(0.02 * torch.randn(1, PROMPT_TOKENS, width, device=self.device))
        self.log_temperature = torch.nn.Parameter(torch.tensor(math.log(0.07), device=self.device))
        self.parameters = [*self.unet.parameters(), self.prompt, self.log_temperature]
        self.average = [p.detach().clone() for p in self.parameters]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=args.lr, weight_decay=0.01, betas=(0.9, 0.98))
        self.step = 0
        self.features: torch.Tensor | None = None
        self.unet.get_submodule(LAYER).register_forward_hook(self._keep)
        betas = torch.linspace(SCHEDULER_CONFIG["beta_start"] ** 0.5, SCHEDULER_CONFIG["beta_end"] ** 0.5, 1000) ** 2
        self.alphas = torch.cumprod(1 - betas, 0).to(self.device)

    def _keep(self, _module: torch.nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        self.features = output

    def forward(self, images: torch.Tensor, t: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (B, C, h, w) and the v-prediction's mean squared error, for uint8 pictures (B, H, W, 3)."""
        x0 = torch.nn.functional.pixel_unshuffle(images.permute(0, 3, 1, 2).float() / 127.5 - 1, UNSHUFFLE)
        a = self.alphas[t].view(-1, 1, 1, 1)
        z = a.sqrt() * x0 + (1 - a).sqrt() * noise
        v = a.sqrt() * noise - (1 - a).sqrt() * x0
        predicted = self.unet(z, t, self.prompt.expand(len(z), -1, -1)).sample
        assert self.features is not None
        return self.features, torch.nn.functional.mse_loss(predicted, v)

    def learn(self, images: np.ndarray, xy: np.ndarray, weight: np.ndarray) -> dict[str, float]:
        """One optimiser step; returns the loss terms."""
        rng = torch.Generator().manual_seed(self.args.seed * 1_000_003 + self.step)
        size = images.shape[1]
        low = torch.rand(len(images), generator=rng) < 0.6
        t = torch.where(
            low, torch.randint(42, (len(images),), generator=rng), torch.randint(250, (len(images),), generator=rng)
        ).to(self.device)
        cells = size // UNSHUFFLE
        noise = torch.randn(len(images), 48, cells, cells, generator=rng).to(self.device)
        rate = self.rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        to = self.device
        with torch.autocast(to.type, torch.bfloat16, enabled=self.args.bf16):
            features, denoise = self.forward(torch.from_numpy(images).to(to), t, noise)
        temperature = self.log_temperature.clamp(math.log(0.02), math.log(0.3)).exp()
        matching, terms = correspondence_loss(
            features, torch.from_numpy(xy).to(to), torch.from_numpy(weight).to(to), size, temperature
        )
        loss = matching + 0.3 * denoise
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(self.args.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - keep)
        values = {name: float(term.detach()) for name, term in terms.items()}
        return values | {"denoise": float(denoise.detach()), "temperature": float(temperature.detach()), "lr": rate}

    def rate(self) -> float:
        """Learning rate: linear warm-up, then a cosine to zero."""
        warm = min(1.0, (self.step + 1) / 100)
        return self.args.lr * warm * 0.5 * (1 + math.cos(math.pi * min(1.0, self.step / self.args.steps)))

    def swap(self) -> None:
        """Exchange the learned and the averaged weights (call twice around an evaluation)."""
        with torch.no_grad():
            for p, a in zip(self.parameters, self.average, strict=True):
                kept = p.detach().clone()
                p.copy_(a)
                a.copy_(kept)

    def state(self) -> dict[str, Any]:
        """Everything a resumed run needs."""
        return {
            "unet": self.unet.state_dict(),
            "prompt": self.prompt.detach(),
            "log_temperature": self.log_temperature.detach(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from :meth:`state`."""
        self.unet.load_state_dict(state["unet"])
        with torch.no_grad():
            self.prompt.copy_(state["prompt"])
            self.log_temperature.copy_(state["log_temperature"])
        self.average = [a.to(self.device) for a in state["average"]]
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]


def publish(trainer: Trainer, folder: Path, size: int) -> None:
    """Write the averaged weights in the layout the preset ``mini`` loads."""
    trainer.swap()
    settings = {
        "image_size": size,
        "layer": LAYER,
        "encoder": f"pixel-unshuffle:{UNSHUFFLE}",
        "mode": "clean",
        "t": 0,
        "temperature": round(float(trainer.log_temperature.detach().exp()), 4),
        "steps_trained": trainer.step,
        "seed": trainer.args.seed,
    }
    save(folder, trainer.unet, trainer.prompt, settings)
    trainer.swap()


@torch.no_grad()
def raw_error(
    trainer: Trainer, queries: list[tuple[np.ndarray, np.ndarray, np.ndarray]], vectors: torch.Tensor
) -> float:
    """Mean box NME (percent) of plain best matches, without any shape prior, on (rgb, xy, visible) of one size."""
    errors = []
    for rgb, xy, visible in queries:
        unit = torch.nn.functional.normalize(features_of(trainer, rgb[None]), dim=1)
        size = rgb.shape[0]
        scores = torch.nn.functional.interpolate(
            (vectors @ unit[0].flatten(1)).view(1, 68, *unit.shape[2:]), size=(size, size), mode="bilinear"
        )
        best = scores[0].flatten(1).argmax(1).cpu().numpy()
        found = np.stack([best % size, best // size], 1)
        box = math.sqrt(np.prod(np.ptp(xy[visible], axis=0)))
        errors.append(100 * np.linalg.norm(found - xy, axis=1)[visible].mean() / box)
    return float(np.mean(errors))


@torch.no_grad()
def features_of(trainer: Trainer, images: np.ndarray) -> torch.Tensor:
    """Features of clean pictures, as the preset uses them."""
    clean = torch.zeros(len(images), dtype=torch.long, device=trainer.device)
    cells = images.shape[1] // UNSHUFFLE
    trainer.forward(
        torch.from_numpy(images).to(trainer.device),
        clean,
        torch.zeros(len(images), 48, cells, cells, device=trainer.device),
    )
    assert trainer.features is not None
    return trainer.features.float()


def drawn_queries(
    seed: int, count: int, size: int, domains: tuple[str, ...]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Drawings to measure on, of seeds training never uses."""
    from faceshot_gallery.illustrator import sample

    rows = []
    for k in range(count):
        drawing = sample(2**31 + seed * 100_000 + k, size=size, domain=domains[k % len(domains)])
        rows.append((drawing.rgb, drawing.landmarks.xy, drawing.landmarks.visible))
    return rows


def real_queries(folder: Path, size: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The development characters in ``folder`` (pictures and ``landmarks.json``), for measuring only."""
    import cv2

    from faceshot.image import read_picture
    from faceshot.topology import PART_POINTS

    data = json.loads((folder / "landmarks.json").read_text())
    rows = []
    for name, entry in data["characters"].items():
        rgb = read_picture(folder / "images" / f"{name}.png").flat()
        xy = (np.asarray(entry["points"]) + 0.5) * size / rgb.shape[0] - 0.5
        visible = np.zeros(68, bool)
        for part, indices in PART_POINTS.items():
            visible[list(indices)] = entry["visible"][part]
        rows.append((cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA), xy, visible))
    return rows


def evaluate(trainer: Trainer, size: int, held_out: tuple[str, ...], characters: Path | None) -> dict[str, float]:
    """Raw-match errors with vectors from fresh drawings of the trained kinds."""
    from faceshot_gallery.illustrator import DOMAINS

    trained = tuple(domain for domain in DOMAINS if domain not in held_out)
    trainer.swap()
    trainer.unet.eval()
    gallery = drawn_queries(1, 96, size, trained)
    features = features_of(trainer, np.stack([rgb for rgb, _, _ in gallery]))
    from faceshot_mini.loss import sample_cells

    xy = torch.from_numpy(np.stack([points for _, points, _ in gallery]).astype(np.float32)).to(trainer.device)
    seen = torch.from_numpy(np.stack([visible for _, _, visible in gallery])).to(trainer.device)
    unit = torch.nn.functional.normalize(sample_cells(torch.nn.functional.normalize(features, dim=1), xy, size), dim=-1)
    vectors = torch.nn.functional.normalize((unit * seen[..., None]).sum(0), dim=-1)
    report = {"drawn": raw_error(trainer, drawn_queries(2, 48, size, trained), vectors)}
    if held_out:
        report["held_out"] = raw_error(trainer, drawn_queries(3, 32, size, held_out), vectors)
    if characters is not None:
        report["characters"] = raw_error(trainer, real_queries(characters, size), vectors)
    trainer.unet.train()
    trainer.swap()
    return report


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, log and published weights")
    parser.add_argument("--steps", type=int, default=2000, help="optimiser steps in all")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1.2e-3)
    parser.add_argument("--ema", type=float, default=0.998)
    parser.add_argument("--size", type=int, default=96, help="picture edge in pixels, a multiple of 16")
    parser.add_argument("--large-size", type=int, default=128, help="picture edge of the last part of the run")
    parser.add_argument("--large-from", type=float, default=0.75, help="share of the steps after which it starts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeat", type=float, default=3.0, help="how often a drawing is used, varied each time")
    parser.add_argument("--buffer", type=int, default=4096, help="drawings kept in memory")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 arithmetic in the network (GPU)")
    parser.add_argument("--held-out", default="", help="comma-separated drawn kinds never trained on")
    parser.add_argument("--characters", type=Path, help="folder of real characters, measured at every evaluation")
    parser.add_argument("--eval-every", type=int, default=250)
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Train until ``--steps``; interrupt and ``--resume`` at will."""
    args = parse(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args.out.mkdir(parents=True, exist_ok=True)
    held_out = tuple(name for name in args.held_out.split(",") if name)
    trainer = Trainer(args)
    checkpoint = args.out / "checkpoint.pt"
    if args.resume and checkpoint.exists():
        trainer.restore(torch.load(checkpoint, map_location=args.device, weights_only=True))
    stream = DrawingStream(
        seed=args.seed,
        batch=args.batch,
        repeat=args.repeat,
        buffer=args.buffer,
        workers=args.workers,
        held_out=held_out,
        start=trainer.step,
    )
    started = time.perf_counter()
    batches = iter(stream)
    with (args.out / "log.jsonl").open("a") as log:
        while trainer.step < args.steps:
            stream.size = args.large_size if trainer.step >= args.large_from * args.steps else args.size
            row: dict[str, Any] = dict(trainer.learn(*next(batches)))
            if trainer.step % 25 == 0:
                row |= {"step": trainer.step, "seconds": round(time.perf_counter() - started, 1)}
                if trainer.step % args.eval_every == 0 or trainer.step == args.steps:
                    row |= evaluate(trainer, args.large_size, held_out, args.characters)
                    part = checkpoint.with_suffix(".part")
                    torch.save(trainer.state(), part)
                    part.replace(checkpoint)
                    publish(trainer, args.out / "published", args.large_size)
                log.write(json.dumps(row) + "\n")
                log.flush()
                logger.info(" ".join(f"{k}={v:.4g}" for k, v in row.items()))
    stream.close()


if __name__ == "__main__":
    main()
