"""Weight files: a table of what they are, and the one way to find them.

Order: the path the user gave; the folder ``FACESHOT_WEIGHTS``; the cache (the Hugging Face cache for files of its hub,
ours for the rest); a download, unless offline; else an error that says where was looked and how to get the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import logging
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from faceshot.errors import InputError, MissingError, UsageError

logger = logging.getLogger("faceshot")


@dataclass(frozen=True)
class Weight:
    """One weight file (or, for ``package:``, the folder shipped in a package).

    Attributes:
        name: what the command line calls it.
        file: file name, also inside its repository.
        source: ``https://...`` of the file itself, ``hub:owner/repository``, or ``package:name``.
        licence: of the weights. commercial: whether it allows commercial use, None when unstated.
        used_by: what needs it.
        bytes, sha256: of the file where known.
    """

    name: str
    file: str
    source: str
    licence: str
    commercial: bool | None
    used_by: str
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class WeightStatus:
    """Where a weight file lies on this machine (``path`` None: it does not) and a line that says so."""

    name: str
    path: Path | None
    text: str


_FACEXLIB = "https://github.com/xinntao/facexlib/releases/download/v0.1.0"
WEIGHTS: Final = MappingProxyType(
    {
        weight.name: weight
        for weight in (
            Weight(
                name="face_landmarker",
                file="face_landmarker.task",
                source="https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
                "face_landmarker.task",
                licence="Apache-2.0",
                commercial=True,
                used_by="drive --source mediapipe",
                bytes=3_758_596,
                sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
            ),
            Weight(
                name="retinaface_resnet50",
                file="detection_Resnet50_Final.pth",
                source=f"{_FACEXLIB}/detection_Resnet50_Final.pth",
                licence="MIT (code); trained on WIDER FACE, see its terms",
                commercial=None,
                used_by="drive --source facexlib",
            ),
            Weight(
                name="fan_wflw",
                file="alignment_WFLW_4HG.pth",
                source=f"{_FACEXLIB}/alignment_WFLW_4HG.pth",
                licence="Apache-2.0 (code); trained on WFLW, research use",
                commercial=None,
                used_by="drive --source facexlib",
            ),
            Weight(
                name="mini",
                file="",
                source="package:faceshot_mini",
                licence="Apache-2.0",
                commercial=True,
                used_by="match, drive --source track",
            ),
        )
    }
)


def list_weights() -> tuple[Weight, ...]:
    """Every weight file FaceShot knows."""
    return tuple(WEIGHTS.values())


def cache_folder(cache_dir: str | Path | None = None) -> Path:
    """Our cache: ``cache_dir``, else ``FACESHOT_CACHE``, else ``faceshot`` in the user's cache folder."""
    given = cache_dir or os.environ.get("FACESHOT_CACHE")
    if given:
        return Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "faceshot"


def is_offline(offline: bool = False) -> bool:
    """Whether downloads are forbidden: by the argument or by ``HF_HUB_OFFLINE``."""
    return offline or os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in ("1", "ON", "YES", "TRUE")


def locate(
    name: str, *, path: str | Path | None = None, offline: bool = False, cache_dir: str | Path | None = None
) -> Path:
    """The weight file ``name``, downloaded into the cache if need be.

    Args:
        path: the user's own copy: the file, or a folder that holds it; nothing else is tried then.
        offline: forbid the download.
        cache_dir: instead of our cache folder.

    Raises:
        UsageError: no such name. InputError: ``path`` does not lead to it, or a download is damaged.
        MissingError: it is not on this machine and may not or cannot be downloaded.
    """
    found = where(name, path=path, cache_dir=cache_dir)
    if found is not None:
        return found
    weight = _weight(name)
    if weight.source.startswith("package:"):
        raise MissingError(f"package {weight.source[8:]} is not installed; run: pip install --force-reinstall faceshot")
    if is_offline(offline):
        raise MissingError(f"{_absent(weight, cache_dir)}, and downloads are off (offline); {_command(weight)}")
    return fetch(name, cache_dir=cache_dir)


def where(name: str, *, path: str | Path | None = None, cache_dir: str | Path | None = None) -> Path | None:
    """Where the weight file lies on this machine, None if it does not; never downloads.

    Raises:
        UsageError: no such name. InputError: ``path`` was given and does not lead to the file.
    """
    weight = _weight(name)
    if path is not None:
        given = Path(path).expanduser()
        candidate = given / weight.file if given.is_dir() and weight.file else given
        if not candidate.exists():
            raise InputError(f"weights {candidate} do not exist; give the file {weight.file} or the folder it is in")
        return candidate
    kind, _, place = weight.source.partition(":")
    if kind == "package":
        spec = importlib.util.find_spec(place)
        folders = spec.submodule_search_locations if spec else None
        return Path(next(iter(folders))) if folders else None
    for candidate in _own_places(weight, cache_dir):
        if candidate.is_file():
            return candidate
    return _in_hub_cache(place, weight.file) if kind == "hub" else None


def fetch(name: str, *, cache_dir: str | Path | None = None) -> Path:
    """Download the weight file into the cache, whether or not a copy lies elsewhere; check its hash.

    Raises:
        UsageError: no such name. MissingError: no network, or no such file there. InputError: the download is damaged.
    """
    weight = _weight(name)
    kind, _, place = weight.source.partition(":")
    if kind == "package":
        return locate(name)
    if kind == "hub":
        return _from_hub(weight, place)
    target = cache_folder(cache_dir) / "weights" / weight.file
    logger.info("fetching %s from %s", weight.file, weight.source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{weight.file}.", dir=target.parent) as holder:
            part = Path(holder) / weight.file
            with urllib.request.urlopen(weight.source, timeout=60) as answer, part.open("wb") as file:
                shutil.copyfileobj(answer, file)
            _verify(weight, part)
            part.replace(target)
    except urllib.error.URLError as error:
        raise MissingError(f"{_absent(weight, cache_dir)}, and the download failed ({error.reason})") from error
    except TimeoutError as error:
        raise MissingError(f"{_absent(weight, cache_dir)}, and the download timed out; try again") from error
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}; set FACESHOT_CACHE") from error
    return target


def check(name: str, *, path: str | Path | None = None, cache_dir: str | Path | None = None) -> str:
    """The sha256 of the local weight file, compared with the table where that knows one.

    Raises:
        MissingError: the file is not here. InputError: it differs from the published one.
    """
    weight = _weight(name)
    found = where(name, path=path, cache_dir=cache_dir)
    if found is None:
        raise MissingError(f"{_absent(weight, cache_dir)}; {_command(weight)}")
    if found.is_dir():
        digest = hashlib.sha256()
        for file in sorted(p for p in found.rglob("*") if p.suffix in (".safetensors", ".json")):
            digest.update(file.name.encode() + _sha256(file).encode())
        return digest.hexdigest()
    return _verify(weight, found)


def status(*, cache_dir: str | Path | None = None) -> tuple[WeightStatus, ...]:
    """Every weight file and where it lies, without touching the network."""
    out = []
    for weight in list_weights():
        found = where(weight.name, cache_dir=cache_dir)
        text = str(found) if found else f"not here (for {weight.used_by}); {_command(weight)}"
        out.append(WeightStatus(weight.name, found, text))
    return tuple(out)


def _weight(name: str) -> Weight:
    if name not in WEIGHTS:
        raise UsageError(f"unknown weights {name!r}; there are {', '.join(WEIGHTS)}")
    return WEIGHTS[name]


def _own_places(weight: Weight, cache_dir: str | Path | None) -> list[Path]:
    places = []
    if root := os.environ.get("FACESHOT_WEIGHTS"):
        base = Path(root).expanduser()
        if weight.source.startswith("hub:"):
            repository = weight.source[4:]
            places += [base / repository / weight.file, base / repository.rpartition("/")[2] / weight.file]
        places.append(base / Path(weight.file).name)
    return [*places, cache_folder(cache_dir) / "weights" / weight.file]


def _in_hub_cache(repository: str, file: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, file)
    return Path(found) if isinstance(found, str) else None


def _from_hub(weight: Weight, repository: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        # The hub's client writes under a temporary name, checks and renames; HF_HOME and HF_ENDPOINT are its own.
        found = Path(hf_hub_download(repository, weight.file))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise MissingError(f"{_absent(weight, None)}, and the download failed; {_command(weight)}") from error
    _verify(weight, found)
    return found


def _verify(weight: Weight, path: Path) -> str:
    digest = _sha256(path)
    if weight.sha256 is not None and digest != weight.sha256:
        size = path.stat().st_size
        raise InputError(
            f"{path} is not the published {weight.file} ({size} bytes, sha256 {digest[:12]}..., "
            f"expected {weight.sha256[:12]}...); delete it and {_command(weight)}"
        )
    return digest


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _absent(weight: Weight, cache_dir: str | Path | None) -> str:
    looked = [str(place.parent) for place in _own_places(weight, cache_dir)]
    if weight.source.startswith("hub:"):
        with contextlib.suppress(ImportError):
            from huggingface_hub.constants import HF_HUB_CACHE

            looked.append(str(HF_HUB_CACHE))
    note = "" if os.environ.get("FACESHOT_WEIGHTS") else "; FACESHOT_WEIGHTS is not set"
    return f"{weight.file} of {weight.source} is not on this machine (looked in {', '.join(looked)}{note})"


def _command(weight: Weight) -> str:
    return f"run: faceshot weights fetch {weight.name}"
