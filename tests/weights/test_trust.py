"""Weight files stay what they are: pinned, or as at their first use; no detour over connections anyone may change."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from faceshot.errors import InputError
from faceshot.weights import resolve
from faceshot.weights.download import _SafeRedirects
from faceshot.weights.table import WEIGHTS, Weight
from faceshot.weights.trust import forget, trust
from tests.helpers import Run

PLAIN = WEIGHTS["mofa:ckpts/mofa/ldmk_controlnet/diffusion_pytorch_model.safetensors"]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Weight, bytes], Path]:
    """Put a file into an empty hub cache as its client does: a link to a blob that is called by its hash."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("FACESHOT_CACHE", str(tmp_path / "cache"))

    def put(weight: Weight, content: bytes) -> Path:
        root = tmp_path / "hub" / f"models--{(weight.repository or '').replace('/', '--')}"
        blob = root / "blobs" / hashlib.sha256(content).hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        path = root / "snapshots" / ("a" * 40) / weight.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(blob)
        return path

    return put


def test_a_file_that_changes_after_its_first_use_is_refused(
    hub: Callable[[Weight, bytes], Path], tmp_path: Path
) -> None:
    path = hub(PLAIN, b"first")
    assert trust(PLAIN, path) == path and trust(PLAIN, path) == path
    assert "first" not in (tmp_path / "cache/weights-seen.json").read_text()
    path = hub(PLAIN, b"second")
    with pytest.raises(InputError, match=r"has changed since its first use .* --accept"):
        trust(PLAIN, path)
    with pytest.raises(InputError, match="has changed"):
        resolve.find("mofa", "ldmk_controlnet/diffusion_pytorch_model.safetensors")
    forget(PLAIN)
    assert trust(PLAIN, path) == path


def test_a_pinned_file_must_be_the_published_one(hub: Callable[[Weight, bytes], Path]) -> None:
    pinned = WEIGHTS["ip-adapter:models/ip-adapter_sd15.safetensors"]
    with pytest.raises(InputError, match=r"is not the published .*expected 289b45f16d04"):
        trust(pinned, hub(pinned, b"another"))
    right = replace(pinned, sha256=hashlib.sha256(b"right").hexdigest())
    trust(right, hub(right, b"right"))


def test_folders_of_the_users_own_are_theirs_to_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESHOT_CACHE", str(tmp_path / "cache"))
    for content in (b"one", b"two"):
        (tmp_path / "mine.safetensors").write_bytes(content)
        trust(PLAIN, tmp_path / "mine.safetensors")
    assert not (tmp_path / "cache").exists()


def test_damaged_notes_are_begun_anew(hub: Callable[[Weight, bytes], Path], tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/weights-seen.json").write_text("[" * 100_000)
    path = hub(PLAIN, b"first")
    assert trust(PLAIN, path) == path
    with pytest.raises(InputError, match="has changed"):
        trust(PLAIN, hub(PLAIN, b"second"))


def test_accepting_a_change(hub: Callable[[Weight, bytes], Path], cli: Callable[..., Run]) -> None:
    config = WEIGHTS["mofa:ckpts/mofa/ldmk_controlnet/config.json"]
    trust(config, hub(config, b"{}"))
    hub(config, b'{"a": 1}')
    assert "has changed since its first use" in cli("weights", "check", config.name).err
    assert cli("weights", "check", config.name, "--accept").code == 0
    assert cli("weights", "check", config.name).code == 0


def test_every_published_file_says_whether_it_is_pinned(cli: Callable[..., Run]) -> None:
    lines = cli("weights", "list").out.splitlines()
    assert len(lines) > 10 and all(line.split("\t")[3].endswith("pinned") for line in lines)
    for name in ("mini", "facexlib", "liveportrait", "ip-adapter"):
        assert next(line for line in lines if line.startswith(f"{name}\t")).split("\t")[3] == "pinned"
    pinned = [weight for weight in WEIGHTS.values() if weight.sha256]
    assert len(pinned) >= 14 and all(weight.bytes and len(weight.sha256 or "") == 64 for weight in pinned)


@pytest.mark.parametrize(
    ("old", "new", "follows"),
    [
        ("https://a.example/x", "https://b.example/x", True),
        ("http://a.example/x", "https://b.example/x", True),
        ("http://a.example/x", "http://b.example/x", True),
        ("https://a.example/x", "http://b.example/x", False),
        ("https://a.example/x", "ftp://b.example/x", False),
        ("http://a.example/x", "ftp://b.example/x", False),
        ("https://a.example/x", "file:///etc/passwd", False),
    ],
)
def test_redirections(old: str, new: str, follows: bool) -> None:
    def ask() -> urllib.request.Request | None:
        return _SafeRedirects().redirect_request(urllib.request.Request(old), None, 302, "Found", {}, new)

    if follows:
        assert (request := ask()) is not None and request.full_url == new
    else:
        with pytest.raises(urllib.error.URLError, match="refused"):
            ask()
