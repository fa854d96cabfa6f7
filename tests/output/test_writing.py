"""Results appear whole or not at all, and nothing of the user's is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faceshot.errors import InputError
from faceshot.output import check_output, stale, writing


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_file_appears_only_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deeper" / "a.txt"
    with writing(target) as part:
        part.write_text("whole")
        assert part.suffix == ".txt" and not target.exists()
    assert target.read_text() == "whole" and files(tmp_path) == ["new", "new/deeper", "new/deeper/a.txt"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("folder", [False, True])
def test_failures_leave_nothing_not_even_folders(tmp_path: Path, failure: type[BaseException], folder: bool) -> None:
    with pytest.raises(failure):
        with writing(tmp_path / "new" / "a.txt", folder=folder) as part:
            (part / "x" if folder else part).write_text("half")
            raise failure
    assert files(tmp_path) == []


def test_existing_files_are_refused_or_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(InputError, match="overwrite=True"):
        with writing(target):
            pytest.fail("the work must not start")
    with pytest.raises(RuntimeError):
        with writing(target, overwrite=True) as part:
            part.write_text("half")
            raise RuntimeError
    assert target.read_text() == "old"
    with writing(target, overwrite=True) as part:
        part.write_text("new")
    assert target.read_text() == "new" and files(tmp_path) == ["a.txt"]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with pytest.raises(InputError, match="appeared while working"):
        with writing(target) as part:
            part.write_text("ours")
            target.write_text("theirs")
    assert target.read_text() == "theirs" and files(tmp_path) == ["a.txt"]


def test_folders_of_frames_are_replaced_others_never(tmp_path: Path) -> None:
    target = tmp_path / "frames"
    target.mkdir()
    with writing(target, folder=True) as part:  # an empty folder loses nothing
        (part / "frame_000001.png").write_text("1")
        (part / "frame_000002.png").write_text("2")
    with pytest.raises(InputError, match="overwrite=True"):
        check_output(target)
    with writing(target, overwrite=True, folder=True) as part:
        (part / "frame_000001.png").write_text("new")
    assert files(tmp_path) == ["frames", "frames/frame_000001.png"]
    (target / "thesis.doc").write_text("precious")
    with pytest.raises(InputError, match="not ours"):
        check_output(target, overwrite=True)


def test_inputs_are_never_replaced(tmp_path: Path) -> None:
    picture = tmp_path / "frames" / "frame_000001.png"
    picture.parent.mkdir()
    picture.write_text("mine")
    link = tmp_path / "link.png"
    link.symlink_to(picture)
    for output in (picture, link, picture.parent, tmp_path / "frames" / ".." / "frames" / "frame_000001.png"):
        with pytest.raises(InputError, match="input"):
            check_output(output, overwrite=True, inputs=[None, tmp_path / "missing.png", picture])
    assert check_output(tmp_path / "out.png", inputs=[picture]) == tmp_path / "out.png"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="not a folder"):
        check_output(tmp_path / "file" / "a.txt")
    with pytest.raises(InputError, match="cannot be used"):
        check_output(tmp_path / ("x" * 300))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if not os.access(closed, os.W_OK):  # the superuser may write anywhere
        with pytest.raises(InputError, match="not writable"):
            check_output(closed / "a.txt")


def test_what_the_disk_refuses_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write .*No space left"):
        with writing(tmp_path / "a.txt") as part:
            part.write_text("half")
            raise OSError(28, "No space left on device")
    assert files(tmp_path) == []


def test_an_interruption_right_after_the_temporary_folder_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Path.mkdir

    def interrupted(self: Path, *args: object, **options: object) -> None:
        plain(self, *args, **options)  # type: ignore[arg-type]
        if self.suffix == ".part":
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt), writing(tmp_path / "new" / "a.mp4"):
        raise AssertionError("never reached")
    assert list(tmp_path.iterdir()) == []


def test_a_part_whose_owner_was_killed_while_it_signed_is_swept(tmp_path: Path) -> None:
    holder = tmp_path / f".cat.mp4.{'0' * 32}.part"
    holder.mkdir()
    (holder / "owner").write_text("")
    stale.sweep(tmp_path, again=True)
    assert holder.exists(), "it may be about to sign"
    for path in (holder / "owner", holder):
        os.utime(path, (0, 0))
    stale.sweep(tmp_path, again=True)
    assert not holder.exists()
