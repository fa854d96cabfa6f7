"""Motion templates: ours round-trip, LivePortrait's are read, and pickles build nothing but arrays of numbers."""

from __future__ import annotations

import builtins
import os
import pickle
import pickletools
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from faceshot.errors import InputError
from faceshot_liveportrait.driving.motion import Motion, rotation
from faceshot_liveportrait.driving.template import Template, load_numbers, read_template, write_template
from faceshot_liveportrait.driving.video import Driver


def published(n=4, *, old_names=False, ratios=True, **changes):
    """A template as LivePortrait writes it."""
    rng = np.random.default_rng(n)
    turn = rotation(*(rng.normal(0, 8, (3, n))))
    motion = [
        {
            "scale": np.float32([[1.2 + 0.01 * i]]),
            "R_d" if old_names else "R": turn[i : i + 1].astype(np.float32),
            "exp": rng.normal(0, 0.01, (1, 21, 3)).astype(np.float32),
            "t": rng.normal(0, 0.05, (1, 3)).astype(np.float32),
            "kp": rng.normal(0, 0.2, (1, 21, 3)).astype(np.float32),
        }
        for i in range(n)
    ]
    held = {"n_frames": n, "output_fps": 30, "motion": motion}
    if ratios:
        prefix = "c_d_" if old_names else "c_"
        held[f"{prefix}eyes_lst"] = [rng.uniform(0, 0.5, (1, 2)).astype(np.float32) for _ in range(n)]
        held[f"{prefix}lip_lst"] = [rng.uniform(0, 0.5, (1, 1)).astype(np.float32) for _ in range(n)]
    return held | changes


def kept(path, value, protocol=4):
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


# --- ours ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratios", [True, False])
def test_ours_come_back_to_the_bit(tmp_path, ratios):
    rng = np.random.default_rng(0)
    motion = Motion(rotation(*rng.normal(0, 9, (3, 5))), rng.normal(size=(5, 21, 3)), rng.uniform(1, 2, 5),
                    rng.normal(size=(5, 3)))  # fmt: skip
    openings = (rng.uniform(size=(5, 2)), rng.uniform(size=(5, 1))) if ratios else (None, None)
    write_template(tmp_path / "a.npz", Template(Driver(motion, *openings, rest=2), Fraction(30000, 1001)))
    back = read_template(tmp_path / "a.npz")
    assert back.fps == Fraction(30000, 1001) and back.driver.rest == 2
    for name in ("rotation", "exp", "scale", "t"):
        assert np.array_equal(getattr(back.driver.motion, name), getattr(motion, name))
    for ours, theirs in zip(openings, (back.driver.eyes, back.driver.lips), strict=True):
        assert (ours is None and theirs is None) or np.array_equal(ours, theirs)
    with pytest.raises(InputError, match="exists"):
        write_template(tmp_path / "a.npz", back)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": np.array("other")}, "not a motion template"),
        ({"version": np.array(9)}, "version 9"),
        ({"exp": np.zeros((2, 20, 3))}, "exp must have shape"),
        ({"t": np.full((2, 3), np.nan)}, "t is empty or not finite"),
        ({"rest": np.array(7)}, "rest frame 7"),
        ({"scale": np.array([object()])}, "damaged"),
    ],
    ids=["format", "version", "shape", "nan", "rest", "objects"],
)
def test_damaged_templates_are_named(tmp_path, change, message):
    motion = Motion(np.stack([np.eye(3)] * 2), np.zeros((2, 21, 3)), np.ones(2), np.zeros((2, 3)))
    write_template(tmp_path / "a.npz", Template(Driver(motion), Fraction(25)))
    with np.load(tmp_path / "a.npz") as file:
        held = {name: file[name] for name in file.files} | change
    np.savez(tmp_path / "b.npz", **held)
    with pytest.raises(InputError, match=message) as error:
        read_template(tmp_path / "b.npz")
    assert "\n" not in str(error.value) and "b.npz" in str(error.value)


# --- LivePortrait's ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("old_names", [False, True], ids=["new", "old"])
def test_published_templates_are_read(tmp_path, protocol, old_names):
    held = published(old_names=old_names)
    found = read_template(kept(tmp_path / "a.pkl", held, protocol))
    assert found.fps == 30 and len(found.driver) == 4
    motion = found.driver.motion
    for i, frame in enumerate(held["motion"]):
        assert np.array_equal(motion.rotation[i], frame["R_d" if old_names else "R"][0].astype(float))
        assert np.array_equal(motion.exp[i], frame["exp"][0].astype(float))
        assert motion.scale[i] == frame["scale"][0, 0] and np.array_equal(motion.t[i], frame["t"][0].astype(float))
    assert found.driver.eyes.shape == (4, 2) and found.driver.lips.shape == (4, 1)


def test_numpy_scalars_orders_and_missing_ratios(tmp_path):
    held = published(ratios=False, output_fps=np.float64(29.97), n_frames=np.int64(4))
    held["motion"][0]["exp"] = np.asfortranarray(held["motion"][0]["exp"].astype(">f8"))
    found = read_template(kept(tmp_path / "a.pkl", held))
    assert found.driver.eyes is None and found.driver.lips is None
    assert found.fps == Fraction(30000, 1001)
    assert np.array_equal(found.driver.motion.exp[0], held["motion"][0]["exp"][0].astype(float))


def test_both_names_of_numpys_modules_are_read(tmp_path):
    data = pickle.dumps(published(2), protocol=2)
    old, new = b"cnumpy.core.multiarray\n", b"cnumpy._core.multiarray\n"
    present, other = (old, new) if old in data else (new, old)
    assert present in data
    (tmp_path / "a.pkl").write_bytes(data.replace(present, other))
    assert len(read_template(tmp_path / "a.pkl").driver) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"motion": []}, "no list of motion"),
        ({"motion": [{"R": np.eye(3)}]}, "exp"),
        ({"motion": "text"}, "no list of motion"),
        ({"output_fps": 0}, "fps"),
    ],
    ids=["empty", "incomplete", "text", "rate"],
)
def test_pickles_of_something_else_are_named(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        read_template(kept(tmp_path / "a.pkl", published(**changes)))


# --- hostile pickles -----------------------------------------------------------------------------------------------


class Runs:
    """Calls something when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class Plain:
    """Any class of a program's own."""


def structured():
    return np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])


HOSTILE = {
    "os_system": lambda mark: Runs(os.system, f"touch {mark}"),
    "eval": lambda mark: Runs(builtins.eval, f"open({str(mark)!r}, 'w')"),
    "exec": lambda mark: Runs(builtins.exec, f"open({str(mark)!r}, 'w')"),
    "open": lambda mark: Runs(builtins.open, str(mark), "w"),
    "getattr": lambda mark: Runs(getattr, np, "ndarray"),
    "popen": lambda mark: Runs(subprocess.Popen, ["touch", str(mark)]),
    "numpy_load": lambda mark: Runs(np.load, str(mark)),
    "numpy_tofile": lambda mark: Runs(np.ndarray.tofile, np.zeros(2), str(mark)),
    "numpy_fromfile": lambda mark: Runs(np.fromfile, sys.executable),
    "own_class": lambda mark: Plain(),
    "objects_in_array": lambda mark: np.array([1, "a", None], dtype=object),
    "structured_array": lambda mark: structured(),
    "text_array": lambda mark: np.array(["abc"]),
    "complex_array": lambda mark: np.array([1j]),
    "a_set": lambda mark: {1, 2},
    "bare_dtype": lambda mark: np.dtype("f4"),
    "a_slice": lambda mark: slice(1, 2),
}


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_run_nothing(tmp_path, name, protocol):
    mark = tmp_path / "mark"
    value = HOSTILE[name](mark)
    held = published(1)
    held["motion"][0]["exp"] = value
    try:
        data = pickle.dumps(held, protocol=protocol)
    except (TypeError, AttributeError):
        pytest.skip(f"protocol {protocol} cannot write it")
    (tmp_path / "a.pkl").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.pkl") as error:
        read_template(tmp_path / "a.pkl")
    assert not mark.exists() and "\n" not in str(error.value)


RAW = {
    "state_for_a_name": b"cnumpy\nndarray\n}\x8c\x01xK\x01sb.",
    "slots_for_a_name": b"cnumpy\ndtype\nN}\x8c\x04kindK\x01s\x86b.",
    "persistent": b"Pevil\n.",
    "extension": b"\x82\x01.",
    "instance": b"(ios\nsystem\n.",
    "ndarray_called": b"cnumpy\nndarray\n(K\x03tR.",
    "new_object": b"\x80\x02cnumpy\nndarray\n)\x81.",
    "dotted_name": b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.tofile\x93.",
    "cut_off": pickle.dumps(published(1))[:300],
    "no_pickle": b"hello, this is text",
    "a_number": pickle.dumps(3),
    "deep": b"(" * 10 + b"l" * 10 + b".",
    "nested": pickle.dumps([[[[[[[[[[[1]]]]]]]]]]]),
    "many_shared_lists": b"]" + b"".join(b"q%c](h%ch%ch%ch%ce" % (i, i, i, i, i) for i in range(60)) + b".",
    "large_memo": b"]r\x00\x00\x00\x08.",
    "huge_memo": b"]r\xff\xff\xff\x7f.",
    "huge_bytes": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
}


@pytest.mark.parametrize("name", RAW)
def test_broken_streams_are_refused(tmp_path, name):
    (tmp_path / "a.pkl").write_bytes(RAW[name])
    with pytest.raises(InputError, match=r"a\.pkl"):
        read_template(tmp_path / "a.pkl")


@pytest.mark.parametrize(
    "shape", [(2**62, 2**62), (-1,), (3, 3), ("3",), (2.0,)], ids=["overflow", "negative", "more", "text", "float"]
)
def test_forged_shapes_are_refused(tmp_path, shape):
    """The state numpy itself would be given, with another shape than the bytes have."""

    class Forged:
        def __reduce__(self):
            make, arguments, state = np.zeros((2,), np.float32).__reduce__()
            return make, arguments, (state[0], shape, *state[2:])

    data = pickle.dumps({"x": Forged()}, protocol=4)
    (tmp_path / "a.pkl").write_bytes(data)
    assert "BUILD" in {op.name for op, _, _ in pickletools.genops(data)}
    with pytest.raises(InputError, match="refused"):
        load_numbers(tmp_path / "a.pkl")


def test_what_is_read_is_plain(tmp_path):
    value = {"a": [np.arange(6, dtype=np.int16).reshape(2, 3)], "b": np.float32(2.5), "c": ("x", None, True)}
    found = load_numbers(kept(tmp_path / "a.pkl", value))
    assert type(found["a"][0]) is np.ndarray and np.array_equal(found["a"][0], value["a"][0])
    assert found["b"] == 2.5 and found["c"] == ["x", None, True]
