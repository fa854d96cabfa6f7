"""A short run of the fuzzer and of the killing; ``FACESHOT_FUZZ_SECONDS`` and ``FACESHOT_FUZZ_SEED`` make it longer."""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz.fuzz import faults, fuzz, make_input
from tests.fuzz.kill import check
from tests.fuzz.targets import TARGETS, make_world

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    make_world(folder, REPO)
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="waits on a pipe")
def test_mutated_files(world: Path) -> None:
    seconds = float(os.environ.get("FACESHOT_FUZZ_SECONDS", "30"))
    seed = int(os.environ.get("FACESHOT_FUZZ_SEED", "7"))
    results = fuzz(world, seed, itertools.count(), time.monotonic() + seconds)
    assert len(results) > 10
    # Seconds are those of a machine that others use too; here only hangs count.
    assert [r for r in faults(results) if r["trouble"] or r["seconds"] > 60] == []


def test_an_input_follows_from_its_number(world: Path, tmp_path: Path) -> None:
    for number in range(0, 3 * len(TARGETS), 7):
        files = []
        for name in ("a", "b"):
            _, given = make_input(world, tmp_path / f"{number}{name}", 3, number)
            files.append([path.read_bytes() for path in sorted([given, *given.rglob("*")]) if path.is_file()])
        assert files[0] == files[1]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_killed_at_random_moments() -> None:
    names = ("retarget", "animate into frames", "gallery add", "gallery remove")
    assert check(int(os.environ.get("FACESHOT_KILLS", "4")), 5, names) == []
