"""The networks and the whole denoising with stand-in weights, against upstream's own results."""

from __future__ import annotations

import importlib.util
import json

import cv2
import numpy as np
import pytest
import torch

from faceshot.facemesh.pose import metric_mesh
from faceshot.landmarks.topology import MEDIAPIPE_TO_68
from faceshot.landmarks.types import Size
from faceshot.rendering.sampling import joint_step, sample_jointly
from faceshot.rendering.windows import wrapping_windows
from faceshot_aniportrait.drawing import pose_pictures
from faceshot_aniportrait.nets.motion import MotionModule
from faceshot_aniportrait.nets.pose_guider import PoseGuider
from faceshot_aniportrait.nets.unet import DenoisingUNet, ReferenceUNet
from faceshot_aniportrait.networks import Networks
from faceshot_aniportrait.sampling import Denoiser, Poses
from faceshot_aniportrait.schedule import Schedule
from tests.adapters.aniportrait.tiny import CONFIG, POSE_WIDTHS


@pytest.fixture(scope="module")
def folder(shared):
    return shared / "parity" / "aniportrait"


@pytest.fixture(scope="module")
def recipe(shared):
    spec = importlib.util.spec_from_file_location("parity_weights", shared / "parity" / "weights.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def golden(folder):
    def read(name):
        with np.load(folder / f"{name}.golden.npz") as stored:
            return {key: stored[key] for key in stored.files}

    return read


@pytest.fixture(scope="module")
def filled(folder, recipe):
    def fill(net, contract):
        """Every tensor of the contract; position codes are the network's own."""
        own = {name: value for name, value in net.state_dict().items() if name.endswith(".pe")}
        net.load_state_dict(own | recipe.make_state_dict(folder / f"{contract}.contract.json"))
        return net.eval().requires_grad_(False)

    return fill


@pytest.fixture(scope="module")
def unets(filled):
    return filled(ReferenceUNet(CONFIG), "reference_unet_tiny"), filled(DenoisingUNet(CONFIG), "denoising_unet_tiny")


def near(found, expected, tolerance):
    assert np.abs(np.asarray(found) - expected).max() < tolerance


@pytest.mark.parametrize(
    ("build", "contract", "inside"),
    [
        (ReferenceUNet, "reference_unet", ""),
        (DenoisingUNet, "denoising_unet", ""),
        (DenoisingUNet, "motion_module", "motion_module"),
        (PoseGuider, "pose_guider", ""),
    ],
)
def test_names_and_shapes_are_those_of_the_published_files(folder, build, contract, inside):
    with torch.device("meta"):
        own = {name: list(value.shape) for name, value in build().state_dict().items()}
    expected = {
        name: entry["shape"] for name, entry in json.loads((folder / f"{contract}.contract.json").read_text()).items()
    }
    if build is DenoisingUNet:
        own = {name: shape for name, shape in own.items() if ("motion_module" in name) == bool(inside)}
    assert own == expected


def test_motion_module(filled, golden, recipe):
    stored = golden("motion_module_tiny")
    x = recipe.make_input("motion_x", (2, 64, 4, 6, 5))
    net = filled(MotionModule(64), "motion_module_tiny")
    found = net(x.permute(0, 2, 1, 3, 4).flatten(0, 1), 4).unflatten(0, (2, 4)).permute(0, 2, 1, 3, 4)
    near(found, stored["y"], 1e-4)
    near(net.temporal_transformer.transformer_blocks[0].attention_blocks[1].pos_encoder.pe, stored["pe"], 1e-6)


@pytest.mark.slow
def test_pose_guider(filled, golden, recipe):
    stored = golden("pose_guider")
    x = recipe.make_input("pose", (1, 3, 2, 128, 128)).clamp(-1, 1)[0].transpose(0, 1)
    net = filled(PoseGuider(), "pose_guider")
    for statistics, name, pictures, tolerance in (
        ("stored", "eval", x, 1e-4),
        ("measured", "batchstat", 2 * ((x + 1) * 127.5).round() - 1, 5e-4),
        ("kept", "batchstat", 2 * ((x + 1) * 127.5).round() - 1, 5e-4),
    ):
        net.use(statistics)
        for index, found in enumerate(net(pictures)):
            expected = stored[f"{name}_feat{index}"].reshape(-1, 2, *found.shape[2:])
            near(found.transpose(0, 1)[:: 4 if index else 8], expected, tolerance)


def test_unets(unets, golden, recipe):
    stored, (reference, denoiser) = golden("unets_tiny"), unets
    embedding = recipe.make_input("clip_embed", (1, 1, 32))
    last, seen = reference(recipe.make_input("ref_latents", (1, 4, 16, 16)), embedding)
    near(last, stored["ref_unet_out"], 1e-4)
    banks = [name for name in stored if name.startswith("bank/")]
    assert len(banks) == len(seen) == 16
    for name in banks:
        (found,) = (tokens for place, tokens in seen.items() if name.startswith(f"bank/{place}"))
        expected = stored[name][1]
        near(found[0] if len(expected) == found.shape[1] else found[0, ::4], expected, 1e-4)

    x = recipe.make_input("noisy_latents", (1, 4, 3, 16, 16))[0].transpose(0, 1)
    sides = ((32, 16), (32, 8), (64, 4), (128, 2), (128, 2))
    pose = [
        0.5 * recipe.make_input(f"pose_fea{index}", (1, width, 3, side, side))[0].transpose(0, 1)
        for index, (width, side) in enumerate(sides)
    ]
    alone, known = denoiser.remember(None, embedding), denoiser.remember(seen, embedding)
    for name, found in (
        ("out_plain", denoiser(x, 479.0, alone, shown=[1])),
        ("out_pose", denoiser(x, 479.0, alone, pose, shown=[1])),
        ("out_ref_nocfg", denoiser(x, 479.0, known, pose, shown=[1])),
        ("out_ref_cfg", denoiser(x, 479.0, known, pose)),
    ):
        near(found.transpose(1, 2), stored[name], 1e-4)


@pytest.mark.parametrize("statistics", ["batchstat", "eval"])
def test_the_whole_loop(unets, filled, golden, recipe, statistics):
    """Two windows that wrap around, three steps, guidance."""
    stored, (reference, unet) = golden("pipeline_tiny"), unets
    # In single precision the kernel that a CPU has decides about the third decimal of these statistics.
    guider = filled(PoseGuider(POSE_WIDTHS), "pose_guider_tiny").double()
    networks = Networks(
        reference, unet, guider, torch.nn.Identity(), torch.nn.Identity(), torch.device("cpu"), torch.float32
    )
    pictures, size = stored["pose_images"], Size(128, 128)

    class Given(Poses):
        """Pictures of the golden instead of landmarks; ``eval`` was made with the training's input range."""

        def pictures(self, frames):
            return pictures[list(frames)]

        def window(self, frames):
            if statistics == "batchstat":
                return super().window(frames)
            guider.use("stored")
            x = torch.from_numpy(self.pictures(frames)).permute(0, 3, 1, 2).double()
            return [found.float() for found in guider(2 * x - 1)]

    embedding = recipe.make_input("pipe_clip", (1, 32))[:, None]
    _, seen = reference(recipe.make_input("pipe_ref_latents", (1, 4, 16, 16)), embedding)
    poses = Given(networks, np.zeros((20, 68, 2), np.float32), size, "window", 40)
    stepper = Denoiser(networks, poses, Schedule.of(3), unet.remember(seen, embedding), 3.5)
    assert stepper.schedule.timesteps == (999, 666, 332)
    noise, windows = (
        recipe.make_input("pipe_latents", (1, 4, 20, 16, 16))[0].transpose(0, 1),
        wrapping_windows(20, 16, 4),
    )
    (final,) = sample_jointly(stepper, lambda frames: noise[list(frames)], 20, windows)
    near(final.latents.transpose(0, 1)[None], stored[f"latents_{statistics}"], 1e-3)
    if statistics == "batchstat":
        first = joint_step(stepper, noise, windows, 0)
        near(first.transpose(0, 1)[None], stored["latents_batchstat_step0"], 1e-3)


def test_schedule(golden, recipe):
    stored = golden("scheduler")
    schedule = Schedule.of(25)
    assert list(schedule.timesteps) == stored["timesteps"].tolist()
    for steps in (20, 30):
        assert list(Schedule.of(steps).timesteps) == stored[f"timesteps_{steps}"].tolist()
    near(schedule.kept, stored["alphas_cumprod"][list(schedule.timesteps)], 1e-6)
    latents, velocity = (recipe.make_input(name, (1, 4, 2, 8, 8)) for name in ("sched_latents", "sched_v"))
    for time in (999, 519, 39):
        near(schedule.step(latents, velocity, schedule.timesteps.index(time)), stored[f"step_{time}"], 1e-5)


def test_windows(golden):
    tried = 0
    for name, expected in golden("context").items():
        frames, overlap, *rest = name.split("_")
        if not rest:
            windows = wrapping_windows(int(frames[1:]), 16, int(overlap.removeprefix("overlap")))
            assert [list(window.frames) for window in windows] == expected.tolist(), name
            tried += 1
    assert tried > 5


def test_the_mesh_behind_the_drawings(golden):
    """What upstream takes from MediaPipe's graph: the face in space and its matrix, from its points in the picture."""
    stored, weights = golden("metric_mesh"), np.zeros(468)
    weights[stored["basis_ids"]] = stored["basis_weights"]
    canonical = golden("pose_draw")["canonical"]
    matrix, mesh = metric_mesh(stored["landmarks"], stored["image_wh"], canonical, weights)
    near(mesh, stored["mesh"], 1e-3)
    near(matrix, stored["matrix"], 1e-3)


@pytest.mark.parametrize(("name", "size"), [("a", Size(640, 480)), ("b", Size(512, 512))])
def test_68_points_draw_nearly_what_478_do(golden, name, size):
    """Off by a fifth of a pixel on average, three at most: the lines of one from those of the other, both ways."""
    stored = golden("pose_draw")
    xy = np.stack([stored[f"points_{name}"][list(indices)].mean(0) for indices in MEDIAPIPE_TO_68])
    drawn, upstream = pose_pictures(xy[None].astype(np.float32), size)[0], stored[f"image_{name}"]
    for one, other in ((drawn, upstream), (upstream, drawn)):
        away = cv2.distanceTransform((other.max(-1) == 0).astype(np.uint8), cv2.DIST_L2, 5)[one.max(-1) > 0]
        assert away.mean() < 0.2 and away.max() <= 3.01


@pytest.mark.parametrize("name", "ab")
def test_drawing(golden, name):
    stored = golden("pose_draw_68")
    size = Size(640, 480) if name == "a" else Size(512, 512)
    assert np.array_equal(pose_pictures(stored[f"points68_{name}"][None], size)[0], stored[f"image68_{name}"])
