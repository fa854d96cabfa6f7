"""What this installation has, what it lacks, and what is broken, each with the command that mends it."""

from __future__ import annotations

import importlib
import os
import platform
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceshot.errors import FaceShotError
from faceshot.opencv import opencv_versions, require_opencv
from faceshot.pipeline import installed_version

State = Literal["ok", "note", "problem"]
#: Most letters of what is missing, before the command that gets it.
_WIDTH = 150

CORE_PACKAGES = (
    *("numpy", "scipy", "pillow", "av", "torch", "diffusers", "transformers", "accelerate"),
    *("safetensors", "huggingface-hub", "typer", "tqdm"),
)
EXTRAS = {"facexlib": "facexlib"}
#: No wheel of it for some systems; driving people is better with it.
RUNTIME = "ai-edge-litert"
#: Encoder -> what it is for.
ENCODERS = {
    "libx264": "mp4, mov",
    "aac": "sound in mp4",
    "libvpx-vp9": "webm with transparency",
    "libopus": "sound in webm",
    "gif": "GIF",
}


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        topic: what was looked at.
        state: ``ok``, ``note`` (something optional is absent) or ``problem`` (something will fail).
        text: what was found, and the fix where there is one.
    """

    topic: str
    state: State
    text: str


def diagnose(cache_dir: str | Path | None = None) -> list[Finding]:
    """Look at packages, devices, codecs, cache, weights and backends; imports torch, so it takes seconds."""
    found = [Finding("system", "ok", _system())]
    for check in (_packages, _cv2, _torchvision, _torch, _codecs):
        found += check()
    found += _cache(cache_dir)
    found += _weights(cache_dir)
    found += _backends()
    return found


def _system() -> str:
    from faceshot.version import __version__

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"FaceShot {__version__}, Python {platform.python_version()}, {platform.platform()}, {cores} cores"


def _packages() -> list[Finding]:
    versions = {name: installed_version(name) for name in CORE_PACKAGES}
    absent = [name for name, found in versions.items() if found is None]
    listed = ", ".join(f"{name} {found}" for name, found in versions.items() if found)
    out = [Finding("packages", "ok", listed)]
    if absent:
        out.append(Finding("packages", "problem", f"missing: pip install {' '.join(absent)}"))
    found = installed_version(RUNTIME)
    text = f"{RUNTIME} {found}" if found else f"{RUNTIME} is not installed (no wheel for some systems): track serves"
    out.append(Finding("source facemesh", "ok" if found else "note", text))
    for package, extra in EXTRAS.items():
        found = installed_version(package)
        text = f"{package} {found}" if found else f"{package} is not installed: pip install 'faceshot[{extra}]'"
        out.append(Finding(f"extra {extra}", "ok" if found else "note", text))
    return out


def _cv2() -> list[Finding]:
    versions = opencv_versions()
    listed = ", ".join(f"{name} {found}" for name, found in versions.items())
    fix = "they share one folder; pip uninstall all but one of them, then pip install --force-reinstall that one"
    try:
        require_opencv()
    except FaceShotError as error:
        return [Finding("opencv", "problem", str(error))]
    if len(set(versions.values())) > 1:
        return [Finding("opencv", "problem", f"different versions side by side: {listed}; {fix}")]
    if len(versions) > 1:
        return [Finding("opencv", "note", f"{listed}; {fix}")]
    return [Finding("opencv", "ok", listed or "cv2, not from a package index")]


def _torchvision() -> list[Finding]:
    found = installed_version("torchvision")
    if found is None:
        return []
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        text = f"torchvision {found} does not fit this torch ({reason}) and breaks transformers and diffusers"
        mend = "FaceShot does not need it: pip uninstall torchvision"
        if installed_version("facexlib"):
            mend = "facexlib needs one from where torch came: pip install torchvision --force-reinstall --no-deps"
            mend += " --index-url https://download.pytorch.org/whl/cpu"
        return [Finding("torchvision", "problem", f"{text}; {mend}")]
    return [Finding("torchvision", "ok", found)]


def _torch() -> list[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        return [Finding("torch", "problem", f"does not import ({error}); pip install --force-reinstall torch")]
    devices = ["cpu"]
    devices += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [Finding("devices", "ok", f"{', '.join(devices)}; torch uses {torch.get_num_threads()} threads")]


def _codecs() -> list[Finding]:
    try:
        import av
    except (ImportError, OSError) as error:
        return [Finding("video", "problem", f"av does not import ({error}); pip install --force-reinstall av")]
    absent = []
    for name in ENCODERS:
        try:
            av.Codec(name, "w")
        except ValueError:  # av's UnknownCodecError is one
            absent.append(f"{name} ({ENCODERS[name]})")
    libraries = " ".join(f"{name} {'.'.join(map(str, found))}" for name, found in sorted(av.library_versions.items()))
    if absent:
        return [Finding("video", "problem", f"encoders missing: {', '.join(absent)}; pip install --force-reinstall av")]
    return [Finding("video", "ok", f"encoders {', '.join(ENCODERS)}; {libraries}")]


def _cache(cache_dir: str | Path | None) -> list[Finding]:
    from faceshot.weights import cache_folder

    folder = cache_folder(cache_dir)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return [Finding("cache", "problem", f"{folder} cannot be written; set FACESHOT_CACHE or --cache-dir")]
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0
    return [Finding("cache", "ok", f"{folder}, {used / 1e6:.1f} MB")]


def _weights(cache_dir: str | Path | None) -> list[Finding]:
    from faceshot.models import PRESETS, locate, weight_files
    from faceshot.weights import groups, members, where

    out = []
    lacking: dict[tuple[State, str], list[str]] = {}
    for preset in PRESETS.values():
        try:
            folder = locate(preset.source, files=preset.files, offline=True)
            weight_files(folder / "unet")
            out.append(Finding(f"model {preset.name}", "ok", str(folder)))
        except FaceShotError as error:
            state: State = "problem" if preset.source.startswith("package:") else "note"
            lacking.setdefault((state, _shortly([str(error)])), []).append(preset.name)
    out += [Finding(f"model {', '.join(names)}", state, text) for (state, text), names in lacking.items()]
    for name in groups():
        own = members(name, needs=False)
        found = [where(weight.name, cache_dir=cache_dir) for weight in own]
        here = [path for path in found if path is not None]
        if len(here) == len(own):
            out.append(Finding(f"weights {name}", "ok", str(here[0] if len(here) == 1 else here[0].parent)))
            continue
        amount = f"{len(here)} of {len(own)} files are here" if here else "not here"
        text = f"{amount} (for {own[0].used_by}); run: faceshot weights fetch {name}"
        out.append(Finding(f"weights {name}", "note", text))
    return out


def _shortly(lacking: list[str]) -> str:
    """What is missing, once for each command that gets it; requirements end in theirs."""
    wanted: dict[str, list[str]] = {}
    for line in lacking:
        what, _, command = line.rpartition("; ")
        wanted.setdefault(command, []).append(what)
    parts = []
    for command, things in wanted.items():
        more = f" and {len(things) - 1} more" if len(things) > 1 else ""
        first = textwrap.shorten(things[0], _WIDTH, placeholder=" ...")
        parts.append(f"{first}{more}; {command}" if first else command)
    return "; ".join(parts)


def _backends() -> list[Finding]:
    from faceshot.pipeline import KNOWN, list_backends, load_backend, requirements

    out = []
    installed = list_backends()
    for name in installed:
        state: State
        try:
            lacking = requirements(load_backend(name))
            state = "problem" if lacking and name == "warp" else "note" if lacking else "ok"
        except FaceShotError as error:
            lacking, state = [str(error)], "problem"
        out.append(Finding(f"backend {name}", state, _shortly(lacking) or "ready"))
    for known in KNOWN:
        if known.name not in installed:
            state = "problem" if known.name == "warp" else "note"
            out.append(Finding(f"backend {known.name}", state, f"not installed: {known.install}"))
    return out
