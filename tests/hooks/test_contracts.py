"""Each drop-in takes every call that its library takes, as recorded from the library, and as it is where installed."""

from __future__ import annotations

import inspect
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

from tests.hooks import contracts

CALLS = [(library, call) for library, it in contracts.recorded().items() for call in it["calls"]]
OURS = {
    "face-alignment": "face_alignment",
    "facexlib": "facexlib",
    "insightface": "insightface",
    "mediapipe": "mediapipe",
}


@pytest.mark.parametrize("library, call", CALLS, ids=[call for _, call in CALLS])
def test_every_call_of_theirs_is_one_of_ours(library: str, call: str) -> None:
    theirs = contracts.recorded()[library]["calls"][call]
    ours = contracts.parameters(import_module(f"faceshot.hooks.{OURS[library]}"), call.split(":")[1])
    given = {name: (kind, optional) for name, kind, optional in ours}
    assert [name for name, kind, _ in theirs if kind == "POSITIONAL_OR_KEYWORD"] == [
        name for name, kind, _ in ours if kind == "POSITIONAL_OR_KEYWORD"
    ]
    for name, kind, optional in theirs:
        assert name in given and given[name][0] == kind, f"{call}({name}) is not taken"
        assert given[name][1] or not optional, f"{call}({name}) may be left out of theirs"


@pytest.mark.parametrize("library", contracts.CALLS)
def test_the_record_is_of_the_library_that_is_here(library: str) -> None:
    known = contracts.recorded()[library]
    try:
        here = version(library)
        found = contracts.record(library)
    except (PackageNotFoundError, ImportError, RuntimeError) as error:
        pytest.skip(f"{library} cannot be looked at here: {error}")
    if here != known["version"]:
        pytest.skip(f"recorded from {library} {known['version']}, this is {here}")
    assert found == known


def _public(kind: type) -> dict[str, Any]:
    return {name: value for name, value in inspect.getmembers(kind) if not name.startswith("_")}


def test_our_boxes_and_points_are_like_those_of_dlib() -> None:
    dlib = pytest.importorskip("dlib", reason="dlib is not installed")
    from faceshot.hooks import dlib_types as ours

    for sides in ((1, 2, 10, 20), (-3, 0, 4, 0), (0, 0, -1, -1), (5, 5, 8, 9)):
        a, b = ours.rectangle(*sides), dlib.rectangle(*sides)
        assert (str(a), repr(a)) == (str(b), repr(b))
        for name in ("left", "top", "right", "bottom", "width", "height", "area", "is_empty"):
            assert getattr(a, name)() == getattr(b, name)(), (sides, name)
        for name in ("center", "tl_corner", "br_corner"):
            mine, theirs = getattr(a, name)(), getattr(b, name)()
            assert (mine.x, mine.y) == (theirs.x, theirs.y), (sides, name)
    both = [kind.full_object_detection(kind.rectangle(0, 0, 9, 9), [kind.point(1, 2)] * 5) for kind in (ours, dlib)]
    assert [one.num_parts for one in both] == [5, 5] and {one.part(4).y for one in both} == {2}
    for one in both:
        with pytest.raises(IndexError, match="Index out of range"):
            one.part(5)
    assert set(_public(dlib.full_object_detection)) <= {*_public(ours.full_object_detection), *vars(both[0])}
