"""Backgrounds, distractors, and what happens to a picture after it was painted."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from faceshot_gallery.parts.paint import Canvas, Image, clouds, ellipse
from faceshot_gallery.parts.traits import Character, Colour, Dice, hsv


def _any_colour(d: Dice) -> Colour:
    return hsv(d.u(0, 1), d.u(0, 0.8), d.u(0.1, 1.0))


def backdrop(canvas: Canvas, d: Dice, kind: str) -> None:
    """Paint a background: plain, gradient, clutter or photo."""
    side = canvas.rgb.shape[0]
    a = d.pick([_any_colour(d), (255, 255, 255), hsv(d.u(0, 1), d.u(0.05, 0.3), d.u(0.8, 1))], [2, 1, 2])
    canvas.flood(canvas.ink(a))
    if kind == "plain":
        return
    b = _any_colour(d)
    if kind == "gradient":
        t = np.linspace(0, 1, side, dtype=np.float32)
        g = t[:, None] if d.chance(0.6) else np.minimum(np.hypot(t[:, None] - 0.5, t[None] - 0.5) * 1.4, 1)
        g = np.broadcast_to(g, (side, side))[..., None]
        canvas.rgb[:] = np.asarray(a, np.float32) * (1 - g) + np.asarray(b, np.float32) * g
    elif kind == "photo":
        low = d.rng.uniform(0, 255, (d.pick([3, 5, 9]),) * 2 + (3,)).astype(np.float32)
        low = low.mean(2, keepdims=True) + (low - low.mean(2, keepdims=True)) * d.u(0.05, 0.6)
        low = low * d.u(0.2, 0.7) + np.asarray(a, np.float32) * 0.45
        big = cv2.resize(low, (side, side), interpolation=cv2.INTER_CUBIC)
        canvas.rgb[:] = np.clip(big, 0, 255)
        for _ in range(int(d.u(0, 5))):
            x, y, r = d.u(0, canvas.size), d.u(0, canvas.size), d.u(0.05, 0.25) * canvas.size
            canvas.soft(ellipse(x, y, r, r * d.u(0.5, 1.5), d.u(0, 180)), _any_colour(d), 0.7, r * 0.3)
    elif kind == "pattern":
        _pattern(canvas, d, a, b)
    else:
        for _ in range(int(d.u(4, 18))):
            _thing(canvas, d)


def _pattern(canvas: Canvas, d: Dice, a: Colour, b: Colour) -> None:
    """Cloth, grass, wood, bricks, ripples: a wave of two colours, bent and roughened by noise."""
    side = canvas.rgb.shape[0]
    t = np.linspace(0, 1, side, dtype=np.float32)
    rough = clouds(d.rng, side, (3, 8, int(d.u(12, 90))))
    turn, waves = d.u(0, np.pi), d.u(2, 40)
    wave = np.sin((t[None] * np.cos(turn) + t[:, None] * np.sin(turn) + rough * d.u(0, 0.15)) * waves * 2 * np.pi)
    if d.chance(0.4):
        wave = wave * np.sin((t[:, None] * np.cos(turn) - t[None] * np.sin(turn)) * waves * 2 * np.pi)
    share = np.clip(0.5 + d.u(0.05, 0.5) * wave + d.u(0, 0.4) * rough, 0, 1)[..., None]
    canvas.rgb[:] = np.clip(np.asarray(canvas.ink(a)) * (1 - share) + np.asarray(canvas.ink(b)) * share, 0, 255)


def _thing(canvas: Canvas, d: Dice) -> None:
    """One random object: a box, disc, bar, ring, eye-like pair or letter."""
    n = canvas.size
    x, y, r = d.u(-0.1, 1.1) * n, d.u(-0.1, 1.1) * n, d.u(0.03, 0.3) * n
    c = _any_colour(d)
    kind = d.pick(["box", "disc", "bar", "ring", "text", "blob", "eyes"])
    if kind == "disc":
        canvas.fill(ellipse(x, y, r, r), c)
    elif kind == "ring":
        canvas.stroke(ellipse(x, y, r, r), c, d.u(0.5, 4) * n / 128, closed=True)
    elif kind == "bar":
        canvas.stroke([[x, y], [d.u(0, 1) * n, d.u(0, 1) * n]], c, d.u(0.5, 6) * n / 128)
    elif kind == "text":
        word = "".join(chr(int(d.u(65, 91))) for _ in range(4))
        at = canvas.up([x * 0.8, y]).astype(int)
        cv2.putText(
            canvas.rgb, word, (int(at[0]), int(at[1])), 0, d.u(0.3, 1.4) * canvas.ss * n / 128, c, 2, cv2.LINE_AA
        )
    elif kind == "eyes":
        for s in (-1, 1):
            canvas.fill(ellipse(x + s * r * 0.6, y, r * 0.2, r * 0.2), c)
    elif kind == "box":
        p = ellipse(x, y, r, r * d.u(0.3, 2), d.u(0, 90), 4)
        canvas.fill(p, c)
    else:
        t = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        rr = r * d.rng.uniform(0.5, 1.2, 12)
        canvas.fill(np.stack([x + np.cos(t) * rr, y + np.sin(t) * rr], 1), c)


def occlude(canvas: Canvas, d: Dice) -> None:
    """Something in front: a hand-like blob, a stick, a letter, at the edge of the picture."""
    n = canvas.size
    x, y = d.pick([0.0, 1.0]) * n, d.u(0.2, 1.0) * n
    c = d.pick([_any_colour(d), hsv(d.u(0.03, 0.09), d.u(0.25, 0.6), d.u(0.4, 0.95))])
    r = d.u(0.06, 0.2) * n
    canvas.fill(ellipse(x, y, r * 1.4, r, d.u(-40, 40)), c)
    for i in range(int(d.u(0, 4))):
        a = d.u(0, 2 * np.pi)
        canvas.stroke([[x, y], [x + np.cos(a) * r * 2, y + np.sin(a) * r * 2 + i]], c, r * 0.3)


def finish(rgb: Image, character: Character) -> Image:
    """What a style does to the finished picture; the same for every frame of a character."""
    d = Dice(character.seed, "finish")
    if character.style == "painterly":
        side = rgb.shape[0]
        soft = cv2.medianBlur(rgb, 5 if side > 200 else 3)
        weave = clouds(d.rng, side, (24, 60)) * 7
        return np.clip(soft + weave[..., None], 0, 255).astype(np.uint8)
    if character.style == "textured" and character.coat in ("felt", "skin", "metal", "pumpkin"):
        side = rgb.shape[0]
        grain = clouds(d.rng, side, (max(8, side // 6), max(16, side // 2))) * (9 if character.coat == "felt" else 5)
        if character.seed % 3 == 0:
            grain = cv2.blur(grain, (1 + side // 8, 1)) * 2.5  # wood
        return np.clip(rgb + grain[..., None], 0, 255).astype(np.uint8)
    if character.style == "sketch":
        side = rgb.shape[0]
        paper = clouds(d.rng, side, (40, 90)) * 4
        return np.clip(rgb + paper[..., None], 0, 255).astype(np.uint8)
    if character.style == "photo":
        soft = cv2.GaussianBlur(rgb, (0, 0), max(0.3, rgb.shape[0] / 700))
        return np.clip(soft + d.rng.normal(0, 2.5, soft.shape), 0, 255).astype(np.uint8)
    return rgb


def degrade(rgb: Image, d: Dice) -> Image:
    """Camera and web damage for training: colour, contrast, blur, noise, JPEG, grey."""
    x: npt.NDArray[Any] = rgb.astype(np.float32)
    if d.chance(0.7):
        x = (x - 128) * d.u(0.6, 1.25) + 128 + d.u(-35, 35)
        x = x * d.rng.uniform(0.85, 1.15, 3)
    if d.chance(0.25):
        side = x.shape[0]
        t = np.linspace(0, 1, side, dtype=np.float32)
        a = d.u(0, 2 * np.pi)
        ramp = (t[None] - 0.5) * np.cos(a) + (t[:, None] - 0.5) * np.sin(a)
        x = x * (1 + d.u(0.2, 0.9) * ramp)[..., None]
    if d.chance(0.12):
        x = np.repeat(x.mean(2, keepdims=True), 3, 2)
    elif d.chance(0.15):
        g = x.mean(2, keepdims=True)
        x = g + (x - g) * d.u(0.2, 1.6)
    if d.chance(0.3):
        x = cv2.GaussianBlur(x, (0, 0), d.u(0.4, 1.6) * x.shape[0] / 128)
    if d.chance(0.08):
        tiny = int(x.shape[0] * d.u(0.35, 0.7))
        small = cv2.resize(x, (tiny, tiny), interpolation=cv2.INTER_AREA)
        x = cv2.resize(
            small, x.shape[1::-1], interpolation=d.pick([cv2.INTER_LINEAR, cv2.INTER_NEAREST, cv2.INTER_CUBIC])
        )
    if d.chance(0.4):
        x = x + d.rng.normal(0, d.pick([d.u(1, 6), d.u(4, 14)]), x.shape[:2] + (1 if d.chance(0.5) else 3,))
    out: Image = np.clip(x, 0, 255).astype(np.uint8)
    if d.chance(0.3):
        ok, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(d.u(12, 85))])
        out = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8) if ok else out
    return out
