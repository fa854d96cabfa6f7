"""The whole denoising of tiny twins of the published networks, against the published pipeline's latents."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from faceshot.rendering.sampling import joint_step, sample_jointly
from faceshot.rendering.windows import joint_windows
from faceshot_mofa.nets.controlnet import ControlNetConfig, LandmarkControlNet
from faceshot_mofa.nets.unet import MotionUNet
from faceshot_mofa.networks import Networks
from faceshot_mofa.sampling import Denoiser
from faceshot_mofa.schedule import Schedule
from tests.adapters.mofa.tiny import SmoothFlow, tiny_clip, tiny_vae

HEIGHT, WIDTH = 128, 192
#: Every array of the golden and where it is read.
READ = {
    "image_uint8", "clip_pixels_sub4", "vae_in_sub4",  # test_mofa_conditioning, and the recipe below
    "sigmas", "timesteps", "sigmas25", "timesteps25",  # test_mofa_conditioning
    "image_embeds", "image_latents", "first_call_input_sub",
    "n8_latents_steps", "n7_latents_steps", "n4_latents_steps", "n8_legacy_latents_steps",
}  # fmt: skip
TOLERANCE = 2e-3


@pytest.fixture(scope="module")
def golden(shared):
    with np.load(shared / "parity" / "mofa" / "pipeline_tiny.golden.npz") as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


@pytest.fixture(scope="module")
def recipe(shared):
    spec = importlib.util.spec_from_file_location("parity_weights", shared / "parity" / "weights.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def networks(shared, recipe):
    folder = shared / "parity" / "mofa"
    sizes = json.loads((folder / "tiny_configs.json").read_text())
    controlnet = LandmarkControlNet(ControlNetConfig.from_dict(sizes["controlnet"]))
    controlnet.load_state_dict(recipe.make_state_dict(folder / "flow_controlnet_tiny.contract.json"))
    unet = MotionUNet.build(sizes["unet"])
    unet.load_state_dict(recipe.make_state_dict(folder / "svd_unet_tiny.contract.json"))
    cpu = torch.device("cpu")
    return Networks(SmoothFlow(), controlnet, unet, tiny_vae(), tiny_clip(), cpu, torch.float32)


class Given:
    """Features of given flow and pose pictures, in the place of those made from landmarks."""

    def __init__(self, networks, recipe, image):
        flow = 12 * recipe.make_input("mofa.pflow", (7, 2, 8, 12))
        self.flow = interpolate(flow, (HEIGHT, WIDTH), mode="bilinear")
        self.pose = recipe.make_input("mofa.pldmk", (1, 8, 3, HEIGHT, WIDTH))[0].sigmoid()
        self.picture = image.permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.no_grad():
            self.all = networks.controlnet.prepare(self.picture, self.flow, self.pose)

    def window(self, frames):
        return self.all.select(list(frames))

    def raw(self, frames):
        from faceshot_mofa.features import Raw

        return Raw(self.picture, self.flow[[frame - 1 for frame in frames[1:]]], self.pose[list(frames)])


@pytest.fixture(scope="module")
def denoiser(networks, recipe, golden):
    assert not golden["image_embeds"][0].any() and not golden["image_latents"][0].any()
    features = Given(networks, recipe, golden["image_uint8"])
    return Denoiser(
        networks, features, Schedule.of(3), golden["image_embeds"][1:], golden["image_latents"][1:], strongest=7.5
    )


def start(recipe, frames):
    return recipe.make_input("mofa.latents", (1, 8, 4, 16, 24))[0, :frames]


def test_every_array_of_the_golden_is_read(golden):
    assert set(golden) == READ


def test_the_picture_is_that_of_the_recipe(golden, recipe):
    large = interpolate(recipe.make_input("mofa.image", (1, 3, 16, 24)), (HEIGHT, WIDTH), mode="bilinear").sigmoid()
    assert ((255 * large)[0].permute(1, 2, 0) - golden["image_uint8"]).abs().max() <= 0.51


def test_first_input_of_the_controlnet(denoiser, golden, recipe):
    latents = start(recipe, 4) * denoiser.schedule.start
    sample = denoiser._arguments(latents, 0, [0.0, 1.0])[0]
    assert (sample[..., ::2, ::2] - golden["first_call_input_sub"].view(2, 4, 8, 8, 12)).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("name", "frames", "context"),
    [
        ("n8_latents_steps", 8, "corrected"),
        ("n7_latents_steps", 7, "corrected"),
        ("n4_latents_steps", 4, "corrected"),
        ("n8_legacy_latents_steps", 8, "upstream"),
    ],
)
def test_latents_after_every_step(denoiser, golden, recipe, name, frames, context):
    windows = joint_windows(frames, 4, 2)
    latents = start(recipe, frames) * denoiser.schedule.start
    denoiser = replace(denoiser, context=context)
    for step in range(3):
        latents = joint_step(denoiser, latents, windows, step)
        assert (latents - golden[name][step]).abs().max() < TOLERANCE, step


@pytest.mark.parametrize("change", ["halves apart", "nothing reused"])
def test_savings_do_not_change_the_result(denoiser, golden, recipe, change):
    other = replace(denoiser, batched=False) if change == "halves apart" else replace(denoiser, reuse=False)
    finals = list(sample_jointly(other, lambda frames: start(recipe, len(frames)), 4, joint_windows(4, 4, 2)))
    assert len(finals) == 1 and finals[0].frames == range(4)
    assert (finals[0].latents - golden["n4_latents_steps"][-1]).abs().max() < TOLERANCE


@pytest.mark.parametrize(
    ("frames", "expected"),
    [(8, [0, 2, 4, 4]), (7, [0, 2, 3]), (4, [0, 0])],
    ids=lambda value: str(value),
)
def test_windows_of_upstream(frames, expected):
    windows = joint_windows(frames, 4, 2)
    assert [window.first - 1 for window in windows] == expected
    assert all(len(window) == 4 and window.frames[0] == 0 for window in windows)
