"""Train the two networks on drawings: ``python -m faceshot_looks.train --out runs/looks``.

Draws ``--characters`` first (kept in ``--out``, drawn once), then trains eyes and mouth one after the other, on the CPU
or one GPU. Interrupt it at will: ``--resume`` goes on. Writes ``log.jsonl``, and at every evaluation ``eyes.pt`` and
``mouth.pt`` (checkpoints) and ``eyes.safetensors`` and ``mouth.safetensors`` (averaged weights, half precision).
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import multiprocessing as mp
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as TimeIsUp
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from faceshot.tracking import load_network, save_network
from faceshot_looks.drawings import Crops, draw
from faceshot_looks.learning import TASKS

logger = logging.getLogger("faceshot.looks")
#: Characters in one file of drawings; every HELD_OUT-th file is only measured.
SHARD, HELD_OUT = 25, 20


def draw_shard(path: str, index: int, seed: int) -> str:
    """Draw one file of characters, whole or not at all."""
    import cv2

    cv2.setNumThreads(1)  # a worker process of our own, one core each
    made = [draw(k, seed) for k in range(index * SHARD, (index + 1) * SHARD)]
    whole = {f.name: np.concatenate([getattr(c, f.name) for c in made]) for f in fields(Crops)}
    part = Path(path).with_suffix(".part.npz")
    np.savez(part, allow_pickle=False, **whole)
    part.replace(path)
    return path


def drawings(folder: Path, count: int, seed: int, workers: int, seconds: float) -> list[Crops]:
    """At least ``count`` characters from ``folder``, the missing ones drawn; fewer when ``seconds`` are over first."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed}-{k:05d}.npz" for k in range(math.ceil(count / SHARD))]
    begin = time.perf_counter()
    with ProcessPoolExecutor(workers, mp_context=mp.get_context("spawn")) as pool:
        jobs = [pool.submit(draw_shard, str(p), k, seed) for k, p in enumerate(paths) if not p.exists()]
        for k, job in enumerate(jobs):
            left = seconds - (time.perf_counter() - begin)
            try:
                job.result(timeout=max(left, 0))
            except TimeIsUp:
                logger.info("time is up after %d of %d files of drawings", k, len(jobs))
                pool.shutdown(wait=True, cancel_futures=True)
                break
    there = [p for p in paths if p.exists()]
    logger.info("%d characters in %.0f s", len(there) * SHARD, time.perf_counter() - begin)
    return [_read(p) for p in there]


def _read(path: Path) -> Crops:
    with np.load(path, allow_pickle=False) as found:
        return Crops(*(found[f.name] for f in fields(Crops)))


class Trainer:
    """One network, its averaged copy, optimiser and step counter."""

    def __init__(self, args: argparse.Namespace, part: str, crops: list[Crops]) -> None:
        torch.manual_seed(args.seed)
        self.args, self.device = args, torch.device(args.device)
        held = [c for k, c in enumerate(crops) if k % HELD_OUT == HELD_OUT - 1] or crops[-1:]
        learned = [c for k, c in enumerate(crops) if k % HELD_OUT != HELD_OUT - 1] or crops
        self.task, self.unseen = (TASKS[part](some, self.device) for some in (learned, held))
        self.network = self.task.network().to(self.device)
        if args.warm:
            load_network(self.network, args.warm / f"{part}.safetensors").train()
        self.average = self.task.network().to(self.device).eval()
        self.average.load_state_dict(self.network.state_dict())
        self.begun = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=args.lr, weight_decay=0.02)
        self.steps, self.step, self.seconds = getattr(args, f"{part}_steps"), 0, 0.0

    def rate(self) -> float:
        """Learning rate: warm-up, then half a cosine over the steps."""
        done = max(self.step / max(1, self.steps), self.seconds / self.args.part_seconds)
        return float(self.args.lr * min(1.0, (self.step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))

    def learn(self) -> dict[str, Any]:
        """One optimiser step; returns the loss terms."""
        gen = torch.Generator(self.device).manual_seed(self.args.seed * 1_000_003 + self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        inputs, truth = self.task.batch(self.args.batch, gen, slice(None))
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.args.bf16):
            answer = self.network(inputs.contiguous(memory_format=torch.channels_last))
        terms = self.task.loss(type(answer)(*(value.float() for value in answer)), truth)
        self.optimizer.zero_grad(set_to_none=True)
        sum(terms.values()).backward()  # type: ignore[union-attr]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(self.args.ema, self.step / (10 + self.step))
        with torch.no_grad():
            pairs = list(zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True))
            old, new = ([pair[k] for pair in pairs if pair[0].is_floating_point()] for k in (0, 1))
            torch._foreach_lerp_(old, new, 1 - keep)
        return terms

    def measure(self) -> dict[str, float]:
        """Errors of the averaged network on characters never trained on."""
        gen = torch.Generator(self.device).manual_seed(1)
        with torch.no_grad():
            inputs, truth = self.unseen.batch(2048 if self.device.type == "cuda" else 384, gen, slice(None))
            return dict(self.unseen.errors(self.average(inputs), truth))

    def published(self) -> nn.Module:
        """The averaged network, drawn back towards the weights it began with: what it learned before survives what it
        learns now (Wortsman et al., arXiv 2109.01903)."""
        network = self.task.network().to(self.device)
        blend = {
            name: torch.lerp(value, self.begun[name], self.args.stay) if value.is_floating_point() else value
            for name, value in self.average.state_dict().items()
        }
        network.load_state_dict(blend)
        return network

    def keep(self, folder: Path) -> None:
        """Checkpoint and published weights."""
        part = folder / f"{self.task.part}.part"
        state = {name: getattr(self, name).state_dict() for name in ("network", "average", "optimizer")}
        torch.save({**state, "step": self.step, "seconds": self.seconds}, part)
        part.replace(folder / f"{self.task.part}.pt")
        told = ("seed", "characters", "stay")
        settings = {"steps": str(self.step), **{name: str(getattr(self.args, name)) for name in told}}
        save_network(self.published(), folder / f"{self.task.part}.safetensors", settings)

    def restore(self, folder: Path) -> None:
        """Continue from :meth:`keep`."""
        state = torch.load(folder / f"{self.task.part}.pt", map_location=self.device, weights_only=True)
        for name in ("network", "average", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.seconds = state["step"], state["seconds"]

    def run(self, folder: Path) -> None:
        """Train until the last step or the end of its time."""
        begin, before, due = time.perf_counter(), self.seconds, self.args.eval_every
        last = self.step >= self.steps
        while not last:
            terms = self.learn()
            self.seconds = before + time.perf_counter() - begin
            last = self.step >= self.steps or self.seconds >= self.args.part_seconds
            if self.step % due and not last:
                continue
            row = {name: round(float(value.detach()), 5) for name, value in terms.items()}
            row |= {name: round(value, 4) for name, value in self.measure().items()}
            row = {"part": self.task.part, "step": self.step, "seconds": round(self.seconds, 1), **row}
            with (folder / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            logger.info(" ".join(f"{k}={v}" for k, v in row.items()))
            self.keep(folder)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for drawings, checkpoints, log and weights")
    parser.add_argument("--characters", type=int, default=8000, help="drawn characters, eight expressions each")
    parser.add_argument("--draw-seconds", type=float, default=1e6, help="stop drawing after that long")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw")
    parser.add_argument("--parts", default="eyes,mouth", help="which networks, in this order")
    parser.add_argument("--eyes-steps", type=int, default=12000)
    parser.add_argument("--mouth-steps", type=int, default=12000)
    parser.add_argument(
        "--part-seconds", type=float, default=1e6, help="time for each network; its rate falls to 0 in it"
    )
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--ema", type=float, default=0.998)
    parser.add_argument("--warm", type=Path, help="folder of weights to begin with, for example the shipped ones")
    parser.add_argument("--stay", type=float, default=0.0, help="share of the --warm weights that the published keep")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="of torch on a CPU; 0 leaves it to torch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 in the networks, on a GPU or a CPU made for it")
    parser.add_argument("--eval-every", type=int, default=500)
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Draw, then train; interrupt and ``--resume`` at will."""
    args = parse(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if args.threads:
        torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    crops = drawings(args.out / "drawings", args.characters, args.seed, args.workers, args.draw_seconds)
    for part in args.parts.split(","):
        trainer = Trainer(args, part, crops)
        if args.resume and (args.out / f"{part}.pt").exists():
            trainer.restore(args.out)
        try:
            trainer.run(args.out)
        except KeyboardInterrupt:
            trainer.keep(args.out)
            logger.info("interrupted at step %d of %s; go on with --resume", trainer.step, part)
            return
        del trainer


if __name__ == "__main__":
    main()
