"""Training of the networks for lids and lips: crops hold their truth, variations keep it, runs resume, files load."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from faceshot.errors import InputError
from faceshot.tracking import EyeNetwork, MouthNetwork, load_network
from faceshot_looks import train
from faceshot_looks.augment import EYE_JITTER, Warp
from faceshot_looks.drawings import EYE_KEPT, EYE_SCALE, FRAMES, MOUTH_KEPT, MOUTH_SCALE, draw, opening
from faceshot_looks.learning import EyeTask, MouthTask


@pytest.fixture(scope="module")
def crops() -> list:
    return [draw(k, 1) for k in range(3)]


def test_masks_and_points_agree_with_each_other(crops: list) -> None:
    """The area between the lids is what the lid points say, and a closed mouth has none."""
    for one in crops:
        for lids, points in zip(one.lids, one.points, strict=True):
            for mask, lid in zip(lids, points, strict=True):
                column = mask[:, EYE_KEPT[1] // 2].sum() / 255 / EYE_SCALE
                assert abs(column - np.linalg.norm(lid[1, 2] - lid[0, 2])) < 0.12
        between, lips = one.lips[:, :, 0], one.lips[:, :, 1]
        assert (between.sum((-2, -1)) <= lips.sum((-2, -1)) + 600).all()
        assert one.eyes.shape[1:] == (FRAMES, *EYE_KEPT, 3) and one.mouths.shape[1:] == (FRAMES, *MOUTH_KEPT, 3)
    # The first frame is the reference: its eyes are open.
    assert all(
        opening(points[0]) > 0.6 * full for one in crops for points, full in zip(one.points, one.full, strict=True)
    )
    assert MOUTH_KEPT[0] > MOUTH_SCALE * 2


def test_the_same_seed_draws_the_same(crops: list) -> None:
    again = draw(1, 1)
    assert (again.eyes == crops[1].eyes).all() and (again.lips == crops[1].lips).all()


@pytest.mark.parametrize("seed", range(3))
def test_points_follow_the_warp(seed: int) -> None:
    """A bright dot of the kept picture is where the moved point says, in the crop."""
    gen = torch.Generator().manual_seed(seed)
    warp = Warp(4, (48, 64), EYE_SCALE, EYE_JITTER, gen)
    at = np.array([[-9.0, -5.0], [8.0, 4.0]])
    picture = np.zeros(EYE_KEPT, np.float32)
    moved = warp.points(torch.tensor(np.tile(at, (4, 1, 1)), dtype=torch.float32))
    for k in range(2):
        x, y = at[k] + np.array([EYE_KEPT[1] - 1, EYE_KEPT[0] - 1]) / 2
        rows, columns = np.mgrid[: EYE_KEPT[0], : EYE_KEPT[1]]
        picture = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8).astype(np.float32)
        views = warp.look(torch.from_numpy(picture).expand(4, 1, -1, -1).contiguous(), 0)[:, 0].numpy()
        for view, point in zip(views, moved[:, k].numpy(), strict=True):
            _, _, _, peak = cv2.minMaxLoc(cv2.GaussianBlur(view, (0, 0), 1.0))
            assert np.linalg.norm(np.array(peak) - (point + np.array([31.5, 23.5]))) < 1.6


def test_batches_are_finite_and_some_lack_their_reference(crops: list) -> None:
    for task in (EyeTask, MouthTask):
        learning = task(crops, torch.device("cpu"))
        inputs, truth = learning.batch(24, torch.Generator().manual_seed(0), slice(None))
        assert torch.isfinite(inputs).all() and 2 <= int(truth["alone"].sum()) <= 20
        assert (inputs[truth["alone"], 3:] == 0).all() and (inputs[~truth["alone"], 3:] != 0).any()


def test_a_resumed_run_equals_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "SHARD", 1)
    common = ["--characters", "2", "--parts", "mouth", "--batch", "2", "--eval-every", "2", "--lr", "1e-4"]
    for name, steps in (("whole", [["--mouth-steps", "4"]]), ("halves", [["--mouth-steps", "4"], ["--resume"]])):
        for extra in steps:
            with monkeypatch.context() as stopped:
                if name == "halves" and extra != ["--resume"]:
                    calls = iter((False, False, True))
                    learn = train.Trainer.learn

                    def some(self: train.Trainer, calls=calls, learn=learn) -> dict:
                        if next(calls):
                            raise KeyboardInterrupt
                        return learn(self)

                    stopped.setattr(train.Trainer, "learn", some)
                more = ["--mouth-steps", "4", *extra] if extra == ["--resume"] else extra
                train.main(["--out", str(tmp_path / name), *common, *more])
    whole, halves = (torch.load(tmp_path / n / "mouth.pt", weights_only=True) for n in ("whole", "halves"))
    assert whole["step"] == halves["step"] == 4
    for a, b in zip(whole["average"].values(), halves["average"].values(), strict=True):
        assert torch.allclose(a.float(), b.float(), atol=1e-5)
    network = load_network(MouthNetwork(), tmp_path / "whole" / "mouth.safetensors")
    assert network(torch.zeros(1, 6, 96, 96)).between.shape == (1, 48, 48)
    with pytest.raises(InputError, match="does not hold this network's weights"):
        load_network(EyeNetwork(), tmp_path / "whole" / "mouth.safetensors")


def test_published_weights_stay_near_those_begun_with(tmp_path: Path, crops: list) -> None:
    first = train.Trainer(train.parse(["--out", str(tmp_path), "--batch", "2"]), "mouth", crops)
    first.keep(tmp_path)
    begun = load_network(MouthNetwork(), tmp_path / "mouth.safetensors").state_dict()
    for stay in (0.0, 0.5, 1.0):
        more = ["--warm", str(tmp_path), "--stay", str(stay), "--batch", "2", "--lr", "0.1"]
        trainer = train.Trainer(train.parse(["--out", str(tmp_path / "more"), *more]), "mouth", crops)
        trainer.learn()
        learned, told = trainer.average.state_dict(), trainer.published().state_dict()
        assert not torch.equal(learned["masks.weight"], begun["masks.weight"])
        for name, value in told.items():
            if value.is_floating_point():
                assert torch.allclose(value, stay * begun[name] + (1 - stay) * learned[name], atol=1e-6)
