"""The weight table and the one resolver."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.weights import resolve as weights
from faceshot.weights.resolve import Weight, check, fetch, list_weights, locate, status, where


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weight:
    """A weight whose source is a file on this machine, in an otherwise empty world."""
    source = tmp_path / "source" / "demo.bin"
    source.parent.mkdir()
    source.write_bytes(b"weights")
    demo = Weight("demo", "demo.bin", source.as_uri(), "MIT", True, "tests", 7, hashlib.sha256(b"weights").hexdigest())
    monkeypatch.setattr(weights, "WEIGHTS", {"demo": demo})
    monkeypatch.setenv("FACESHOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FACESHOT_WEIGHTS", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return demo


def put(folder: Path, name: str = "demo.bin", content: bytes = b"weights") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def test_the_order_is_path_folder_cache_download(demo: Weight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = locate("demo")
    assert fetched == tmp_path / "cache" / "weights" / "demo.bin" and fetched.read_bytes() == b"weights"
    assert locate("demo", offline=True) == fetched
    own = put(tmp_path / "own")
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(own.parent))
    assert locate("demo") == own
    given = put(tmp_path / "given", "renamed.bin")
    assert locate("demo", path=given) == given
    assert locate("demo", path=put(tmp_path / "folder").parent) == tmp_path / "folder" / "demo.bin"
    assert locate("demo", cache_dir=tmp_path / "other") == own


def test_offline_names_file_source_places_and_command(
    demo: Weight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(tmp_path / "mine"))
    for how in ("argument", "environment"):
        if how == "environment":
            monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(MissingError) as caught:
            locate("demo", offline=how == "argument")
        message = str(caught.value)
        for part in ("demo.bin", demo.source, str(tmp_path / "mine"), str(tmp_path / "cache"), "weights fetch demo"):
            assert part in message
        assert "\n" not in message
    assert where("demo") is None and not (tmp_path / "cache").exists()


def test_a_damaged_download_leaves_nothing(demo: Weight, tmp_path: Path) -> None:
    (tmp_path / "source" / "demo.bin").write_bytes(b"something else")
    with pytest.raises(InputError, match=r"not the published demo\.bin"):
        fetch("demo")
    assert list((tmp_path / "cache" / "weights").iterdir()) == []


def test_an_unreachable_source_is_missing(demo: Weight, tmp_path: Path) -> None:
    (tmp_path / "source" / "demo.bin").unlink()
    with pytest.raises(MissingError, match="download failed"):
        locate("demo")


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda path: locate("nothing"), UsageError, "unknown weights 'nothing'"),
        (lambda path: locate("demo", path=path / "gone.bin"), InputError, "gone.bin do not exist"),
        (lambda path: check("demo"), MissingError, "weights fetch demo"),
    ],
    ids=["unknown name", "wrong path", "check of what is absent"],
)
def test_mistakes_are_named(demo: Weight, tmp_path: Path, call, error, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=words):
        call(tmp_path)


def test_check_compares_the_hash(demo: Weight, tmp_path: Path) -> None:
    locate("demo")
    assert check("demo") == demo.sha256
    (tmp_path / "cache" / "weights" / "demo.bin").write_bytes(b"tampered")
    with pytest.raises(InputError, match="sha256"):
        check("demo")


def test_hub_files_are_found_in_its_cache_and_in_our_folder(
    demo: Weight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Weight("hubbed", "net.bin", "hub:owner/model", "MIT", True, "tests")
    monkeypatch.setattr(weights, "WEIGHTS", {"hubbed": hub})
    with pytest.raises(MissingError, match="owner/model"):
        locate("hubbed", offline=True)
    mine = put(tmp_path / "w" / "owner" / "model", "net.bin")
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(tmp_path / "w"))
    assert locate("hubbed", offline=True) == mine


def test_the_table_is_complete() -> None:
    names = {weight.name for weight in list_weights()}
    assert {"face_landmarker", "retinaface_resnet50", "fan_wflw", "mini"} <= names
    for weight in list_weights():
        assert weight.source.startswith(("https://", "hub:", "package:")) and weight.licence and weight.used_by
    entries = {entry.name: entry for entry in status()}
    assert entries["mini"].path is not None and entries["mini"].path.is_file()
    assert check("mini") == next(weight.sha256 for weight in list_weights() if weight.name == "mini")
    assert "weights fetch fan_wflw" in entries["fan_wflw"].text


def test_the_shared_landmarker_is_the_published_one(shared: Path) -> None:
    model = shared / "models" / "face_landmarker.task"
    if not model.is_file():
        pytest.skip(f"no {model}")
    assert check("face_landmarker", path=model) == weights.WEIGHTS["face_landmarker"].sha256
