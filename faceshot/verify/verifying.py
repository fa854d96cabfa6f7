"""``verify``: every preset and backend that is installed, each in a process of its own."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceshot.errors import InputError, UsageError
from faceshot.pipeline import installed_version, list_backends
from faceshot.progress import progress
from faceshot.verify.report import Report, Row

#: Seconds a process has to tidy up.
_GRACE = 20
_PACKAGES = ("numpy", "torch", "diffusers", "transformers", "opencv-python-headless", "opencv-python")


def targets() -> list[str]:
    """``preset NAME`` of every preset and ``backend NAME`` of every installed backend."""
    from faceshot.models import PRESETS

    return [*(f"preset {name}" for name in PRESETS), *(f"backend {name}" for name in list_backends())]


def verify(
    names: Sequence[str] = (),
    *,
    device: str = "auto",
    dtype: str = "auto",
    options: Mapping[str, Mapping[str, Any]] | None = None,
    timeout: float = 900,
) -> Report:
    """Try out what is installed; never downloads.

    Args:
        names: presets and backends; none: all.
        device, dtype: as of :class:`faceshot.FaceShot`.
        options: own options of backends, by name of the backend.
        timeout: seconds for each.

    Raises:
        UsageError: no such preset or backend, options of a backend that is not tried, or a timeout that is none.
    """
    there = targets()
    chosen = [target for target in there if not names or target.partition(" ")[2] in names]
    known = {target.partition(" ")[2] for target in there}
    for name in (*names, *(options or {})):
        if name not in known:
            raise UsageError(f"nothing called {name!r} to verify; there are {', '.join(sorted(known))}")
    if not timeout > 0:
        raise UsageError(f"timeout must be more than 0 seconds, got {timeout:g}")
    rows = []
    for target in progress(chosen, "verify", total=len(chosen), unit="target"):
        own = (options or {}).get(target.partition(" ")[2], {})
        request = {"target": target, "device": device, "dtype": dtype, "options": dict(own)}
        rows.append(Row.judged(target, answer(request, timeout)))
    return Report(machine(), tuple(rows))


def answer(request: Mapping[str, Any], timeout: float) -> Mapping[str, Any]:
    """What a process of its own says of a target, or how it ended."""
    command = [sys.executable, "-m", "faceshot.verify.trying", json.dumps(request, default=str)]
    # Where this process has its modules from, the other one has to look too.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)}
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment,
        )  # fmt: skip
    except OSError as error:
        raise InputError(f"{sys.executable} cannot be started: {error.strerror or error}") from error
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"state": "skipped", "why": f"it took longer than {timeout:g} s (see timeout)"}
    finally:
        _end(process)
    lines = output.strip().splitlines()
    try:
        found: Any = json.loads(lines[-1]) if process.returncode == 0 and lines else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        said = next((line for line in reversed(errors.strip().splitlines()) if line.strip()), "")
        ending = (
            f"killed by signal {-process.returncode}" if process.returncode < 0 else f"exit code {process.returncode}"
        )
        return {"state": "failed", "why": f"its process ended with {ending}: {' '.join(said.split())[:300]}"}
    return found


def _end(process: subprocess.Popen[str]) -> None:
    """Let it tidy up, if it is still there, then no more."""
    if process.poll() is None:
        process.terminate()
        try:
            process.communicate(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def machine() -> dict[str, str]:
    """What the figures depend on."""
    import torch

    from faceshot.version import __version__

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    packages = ((name, installed_version(name)) for name in _PACKAGES)
    out = {
        "FaceShot": __version__,
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}, {cores} cores",
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {version}" for name, version in packages if version),
        "device": "CPU",
    }
    if torch.cuda.is_available():
        about = torch.cuda.get_device_properties(0)
        out["device"] = f"{about.name}, {about.total_memory / 1e9:.0f} GB"
    elif torch.backends.mps.is_available():
        out["device"] = "Apple GPU"
    return out
