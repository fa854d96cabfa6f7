"""Stickers meet the limits of where they go, at the best quality that does."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from faceshot.errors import InputError, UsageError
from faceshot.media.sticker import STICKERS, StickerWriter, check_sticker, fit
from faceshot.media.video import probe


def noisy(count: int, size: tuple[int, int] = (160, 120), alpha: bool = False) -> list[np.ndarray]:
    """Frames that compress badly; a soft pattern with grain, and a transparent border."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    rng = np.random.default_rng(0)
    frames = []
    for k in range(count):
        frame = np.stack([x + 3 * k, y + k, x + y], -1) + rng.integers(0, 60, (height, width, 3))
        matte = np.where((x > 10) & (y > 10), 255, 0)[..., None]
        frames.append((np.dstack([frame, matte]) if alpha else frame).clip(0, 255).astype(np.uint8))
    return frames


def written(path: Path, kind: str, frames: list[np.ndarray], fps: int = 30, **limits: object) -> Path:
    with StickerWriter(path, replace(STICKERS[kind], **limits), Fraction(fps)) as writer:  # type: ignore[arg-type]
        for frame in frames:
            writer.write(frame)
    return path


@pytest.mark.parametrize(
    ("kind", "suffix", "size"),
    [
        ("whatsapp", ".webp", (128, 128)),
        ("telegram", ".webm", (128, 96)),
        ("discord", ".png", (128, 128)),
        ("web", ".webp", (128, 96)),
    ],
)
def test_size_length_and_bytes(tmp_path: Path, kind: str, suffix: str, size: tuple[int, int]) -> None:
    """At a quarter of the sides and a tight limit of bytes, for speed."""
    seconds = STICKERS[kind].seconds and 0.5
    most = 300_000 if suffix == ".png" else 60_000
    path = written(tmp_path / f"a{suffix}", kind, noisy(24, alpha=True), side=128, bytes=most, seconds=seconds)
    info = probe(path)
    assert most / 3 < path.stat().st_size <= most and info.size == size and not info.has_audio
    assert info.fps <= 30 and info.seconds <= (seconds or 9) + 0.05


def test_as_good_as_fits(tmp_path: Path) -> None:
    small = written(tmp_path / "a.webp", "web", noisy(8), side=128, bytes=12_000)
    large = written(tmp_path / "b.webp", "web", noisy(8), side=128, bytes=40_000)
    assert small.stat().st_size <= 12_000 < 20_000 < large.stat().st_size <= 40_000


def test_high_rates_are_halved_and_small_pictures_enlarged(tmp_path: Path) -> None:
    path = written(tmp_path / "a.webp", "whatsapp", noisy(12, (60, 60)), fps=60, side=96)
    assert probe(path).size == (96, 96) and probe(path).fps == 30 and probe(path).frames == 6
    kept = fit(noisy(1, (60, 40))[0], STICKERS["web"])
    assert kept.shape == (40, 60, 4)


def test_what_cannot_fit_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not fit into 1 kB"):
        written(tmp_path / "a.webp", "web", noisy(6), bytes=1000)
    with pytest.raises(RuntimeError), StickerWriter(tmp_path / "b.webp", STICKERS["web"], Fraction(30)):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_formats_and_names() -> None:
    assert check_sticker("telegram", Path("a.webm")).seconds == 3
    with pytest.raises(UsageError, match=r"telegram sticker is \.webm, got a\.gif"):
        check_sticker("telegram", Path("a.gif"))
    with pytest.raises(UsageError, match="whatsapp, telegram, discord, web"):
        check_sticker("signal", Path("a.png"))


def test_transparent_edges_keep_their_colour() -> None:
    """A red disc on transparent blue: no blue may bleed in when it is scaled."""
    y, x = np.mgrid[0:200, 0:200]
    inside = (x - 100) ** 2 + (y - 100) ** 2 < 80**2
    frame = np.zeros((200, 200, 4), np.uint8)
    frame[inside], frame[~inside] = (255, 0, 0, 255), (0, 0, 255, 0)
    small = fit(frame, replace(STICKERS["whatsapp"], side=60))
    assert small[small[..., 3] > 30][:, 2].max() < 20
