"""Fixtures every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers import Run

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def shared() -> Path:
    """Development material that is never part of the repository; tests skip where it is absent."""
    folder = Path(os.environ.get("FACESHOT_SHARED") or REPO.parent / "shared")
    if not (folder / "parity").is_dir():
        pytest.skip(f"no development material at {folder}; set FACESHOT_SHARED")
    return folder


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty cache folder instead of the user's; one for all workers of a run, so that work is done once."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "faceshot-cache"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACESHOT_CACHE", str(folder))
        patch.setenv("FACESHOT_DATA", str(base / "faceshot-data"))
        patch.setenv("FACESHOT_CONFIG", str(base / "faceshot-config"))  # no keys: nothing is signed
        patch.delenv("FACESHOT_WEIGHTS", raising=False)
        # A drive with source auto would fetch a model.
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield folder


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """``cli("match", path, "-o", out)`` -> :class:`Run`; in this process, so that torch is imported once."""
    from faceshot.cli.app import main

    def run(*arguments: object) -> Run:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        caught = capsys.readouterr()
        return Run(code, caught.out, caught.err)

    return run
