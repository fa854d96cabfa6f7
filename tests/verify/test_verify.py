"""``verify``: what is here agrees with its reference, what is not says why, whatever happens to a target's process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faceshot.errors import UsageError
from faceshot.pipeline import list_backends
from faceshot.verify import Report, Row, targets, verify
from faceshot.verify.trying import anonymous
from tests.adapters.runners import checkouts
from tests.helpers import Run

with_runners = pytest.mark.skipif("x-portrait" not in list_backends(), reason="the installation is older than this")


def test_what_ships_agrees_with_its_reference() -> None:
    """Where the model `mini` or the warp has changed, the reference in report.py has to."""
    report = verify(["mini", "warp"])
    assert [row.target for row in report.rows] == ["preset mini", "backend warp"] and report.good
    for row in report.rows:
        assert row.state == "ok", row
        assert row.seconds and 0 < row.seconds < 60 and row.load is not None
        assert row.memory and 50e6 < row.memory < 8e9
    assert report.rows[1].numbers["rest"] == 0


def test_every_preset_and_backend_is_a_target() -> None:
    assert {"preset mini", "preset sd15", *(f"backend {name}" for name in list_backends())} <= set(targets())


def test_what_lacks_weights_is_skipped_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "FACESHOT_WEIGHTS"):
        monkeypatch.setenv(name, str(tmp_path))
    report = verify(["sd15", "liveportrait"])
    assert report.good and [row.state for row in report.rows] == ["skipped", "skipped"]
    for row in report.rows:
        assert "run: faceshot weights fetch" in row.why and str(tmp_path) not in row.why


def test_messages_are_made_anonymous() -> None:
    home = Path.home() / "weights" / "x.safetensors"
    assert anonymous(f"{home} is damaged (looked in {home.parent}; X is not set); again") == (
        "~/weights/x.safetensors is damaged; again"
    )


def test_a_number_that_is_off_differs() -> None:
    found = {"numbers": {"nme": 0.2}, "load": 1.0, "seconds": 0.1, "memory": None, "device_memory": None}
    row = Row.judged("preset mini", found)
    assert row.state == "differs" and "nme is 0.2000, must be 0.03" in row.why
    assert not Report({}, (row,)).good and "DIFFERS" in Report({}, (row,)).page()
    assert Row.judged("preset sd15", found).state == "measured"


@with_runners
def test_a_backend_is_measured_by_its_own_options(tmp_path: Path) -> None:
    own = {"checkout": str(checkouts.x_portrait(tmp_path)), "python": sys.executable}
    (row,) = verify(["x-portrait"], options={"x-portrait": own}).rows
    assert row.state == "measured" and row.numbers["moved"] > 1 and row.seconds
    (tmp_path / "behaviour").write_text("fail")
    (row,) = verify(["x-portrait"], options={"x-portrait": own}).rows
    assert row.state == "failed" and "CUDA out of memory" in row.why and "\n" not in row.why


@with_runners
def test_what_takes_too_long_is_stopped_with_all_it_started(tmp_path: Path) -> None:
    import os

    own = {"checkout": str(checkouts.x_portrait(tmp_path, "slow")), "python": sys.executable}
    (row,) = verify(["x-portrait"], options={"x-portrait": own}, timeout=12).rows
    assert row.state == "skipped" and "longer than 12 s" in row.why
    pid = int((tmp_path / "pid").read_text())
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.2)
    raise AssertionError("the program still runs")


def test_a_process_that_dies_is_a_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho last words >&2\nkill -9 $$\n")
    python.chmod(0o755)
    monkeypatch.setattr("faceshot.verify.verifying.sys.executable", str(python))
    (row,) = verify(["warp"]).rows
    assert row.state == "failed" and "killed by signal 9: last words" in row.why


def test_bad_wishes_are_refused() -> None:
    with pytest.raises(UsageError, match="nothing called 'sd3'"):
        verify(["sd3"])
    with pytest.raises(UsageError, match="timeout"):
        verify(["warp"], timeout=0)


def test_the_report_is_written_for_people_and_programs(cli: Callable[..., Run], tmp_path: Path) -> None:
    done = cli("verify", "warp", "-o", tmp_path / "r.json", "--json", "--device", "cpu")
    assert done.code == 0, done.err
    told, kept = json.loads(done.out), json.loads((tmp_path / "r.json").read_text())
    assert told == kept and kept["format"] == "faceshot-verify" and kept["rows"][0]["state"] == "ok"
    assert {"system", "Python", "packages", "device"} <= set(kept["machine"])
    page = (tmp_path / "r.md").read_text()
    assert "| backend warp | as it must be |" in page and str(Path.home()) not in page.replace("/ ", "")
    assert cli("verify", "warp", "-o", tmp_path / "of.mine").code == 0 and (tmp_path / "of.mine.md").exists()
    again = cli("verify", "warp", "-o", tmp_path / "r.json")
    assert again.code == 1 and "exists" in again.err and len(again.err.splitlines()) == 1
    assert cli("verify", "warp", "--backend-option", "steps=3").code == 2
