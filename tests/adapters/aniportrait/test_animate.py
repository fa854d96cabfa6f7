"""The AniPortrait backend from picture to frames, with tiny networks."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest
import torch

from benchmarks.aniportrait import denoise
from faceshot.errors import UsageError
from faceshot.landmarks.types import LandmarkSequence, Size
from faceshot.testing import drawn_face
from faceshot_aniportrait.options import parse_options
from faceshot_aniportrait.pipeline import Renderer
from faceshot_aniportrait.sampling import Denoiser, Poses
from tests.adapters.aniportrait.tiny import tiny_networks

BASE = {"size": 128, "steps": 2, "window": 4, "overlap": 1}
FRAMES = 6


@pytest.fixture(scope="module")
def networks():
    return tiny_networks()


def render(networks, frames=FRAMES, seed=0, face=None, **extra):
    picture, landmarks = face or drawn_face(96)
    xy = landmarks.xy + np.arange(frames, dtype=np.float32)[:, None, None]
    sequence = LandmarkSequence(xy, landmarks.size, Fraction(25))
    return np.stack(
        list(Renderer(networks, parse_options({**BASE, **extra})).render(picture, landmarks, sequence, seed))
    )


@pytest.fixture(scope="module")
def reference(networks, tmp_path_factory):
    return render(networks, work=tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("fidelity", ["corrected", "upstream"])
@pytest.mark.parametrize("frames", [1, 4, 7])
def test_any_length_gives_as_many_frames(networks, tmp_path, frames, fidelity):
    found = render(networks, frames, fidelity=fidelity, steps=1, work=tmp_path)
    assert found.shape == (frames, 96, 96, 3) and found.dtype == np.uint8


@pytest.mark.parametrize(("width", "height", "matte"), [(150, 100, True), (97, 131, False), (500, 90, False)])
def test_frames_have_the_pictures_size_and_matte(networks, tmp_path, width, height, matte):
    found = render(networks, 2, face=drawn_face(width, height, matte=matte), steps=1, work=tmp_path)
    assert found.shape == (2, height, width, 4 if matte else 3)
    assert not matte or not np.array_equal(found[0, ..., 3], found[1, ..., 3])


def test_another_seed_gives_other_frames(networks, reference, tmp_path):
    assert np.abs(render(networks, seed=1, work=tmp_path).astype(int) - reference).max() > 5


def test_low_vram_gives_the_same_frames(reference, tmp_path):
    sparing = tiny_networks(low_vram="on")
    assert np.abs(render(sparing, low_vram="on", work=tmp_path).astype(int) - reference).max() <= 1
    assert not sparing.shelves.present


@pytest.mark.parametrize(("dtype", "off"), [(torch.float16, 1), (torch.bfloat16, 5)])
def test_half_precision_gives_nearly_the_same_frames(reference, tmp_path, dtype, off):
    found = render(tiny_networks(dtype=dtype), work=tmp_path)
    assert 0 < np.abs(found.astype(int) - reference).mean() < off


@pytest.mark.parametrize(("fidelity", "after"), [("corrected", 3), ("upstream", 3)])
def test_an_interrupted_run_goes_on_with_the_same_frames(networks, tmp_path, monkeypatch, fidelity, after):
    whole, calls, advance = render(networks, fidelity=fidelity, work=tmp_path / "a"), [], Denoiser.advance

    def interrupted(self, *args):
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(args[2])
        return advance(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Denoiser, "advance", interrupted)
        with pytest.raises(KeyboardInterrupt):
            render(networks, fidelity=fidelity, work=tmp_path / "b")
    before = networks.unet.calls
    assert np.array_equal(render(networks, fidelity=fidelity, resume=True, work=tmp_path / "b"), whole)
    assert networks.unet.calls - before < 2 * 2 * 2 * 4, "the first window (or step) is not computed again"


@pytest.mark.parametrize(("frames", "norm"), [(20, "clip"), (20, "stored"), (5, "clip")])
def test_what_is_computed_how_often(networks, tmp_path, frames, norm):
    networks.reference.calls = networks.unet.calls = networks.pose_guider.frames = 0
    render(networks, frames, pose_norm=norm, steps=3, work=tmp_path)
    assert networks.reference.calls == 1, "once per video"
    assert networks.pose_guider.frames == frames, "once per frame"
    options = parse_options({**BASE, "steps": 3})
    windows = Renderer(networks, options).windows(frames)
    assert networks.unet.calls == 2 * 3 * sum(map(len, windows))


def test_upstream_takes_the_pose_once_per_window(networks, tmp_path):
    networks.pose_guider.frames = 0
    render(networks, 7, fidelity="upstream", steps=3, work=tmp_path)
    assert networks.pose_guider.frames == 3 * 4


@pytest.mark.parametrize("shift", [-0.45, 0.45])
def test_a_landmark_is_drawn_at_the_pixel_whose_middle_is_nearest(networks, shift):
    xy = np.rint(drawn_face(512)[1].xy)
    at, beside = (Poses(networks, xy[None] + d, Size(512, 512), "clip", 40).pictures([0])[0] for d in (0, shift))
    (left, top), (right, bottom) = xy[48:].min(0).astype(int) - 3, xy[48:].max(0).astype(int) + 4
    assert at[top:bottom, left:right].any() and np.array_equal(
        at[top:bottom, left:right], beside[top:bottom, left:right]
    )


def test_statistics_of_a_short_clip_are_those_of_its_only_window(networks):
    _, landmarks = drawn_face(128)
    xy = landmarks.xy + np.arange(5, dtype=np.float32)[:, None, None]
    clip, window = (Poses(networks, xy, Size(128, 128), norm, 40).window(range(5)) for norm in ("clip", "window"))
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(clip, window, strict=True))


@pytest.mark.parametrize("frames", [1, 2, 8])
def test_frames_between_are_not_generated(networks, tmp_path, frames):
    networks.unet.calls = 0
    found = render(networks, frames, every=3, steps=1, window=16, overlap=4, work=tmp_path)
    assert len(found) == frames and networks.unet.calls == 2 * {1: 1, 2: 2, 8: 4}[frames]


def test_guidance_of_one_computes_one_half(networks, tmp_path):
    networks.unet.calls = 0
    render(networks, 4, guidance=1, work=tmp_path)
    assert networks.unet.calls == 2 * 4


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"overlap": 16}, "overlap=16"),
        ({"pose_norm": "clip", "fidelity": "upstream"}, "contradicts fidelity=upstream"),
        ({"window": 40}, "window"),
        ({"guidance": 0.5}, "guidance"),
    ],
)
def test_options_that_make_no_sense_are_refused(extra, said):
    with pytest.raises(UsageError, match=said):
        parse_options(extra)


@pytest.mark.parametrize("fidelity", ["corrected", "upstream"])
def test_a_plain_loop_of_the_same_arithmetic_gives_the_same_latents(networks, fidelity):
    asked = {"frames": 7, "side": 128, "steps": 2, "fidelity": fidelity}
    ours, plain = (denoise(networks, plain=plain, **asked, window=4, overlap=1) for plain in (False, True))
    assert (ours - plain).abs().max() < 1e-4 and ours.std() > 0.5


@pytest.mark.slow
def test_it_is_faster_than_the_plain_loop(networks):
    seconds = []
    for plain in (False, True):
        begin = time.process_time()
        denoise(networks, plain=plain, frames=16, side=128, steps=4, fidelity="corrected")
        seconds.append(time.process_time() - begin)
    assert seconds[1] > 1.5 * seconds[0]
