"""Every entry of the published pipeline's golden values: crops, poses, keypoints, smoothing, paste-back."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest

from faceshot_liveportrait import place as c
from faceshot_liveportrait.driving import motion as m
from faceshot_liveportrait.driving.deltas import Deltas
from faceshot_liveportrait.driving.video import Classic, Driver, keypoints
from faceshot_liveportrait.paste import feather, pasted

LAYOUTS = (5, 9, 68, 101, 106, 203)
#: Cases of driving keypoints by the name of their entry.
CASES: dict[str, Classic] = {
    **{
        f"{rule}_{region}": Classic(rule=rule, region=region, exact=False)
        for rule in ("relative", "absolute")
        for region in m.REGIONS
    },
    # The hull multiplier is 1 where motion is relative.
    "relative_all_pose_friendly": Classic(exact=False),
    "relative_all_stitch": Classic(stitching=True, exact=False),
    "relative_all_stitch_mult1.5": Classic(stitching=True, multiplier=1.5, exact=False),
    "relative_all_stitch_liponorm": Classic(stitching=True, close_lips=True, exact=False),
    "relative_eye_retarget": Classic(stitching=True, eyes=True, exact=False),
    "relative_lip_retarget": Classic(stitching=True, lips=True, exact=False),
    "absolute_eye_lip_retarget": Classic(rule="absolute", eyes=True, lips=True, exact=False),
}


class Standin:
    """The three small networks with the contract's stand-in weights."""

    def __init__(self, weights):
        self.weights = weights

    def _run(self, top, x):
        names = sorted(
            (name for name in self.weights if name.startswith(f"{top}.") and name.endswith(".weight")),
            key=lambda name: int(name.split(".")[-2]),
        )
        for name in names:
            x = x @ self.weights[name].T + self.weights[name.replace("weight", "bias")]
            x = x.relu() if name != names[-1] else x
        return x

    def stitch(self, x_s, x_d):
        import torch

        return self._run("retarget_shoulder", torch.cat([x_s.flatten(1), x_d.flatten(1)], 1))

    def retarget_eyes(self, x_s, ratios):
        import torch

        return self._run("retarget_eye", torch.cat([x_s.flatten(1), ratios], 1))

    def retarget_lips(self, x_s, ratio):
        import torch

        return self._run("retarget_mouth", torch.cat([x_s.flatten(1), ratio], 1))


@pytest.fixture(scope="module")
def parity(shared):
    spec = importlib.util.spec_from_file_location("parity_weights", shared / "parity" / "weights.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def golden(shared):
    with np.load(shared / "parity" / "liveportrait" / "pipeline.golden.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def scene(golden, shared, parity):
    """(source, driver, deltas) of the golden's own values."""
    contract = json.loads((shared / "parity/liveportrait/stitching_retargeting_module.contract.json").read_text())
    engine = Standin(parity.make_state_dict(contract))
    angles = (golden[f"src_{name}"].reshape(-1) for name in ("pitch", "yaw", "roll"))
    own = m.Motion(m.rotation(*angles), golden["src_exp"], golden["src_scale"].reshape(1), golden["src_t"])
    source = m.Source.of(golden["src_kp"], own)
    motion = m.Motion(golden["tpl_R"], golden["tpl_exp"], golden["tpl_scale"].reshape(3), golden["tpl_t"])
    i = np.arange(3.0)[:, None]
    driver = Driver(motion, np.repeat(0.3 - 0.05 * i, 2, 1), 0.05 + 0.1 * i)
    eyes, lips = c.openness(golden["lmk203"])
    return source, driver, Deltas(engine, source.x, eyes, float(lips[0]))


def near(found, expected, atol):
    np.testing.assert_allclose(np.asarray(found).reshape(expected.shape), expected, rtol=0, atol=atol)


# --- one checker per entry -----------------------------------------------------------------------------------------


def check_landmarks(golden, name, parity, scene):
    n = int(name[3:])
    made = 60 * parity.make_input(name, (n, 2)).numpy().astype(np.float64) + (300, 260)
    near(made, golden[name], 1e-4)


def check_matrix(golden, name, parity, scene):
    _, _, n, turned = name.split("_")
    crop = c.face_crop(golden[f"lmk{n}"], turned=turned == "rot1")
    near(crop.matrix, golden[name], 2e-3)
    near(np.vstack([crop.inverse, [0, 0, 1]]) @ np.vstack([crop.matrix, [0, 0, 1]]), np.eye(3), 1e-6)


def check_rect(golden, name, parity, scene):
    crop = c.face_crop(golden[f"lmk{name[5:]}"])
    near([*crop.centre, crop.side, crop.side, crop.angle], golden[name], 2e-3)


def check_driving_box(golden, name, parity, scene):
    near(c.driving_box(golden["lmk203"]), golden[name], 2e-3)


def check_driving_matrix(golden, name, parity, scene):
    near(np.vstack([c.box_matrix(golden["driving_bbox_203"]), [0, 0, 1]]), golden[name], 2e-3)


def check_eye_ratio(golden, name, parity, scene):
    near(c.openness(golden["lmk203"])[0], golden[name], 1e-6)


def check_lip_ratio(golden, name, parity, scene):
    near(c.openness(golden["lmk203"])[1], golden[name], 1e-6)


def check_degrees(golden, name, parity, scene):
    near(m.degrees(3 * parity.make_input("bins", (3, 66)).numpy()), golden[name], 1e-4)


def check_rotation(golden, name, parity, scene):
    near(m.rotation(*golden["angles"].T), golden["R"], 1e-6)


def check_source(golden, name, parity, scene):
    near(scene[0].x, golden["x_s"], 1e-6)


def check_keypoints(golden, name, parity, scene):
    source, driver, deltas = scene
    case = name[3:]
    if case == "image_relative_all":
        x = m.single(source, driver.motion[:1], "all", golden["lip_array_example"])
        near(m.anchored(source, x, None), golden[name], 1e-6)
        return
    near(keypoints(source, driver, deltas, CASES[case]), golden[name], 2e-6)


def check_driver(golden, name, parity, scene):
    motion = scene[1].motion
    value = {"tpl_R": motion.rotation, "tpl_exp": motion.exp, "tpl_t": motion.t, "tpl_scale": motion.scale}[name]
    near(value, golden[name], 0)
    if name == "tpl_R":
        near(motion.rotation @ np.swapaxes(motion.rotation, 1, 2), np.repeat(np.eye(3)[None], 3, 0), 1e-5)


def check_multiplier(golden, name, parity, scene):
    near(m.hull_multiplier(scene[0].x, golden["xd.absolute_all"][0]), golden[name], 1e-5)
    plain = keypoints(*scene, Classic(rule="absolute", exact=False))
    near(m.friendly(scene[0].x, m.relative(scene[0], scene[1].motion)), golden["xd.relative_all"], 1e-6)
    assert m.hull_multiplier(scene[0].x, plain[0]) == pytest.approx(float(golden[name]), abs=1e-5)


def check_stitching(golden, name, parity, scene):
    near(scene[2].stitch(golden["xd.relative_all"][1:2], exact=False), golden[name], 2e-6)


def check_eyes(golden, name, parity, scene):
    deltas = Deltas(scene[2].engine, golden["x_s"], (0.3, 0.28), 0.0)
    near(deltas.eyes([0.1]), golden[name], 2e-6)


def check_lips(golden, name, parity, scene):
    near(Deltas(scene[2].engine, golden["x_s"], (0, 0), 0.05).lips([0.4]), golden[name], 2e-6)


def check_smooth(golden, name, parity, scene):
    values = [0.01 * parity.make_input(f"exp_seq{i}", (1, 21, 3)).numpy() for i in range(8)]
    near(m.smooth(np.concatenate(values), observation=float(name.split("_")[1])), golden[name], 1e-7)


def paste_inputs(golden, parity):
    import cv2

    def picture(name, shape, size):
        values = parity.make_input(name, shape).clamp(-2, 2).numpy() * 60 + 128
        small = np.round(values).astype(np.uint8)
        return cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)

    matrix = golden["paste_M_o2c"][:2]
    frame = c.CropFrame(np.zeros(2), 0.0, 0.0, matrix)
    return picture("paste_img", (48, 64, 3), (320, 240)), picture("paste_crop", (16, 16, 3), (512, 512)), frame


def check_paste_matrix(golden, name, parity, scene):
    matrix = golden[name]
    near(matrix[2], np.array([0.0, 0.0, 1.0]), 0)
    near(c.invert(c.invert(matrix[:2])), matrix[:2], 1e-9)


def check_paste_mask(golden, name, parity, scene):
    image, _, frame = paste_inputs(golden, parity)
    mask = c.warp(feather(), frame.inverse, (image.shape[1], image.shape[0]))[::4, ::4].astype(np.float32) / 255
    near(mask, golden[name], 1.01 / 255)


def check_paste(golden, name, parity, scene):
    image, crop, frame = paste_inputs(golden, parity)
    found = pasted(image, crop, frame)
    near(found[::4, ::4].astype(int), golden[name].astype(int), 1)
    outside = c.warp(feather(), frame.inverse, (320, 240)) == 0
    assert outside.sum() > 1000 and np.array_equal(found[outside], image[outside])


def check_crop(golden, name, parity, scene):
    image, _, frame = paste_inputs(golden, parity)
    near(c.warp(image, frame.matrix, (512, 512))[::8, ::8].astype(int), golden[name].astype(int), 1)


CHECKS = {
    **{f"lmk{n}": check_landmarks for n in LAYOUTS},
    **{f"M_o2c_{n}_rot{turned}": check_matrix for n in LAYOUTS for turned in (0, 1)},
    **{f"rect_{n}": check_rect for n in LAYOUTS},
    "driving_bbox_203": check_driving_box,
    "driving_M_o2c_203": check_driving_matrix,
    "eye_ratio_203": check_eye_ratio,
    "lip_ratio_203": check_lip_ratio,
    "degrees": check_degrees,
    **dict.fromkeys(("angles", "R"), check_rotation),
    **dict.fromkeys(
        ("src_kp", "src_exp", "src_t", "src_scale", "src_pitch", "src_yaw", "src_roll", "x_s"), check_source
    ),
    **{f"xd.{case}": check_keypoints for case in (*CASES, "image_relative_all")},
    **dict.fromkeys(("tpl_R", "tpl_exp", "tpl_t", "tpl_scale"), check_driver),
    "lip_array_example": check_keypoints,
    "motion_multiplier_example": check_multiplier,
    "stitching_example": check_stitching,
    "retarget_eye_example": check_eyes,
    "retarget_lip_example": check_lips,
    **dict.fromkeys(("smooth_3e-7", "smooth_1e-5"), check_smooth),
    "paste_M_o2c": check_paste_matrix,
    "paste_mask_s": check_paste_mask,
    "paste_result_s": check_paste,
    "crop_result_s": check_crop,
}


@pytest.mark.parametrize("name", CHECKS)
def test_golden(name, golden, parity, scene):
    CHECKS[name](golden, "xd.image_relative_all" if name == "lip_array_example" else name, parity, scene)


def test_no_entry_is_left_unread(golden):
    assert set(golden) == set(CHECKS)


# --- exactness, which the published pipeline lacks -----------------------------------------------------------------


@pytest.mark.parametrize("case", [case for case in CASES if "absolute" not in case and "liponorm" not in case])
@pytest.mark.parametrize("rest", [0, 2])
def test_the_rest_frame_is_the_source_bit_for_bit(scene, case, rest):
    from dataclasses import replace

    source, driver, deltas = scene
    found = keypoints(source, replace(driver, rest=rest), deltas, replace(CASES[case], exact=True))
    assert np.array_equal(found[rest], source.x)
    assert not np.array_equal(found[1], source.x)


def test_exact_motion_differs_from_the_published_by_the_rest_frames_correction_only(scene):
    from dataclasses import replace

    source, driver, deltas = scene
    how = CASES["relative_all_stitch"]
    exact, published = (keypoints(source, driver, deltas, replace(how, exact=e)) for e in (True, False))
    np.testing.assert_allclose(exact - exact[0], published - published[0], rtol=0, atol=2e-6)


def test_animals_rest_is_exact_and_follows_the_hull(scene):
    source, driver, deltas = scene
    found = keypoints(source, driver, deltas, Classic(rule="animal"))
    assert np.array_equal(found[0], source.x)
    plain = m.transform(source.kp, driver.motion.rotation, driver.motion.exp, source.motion.scale, driver.motion.t)
    factor = m.hull_multiplier(source.x, plain[0])
    np.testing.assert_allclose(found[1] - found[0], factor * (plain[1] - plain[0]), atol=1e-6)
