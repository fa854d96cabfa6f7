"""Mode ``faceshot`` against what the released code gave (golden file of the development material)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from faceshot.landmarks.types import Landmarks, LandmarkSequence
from faceshot.retargeting.modes import retarget
from faceshot.retargeting.upstream import boundary_scale, chain_frames, retarget_upstream

REFERENCES = ("portrait", "danbooru1", "cuphead", "dog")
SIZE = (512, 512)
CLOSE = {"rtol": 0, "atol": 1e-3}


@pytest.fixture(scope="module")
def golden(shared: Path) -> Mapping[str, np.ndarray]:
    with np.load(shared / "parity/faceshot/retarget_upstream.golden.npz") as data:
        return {key: data[key] for key in data}


@pytest.mark.parametrize("name", REFERENCES)
def test_every_frame_of_every_reference(golden: Mapping[str, np.ndarray], name: str) -> None:
    out = retarget_upstream(golden[f"{name}_ref_xy"], golden["driving_xy"])
    np.testing.assert_allclose(out, golden[f"{name}_out_float"], **CLOSE)


@pytest.mark.parametrize("name", REFERENCES)
def test_integer_output_is_the_truncated_float_output(golden: Mapping[str, np.ndarray], name: str) -> None:
    out = retarget_upstream(golden[f"{name}_ref_xy"], golden["driving_xy"])
    assert (np.abs(np.trunc(out) - golden[f"{name}_out_int"]) > 0).mean() < 1e-3  # float32 storage at the borders


@pytest.mark.parametrize("name", REFERENCES)
def test_limits_and_chain_frames(golden: Mapping[str, np.ndarray], name: str) -> None:
    ref = golden[f"{name}_ref_xy"].astype(np.float64)
    driving = golden["driving_xy"].astype(np.float64)
    np.testing.assert_allclose(boundary_scale(ref, driving[0]), golden[f"{name}_boundary_scale"], **CLOSE)
    for xy, wanted in ((ref[None], golden[f"{name}_ref_params"][None]), (driving, golden["driving_params"])):
        origin, theta = chain_frames(xy)
        np.testing.assert_allclose(np.concatenate([origin, theta[..., None]], -1), wanted, **CLOSE)


@pytest.mark.parametrize("name", REFERENCES)
def test_what_upstream_does_to_a_motionless_driver(golden: Mapping[str, np.ndarray], name: str) -> None:
    still = np.repeat(golden["driving_xy"][:1], 2, axis=0)
    out = retarget_upstream(golden[f"{name}_ref_xy"], still)
    np.testing.assert_allclose(out[1], golden[f"ctrl_static_{name}_out_float"], **CLOSE)


@pytest.mark.parametrize("tilt", ["0", "20", "-20"])
def test_controlled_head_motions(golden: Mapping[str, np.ndarray], tilt: str) -> None:
    out = retarget_upstream(golden[f"ctrl_tilt{tilt}_ref_xy"], golden["ctrl_driving_xy"])
    np.testing.assert_allclose(out, golden[f"ctrl_tilt{tilt}_out_float"], **CLOSE)


@pytest.mark.parametrize("name", REFERENCES)
def test_through_the_public_function(golden: Mapping[str, np.ndarray], name: str) -> None:
    driving = LandmarkSequence(golden["driving_xy"], SIZE, Fraction(30))  # type: ignore[arg-type]
    character = Landmarks(golden[f"{name}_ref_xy"], SIZE)  # type: ignore[arg-type]
    out = retarget(character, driving, mode="faceshot")
    np.testing.assert_allclose(out.xy, golden[f"{name}_out_float"], **CLOSE)


def test_pictures_of_other_sizes_are_brought_to_upstreams_square(golden: Mapping[str, np.ndarray]) -> None:
    driving = LandmarkSequence(golden["driving_xy"][:30], SIZE, Fraction(30))  # type: ignore[arg-type]
    character = Landmarks(golden["portrait_ref_xy"], SIZE)  # type: ignore[arg-type]
    wanted = retarget(character, driving, mode="faceshot").resized((1024, 1024))
    got = retarget(character.resized((1024, 1024)), driving.resized((256, 256)), mode="faceshot")
    np.testing.assert_allclose(got.xy, wanted.xy, rtol=0, atol=0.02)


def test_a_later_rest_frame_is_the_one_the_character_equals(golden: Mapping[str, np.ndarray]) -> None:
    clip = golden["driving_xy"][:30]
    character = Landmarks(golden["portrait_ref_xy"], SIZE)  # type: ignore[arg-type]
    out = retarget(character, LandmarkSequence(clip, SIZE, Fraction(30), rest=12), mode="faceshot")  # type: ignore[arg-type]
    np.testing.assert_array_equal(out.xy[12], character.xy)
    wanted = retarget_upstream(character.xy, np.concatenate([clip[12:13], clip]))[1:]
    np.testing.assert_allclose(np.delete(out.xy, 12, 0), np.delete(wanted, 12, 0), **CLOSE)
