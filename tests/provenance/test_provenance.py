"""Signed results: they hold, a flipped bit shows, inputs are named, frames stay, and keys stay with their owner."""

from __future__ import annotations

import json
import logging
import os
import random
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("c2pa", reason="c2pa-python is not installed")

import faceshot
from faceshot.errors import InputError
from faceshot.media import read_frames, write_picture
from faceshot.pipeline import DIGITAL_SOURCE_TYPE
from faceshot.provenance import Chain, inspect_file, make_chain, signed, unsigned
from faceshot.provenance.signing import sign


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    monkeypatch.setenv("FACESHOT_CONFIG", str(tmp_path / "config"))
    made = Chain.own()
    make_chain(made)
    return made


@pytest.fixture
def animate(repo: Path, tmp_path: Path) -> Callable[..., Path]:
    examples = repo / "examples"

    def make(name: str, **more: Any) -> Path:
        return faceshot.animate(
            examples / "cat.png", landmarks=examples / "cat.landmarks.json", motion="nod", seconds=0.5, max_side=96,
            output=tmp_path / name, **more,
        ).output  # fmt: skip

    return make


@pytest.mark.parametrize("suffix", ["mp4", "mov", "webp", "png", "gif"])
def test_results_are_signed_and_their_frames_are_the_same(
    suffix: str, chain: Chain, animate: Callable[..., Path]
) -> None:
    made = animate(f"a.{suffix}")
    found = inspect_file(made)
    assert found.state == "trusted" and found.problems == ()
    assert found.generator and found.generator.startswith("FaceShot")
    assert found.source_type and found.source_type.endswith("/compositeWithTrainedAlgorithmicMedia")
    assert ("cat.png", False) in found.inputs
    assert any("synthetic media" in text for text in found.tags.values())
    with unsigned():
        plain = animate(f"b.{suffix}")
    assert inspect_file(plain).state == "unsigned"
    frames = list(read_frames(plain))
    sign(plain, chain, {"digital_source_type": DIGITAL_SOURCE_TYPE}, [], title=plain.name)
    assert inspect_file(plain).state == "trusted"
    pairs = list(zip(read_frames(plain), frames, strict=True))
    assert len(pairs) > 5 and all(np.array_equal(one, other) for one, other in pairs)


def test_a_flipped_bit_shows(chain: Chain, animate: Callable[..., Path]) -> None:
    made = animate("a.mp4")
    content = bytearray(made.read_bytes())
    content[content.rindex(b"mdat") + 200] ^= 1
    made.write_bytes(content)
    found = inspect_file(made)
    assert found.state == "invalid" and found.problems


@pytest.mark.parametrize("suffix", ["mp4", "webp", "png", "gif", "mkv"])
def test_a_bit_flipped_anywhere_shows(suffix: str, chain: Chain, animate: Callable[..., Path]) -> None:
    """Anywhere but in the zeros that C2PA leaves free for a signature to grow."""
    made, places = animate(f"a.{suffix}"), random.Random(0)
    whole = made.read_bytes()
    for _ in range(12):
        content, k = bytearray(whole), places.randrange(len(whole))
        content[k] ^= 1 << places.randrange(8)
        made.write_bytes(content)
        if whole[k - 64 : k + 64].strip(b"\0"):
            assert inspect_file(made).state in ("invalid", "unsigned"), k


def test_a_batch_is_signed(
    chain: Chain, tmp_path: Path, cache: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceshot.batch import Batch, Row, Worker, jobs_of

    cat = repo / "examples" / "cat.png"
    cells = {"picture": str(cat), "landmarks": str(cat.with_name("cat.landmarks.json")), "motion": "nod"}
    cells |= {"seconds": "0.5", "max_side": "96"}
    jobs = jobs_of([Row(k, {**cells, "output": f"{k}.mp4"}) for k in (1, 2)], tmp_path)
    worker = Worker(tmp_path / "store", tmp_path / "claims", {"cache_dir": cache, "offline": True})

    def here(tasks: Any) -> Any:
        for task in tasks:
            if task.job.number == 2:  # a machine of the cluster whose user has made no chain
                monkeypatch.setenv("FACESHOT_CONFIG", str(tmp_path / "elsewhere"))
            yield worker(task)

    batch = Batch(jobs, tmp_path)
    batch.run(here)
    assert [batch.outcomes[k].status for k in (1, 2)] == ["done", "failed"]
    assert "no chain" in batch.outcomes[2].error and not jobs[1].output.exists()
    monkeypatch.setenv("FACESHOT_CONFIG", str(chain.folder.parent))
    assert inspect_file(jobs[0].output).state == "trusted"
    with unsigned():
        Batch(jobs, tmp_path).run(lambda tasks: map(worker, tasks))
    assert inspect_file(jobs[1].output).state == "unsigned"


def test_sheets_and_recordings_are_signed(chain: Chain, cli: Any, repo: Path, tmp_path: Path) -> None:
    cat = repo / "examples" / "cat.png"
    words = (cat, "--landmarks", cat.with_name("cat.landmarks.json"))
    assert cli("sheet", *words, "-o", tmp_path / "sheet", "--only", "blinks", "--max-side", "96").code == 0
    drawn = sorted((tmp_path / "sheet").rglob("*.png"))
    assert len(drawn) == 5 and {inspect_file(path).state for path in drawn} == {"trusted"}
    live = ("live", *words, "--camera", repo / "examples" / "actor.landmarks.npz", "--port", "0", "--size", "96")
    done = cli(*live, "--seconds", "1", "--record", tmp_path / "film.mp4")
    assert done.code == 0, done.err
    assert inspect_file(tmp_path / "film.mp4").inputs == (("cat.png", False),)
    done = cli(*live, "--seconds", "1", "--record", tmp_path / "plain.mp4", "--no-provenance")
    assert "plain.mp4 is not signed" in done.err and inspect_file(tmp_path / "plain.mp4").state == "unsigned"


def test_without_the_library_nothing_is_begun(
    chain: Chain, tmp_path: Path, repo: Path, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cat, out = repo / "examples" / "cat.png", tmp_path / "out"
    common = (
        "batch",
        cat,
        "--motion",
        "nod",
        "--set",
        "max_side=96",
        "--set",
        "seconds=0.5",
        "-o",
        out,
        "--workers",
        "1",
    )
    common += ("--set", f"landmarks={cat.with_name('cat.landmarks.json')}", "--store", tmp_path / "store")
    monkeypatch.setitem(sys.modules, "c2pa", None)
    refused = cli(*common)
    assert refused.code != 0 and "faceshot[provenance]" in refused.err
    assert not out.exists() and not (tmp_path / "store").exists()
    done = cli(*common, "--no-provenance")
    assert done.code == 0 and "not signed" in done.err and (out / "cat__nod.mp4").is_file()


def test_manifests_of_inputs_are_kept(chain: Chain, animate: Callable[..., Path], tmp_path: Path) -> None:
    made, next_one = animate("a.mp4"), tmp_path / "next.png"
    with signed(next_one, {"digital_source_type": DIGITAL_SOURCE_TYPE, "options": {"gain": [1.5, 2]}}, [made]):
        write_picture(next_one, np.zeros((32, 32, 3), np.uint8))
    assert inspect_file(next_one).inputs == (("a.mp4", True),)
    import c2pa

    with c2pa.Reader(str(next_one)) as reader:
        store = json.loads(reader.json())
    assert len(store["manifests"]) == 2
    own = store["manifests"][store["active_manifest"]]["assertions"]
    told = next(one["data"]["json"] for one in own if one["label"] == "org.faceshot.sidecar")
    assert json.loads(told)["options"] == {"gain": [1.5, 2]}


def test_a_sticker_meets_its_limit_signed(chain: Chain, animate: Callable[..., Path]) -> None:
    made = animate("a.webp", sticker="whatsapp")
    assert inspect_file(made).state == "trusted" and made.stat().st_size <= 500_000


def test_another_signer_is_valid_and_not_trusted(
    chain: Chain, animate: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = animate("a.mp4")
    monkeypatch.setenv("FACESHOT_CONFIG", str(tmp_path / "other"))
    assert inspect_file(made).state == "valid"
    make_chain(Chain.own())
    assert inspect_file(made).state == "valid"


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_keys_stay_with_their_owner(
    chain: Chain, animate: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    assert stat.S_IMODE(chain.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in chain.folder.iterdir()} == {0o600}
    with pytest.raises(InputError, match="it is kept"):
        make_chain(chain)
    with caplog.at_level(logging.DEBUG):
        made = animate("a.mp4")
    secret = chain.key.read_text().splitlines()[1]
    said = [caplog.text, made.with_name("a.mp4.json").read_text(), made.read_bytes().decode("latin-1")]
    assert all(secret not in text and "PRIVATE KEY" not in text for text in said)
    chain.key.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        animate("b.mp4")
    assert not made.with_name("b.mp4").exists()


@pytest.mark.parametrize("suffix", ["webm", "mkv"])
def test_matroska_has_its_manifest_beside_it(suffix: str, chain: Chain, animate: Callable[..., Path]) -> None:
    made = animate(f"a.{suffix}")
    manifest = made.with_name("a.c2pa")
    assert inspect_file(made).state == "trusted" and ("cat.png", False) in inspect_file(made).inputs
    with pytest.raises(InputError, match=r"exists"):
        animate(f"a.{suffix}")
    made.unlink()
    animate(f"a.{suffix}")  # what is left of a video that is gone does not block
    assert inspect_file(made).state == "trusted"
    content = bytearray(made.read_bytes())
    content[-300] ^= 1
    made.write_bytes(content)
    assert inspect_file(made).state == "invalid"
    manifest.unlink()
    assert inspect_file(made).state == "unsigned"


def test_a_folder_is_said_to_be_unsigned(
    chain: Chain, animate: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    animate("frames")
    assert "frames is not signed" in caplog.text


def test_the_commands(cli: Any, tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESHOT_CONFIG", str(tmp_path / "config"))
    done = cli("provenance", "init")
    assert done.code == 0 and len(done.err.splitlines()) == 3 and (tmp_path / "config/provenance/key.pem").is_file()
    cat = repo / "examples" / "cat.png"
    animate = ["animate", cat, "--landmarks", cat.with_name("cat.landmarks.json"), "--motion", "nod"]
    animate += ["--seconds", "0.5", "--max-side", "96"]
    assert cli(*animate, "-o", tmp_path / "a.mp4").code == 0
    told = cli("provenance", "check", tmp_path / "a.mp4")
    assert told.code == 0 and "input: cat.png" in told.out and "signed with your certificate" in told.out
    assert "not signed" in cli(*animate, "-o", tmp_path / "b.mp4", "--no-provenance").err
    assert json.loads(cli("provenance", "check", tmp_path / "b.mp4", "--json").out)["state"] == "unsigned"
    (tmp_path / "c.mp4").write_bytes((tmp_path / "a.mp4").read_bytes()[:-1] + b"\0\0")
    assert cli("provenance", "check", tmp_path / "c.mp4").code == 1
    assert cli("provenance", "check", cat).code == 0
