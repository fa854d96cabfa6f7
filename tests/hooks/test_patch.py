"""``patched``: everywhere, for as long as the block lasts, and nothing left behind."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from faceshot.errors import UsageError
from faceshot.hooks import LIBRARIES, patched
from faceshot.hooks import face_alignment as ours

LIBRARY = """
class FaceAlignment:
    kind = "theirs"
class LandmarksType:
    TWO_D = 1
class NetworkSize:
    LARGE = 4
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library called face_alignment, and a program that takes a name out of it."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("face_alignment", "program_a", "program_b")]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "face_alignment").mkdir()
    (tmp_path / "face_alignment" / "api.py").write_text(LIBRARY)
    (tmp_path / "face_alignment" / "__init__.py").write_text(
        "from .api import FaceAlignment, LandmarksType, NetworkSize\nother = 3\n"
    )
    for name in ("program_a", "program_b"):
        (tmp_path / f"{name}.py").write_text("from face_alignment import FaceAlignment as FA\nimport face_alignment\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_names_taken_before_and_meanwhile_are_ours_and_then_theirs_again(installed: Path) -> None:
    import program_a  # type: ignore[import-not-found]

    theirs = program_a.FA
    assert theirs.kind == "theirs"
    with patched("face_alignment"):
        import program_b  # type: ignore[import-not-found]

        assert program_a.FA is program_b.FA is ours.FaceAlignment
        assert (
            program_a.face_alignment.FaceAlignment
            is sys.modules["face_alignment.api"].FaceAlignment
            is ours.FaceAlignment
        )
        assert program_a.face_alignment.other == 3
    assert program_a.FA is program_b.FA is theirs is sys.modules["face_alignment.api"].FaceAlignment
    assert ours.FaceAlignment is not theirs


def test_it_is_undone_after_an_error_and_can_be_nested(installed: Path) -> None:
    import program_a

    theirs = program_a.FA
    with pytest.raises(RuntimeError, match="in the program"):
        with patched("face_alignment"):
            with patched("face_alignment", "dlib"):
                assert program_a.FA is ours.FaceAlignment
            assert program_a.FA is ours.FaceAlignment
            raise RuntimeError("in the program")
    assert program_a.FA is theirs


def test_a_library_that_is_not_there_is_stood_in_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceshot.hooks.patch.find_spec", lambda _: None)
    for name in [name for name in sys.modules if name.split(".")[0] in LIBRARIES]:
        monkeypatch.delitem(sys.modules, name)
    before = set(sys.modules)
    with patched("mediapipe", "facexlib", "insightface", "dlib", "face_alignment"):
        import dlib
        import face_alignment
        import mediapipe as mp
        from facexlib.alignment import init_alignment_model, landmark_98_to_68
        from facexlib.detection import init_detection_model
        from insightface.app import FaceAnalysis
        from insightface.app.common import Face
        from mediapipe.python.solutions import face_mesh
        from mediapipe.tasks import python as tasks
        from mediapipe.tasks.python import vision
        from mediapipe.tasks.python.core.base_options import BaseOptions

        assert vision.FaceLandmarker is mp.tasks.vision.FaceLandmarker and tasks.BaseOptions is BaseOptions
        assert mp.tasks.vision.RunningMode.IMAGE and face_mesh is mp.solutions.face_mesh
        assert all((dlib.rectangle, face_alignment.NetworkSize, FaceAnalysis, Face, init_detection_model))
        assert all((init_alignment_model, landmark_98_to_68)) and isinstance(dlib, ModuleType)
    left = {name for name in set(sys.modules) - before if name.split(".")[0] in LIBRARIES}
    assert not left


def test_an_unknown_library_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no drop-in for 'face_recognition'; known: aniportrait, dlib"):
        with patched("face_recognition"):
            pass
    with pytest.raises(UsageError, match="known: "):
        with patched():
            pass
