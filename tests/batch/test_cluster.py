"""Batches on a real Ray, two actors on this machine, one of them killed."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from faceshot.batch import Batch, jobs_of, product
from faceshot.batch.cluster import Cluster
from faceshot.batch.worker import Result, Task
from tests.batch.conftest import make_inputs
from tests.batch.test_batch import table

psutil = pytest.importorskip("psutil")


@pytest.fixture
def ray() -> Iterator[Any]:
    found = pytest.importorskip("ray", reason="Ray is not installed: pip install 'faceshot[ray]'")
    pytest.importorskip("ray.data", reason="Ray Data is not installed")
    path = os.pathsep.join(sys.path)
    found.init(
        address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, ignore_reinit_error=False,
        runtime_env={"env_vars": {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}},
    )  # fmt: skip
    yield found
    found.shutdown()


def actors() -> list[Any]:
    """Processes of this Ray in which a worker of ours lives."""
    ours = psutil.Process().children(recursive=True)
    return [process for process in ours if process.is_running() and "MapWorker" in process.name() + str(_line(process))]


def _line(process: Any) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


@pytest.mark.parametrize(("pictures", "clips"), [(6, 2), pytest.param(40, 5, marks=pytest.mark.slow)])
def test_every_row_comes_though_an_actor_is_killed(
    ray: Any, tmp_path: Path, cache: Path, pictures: int, clips: int
) -> None:
    inputs = make_inputs(tmp_path, pictures, clips, size=128)
    jobs = jobs_of(product(inputs / "faces", inputs / "clips"), tmp_path / "out")
    place = (tmp_path / "store", tmp_path / "claims")
    cluster, killed = Cluster(2, place, {"cache_dir": cache, "offline": True}), list[int]()

    def deadly(tasks: Sequence[Task]) -> Iterator[Result]:
        for done in cluster(tasks):
            if done.task.kind == "render" and not killed:
                victim = actors()[0]
                victim.kill()
                killed.append(victim.pid)
            yield done

    batch = Batch(jobs, tmp_path / "out")
    batch.run(deadly)
    assert killed and batch.failed == 0
    lines, videos = table(tmp_path / "out"), pictures * clips
    assert len(lines) == videos and {line["status"] for line in lines} <= {"done", "there"}
    assert len(list((tmp_path / "out").glob("*.mp4"))) == videos
    assert Counter({"match": pictures, "drive": clips}) == Counter(
        match=len(list(place[0].glob("match/*.json"))), drive=len(list(place[0].glob("drive/*.npz")))
    )
