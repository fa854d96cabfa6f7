"""Batches: lists are understood whole, nothing is found twice, a bad row is a line, whatever stops a run it goes on."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from faceshot.batch import Batch, Job, Local, Row, Worker, jobs_of, manifest_text, product, read_manifest
from faceshot.batch.local import DIED
from faceshot.batch.worker import Result, Task
from faceshot.errors import InputError, UsageError
from tests.batch.conftest import make_inputs


def table(out: Path) -> list[dict[str, str]]:
    with (out / "report.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def here(tmp_path: Path, cache: Path) -> Callable[[Sequence[Task]], Iterator[Result]]:
    """An executor in this process."""
    worker = Worker(tmp_path / "store", tmp_path / "claims", {"cache_dir": cache, "offline": True})
    return lambda tasks: map(worker, tasks)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "picture,motion,shot\ncat.png,nod,7\ndog.png,,8\n"),
        ("a.csv", "\ufeffpicture;motion;shot\ncat.png;nod;7\ndog.png;;8\n"),
        ("a.jsonl", '{"picture": "cat.png", "motion": "nod", "shot": 7}\n\n{"picture": "dog.png", "shot": 8}\n'),
    ],
)
def test_lists_are_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    rows = read_manifest(tmp_path / name)
    assert [row.number for row in rows] == [1, 2]
    assert rows[0].cells["motion"] == "nod" and str(rows[0].cells["shot"]) == "7"
    assert set(rows[1].cells) == {"picture", "shot"}


def test_parquet_is_read(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(arrow.table({"picture": ["cat.png"], "motion": ["nod"], "max_side": [256]}), path)
    assert read_manifest(path) == [Row(1, {"picture": "cat.png", "motion": "nod", "max_side": 256})]
    path.write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="malformed"):
        read_manifest(path)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", "x", "suffixes"),
        ("a.csv", "picture,motion\n", "no rows"),
        ("a.csv", "picture\na.png,b\n", "row 1 has more cells"),
        ("a.jsonl", "[1]\n", "line 1 is no object"),
        ("a.jsonl", '{"a": 1}\n{', "line 2"),
        ("a.jsonl", "[" * 100_000, "line 1"),
    ],
)
def test_damaged_lists_are_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises((InputError, UsageError), match=said):
        read_manifest(tmp_path / name)


def test_the_product_of_two_folders_is_a_list(inputs: Path, tmp_path: Path) -> None:
    rows = product(inputs / "faces", inputs / "clips")
    assert len(rows) == 6 and all(Path(row.cells["picture"]).is_absolute() for row in rows)
    assert len(product(str(inputs / "faces" / "*0?.png"), None, ["nod", "shake"])) == 6
    (tmp_path / "list.csv").write_text(manifest_text(rows))
    assert read_manifest(tmp_path / "list.csv") == rows
    with pytest.raises(InputError, match="no clips"):
        product(inputs / "faces", tmp_path / "*.mp4")


def test_rows_are_checked_whole_before_the_start(inputs: Path, tmp_path: Path) -> None:
    face = str(inputs / "faces" / "face00.png")
    cells: list[tuple[dict[str, Any], str]] = [
        ({"picture": "gone.png", "motion": "nod"}, "row 1: picture .*gone.png is not there"),
        ({"picture": face}, "row 2: needs either driving or motion"),
        ({"picture": face, "motion": "dance"}, "row 3: unknown motion 'dance'"),
        ({"picture": face, "motion": "nod", "backend": "magic"}, "row 4: unknown backend"),
        ({"picture": face, "motion": "nod", "seconds": "long"}, "row 5: seconds"),
    ]
    with pytest.raises(InputError) as caught:
        jobs_of([Row(k, row) for k, (row, _) in enumerate(cells, 1)], tmp_path)
    for _, said in cells:
        assert re.search(said, str(caught.value)), said
    twice = [Row(k, {"picture": face, "motion": "nod"}) for k in (1, 2)]
    with pytest.raises(InputError, match=r"rows 1, 2 would all become .*face00__nod.mp4"):
        jobs_of(twice, tmp_path)
    with pytest.raises(InputError, match="input"):
        jobs_of([Row(1, {"picture": face, "motion": "nod", "output": face})], tmp_path)
    other = {"picture": str(inputs / "faces" / "face01.png"), "motion": "nod"}
    clip = inputs / "clips" / "clip0.mp4"
    rows = [Row(1, {**other, "output": str(clip)}), Row(2, {"picture": face, "driving": str(clip)})]
    with pytest.raises(InputError, match=r"row 1: output .*clip0.mp4 is an input of the batch"):
        jobs_of(rows, tmp_path)


def test_a_report_of_another_program_is_kept(inputs: Path, tmp_path: Path, here: Any) -> None:
    (tmp_path / "report.csv").write_text("year,income\n2026,0\n")
    jobs = jobs_of([Row(1, {"picture": str(inputs / "faces" / "face00.png"), "motion": "nod"})], tmp_path)
    with pytest.raises(InputError, match="no report of a batch"):
        Batch(jobs, tmp_path).run(here)
    assert (tmp_path / "report.csv").read_text().startswith("year")


def test_cells_become_options_and_the_rest_is_carried(inputs: Path, tmp_path: Path) -> None:
    face = inputs / "faces" / "face00.png"
    cells = {"picture": face.name, "motion": "nod", "gain": "mouth=1.2;head=0.5", "smooth": "yes", "shot": "12"}
    (job,) = jobs_of([Row(1, cells)], tmp_path, base=face.parent, defaults={"mode": "paper", "shot": "0"})
    assert job.options == {"gain": {"mouth": 1.2, "head": 0.5}, "smooth": True, "mode": "paper"}
    assert job.carried == {"shot": "12"} and job.picture == face and job.output == tmp_path / "face00__nod.mp4"


def test_everything_is_found_once_and_a_second_run_does_nothing(inputs: Path, tmp_path: Path, here: Any) -> None:
    rows = product(inputs / "faces", inputs / "clips")
    jobs = jobs_of(rows, tmp_path / "out", defaults={"shot": "x"})
    first = Batch(jobs, tmp_path / "out")
    first.run(here)
    assert first.computed == {"match": 3, "drive": 2} and first.failed == 0
    lines = table(tmp_path / "out")
    assert {line["status"] for line in lines} == {"done"} and {line["shot"] for line in lines} == {"x"}
    assert all(Path(line["output"]).is_file() and Path(line["sidecar"]).is_file() for line in lines)
    assert all(0.5 < float(line["score"]) <= 1 for line in lines)
    sidecar = json.loads(Path(lines[0]["sidecar"]).read_text())
    assert sidecar["sources"]["driving"]["name"] == "clip0.mp4" and len(sidecar["sources"]["driving"]["sha256"]) == 64

    again = Batch(jobs, tmp_path / "out")
    again.run(here)
    assert again.computed == {"match": 0, "drive": 0}
    assert Counter(outcome.status for outcome in again.outcomes.values()) == {"there": 6}
    changed = Batch(jobs_of(rows, tmp_path / "out", defaults={"max_side": "120"}), tmp_path / "out")
    with pytest.raises(InputError, match="6 outputs are there and made in another way"):
        changed.todo()
    changed.overwrite = True
    assert len(changed.todo()) == 6
    Path(lines[0]["output"]).unlink()
    assert [job.number for job in Batch(jobs, tmp_path / "out").todo()] == [1]


def test_a_bad_row_is_a_line_of_the_report(inputs: Path, tmp_path: Path, here: Any) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    faces = [inputs / "faces" / "face00.png", tmp_path / "broken.png"]
    jobs = jobs_of(
        [Row(k, {"picture": str(p), "motion": "nod", "seconds": "0.5"}) for k, p in enumerate(faces, 1)], tmp_path
    )
    batch = Batch(jobs, tmp_path)
    batch.run(here)
    done, failed = table(tmp_path)
    assert batch.failed == 1 and (done["status"], failed["status"]) == ("done", "failed")
    assert "broken.png" in failed["error"] and "\n" not in failed["error"] and failed["output"] == ""


class Deadly(Worker):
    """Dies on the second row."""

    def __call__(self, task: Task) -> Result:
        if task.job.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(task)


def test_a_process_that_dies_takes_nothing_with_it(
    inputs: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = sorted((inputs / "faces").iterdir())
    jobs = jobs_of(
        [Row(k, {"picture": str(p), "motion": "nod", "seconds": "0.5"}) for k, p in enumerate(faces, 1)], tmp_path
    )
    batch = Batch(jobs, tmp_path)
    (tmp_path / "sitecustomize.py").write_text(
        "import faceshot.batch.local as local\nfrom tests.batch.test_batch import Deadly\nlocal.Worker = Deadly\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    batch.run(Local(2, (tmp_path / "store", tmp_path / "claims"), {"cache_dir": cache, "offline": True}))
    assert [batch.outcomes[k].status for k in (1, 2, 3)] == ["done", "failed", "done"]
    assert batch.outcomes[2].error == DIED


@pytest.mark.parametrize(("pictures", "clips"), [(6, 2), pytest.param(40, 5, marks=pytest.mark.slow)])
def test_a_run_killed_twice_goes_on(tmp_path: Path, cache: Path, pictures: int, clips: int) -> None:
    """Every output once; pictures and clips are found once, but for what was being found when the run was killed."""
    make_inputs(tmp_path, pictures, clips, size=128)
    command = [sys.executable, "-m", "faceshot", "batch", "faces", "clips", "-o", "out", "--workers", "2", "--offline"]
    command += ["--cache-dir", str(cache), "--store", "store", "--json", "--quiet"]
    videos, env = pictures * clips, {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for share in (0.0, 0.5):
        run = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, start_new_session=True, env=env)
        limit = time.monotonic() + 300
        while time.monotonic() < limit and run.poll() is None:
            found, made = len(list(tmp_path.glob("store/match/*.json"))), len(list(tmp_path.glob("out/*.mp4")))
            if found >= 2 and made >= share * videos:
                break
            time.sleep(0.02)
        assert run.poll() is None, "it ended before it could be killed"
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
    assert len(list(tmp_path.glob("out/*.mp4"))) < videos, "nothing was left to do"
    known = len(list(tmp_path.glob("store/match/*.json")))
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=env)
    result = json.loads(done.stdout)
    assert done.returncode == 0 and result["videos"] == videos and result["failed"] == 0, done.stderr
    assert result["match"] == pictures - known
    assert len(list(tmp_path.glob("store/match/*.json"))) == pictures
    assert len(list(tmp_path.glob("store/drive/*.npz"))) == clips
    lines = table(tmp_path / "out")
    assert len(lines) == videos and {line["status"] for line in lines} <= {"done", "there"}
    assert len(list(tmp_path.glob("out/*.mp4"))) == videos


def test_the_command_tells_estimates_and_retries_what_failed(
    inputs: Path, tmp_path: Path, cache: Path, cli: Any
) -> None:
    faces = tmp_path / "faces"
    faces.mkdir()
    (faces / "a.png").write_bytes((inputs / "faces" / "face00.png").read_bytes())
    (faces / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    out = tmp_path / "out"
    command = ["batch", faces, "--motion", "nod", "-o", out, "--cache-dir", cache, "--workers", "1"]
    command += ["--set", "seconds=0.5", "--store", tmp_path / "store"]
    told = cli(*command, "--dry-run", "--json")
    assert json.loads(told.out)["videos"] == 2 and not out.exists()
    assert cli(*command).code == 1 and len(table(out)) == 2
    (faces / "b.png").write_bytes((inputs / "faces" / "face01.png").read_bytes())
    again = cli(*command, "--retry-failed", "--json")
    assert again.code == 0 and json.loads(again.out)["videos"] == 1 and (out / "b__nod.mp4").is_file()
    listed = cli("batch", "--make", faces, "--motion", "nod")
    assert listed.out.splitlines()[0] == "picture,motion" and len(listed.out.splitlines()) == 3


def test_a_job_knows_what_it_looks_for(inputs: Path) -> None:
    clip = inputs / "clips" / "clip0.mp4"
    assert Job(1, Path("a.png"), Path("a.mp4"), driving=clip).finds == ("match", "drive")
    assert Job(1, Path("a.png"), Path("a.mp4"), motion="nod", landmarks=Path("a.json")).finds == ()
    assert Job(1, Path("a.png"), Path("a.mp4"), driving=Path("drive.npz")).finds == ("match",)
