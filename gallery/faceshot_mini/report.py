"""What a training run leaves for people: curves to look at and a model card to read."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
#: Name in the log, label, colour.
LOSSES = (
    ("prototype", "found by prototype", (31, 119, 180)),
    ("partner", "found by partner", (255, 127, 14)),
    ("apart", "told apart", (44, 160, 44)),
    ("foreign", "told from other pictures", (140, 86, 75)),
    ("denoise", "denoising", (148, 103, 189)),
)
ERRORS = (
    ("characters", "real characters", (214, 39, 40)),
    ("held_out", "held-out kinds", (255, 127, 14)),
    ("drawn", "unseen drawings", (31, 119, 180)),
    ("hard", "harder drawings", (44, 160, 44)),
    ("turned", "drawn profiles", (148, 103, 189)),
)


def read_log(path: Path) -> list[dict[str, Any]]:
    """Rows of ``log.jsonl`` in order of step; where a run was resumed from an earlier step, the later row counts."""
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [row for _, row in sorted({row["step"]: row for row in rows if "step" in row}.items())]


def draw_curves(rows: Sequence[Row], path: Path) -> None:
    """Losses on the left, errors (percent of the face's box) on the right, both over steps, logarithmic upwards."""
    from PIL import Image, ImageDraw

    width, height = 560, 400
    image = Image.new("RGB", (2 * width, height), "white")
    draw = ImageDraw.Draw(image)
    panels = ((LOSSES, "loss", 0), (ERRORS, "error of plain best matches [% of box]", width))
    for curves, title, left in panels:
        _panel(draw, rows, curves, title, (left + 56, 40, left + width - 16, height - 40))
    image.save(path)


def _panel(draw: Any, rows: Sequence[Row], curves: Sequence[Any], title: str, frame: tuple[int, ...]) -> None:
    left, top, right, bottom = frame
    draw.text((left, top - 28), title, fill="black")
    points = {name: [(row["step"], float(row[name])) for row in rows if row.get(name, 0) > 0] for name, _, _ in curves}
    values = [value for series in points.values() for _, value in series]
    if not values:
        return
    low, high = math.log(0.9 * min(values)), math.log(1.1 * max(values))
    last = max(step for series in points.values() for step, _ in series)

    def place(step: float, value: float) -> tuple[float, float]:
        return left + (right - left) * step / last, bottom - (bottom - top) * (math.log(value) - low) / (high - low)

    for power in range(math.floor(low / math.log(10)), math.ceil(high / math.log(10)) + 1):
        for digit in (1, 2, 3, 5, 7):
            value = digit * 10.0**power
            if low <= math.log(value) <= high:
                y = place(0, value)[1]
                draw.line((left, y, right, y), fill=(225, 225, 225))
                draw.text((left - 36, y - 6), f"{value:g}", fill="black")
    for k in range(5):
        x = left + (right - left) * k / 4
        draw.line((x, top, x, bottom), fill=(225, 225, 225))
        draw.text((x - 12, bottom + 8), f"{round(last * k / 4)}", fill="black")
    draw.rectangle(frame, outline="black")
    shown = [curve for curve in curves if points[curve[0]]]
    for k, (name, label, colour) in enumerate(shown):
        line = [place(step, value) for step, value in points[name]]
        draw.line(line, fill=colour, width=2) if len(line) > 1 else draw.point(line, fill=colour)
        draw.rectangle((right - 156, top + 6 + 16 * k, right - 4, top + 22 + 16 * k), fill="white")
        draw.text((right - 150, top + 8 + 16 * k), f"{label} {points[name][-1][1]:.2f}", fill=colour)


CARD = """# `mini`: model card

**What it is.** A U-Net (diffusers `UNet2DConditionModel`, widths {widths}) on {size}x{size} RGB, folded
{fold}x{fold} into channels. The output of `{layer}` ({channels} channels, one cell per {fold}x{fold} pixels) is matched
against the drawn gallery by the same code that runs Stable Diffusion 1.5. Trained with a correspondence loss shaped
like the matcher (weight {match:g}) plus v-prediction denoising (weight {denoise:g}): a supervised correspondence
network with a diffusion head, not a generative model. Features are read from the clean picture; no inversion, no image
prompt.

**What it is not.** It draws no usable pictures, recognises nobody, and does not detect faces on its own.

**Data.** Drawings of `faceshot_gallery` only, made while training; no photograph. {samples:,} samples from about
{drawings:,} drawings, each varied again (`faceshot_mini.augment`); {faceless:.0f} % of them show no face.
Kinds: {kinds}.
Never trained on: {unseen}.

**Training.** {step} of {steps} steps of {batch} samples, AdamW, rate {lr:g} falling to zero over the last {decay:.0f} %
of the steps, average of weights {ema:g}, seed {seed}; {small} px, from {large:.0f} % of the steps on {size} px.
{where}, {hours:.1f} hours.

    python -m faceshot_mini.train --out runs/mini --steps {steps} --seed {seed}

**Figures while training**: mean error of plain best matches, no shape prior, no close-up, 96 drawings as gallery, in
percent of the face's box (`curves.png`).

{table}

Figures of the whole matcher: `python benchmarks/landmarks.py`.

**Limits.** Trained on drawings, so real materials (fur of one colour, stone in strong light) are where it errs most;
heads turned more than about 35 degrees, and parts hidden by hands or hats, are guesses.

Apache-2.0, as everything here.
"""


def model_card(args: argparse.Namespace, rows: Sequence[Row]) -> str:
    """Markdown: what the model is, what it learned from, how long, and how well it did while learning."""
    from faceshot_gallery.cast.casting import DOMAINS, HELD_OUT
    from faceshot_mini.data import FACELESS
    from faceshot_mini.network import LAYER, UNET_CONFIG, UNSHUFFLE

    step, seconds = rows[-1]["step"], rows[-1]["seconds"]
    unseen = [*HELD_OUT, *(name for name in args.held_out.split(",") if name)]
    cores = f"{os.cpu_count()} CPU cores ({platform.machine()})"
    return CARD.format(
        widths="/".join(str(width) for width in UNET_CONFIG["block_out_channels"]),
        size=args.large_size,
        fold=UNSHUFFLE,
        layer=LAYER,
        channels=UNET_CONFIG["block_out_channels"][0],
        match=args.match_weight,
        denoise=args.denoise_weight,
        samples=step * args.batch,
        faceless=100 * FACELESS,
        drawings=round(step * args.batch / args.repeat),
        kinds=", ".join(name for name in DOMAINS if name not in unseen),
        unseen=", ".join(unseen),
        step=step,
        steps=args.steps,
        batch=args.batch,
        lr=args.lr,
        decay=100 * args.decay,
        ema=args.ema,
        seed=args.seed,
        small=args.size,
        large=100 * args.large_from,
        where="one GPU" if args.device.startswith("cuda") else cores,
        hours=seconds / 3600,
        table=_error_table(rows),
    )


def _error_table(rows: Sequence[Row], most: int = 12) -> str:
    """At most ``most`` evenly spaced evaluations, the last one included."""
    measured = [row for row in rows if "drawn" in row]
    spaced = sorted({round(k * (len(measured) - 1) / (most - 1)) for k in range(most)}) if measured else []
    lines = ["| step | " + " | ".join(label for _, label, _ in ERRORS) + " |", "|---" * (len(ERRORS) + 1) + "|"]
    for index in spaced:
        row = measured[index]
        cells = (f"{row[name]:.2f}" if name in row else "-" for name, _, _ in ERRORS)
        lines.append(f"| {row['step']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
