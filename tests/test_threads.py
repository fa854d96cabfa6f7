"""numpy's BLAS on one thread while networks run."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from faceshot.threads import one_blas_thread


def blas() -> list[int]:
    return [entry["num_threads"] for entry in threadpool_info() if entry["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(2, user_api="blas"):
        if 2 not in blas():
            pytest.skip("numpy's BLAS here has no threads that could be limited")
        yield


def test_one_thread_inside_and_the_former_number_after() -> None:
    before = blas()
    with one_blas_thread():
        assert set(blas()) == {1}
        with one_blas_thread():
            assert set(blas()) == {1}
        assert set(blas()) == {1}
    assert blas() == before


def test_an_error_inside_gives_the_threads_back() -> None:
    before = blas()
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        raise ZeroDivisionError
    assert blas() == before


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
