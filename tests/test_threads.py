"""numpy's BLAS on one thread while networks run; turns; networks in forked processes."""

from __future__ import annotations

import ast
import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from faceshot.threads import Beside, Turn, ahead, done, one_blas_thread, share_processors
from tests.tiny_networks import write_tiny_model


def blas() -> list[int]:
    return [entry["num_threads"] for entry in threadpool_info() if entry["user_api"] == "blas"]


@pytest.fixture
def two_threads() -> Iterator[None]:
    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(2, user_api="blas"):
        if 2 not in blas():
            pytest.skip("numpy's BLAS here has no threads that could be limited")
        yield


@pytest.mark.usefixtures("two_threads")
def test_one_thread_inside_and_the_former_number_after() -> None:
    before = blas()
    with one_blas_thread():
        assert set(blas()) == {1}
        with one_blas_thread():
            assert set(blas()) == {1}
        assert set(blas()) == {1}
    assert blas() == before


@pytest.mark.usefixtures("two_threads")
def test_an_error_inside_gives_the_threads_back() -> None:
    before = blas()
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        raise ZeroDivisionError
    assert blas() == before


@pytest.mark.usefixtures("two_threads")
def test_whoever_came_first_gives_the_threads_back_whenever_it_leaves() -> None:
    before, entered, leave = blas(), threading.Event(), threading.Event()

    @one_blas_thread()
    def other() -> None:
        entered.set()
        leave.wait(10)

    worker = threading.Thread(target=other)
    with one_blas_thread():
        worker.start()
        assert entered.wait(10)
    assert blas() == before
    leave.set()
    worker.join()
    assert blas() == before
    with one_blas_thread():
        assert set(blas()) == {1}
    assert blas() == before


FORKED = """
import multiprocessing, sys
import numpy as np, torch
from faceshot.features.extractor import FeatureExtractor
from faceshot.threads import after_fork

torch.set_num_threads(2)
kept = FeatureExtractor.from_preset(sys.argv[1])
images = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), np.uint8)
torch.ones(2_000_000).sum()  # now torch's threads are there
here = kept.features(images)

def work(own):
    extractor = FeatureExtractor.from_preset(sys.argv[1]) if own else kept
    return float((extractor.features(images) - here).abs().max()), torch.get_num_threads()

with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map_async(work, [True, False]).get(60))
print(torch.get_num_threads())
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork here")
def test_networks_run_in_forked_processes(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model")
    done = subprocess.run([sys.executable, "-c", FORKED, str(model)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    results, threads = done.stdout.splitlines()
    assert all(apart < 1e-4 and count == 1 for apart, count in ast.literal_eval(results))
    assert threads == "2"


def test_turns_nest_and_keep_others_out() -> None:
    turn, order = Turn(), []

    def other() -> None:
        with turn:
            order.append("other")

    worker = threading.Thread(target=other)
    with turn:
        worker.start()
        with turn:
            order.append("inner")
        worker.join(0.1)
        assert worker.is_alive()
        order.append("outer")
    worker.join(10)
    assert order == ["inner", "outer", "other"]


def test_ahead_keeps_order_errors_and_stops() -> None:
    def some(count: int) -> Iterator[int]:
        for k in range(count):
            made.append(k)
            yield k
        raise ValueError("the end")

    made: list[int] = []
    assert list(ahead(range(50), 3)) == list(range(50))
    seen = []
    with pytest.raises(ValueError, match="the end"):
        for k in ahead(some(9), 2):
            seen.append(k)
    assert seen == list(range(9))
    made.clear()
    before = threading.active_count()
    reader = ahead(some(1000), 2)
    assert [next(reader), next(reader)] == [0, 1]
    reader.close()
    assert threading.active_count() == before and len(made) < 10


def test_beside_keeps_order_and_waits_when_too_much_is_waiting() -> None:
    gate, begun = threading.Event(), []

    def work(k: int) -> int:
        begun.append(k)
        gate.wait(10)
        return k

    with Beside("test", 3) as beside:
        first = [beside.call(work, k) for k in range(3)]
        late = threading.Thread(target=lambda: first.append(beside.call(work, 3)))
        late.start()
        late.join(0.1)
        assert late.is_alive() and begun == [0] and not first[0].done()
        gate.set()
        late.join(10)
        assert [future.result(10) for future in first] == [0, 1, 2, 3] and begun == [0, 1, 2, 3]
    assert done(7).result(0) == 7


def test_processors_are_shared_by_the_thread_that_says_so_and_no_other() -> None:
    torch = pytest.importorskip("torch")
    usual, seen = torch.get_num_threads(), []

    def sharing() -> None:
        share_processors(2)
        share_processors(2)  # said once
        seen.append(torch.get_num_threads())

    for target in (sharing, lambda: seen.append(torch.get_num_threads())):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    assert seen == [max(1, usual // 2), usual] and torch.get_num_threads() == usual
