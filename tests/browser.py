"""Chromium through Playwright, where both are here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; the test is skipped without one (``FACESHOT_BROWSER`` names its program)."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    program = os.environ.get("FACESHOT_BROWSER") or next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no Chromium here; install it (apt-get install chromium), or set FACESHOT_BROWSER")
    with playwright.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()
