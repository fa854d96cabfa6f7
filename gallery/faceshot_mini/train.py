"""Train ``mini`` on drawings: ``python -m faceshot_mini.train --out runs/mini``.

Deterministic by seed (with the same number of threads), CPU or one GPU. Interrupt it at will: ``--resume`` goes on as
if nothing had happened. ``--init`` continues from published weights with a fresh optimiser, ``--minutes`` bounds the
run by the clock (the rate then falls with the time used, and no two runs are alike). Writes ``log.jsonl`` (losses,
errors) and, at every evaluation, ``checkpoint.pt``, ``curves.png`` and the folder ``published`` with the averaged
weights and a model card. Real characters given with
``--characters`` are only measured, never learned from.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from faceshot_mini.data import DrawingStream
from faceshot_mini.evaluate import evaluate
from faceshot_mini.loss import correspondence_loss
from faceshot_mini.network import (
    LAYER,
    PROMPT,
    PROMPT_TOKENS,
    SCHEDULER_CONFIG,
    UNET_CONFIG,
    UNSHUFFLE,
    WEIGHTS,
    build_unet,
    save,
    split,
)
from faceshot_mini.report import draw_curves, model_card, read_log

logger = logging.getLogger("faceshot.mini")
#: Cells of other pictures that a batch's landmarks are told from.
POOL = 512
#: Steps without a finite gradient, one after another, that end a run.
LOST = 10


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
        if args.init is not None:
            self.begin_from(args.init)
        self.average = [p.detach().clone() for p in self.parameters]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=args.lr, weight_decay=0.01, betas=(0.9, 0.98), fused=True
        )
        self.step = 0
        self.seconds = 0.0
        self.lost = 0
        self.features: torch.Tensor | None = None
        self.unet.get_submodule(LAYER).register_forward_hook(self._keep)
        betas = torch.linspace(SCHEDULER_CONFIG["beta_start"] ** 0.5, SCHEDULER_CONFIG["beta_end"] ** 0.5, 1000) ** 2
        self.alphas = torch.cumprod(1 - betas, 0).to(self.device)

    def begin_from(self, folder: Path) -> None:
        """Take the weights of a published model; steps are counted from 0, the average starts there."""
        from safetensors.torch import load_file

        self.unet.load_state_dict(load_file(folder / "unet" / WEIGHTS))
        settings = json.loads((folder / "mini.json").read_text())
        with torch.no_grad():
            self.prompt.copy_(load_file(folder / PROMPT)["prompt_embeds"])
            self.log_temperature.fill_(math.log(settings["temperature"]))

    def _keep(self, _module: torch.nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        self.features = output

    @torch.no_grad()
    def describe(self, images: np.ndarray) -> torch.Tensor:
        """Features of clean pictures, as the preset uses them: uint8 (N, H, W, 3) -> float32 (N, C, h, w)."""
        clean = torch.zeros(len(images), dtype=torch.long, device=self.device)
        cells = images.shape[1] // UNSHUFFLE
        noise = torch.zeros(len(images), 48, cells, cells, device=self.device)
        self.forward(torch.from_numpy(images).to(self.device), clean, noise)
        assert self.features is not None
        return self.features.float()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The averaged weights in the network, ready to be measured, until the end of the block."""
        self.swap()
        self.unet.eval()
        yield
        self.unet.train()
        self.swap()

    def forward(self, images: torch.Tensor, t: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (B, C, h, w) and the v-prediction's mean squared error, for uint8 pictures (B, H, W, 3)."""
        x0 = torch.nn.functional.pixel_unshuffle(images.permute(0, 3, 1, 2).float() / 127.5 - 1, UNSHUFFLE)
        a = self.alphas[t].view(-1, 1, 1, 1)
        z = a.sqrt() * x0 + (1 - a).sqrt() * noise
        v = a.sqrt() * noise - (1 - a).sqrt() * x0
        predicted = self.unet(z, t, self.prompt.expand(len(z), -1, -1))[0]
        assert self.features is not None
        return self.features, torch.nn.functional.mse_loss(predicted, v)

    def learn(self, images: np.ndarray, xy: np.ndarray, weight: np.ndarray) -> dict[str, torch.Tensor | float]:
        """One optimiser step; returns the loss terms, where they were computed (reading one waits for the step)."""
        rng = torch.Generator(self.device).manual_seed(self.args.seed * 1_000_003 + self.step)
        size = images.shape[1]
        count, to = len(images), self.device
        low = torch.rand(count, generator=rng, device=to) < 0.6
        near, far = (torch.randint(t, (count,), generator=rng, device=to) for t in (42, 250))
        t = torch.where(low, near, far)
        cells = size // UNSHUFFLE
        noise = torch.randn(count, 48, cells, cells, generator=rng, device=to)
        picks = torch.randint(count * cells**2, (POOL,), generator=rng, device=to)
        rate = self.rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
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
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.descend(bool(torch.isfinite(norm)))
        self.step += 1
        keep = min(self.args.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - keep)
        values = {name: term.detach() for name, term in terms.items()}
        return {**values, "denoise": denoise.detach(), "temperature": temperature.detach(), "lr": rate}

    def descend(self, finite: bool) -> None:
        """The optimiser's step, left out where a gradient is not finite (seen in bfloat16 on a GPU: one step in 600).

        Raises:
            FloatingPointError: ten steps running were left out: the weights themselves are lost.
        """
        self.lost = 0 if finite else self.lost + 1
        if finite:
            self.optimizer.step()
        elif self.lost == LOST:
            raise FloatingPointError(
                f"no finite gradient for {LOST} steps, up to {self.step}: lower --lr, or no --bf16"
            )

    def done(self) -> float:
        """Share of the run that is over, by steps or by the clock, whichever is further."""
        share = self.step / self.args.steps
        return share if self.args.minutes is None else max(share, self.seconds / (60 * self.args.minutes))

    def rate(self) -> float:
        """Learning rate: linear warm-up, constant, and linear to zero over the last ``--decay`` of the run.

        A constant middle lets a run be prolonged (``--resume`` with more ``--steps``) without spoiling it.
        """
        warm = min(1.0, (self.step + 1) / 100)
        left = (1 - self.done()) / max(1 / self.args.steps, self.args.decay)
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
    parser.add_argument("--repeat", type=int, default=3, help="how often a drawing is used, varied each time")
    parser.add_argument(
        "--buffer", type=int, default=4096, help="samples of a window, in which they are shuffled; three are kept"
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 in the network, on a GPU or a CPU made for it")
    parser.add_argument("--held-out", default="", help="comma-separated drawn kinds never trained on")
    parser.add_argument("--characters", type=Path, help="folder of real characters, measured at every evaluation")
    parser.add_argument("--eval-every", type=int, default=250)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--init", type=Path, help="folder of published weights to begin from, with a fresh optimiser")
    parser.add_argument("--minutes", type=float, help="end by then, with a last evaluation after it, if steps are left")
    parser.add_argument("--flat", type=Path, help="folder for a copy of all that matters in files below 16 MB")
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
        size=lambda step: args.large_size if step >= args.large_from * args.steps else args.size,
        start=trainer.step,
    )
    before = trainer.seconds
    started = time.perf_counter()
    batches = iter(stream)
    try:
        while trainer.done() < 1:
            batch = next(batches)
            values = trainer.learn(*batch)
            trainer.seconds = before + time.perf_counter() - started
            last = trainer.done() >= 1
            if trainer.step % 25 == 0 or last:
                row: dict[str, Any] = {name: float(value) for name, value in values.items()}
                row |= {"step": trainer.step, "size": batch[0].shape[1], "seconds": round(trainer.seconds, 1)}
                due = trainer.step % args.eval_every == 0 or last
                if due:
                    with trainer.averaged():
                        row |= evaluate(trainer.describe, args.large_size, held_out, args.characters)
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
    if trainer.args.flat is not None:
        split(folder / "published", trainer.args.flat)
        for name in ("log.jsonl", "curves.png"):
            (trainer.args.flat / name).write_bytes((folder / name).read_bytes())


if __name__ == "__main__":
    main()
