"""What MOFA's networks are shown, against the published code's values."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from faceshot.errors import UsageError
from faceshot.landmarks.types import Size
from faceshot_mofa import conditioning as cond
from faceshot_mofa.guidance import guidance_ramp, guided, is_needed
from faceshot_mofa.schedule import Schedule

PARTS = {"123": ("face", "brows", "nose"), "456": ("eyes", "outer_lips", "inner_lips"), "62": ("inner_lips", "brows")}
#: Every array of the landmark golden and the test that reads it.
READ = {
    "landmarks": "all",
    "size_wh": "all",
    "pose320": "test_pose_canvas",
    "pose_tensor_sub4": "test_pose_tensor",
    "pose_tensor_sum": "test_pose_tensor",
    "flow384": "test_sparse_flow_of_cmp",
    "mask384": "test_sparse_flow_of_cmp",
    "flow_full": "test_sparse_flow_at_full_size",
    "mask_full": "test_sparse_flow_at_full_size",
}
PART_READ = ("pose320_parts{}_f1", "sel_idx_parts{}", "flow384_parts{}_f1")
EDGE_READ = ("edge_landmarks", "edge_yx", "edge_val")


@pytest.fixture(scope="module")
def golden(shared):
    with np.load(shared / "parity" / "mofa" / "landmarks.golden.npz") as stored:
        return {name: stored[name] for name in stored.files}


@pytest.fixture(scope="module")
def pipeline_golden(shared):
    with np.load(shared / "parity" / "mofa" / "pipeline_tiny.golden.npz") as stored:
        return {name: stored[name] for name in stored.files}


def sequence(golden, kind):
    return golden[f"{kind}_landmarks"], Size(*map(int, golden[f"{kind}_size_wh"]))


def test_every_array_of_the_golden_is_read(golden):
    known = {f"{kind}_{name}" for kind in ("sq", "wide") for name in READ}
    known |= {f"sq_{name.format(parts)}" for parts in PARTS for name in PART_READ} | set(EDGE_READ)
    known -= {"wide_flow_full", "wide_mask_full"}  # stored for the square only
    assert set(golden) == known


def formula(width, height, frames=6):
    """The landmark formula of the recipe, in our own words."""
    cx, cy = width / 2 + 0.37, height / 2 + 0.41
    turn = np.pi - np.pi * np.arange(17) / 16
    parts = [np.c_[cx + 0.30 * width * np.cos(turn), cy - 0.05 * height + 0.36 * height * np.sin(turn)]]
    i = np.arange(5)
    brow = cy - 0.16 * height - 0.02 * height * np.sin(np.pi * i / 4)
    parts += [np.c_[cx + start * width + 0.045 * width * i, brow] for start in (-0.24, 0.06)]
    parts += [np.c_[np.full(4, cx), cy - 0.10 * height + 0.045 * height * np.arange(4)]]
    parts += [np.c_[cx - 0.06 * width + 0.03 * width * i, cy + 0.08 * height + 0.01 * height * np.sin(np.pi * i / 4)]]
    for count, x, y, rx, ry in (
        (6, -0.13, -0.09, 0.05, 0.022),
        (6, 0.13, -0.09, 0.05, 0.022),
        (12, 0, 0.19, 0.11, 0.05),
        (8, 0, 0.19, 0.07, 0.02),
    ):
        f = np.pi + 2 * np.pi * np.arange(count) / count
        parts.append(np.c_[cx + x * width + rx * width * np.cos(f), cy + y * height + ry * height * np.sin(f)])
    base = np.concatenate(parts)
    out = []
    for t in range(frames):
        xy = base.copy()
        lower = np.maximum(0, (xy[48:, 1] - (cy + 0.19 * height)) / (0.05 * height))
        xy[48:, 1] += 0.04 * height * (1 - np.cos(2 * np.pi * t / 12)) / 2 * lower
        a = 0.08 * np.sin(2 * np.pi * t / 20)
        x, y = (xy - (cx, cy)).T
        xy = np.c_[x * np.cos(a) - y * np.sin(a), x * np.sin(a) + y * np.cos(a)] + (cx, cy)
        out.append(xy + np.array([0.02 * width, 0.015 * height]) * np.sin(2 * np.pi * t / 25))
    return np.stack(out).astype(np.float32)


@pytest.mark.parametrize("kind", ["sq", "wide"])
def test_landmarks_are_those_of_the_recipe(golden, kind):
    xy, size = sequence(golden, kind)
    assert xy.dtype == np.float32 and np.abs(formula(*size) - xy).max() < 1e-4


@pytest.mark.parametrize("kind", ["sq", "wide"])
def test_pose_canvas(golden, kind):
    xy, size = sequence(golden, kind)
    drawn = np.stack([cond.draw_pose(points, size) for points in xy])
    assert drawn.dtype == np.uint8 and np.array_equal(drawn, golden[f"{kind}_pose320"])


@pytest.mark.parametrize("kind", ["sq", "wide"])
def test_pose_tensor(golden, kind):
    xy, size = sequence(golden, kind)
    pose = cond.pose_pictures(xy, size)
    assert pose.dtype == torch.float32 and pose.shape == (6, 3, size.height, size.width)
    found = pose[[0, 5], :, ::4, ::4].numpy()
    assert np.abs(found - golden[f"{kind}_pose_tensor_sub4"]).max() < 1e-6
    sums = pose.double().sum((1, 2, 3)).numpy()
    assert np.abs(sums / golden[f"{kind}_pose_tensor_sum"] - 1).max() < 1e-6


@pytest.mark.parametrize("kind", ["sq", "wide"])
def test_sparse_flow_of_cmp(golden, kind):
    xy, size = sequence(golden, kind)
    flow, mask = cond.cmp_hints(xy[0], xy[1:], size)
    assert flow.dtype == np.float32 and np.abs(flow - golden[f"{kind}_flow384"]).max() < 1e-5
    assert np.array_equal(mask, golden[f"{kind}_mask384"])


def test_sparse_flow_at_full_size(golden):
    xy, size = sequence(golden, "sq")
    flow, mask = cond.sparse_flow(xy[0], xy[1:], size, size)
    assert np.abs(flow - golden["sq_flow_full"]).max() < 1e-5
    assert np.array_equal(mask, golden["sq_mask_full"])


@pytest.mark.parametrize("numbers", list(PARTS))
def test_parts_switch_drawing_and_flow(golden, numbers):
    xy, size = sequence(golden, "sq")
    parts = PARTS[numbers]
    assert np.array_equal(cond.draw_pose(xy[1], size, parts), golden[f"sq_pose320_parts{numbers}_f1"])
    assert np.array_equal(cond.part_points(parts), golden[f"sq_sel_idx_parts{numbers}"])
    flow, _ = cond.cmp_hints(xy[0], xy[1:2], size, parts)
    assert np.abs(flow[0] - golden[f"sq_flow384_parts{numbers}_f1"]).max() < 1e-5


def test_points_outside_or_on_each_other(golden):
    xy = golden["edge_landmarks"]
    flow, mask = cond.sparse_flow(xy[0], xy[1:], Size(512, 512), Size(512, 512))
    rows, columns = np.nonzero(mask[0])
    assert np.array_equal(np.c_[rows, columns], golden["edge_yx"])
    assert np.abs(flow[0][:, rows, columns].T - golden["edge_val"]).max() < 1e-5
    assert np.count_nonzero(flow[0].any(0) & (mask[0] == 0)) == 0


def test_far_away_points_draw_without_trouble():
    xy = np.full((68, 2), 1e30, np.float32)
    assert cond.draw_pose(xy, Size(64, 64)).max() == 0
    flow, _ = cond.cmp_hints(np.zeros((68, 2), np.float32), np.full((1, 68, 2), 7.0, np.float32), Size(64, 64))
    assert flow.max() == 42


def test_an_unknown_part_is_named():
    with pytest.raises(UsageError, match=r"ears.*inner_lips"):
        cond.part_points(("ears",))


def test_saturation_is_noticed():
    rest = np.zeros((68, 2), np.float32)
    moved = np.stack([rest, rest + 49, rest + 51, rest])
    assert cond.saturates(rest, moved, Size(384, 384)) == 0.25
    assert cond.saturates(rest, moved[:0], Size(384, 384)) == 0


def test_clip_and_vae_pictures(pipeline_golden):
    picture = cond.unit_picture(pipeline_golden["image_uint8"])
    pixels = cond.clip_pixels(picture)
    assert np.abs(pixels[..., ::4, ::4].numpy() - pipeline_golden["clip_pixels_sub4"]).max() < 1e-5
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(7))
    noisy = cond.vae_picture(picture, noise)
    assert np.abs(noisy[..., ::4, ::4].numpy() - pipeline_golden["vae_in_sub4"]).max() < 1e-6


def test_clip_normalisation_is_an_option():
    picture = torch.rand(1, 3, 600, 300, generator=torch.Generator().manual_seed(0))
    plain, normal = cond.clip_pixels(picture), cond.clip_pixels(picture, normalise=True)
    mean = torch.tensor(cond._CLIP_MEAN).view(1, 3, 1, 1)
    std = torch.tensor(cond._CLIP_STD).view(1, 3, 1, 1)
    assert plain.shape == (1, 3, 224, 224)
    assert torch.allclose(normal * std + mean, plain, atol=1e-5)


@pytest.mark.parametrize("shape", [(720, 1280), (224, 224), (64, 100)], ids=str)
def test_the_reduction_is_that_of_stable_video_diffusion(shape):
    from diffusers.pipelines.stable_video_diffusion import pipeline_stable_video_diffusion as stock

    picture = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(1))
    expected = stock._resize_with_antialiasing(picture * 2 - 1, (224, 224))
    assert torch.allclose(cond.clip_pixels(picture), (expected + 1) / 2, atol=1e-5)


def test_time_ids_are_always_the_same():
    assert torch.equal(cond.time_ids(2), torch.tensor([[6, 128, 0.02]] * 2))


# --- schedule and guidance -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("steps", "suffix"), [(3, ""), (25, "25")])
def test_noise_levels(pipeline_golden, steps, suffix):
    schedule = Schedule.of(steps)
    assert np.allclose(schedule.sigmas, pipeline_golden[f"sigmas{suffix}"], rtol=2e-7, atol=0)
    assert np.allclose(schedule.timesteps, pipeline_golden[f"timesteps{suffix}"], rtol=2e-6, atol=2e-7)


def euler(steps):
    from diffusers import EulerDiscreteScheduler

    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000, sigma_min=0.002,
        sigma_max=700.0, timestep_spacing="leading", steps_offset=1, timestep_type="continuous",
        use_karras_sigmas=True, prediction_type="v_prediction",
    )  # fmt: skip
    scheduler.set_timesteps(steps)
    return scheduler


@pytest.mark.parametrize("steps", [3, 10, 25])
def test_steps_are_those_of_diffusers(steps):
    stock, ours = euler(steps), Schedule.of(steps)
    assert ours.start == pytest.approx(float(stock.init_noise_sigma), rel=1e-6)
    a = b = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0)) * ours.start
    for index, t in enumerate(stock.timesteps):
        scaled = stock.scale_model_input(a, t)
        assert torch.allclose(ours.scaled(b, index), scaled, atol=1e-5)
        a, b = stock.step(torch.sin(scaled), t, a).prev_sample, ours.step(b, torch.sin(scaled), index)
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-4)


def test_one_step_goes_from_noise_to_picture():
    schedule = Schedule.of(1)
    assert schedule.sigmas.tolist() == [700, 0]
    clean = torch.full((1, 1), 0.5)
    noisy = clean + 700 * torch.full((1, 1), 0.3)
    velocity = (noisy / (700**2 + 1) - clean) * (700**2 + 1) ** 0.5 / 700
    assert schedule.step(noisy, velocity, 0).item() == pytest.approx(0.5, abs=1e-4)


def test_guidance_grows_with_the_place_in_the_window():
    ramp = guidance_ramp(4, 7.5)
    assert torch.allclose(ramp, torch.tensor([1, 19 / 6, 16 / 3, 7.5]))
    free, shown = torch.zeros(4, 1, 2, 2), torch.ones(4, 1, 2, 2)
    assert torch.allclose(guided(free, shown, ramp)[:, 0, 0, 0], ramp)
    assert is_needed(7.5) and is_needed(0.5) and not is_needed(1)


def test_the_tiny_configurations_are_known(shared):
    """The recipes' window of 4 and its strides are what the pipeline test uses."""
    sizes = json.loads((shared / "parity" / "mofa" / "tiny_configs.json").read_text())
    assert set(sizes) == {"controlnet", "unet"} and sizes["unet"]["num_frames"] == 4
