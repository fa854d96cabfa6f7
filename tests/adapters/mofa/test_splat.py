"""Forward warping against a loop over pixels, at the borders, with bad flow, and the same bits every time."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch

from faceshot_mofa.nets.splat import EPSILON, splat_average


def loop(features: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """The definition, pixel by pixel in float64: (C, H, W), (2, H, W) -> (C, H, W)."""
    channels, height, width = features.shape
    total, weights = np.zeros((channels, height, width)), np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            u, v = x + flow[0, y, x], y + flow[1, y, x]
            if not (math.isfinite(u) and math.isfinite(v)):
                continue
            for j in (math.floor(v), math.floor(v) + 1):
                for i in (math.floor(u), math.floor(u) + 1):
                    if 0 <= i < width and 0 <= j < height:
                        weight = (1 - abs(u - i)) * (1 - abs(v - j))
                        total[:, j, i] += weight * features[:, y, x]
                        weights[j, i] += weight
    return total / (weights + EPSILON)


def flows(kind: str, count: int, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    flow = rng.normal(0, 3, (count, 2, height, width))
    if kind == "whole":
        return np.round(flow)
    if kind == "one target":
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)))
        return np.array([2.25, 3.5]).reshape(1, 2, 1, 1) - grid + np.zeros((count, 1, 1, 1))
    if kind == "far away":
        return flow * 1e4
    if kind == "border":
        return np.where(rng.random(flow.shape) < 0.5, -0.5, 0.5) * (width - 1)
    if kind == "not finite":
        bad = rng.choice([np.nan, np.inf, -np.inf, 1e30, -1e30], flow.shape)
        return np.where(rng.random(flow.shape) < 0.3, bad, flow)
    return flow


KINDS = ["smooth", "whole", "one target", "far away", "border", "not finite"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("count", "height", "width", "shared_features"), [(1, 9, 13, False), (3, 8, 6, True), (2, 1, 7, False)]
)
def test_splat_is_the_loop_over_pixels(kind, count, height, width, shared_features) -> None:
    rng = np.random.default_rng(len(kind) + count)
    flow = flows(kind, count, height, width, rng)
    features = rng.normal(size=(1 if shared_features else count, 5, height, width))
    expected = np.stack([loop(features[0 if shared_features else n], flow[n]) for n in range(count)])
    result = splat_average(torch.from_numpy(features), torch.from_numpy(flow))
    assert result.dtype == torch.float64
    np.testing.assert_allclose(result.numpy(), expected, rtol=0, atol=1e-11)
    assert ((result == 0).all(1).numpy() == (expected == 0).all(1)).all()


def test_single_precision_stays_close() -> None:
    rng = np.random.default_rng(5)
    flow = rng.normal(0, 3, (1, 2, 24, 32)).astype(np.float32)
    features = rng.normal(size=(1, 6, 24, 32)).astype(np.float32)
    result = splat_average(torch.from_numpy(features), torch.from_numpy(flow))
    np.testing.assert_allclose(result[0].numpy(), loop(features[0], flow[0]), rtol=0, atol=2e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_summed_in_single(dtype) -> None:
    features = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    flow = 2 * torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    result = splat_average(features, flow)
    assert result.dtype == torch.float32
    assert torch.equal(result, splat_average(features.float(), flow))


def test_no_motion_changes_nothing_and_a_shift_shifts() -> None:
    features = torch.randn(1, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    flow = torch.zeros(2, 2, 6, 7)
    flow[1, 0], flow[1, 1] = 2, -1
    still, shifted = splat_average(features, flow)
    torch.testing.assert_close(still, features[0], rtol=1e-6, atol=0)
    torch.testing.assert_close(shifted[:, :-1, 2:], features[0, :, 1:, :-2], rtol=1e-6, atol=0)
    assert (shifted[:, -1] == 0).all() and (shifted[:, :, :2] == 0).all()


def crowded(device: str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Many sources per target: what atomics would add up in another order each time."""
    generator = torch.Generator().manual_seed(3)
    grid = torch.stack(torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="xy"))
    flow = -0.8 * (grid - 31.7) + torch.randn(8, 2, 64, 64, generator=generator)
    return torch.randn(1, 40, 64, 64, generator=generator).to(device), flow.to(device)


def test_the_same_bits_for_any_number_of_threads_and_any_batch() -> None:
    features, flow = crowded()
    result = splat_average(features, flow)
    assert torch.equal(torch.cat([splat_average(features, one[None]) for one in flow]), result)
    assert torch.equal(splat_average(features.expand(8, -1, -1, -1), flow), result)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        assert torch.equal(splat_average(features, flow), result)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.gpu
def test_the_same_bits_every_time_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    features, flow = crowded("cuda")
    result = splat_average(features, flow)
    assert all(torch.equal(splat_average(features, flow), result) for _ in range(20))
    torch.testing.assert_close(result.cpu(), splat_average(features.cpu(), flow.cpu()), rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
def test_a_window_takes_under_20_ms_on_a_gpu() -> None:
    """25 frames of the largest features of a 512 x 512 video."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    flow = 5 * torch.randn(25, 2, 64, 64, device="cuda")
    features = torch.randn(1, 320, 64, 64, device="cuda")
    seconds = []
    for _ in range(6):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        splat_average(features, flow)
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begin)
    assert min(seconds) < 0.02


def test_no_frames_give_no_frames() -> None:
    assert splat_average(torch.zeros(1, 3, 4, 5), torch.zeros(0, 2, 4, 5)).shape == (0, 3, 4, 5)


@pytest.mark.parametrize(
    ("features", "flow"), [((2, 3, 4, 4), (3, 2, 4, 4)), ((1, 3, 4, 4), (1, 2, 4, 5)), ((1, 3, 4, 4), (1, 3, 4, 4))]
)
def test_shapes_that_do_not_go_together_are_refused(features, flow) -> None:
    with pytest.raises(ValueError, match="do not go with flow"):
        splat_average(torch.zeros(features), torch.zeros(flow))
