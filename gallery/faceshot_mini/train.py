"""Train ``mini`` on drawings: ``python -m faceshot_mini.train --out runs/mini``.

Deterministic by seed (with the same number of threads), CPU or one GPU. Interrupt it at will: ``--resume`` goes on as
if nothing had happened. Writes ``log.jsonl`` (losses, errors) and, at every evaluation, ``checkpoint.pt``,
``curves.png`` and the folder ``published`` with the averaged weights and a model card. Real characters given with
``--characters`` are only measured, never learned from.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from faceshot_mini.data import DrawingStream
from faceshot_mini.evaluate import evaluate
from faceshot_mini.loss import correspondence_loss
from faceshot_mini.network import LAYER, PROMPT_TOKENS, SCHEDULER_CONFIG, UNET_CONFIG, UNSHUFFLE, build_unet, save
from faceshot_mini.report import draw_curves, model_card, read_log

logger = logging.getLogger("faceshot.mini")
#: Cells of other pictures that a batch's landmarks are told from.
POOL = 512


def attention_for(device: torch.device) -> AbstractContextManager[Any]:
    """The fastest attention to train with: on a CPU plain products, whose backward pass takes a third of the time."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


class Trainer:
    """Network, averaged copy, optimiser and step counter."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.args = args
        self.device = torch.device(args.device)
        self.unet = build_unet()
        torch.nn.Module.to(self.unet, self.device)
        torch.nn.Module.to(self.unet, memory_format=torch.channels_last)  # type: ignore[call-overload]
        width = UNET_CONFIG["cross_attention_dim"]
        self.prompt = torch.nn.Parameter(0.02 * torch.randn(1, PROMPT_TOKENS, width, device=self.device))
        self.log_temperature = torch.nn.Parameter(torch.tensor(math.log(0.07), device=self.device))
        self.parameters = [*self.unet.parameters(), self.prompt, self.log_temperature]
        self.average = [p.detach().clone() for p in self.parameters]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=args.lr, weight_decay=0.01, betas=(0.9, 0.98), fused=True
        )
        self.step = 0
        self.seconds = 0.0
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
        picks = torch.randint(len(images) * cells**2, (POOL,), generator=rng).to(self.device)
        rate = self.rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        to = self.device
        with torch.autocast(to.type, torch.bfloat16, enabled=self.args.bf16), attention_for(to):
            features, denoise = self.forward(torch.from_numpy(images).to(to), t, noise)
        temperature = self.log_temperature.clamp(math.log(0.02), math.log(0.3)).exp()
        matching, terms = correspondence_loss(
            features, torch.from_numpy(xy).to(to), torch.from_numpy(weight).to(to), size, temperature, picks
        )
        loss = self.args.match_weight * matching + self.args.denoise_weight * denoise
        self.optimizer.zero_grad(set_to_none=True)
        with attention_for(to):
            loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(self.args.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - keep)
        values = {name: float(term.detach()) for name, term in terms.items()}
        return values | {"denoise": float(denoise.detach()), "temperature": float(temperature.detach()), "lr": rate}

    def rate(self) -> float:
        """Learning rate: linear warm-up, constant, and linear to zero over the last ``--decay`` of the steps.

        A constant middle lets a run be prolonged (``--resume`` with more ``--steps``) without spoiling it.
        """
        warm = min(1.0, (self.step + 1) / 100)
        left = (self.args.steps - self.step) / max(1.0, self.args.decay * self.args.steps)
        return self.args.lr * warm * min(1.0, max(0.0, left))

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
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from :meth:`state`."""
        self.unet.load_state_dict(state["unet"])
        with torch.no_grad():
            self.prompt.copy_(state["prompt"])
            self.log_temperature.copy_(state["log_temperature"])
        self.average = [a.to(self.device) for a in state["average"]]
        self.optimizer.load_state_dict(state["optimizer"])
        for group in self.optimizer.param_groups:
            group["fused"] = True
        self.step = state["step"]
        self.seconds = state.get("seconds", 0.0)


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


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, log and published weights")
    parser.add_argument("--steps", type=int, default=15050, help="optimiser steps in all")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--decay", type=float, default=0.4, help="share of the steps in which the rate falls to zero")
    parser.add_argument("--match-weight", type=float, default=1.0, help="of the correspondence loss; 0 leaves it out")
    parser.add_argument("--denoise-weight", type=float, default=0.3, help="of the v-prediction; 0 leaves it out")
    parser.add_argument("--ema", type=float, default=0.998)
    parser.add_argument("--size", type=int, default=96, help="picture edge in pixels, a multiple of 16")
    parser.add_argument("--large-size", type=int, default=128, help="picture edge of the last part of the run")
    parser.add_argument("--large-from", type=float, default=0.8, help="share of the steps after which it starts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeat", type=float, default=3.0, help="how often a drawing is used, varied each time")
    parser.add_argument("--buffer", type=int, default=4096, help="drawings kept in memory")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 in the network, on a GPU or a CPU made for it")
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
    if args.resume and (args.out / "checkpoint.pt").exists():
        trainer.restore(torch.load(args.out / "checkpoint.pt", map_location=args.device, weights_only=True))
    stream = DrawingStream(
        seed=args.seed,
        batch=args.batch,
        repeat=args.repeat,
        buffer=args.buffer,
        workers=args.workers,
        held_out=held_out,
        start=trainer.step,
    )
    before = trainer.seconds
    started = time.perf_counter()
    batches = iter(stream)
    try:
        while trainer.step < args.steps:
            stream.size = args.large_size if trainer.step >= args.large_from * args.steps else args.size
            row: dict[str, Any] = dict(trainer.learn(*next(batches)))
            trainer.seconds = before + time.perf_counter() - started
            if trainer.step % 25 == 0 or trainer.step == args.steps:
                row |= {"step": trainer.step, "size": stream.size, "seconds": round(trainer.seconds, 1)}
                due = trainer.step % args.eval_every == 0 or trainer.step == args.steps
                if due:
                    row |= evaluate(trainer, args.large_size, held_out, args.characters)
                with (args.out / "log.jsonl").open("a") as log:
                    log.write(json.dumps(row) + "\n")
                if due:
                    keep(trainer, args.out)
                logger.info(" ".join(f"{k}={v:.4g}" for k, v in row.items()))
    except KeyboardInterrupt:
        logger.info("interrupted at step %d; go on with --resume", trainer.step)
        checkpoint(trainer, args.out)
    finally:
        stream.close()


def checkpoint(trainer: Trainer, folder: Path) -> None:
    """Write ``checkpoint.pt``, whole or not at all."""
    part = folder / "checkpoint.part"
    torch.save(trainer.state(), part)
    part.replace(folder / "checkpoint.pt")


def keep(trainer: Trainer, folder: Path) -> None:
    """Checkpoint, published weights, curves and model card."""
    checkpoint(trainer, folder)
    publish(trainer, folder / "published", trainer.args.large_size)
    rows = read_log(folder / "log.jsonl")
    draw_curves(rows, folder / "curves.png")
    (folder / "published" / "README.md").write_text(model_card(trainer.args, rows), encoding="utf-8")


if __name__ == "__main__":
    main()
