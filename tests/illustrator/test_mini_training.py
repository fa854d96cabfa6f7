"""Training of ``mini``: variations keep the truth, a resumed run equals a whole one, the report is readable."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip("faceshot_mini.train")

from faceshot_mini import network, train
from faceshot_mini.augment import augment
from faceshot_mini.data import OUTSIDE, draw_job
from faceshot_mini.loss import correspondence_loss, elsewhere
from faceshot_mini.report import model_card, read_log


def marked(points: np.ndarray, side: int) -> np.ndarray:
    """A dark picture with a bright soft dot at every point."""
    y, x = np.mgrid[:side, :side]
    dots = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 2.0**2)) for px, py in points)
    return np.repeat((255 * np.clip(dots, 0, 1)).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("seed", range(5))
def test_points_follow_the_picture(seed: int) -> None:
    """The brightest spot near every landmark of a varied picture is the dot that was drawn there."""
    points = np.array([[40 + 16 * (k % 5), 40 + 16 * (k // 5)] for k in range(25)], float)
    xy = np.zeros((68, 2))
    xy[:25] = points
    rng = np.random.default_rng(seed)
    out, moved, _ = augment(marked(points, 144), xy, np.ones(68, np.float32), 128, rng)
    assert out.shape == (128, 128, 3) and out.dtype == np.uint8 and moved.dtype == np.float32
    grey = cv2.GaussianBlur(out.astype(np.float32).mean(2), (0, 0), 1.0)
    grey = np.abs(grey - np.median(grey))
    # Every dot must have a landmark at its place; a mirrored copy renumbers them, so the nearest one counts.
    found = 0
    for _ in range(10):
        y, x = np.unravel_index(int(grey.argmax()), grey.shape)
        if 4 < x < 123 and 4 < y < 123 and np.linalg.norm(moved - (x, y), axis=1).min() < 2.5:
            found += 1
        cv2.circle(grey, (int(x), int(y)), 7, 0.0, -1)
    assert found >= 6


def test_some_pictures_show_a_part_only_or_no_face() -> None:
    """Close-ups of a part keep their landmarks where they belong, faceless pictures keep theirs far away."""
    xy = np.stack(np.meshgrid(np.linspace(40, 100, 17), np.linspace(50, 110, 4)), -1).reshape(68, 2)
    rng = np.random.default_rng(0)
    spans = [np.ptp(augment(np.zeros((144, 144, 3), np.uint8), xy, np.ones(68), 144, rng)[1]) for _ in range(300)]
    assert 6 <= np.sum(np.array(spans) > 1.5 * np.ptp(xy)) <= 40
    pictures, points, weights = zip(*(draw_job(k, 3, ()) for k in range(3)), strict=True)
    without = np.concatenate(weights).sum(1) == 0
    assert 1 <= without.sum() <= 16 and np.concatenate(pictures)[without].std() > 5
    assert (np.concatenate(points)[without] == OUTSIDE).all() and (np.concatenate(points)[~without] > -1000).all()


def test_landmarks_are_told_from_what_lies_elsewhere() -> None:
    """A cell counts as a stranger to a landmark unless it lies near that landmark in its own picture."""
    xy = torch.full((2, 68, 2), OUTSIDE)
    xy[0] = torch.tensor([[8.0 + 0.5 * k, 8.0 + 0.5 * (k % 34)] for k in range(68)])
    strange = elsewhere(xy, torch.arange(2 * 16), 64, 4)
    assert strange.shape == (68, 32) and strange[:, 16:].all()
    side = float(np.sqrt(np.prod(np.ptp(xy[0].numpy(), axis=0))))
    centres = np.array([[16 * (k % 4) + 7.5, 16 * (k // 4) + 7.5] for k in range(16)])
    near = np.linalg.norm(xy[0].numpy()[:, None] - centres, axis=-1) <= 0.25 * side
    assert near.any() and np.array_equal(strange[:, :16].numpy(), ~near)


def test_the_loss_falls_when_a_stranger_stops_looking_alike() -> None:
    rng = torch.Generator().manual_seed(0)
    xy = torch.rand(3, 68, 2, generator=rng) * 40 + 10
    features = torch.rand(3, 8, 16, 16, generator=rng)
    weight, picks = torch.ones(3, 68), torch.arange(2 * 256, 3 * 256)
    weight[2], xy[2] = 0, OUTSIDE
    _, before = correspondence_loss(features, xy, weight, 64, torch.tensor(0.07), picks)
    features[2] *= torch.tensor([1.0, -1.0] * 4)[:, None, None]
    _, after = correspondence_loss(features, xy, weight, 64, torch.tensor(0.07), picks)
    assert after["foreign"] < before["foreign"] - 1 and torch.isclose(after["prototype"], before["prototype"])


def test_hidden_points_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss is the same wherever a hidden point is said to be; with any weight it is not."""
    rng = torch.Generator().manual_seed(0)
    xy = torch.rand(3, 68, 2, generator=rng) * 40 + 10
    features, picks = torch.rand(3, 8, 16, 16, generator=rng), torch.arange(0)
    moved = xy.clone()
    moved[0, 40] = torch.tensor([30.0, 30.0])
    for hidden, same in ((0.0, True), (0.5, False)):
        weight = torch.ones(3, 68)
        weight[0, 40] = hidden
        losses = [correspondence_loss(features, at, weight, 64, torch.tensor(0.07), picks)[0] for at in (xy, moved)]
        assert torch.isclose(*losses, atol=1e-6) == same


def test_the_place_of_a_missing_part_must_not_look_like_it() -> None:
    rng = torch.Generator().manual_seed(0)
    xy = torch.rand(3, 68, 2, generator=rng) * 40 + 10
    features, picks = torch.rand(3, 8, 16, 16, generator=rng), torch.arange(0)
    weight = torch.ones(3, 68)
    weight[2, 48:] = -1
    _, before = correspondence_loss(features, xy, weight, 64, torch.tensor(0.07), picks)
    features[2] *= torch.tensor([1.0, -1.0] * 4)[:, None, None]
    _, after = correspondence_loss(features, xy, weight, 64, torch.tensor(0.07), picks)
    assert after["foreign"] < before["foreign"] - 0.1


def test_hard_pictures_are_weighed_by_what_they_show() -> None:
    weights = np.concatenate([draw_job(k, 5, ())[2] for k in range(3)])
    assert (weights == 0).any(1).mean() > 0.2 and (weights < 0).any(1).mean() > 0.02
    assert set(np.unique(weights)) == {np.float32(v) for v in (-1, 0, 0.15, 1)}


def test_a_drawing_that_fails_is_replaced(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    from faceshot_gallery import anyone as hard

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(hard, "anyone", broken)
    pictures, _, weights = draw_job(0, 5, ())
    assert len(pictures) == len(weights) == 32 and "cannot be drawn" in caplog.text and (weights >= 0).all()


def arguments(out: Path, steps: int, *more: str) -> list[str]:
    short = "--batch 2 --size 32 --large-size 32 --buffer 64 --repeat 1 --eval-every 100 --ema 0.5"
    return ["--out", str(out), "--steps", str(steps), *short.split(), *more]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same training on a network of few parameters, with quick evaluations."""
    thin = {**network.UNET_CONFIG, "block_out_channels": (16, 16, 16), "attention_head_dim": 8}
    monkeypatch.setattr(network, "UNET_CONFIG", thin)
    monkeypatch.setattr(train, "evaluate", lambda *_: {"drawn": 50.0, "held_out": 60.0})


def published(folder: Path) -> dict[str, torch.Tensor]:
    return published_in(folder / "published")


def published_in(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")


def test_resumed_run_equals_uninterrupted(tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    train.main(arguments(tmp_path / "whole", 4))
    learn, calls = train.Trainer.learn, []

    def until_second(self: train.Trainer, *batch: np.ndarray) -> dict[str, float]:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        return learn(self, *batch)

    monkeypatch.setattr(train.Trainer, "learn", until_second)
    train.main(arguments(tmp_path / "parts", 4))
    monkeypatch.setattr(train.Trainer, "learn", learn)
    assert not (tmp_path / "parts" / "published").exists()
    train.main(arguments(tmp_path / "parts", 4, "--resume"))
    whole, parts = published(tmp_path / "whole"), published(tmp_path / "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    card = (tmp_path / "parts" / "published" / "README.md").read_text()
    assert "4 of 4 steps of 2 samples" in card and (tmp_path / "parts" / "curves.png").stat().st_size > 1000


def test_a_run_begins_from_published_weights_and_ends_by_the_clock(tmp_path: Path, small: None) -> None:
    train.main(arguments(tmp_path / "first", 2))
    source = tmp_path / "first" / "published"
    more = ["--init", str(source), "--minutes", "0.0001", "--lr", "0", "--flat", str(tmp_path / "flat")]
    train.main(arguments(tmp_path / "second", 1000, *more))
    first, second = published(tmp_path / "first"), published(tmp_path / "second")
    assert all(torch.equal(first[name], second[name]) for name in first), "a rate of 0 changes nothing"
    settings = json.loads((tmp_path / "second" / "published" / "mini.json").read_text())
    assert settings["steps_trained"] == 1
    assert max(path.stat().st_size for path in (tmp_path / "flat").iterdir()) < 16 << 20
    network.join(tmp_path / "flat", tmp_path / "joined")
    joined = torch.cat([t.flatten() for _, t in sorted(published_in(tmp_path / "joined").items())])
    assert torch.equal(joined, torch.cat([t.flatten() for _, t in sorted(second.items())]))


def test_small_files_together_hold_every_tensor(tmp_path: Path, small: None) -> None:
    train.main(arguments(tmp_path, 1))
    paths = network.split(tmp_path / "published", tmp_path / "flat", most=100_000)
    assert len(paths) > 3 and all(path.stat().st_size < 100_000 for path in paths)
    network.join(tmp_path / "flat", tmp_path / "joined")
    whole, joined = published(tmp_path), published_in(tmp_path / "joined")
    assert whole.keys() == joined.keys() and all(torch.equal(whole[name], joined[name]) for name in whole)


def test_learning_rate_holds_then_falls(tmp_path: Path, small: None) -> None:
    trainer = train.Trainer(train.parse(arguments(tmp_path, 1000, "--lr", "1e-3", "--decay", "0.3")))
    rates = []
    for trainer.step in (0, 99, 700, 850, 1000):
        rates.append(trainer.rate())
    assert rates == pytest.approx([1e-5, 1e-3, 1e-3, 5e-4, 0.0])


def test_report_reads_a_resumed_log(tmp_path: Path) -> None:
    rows = [{"step": step, "seconds": 3600.0, "drawn": 10.0 - step / 100} for step in (100, 200, 300, 200)]
    rows[-1]["drawn"] = 7.5
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    read = read_log(tmp_path / "log.jsonl")
    assert [row["step"] for row in read] == [100, 200, 300] and read[1]["drawn"] == 7.5
    card = model_card(train.parse(arguments(tmp_path, 300)), read)
    assert "| 300 | - | - | 7.00 |" in card and "1.0 hours" in card


def test_a_step_without_a_finite_gradient_is_left_out_and_many_end_the_run(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = train.Trainer(train.parse(arguments(tmp_path, 40)))
    batch = (np.zeros((2, 32, 32, 3), np.uint8), np.full((2, 68, 2), 9, np.float32), np.ones((2, 68), np.float32))
    loss = train.correspondence_loss
    monkeypatch.setattr(train, "correspondence_loss", lambda *a: (loss(*a)[0] * torch.nan, {}))
    before = [p.detach().clone() for p in trainer.parameters]
    for _ in range(train.LOST - 1):
        trainer.learn(*batch)
    assert all(torch.equal(p, b) for p, b in zip(trainer.parameters, before, strict=True))
    with pytest.raises(FloatingPointError, match="lower --lr"):
        trainer.learn(*batch)
