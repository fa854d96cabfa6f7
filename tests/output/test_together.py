"""Results of a run appear together or not at all, whatever interrupts; what killed runs leave is put right."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from faceshot.errors import InputError, UsageError
from faceshot.output import check_outputs, protected, protecting, removing, together, writing
from faceshot.output.stale import sweep


def _files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


OLD = {"clip.txt": "old", "frames/frame_000001.png": "old", "frames/frame_000002.png": "old"}
NEW = {"clip.txt": "new", "frames/frame_000001.png": "new", "more/note.txt": "new"}


def _old(folder: Path) -> None:
    (folder / "frames").mkdir(parents=True)
    for name, text in OLD.items():
        (folder / name).write_text(text)


def _run(folder: Path) -> None:
    names = [folder / "clip.txt", folder / "frames", folder / "more" / "note.txt"]
    with together(names):
        with writing(names[1], overwrite=True, folder=True) as part:
            (part / "frame_000001.png").write_text("new")
        for name in (names[0], names[2]):
            with writing(name, overwrite=True) as part:
                part.write_text("new")
        assert _shown(folder) == OLD, "a result shows before all are complete"


def _shown(folder: Path) -> dict[str, str]:
    return {name: text for name, text in _files(folder).items() if ".part/" not in name}


def test_together_or_not_at_all(tmp_path: Path) -> None:
    _old(tmp_path)
    _run(tmp_path)
    assert _files(tmp_path) == NEW


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_late_failure_takes_the_earlier_results_along(tmp_path: Path, failure: type[BaseException]) -> None:
    with pytest.raises(failure), together([tmp_path / "new/a.txt", tmp_path / "b.txt"]):
        for name in ("new/a.txt", "b.txt"):
            with writing(tmp_path / name) as part:
                part.write_text("done")
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_a_name_taken_at_the_last_moment_takes_all_back(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"b\.txt appeared while working"):
        with together([tmp_path / "a.txt", tmp_path / "b.txt"]):
            for name in ("a.txt", "b.txt"):
                with writing(tmp_path / name) as part:
                    part.write_text("ours")
            (tmp_path / "b.txt").write_text("theirs")
    assert _files(tmp_path) == {"b.txt": "theirs"}


def test_other_files_appear_at_once(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), together([tmp_path / "a.txt"]):
        with writing(tmp_path / "cache.txt") as part:
            part.write_text("kept")
        raise RuntimeError
    assert _files(tmp_path) == {"cache.txt": "kept"}


class _Interrupt:
    """Ctrl-C at the n-th line that runs in the files that give results their names."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0

    def __call__(self, frame: FrameType, event: str, _argument: object) -> Any:
        if Path(frame.f_code.co_filename).name not in ("place.py", "run.py", "test_together.py"):
            return None
        if event == "line" and "output" in frame.f_code.co_filename:
            self.count += 1
            if self.count == self.at:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self


def test_an_interruption_at_any_line_gives_all_or_nothing(tmp_path: Path) -> None:
    outcomes, at = set(), 0
    while True:
        at += 1
        folder = tmp_path / str(at)
        _old(folder)
        trace = _Interrupt(at)
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            _run(folder)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        shown = _shown(folder)
        assert shown in (OLD, NEW), f"line {at}: {_files(folder)}"
        outcomes.add(len(shown) == len(OLD) and shown == OLD)
        if trace.count < at:
            break
    assert at > 60 and outcomes == {True, False}


def test_two_processes_and_one_name(tmp_path: Path) -> None:
    """Both find the name free and finish at the same moment: one has it, the other is told, nothing is mixed."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom faceshot.output import writing\n"
        "target, gate, who = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]\n"
        "try:\n"
        "    with writing(target) as part:\n"
        "        part.write_text(who * 1000)\n"
        "        Path(f'{gate}.{who}').touch()\n"
        "        while not gate.exists(): time.sleep(0.0005)\n"
        "except ValueError as error:\n"
        "    sys.exit(str(error))\n"
    )
    target, gate = tmp_path / "out.txt", tmp_path / "gate"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, target, gate, who], stderr=subprocess.PIPE, text=True)
        for who in "ab"
    ]
    while not all((tmp_path / f"gate.{who}").exists() for who in "ab"):
        time.sleep(0.005)
    gate.touch()
    errors = [run.communicate()[1] for run in runs]
    assert sorted(bool(error) for error in errors) == [False, True], errors
    assert "appeared while working" in "".join(errors)
    assert target.read_text() in ("a" * 1000, "b" * 1000) and not list(tmp_path.glob(".*"))


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAT and some network drives know none."""

    def none(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", none)
    _old(tmp_path)
    _run(tmp_path)
    assert _files(tmp_path) == NEW
    with pytest.raises(InputError, match="appeared while working"), writing(tmp_path / "x.txt") as part:
        part.write_text("ours")
        (tmp_path / "x.txt").write_text("theirs")
    assert (tmp_path / "x.txt").read_text() == "theirs"


def _holder(folder: Path, name: str, *, age: float, owner: str | None, old: bool = False) -> Path:
    holder = folder / f".{name}.{'0123456789abcdef' * 2}.part"
    (holder / "new").mkdir(parents=True)
    (holder / "new" / name).write_text("half")
    if old:
        (holder / "old" / name).mkdir(parents=True)
        (holder / "old" / name / "frame_000001.png").write_text("precious")
    if owner is not None:
        (holder / "owner").write_text(owner)
    when = time.time() - age
    for path in (*sorted(holder.rglob("*"), reverse=True), holder):
        os.utime(path, (when, when))
    return holder


def _owner(pid: int, began: str = "1") -> str:
    import socket

    return f"{socket.gethostname()} {pid} {began}\n"


DAYS = 86_400.0


@pytest.mark.parametrize(
    ("age", "owner", "stays"),
    [
        pytest.param(0, "gone", True, id="fresh"),
        pytest.param(2 * DAYS, "gone", False, id="its owner is gone"),
        pytest.param(2 * DAYS, None, False, id="of a version that did not sign"),
        pytest.param(0.5 * DAYS, None, True, id="unsigned, of today"),
        pytest.param(2 * DAYS, "alive", True, id="its owner lives"),
        pytest.param(2 * DAYS, "far", True, id="of another machine"),
        pytest.param(8 * DAYS, "far", False, id="of another machine, forgotten"),
    ],
)
def test_what_killed_runs_left_is_swept(tmp_path: Path, age: float, owner: str | None, stays: bool) -> None:
    from faceshot.output.stale import _began

    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    signed = {
        "gone": _owner(int(done.stdout)),
        "alive": _owner(os.getpid(), _began(os.getpid())),
        "far": "elsewhere.example 7 1\n",
    }
    holder = _holder(tmp_path, "a.mp4", age=age, owner=signed.get(owner or ""))
    mine = tmp_path / ".notes.part"
    mine.mkdir()
    with writing(tmp_path / "b.txt") as part:
        part.write_text("x")
    assert holder.exists() == stays and mine.exists()


def test_a_folder_that_was_being_replaced_comes_back(tmp_path: Path) -> None:
    """Killed between the two renames: nothing is lost, and the next run finds the old frames."""
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    _holder(tmp_path, "frames", age=60, owner=_owner(int(done.stdout)), old=True)
    sweep(tmp_path)
    assert (tmp_path / "frames/frame_000001.png").read_text() == "precious"
    newer = tmp_path / "other"
    newer.mkdir()
    _holder(newer, "frames", age=2 * DAYS, owner=_owner(int(done.stdout)), old=True)
    (newer / "frames").mkdir()
    sweep(newer)
    assert [path.name for path in newer.iterdir()] == ["frames"] and not any((newer / "frames").iterdir())


def test_taking_a_folder_away(tmp_path: Path) -> None:
    _old(tmp_path)
    with removing(tmp_path / "frames"):
        assert not (tmp_path / "frames").exists()
    assert _files(tmp_path) == {"clip.txt": "old"} and not list(tmp_path.glob(".*"))


def test_inputs_however_they_are_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "frames/1.png", "away.png", "frames/out.mp4", "frames/out.mp4.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    os.link(tmp_path / "a.png", tmp_path / "hard.png")
    (tmp_path / "frames/2.png").symlink_to(tmp_path / "away.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    given: list[Callable[[], Any]] = [
        lambda: tmp_path / "a.png",
        lambda: str(tmp_path / "a.png"),
        lambda: {"faces": f"{tmp_path}/none.json; {tmp_path}/a.png"},
        lambda: ["x", ("~/a.png",)],
    ]
    for make in given:
        with protecting(make(), 7, None):
            assert protected(tmp_path / "a.png") and protected(tmp_path / "hard.png") and protected(tmp_path)
            assert not protected(tmp_path / "b.png") and not protected(tmp_path / "away.png")
            with pytest.raises(InputError, match="never replaced"), writing(tmp_path / "a.png", overwrite=True):
                raise AssertionError("never reached")
    assert not protected(tmp_path / "a.png")
    with protecting(tmp_path / "frames"):
        assert protected(tmp_path / "frames/1.png") and protected(tmp_path / "away.png")
        # A result of an earlier run beside the frames is not read.
        assert not protected(tmp_path / "frames/out.mp4") and not protected(tmp_path / "frames/out.mp4.json")


def test_outputs_in_each_others_way(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two outputs"):
        check_outputs([tmp_path / "a.json", tmp_path / "b/../a.json"])
    with pytest.raises(UsageError, match="inside"):
        check_outputs([tmp_path / "frames/a.json", tmp_path / "frames"])
