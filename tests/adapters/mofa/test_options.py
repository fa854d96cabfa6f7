"""MOFA's options."""

from __future__ import annotations

import pytest

from faceshot.errors import InputError, UsageError
from faceshot.pipeline.backends import AnimationOptions
from faceshot_mofa import Backend
from faceshot_mofa.options import parse_options


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"stepz": 3}, r"stepz.*fidelity, parts, steps"),
        ({"steps": 0}, r"steps must be a whole number in 1\.\.200, got 0"),
        ({"steps": "2.5"}, "steps"),
        ({"steps": True}, "steps"),
        ({"window": 26}, r"window .*2\.\.25"),
        ({"size": 500}, r"size must be a multiple of 64 in 128\.\.1024, got 500"),
        ({"guidance": "high"}, "guidance must be a number"),
        ({"guidance": float("nan")}, "guidance"),
        ({"parts": "ears"}, r"'ears'; parts are face"),
        ({"parts": "7"}, "'7'"),
        ({"parts": []}, "names no part"),
        ({"fidelity": "perfect"}, "fidelity must be one of corrected, upstream"),
        ({"low_vram": "little"}, "low_vram must be one of off, on, max"),
        ({"resume": "maybe"}, "resume must be true or false"),
        ({"fidelity": "upstream", "overlap": 4}, "overlap contradicts"),
        ({"fidelity": "upstream", "origin": "picture"}, "origin=picture contradicts"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_options_are_named(extra, message):
    with pytest.raises(UsageError, match=message):
        Backend().load(AnimationOptions(extra=extra))


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("456", ("eyes", "outer_lips", "inner_lips")),
        ("6+2", ("inner_lips", "brows")),
        ("eyes+outer_lips", ("eyes", "outer_lips")),
        (["nose", 1, "nose"], ("nose", "face")),
        ("eyes, nose", ("eyes", "nose")),
    ],
    ids=str,
)
def test_parts_by_name_or_number(given, parts):
    assert parse_options({"parts": given}).parts == parts


def test_options_may_be_strings():
    options = parse_options({"steps": "12", "guidance": "3", "resume": "true", "low_vram": "yes", "size": "384"})
    assert (options.steps, options.guidance, options.resume, options.low_vram, options.size) == (12, 3, True, "on", 384)
    assert parse_options({"low_vram": False}).low_vram == "off" and parse_options({"low_vram": "max"}).low_vram == "max"
    assert parse_options({"fidelity": "upstream"}).origin == "first"


def test_a_work_folder_that_is_a_file_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="not a folder"):
        parse_options({"work": str(file)})
