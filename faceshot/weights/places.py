"""Where weight files may lie on this machine; nothing here touches the network or imports its client."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from faceshot.reading import expanded
from faceshot.weights.table import Weight


def cache_folder(cache_dir: str | Path | None = None) -> Path:
    """Our cache: ``cache_dir``, else ``FACESHOT_CACHE``, else ``faceshot`` in the user's cache folder."""
    given = cache_dir or os.environ.get("FACESHOT_CACHE")
    if given:
        return expanded(given, "cache folder")
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "faceshot"


def hub_cache() -> Path:
    """The Hugging Face cache, as its own client finds it: ``HF_HUB_CACHE``, else ``hub`` in ``HF_HOME``."""
    given = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if not given:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        given = f"{os.environ.get('HF_HOME') or f'{base}/huggingface'}/hub"
    return expanded(os.path.expandvars(given), "Hugging Face cache (HF_HOME, HF_HUB_CACHE)")


def weights_folder() -> Path | None:
    """The user's own folder of weights, ``FACESHOT_WEIGHTS``."""
    root = os.environ.get("FACESHOT_WEIGHTS")
    return expanded(root, "FACESHOT_WEIGHTS") if root else None


def is_offline(offline: bool | None = None) -> bool:
    """Whether downloads are forbidden: by the argument, ``HF_HUB_OFFLINE`` or ``TRANSFORMERS_OFFLINE``."""
    words = (os.environ.get(name, "").strip().upper() for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return bool(offline) or any(word in ("1", "ON", "YES", "TRUE") for word in words)


def repository_folder(repository: str) -> Path:
    """The folder of a repository in the Hugging Face cache."""
    return hub_cache() / f"models--{repository.replace('/', '--')}"


def snapshots(repository: str) -> list[Path]:
    """The snapshots of a repository in the Hugging Face cache: that of ``main`` first, then newer before older."""
    root = repository_folder(repository)
    try:
        main = (root / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        main = ""
    try:
        found = [entry for entry in (root / "snapshots").iterdir() if entry.is_dir()]
    except OSError:
        return []
    return sorted(found, key=lambda entry: (entry.name != main, -entry.stat().st_mtime, entry.name))


def tails(file: str, others: Iterable[str]) -> list[str]:
    """``file`` and the ends of its path, longest first, that no file of ``others`` ends in too.

    >>> tails("a/unet/config.json", ["a/vae/config.json"])
    ['a/unet/config.json', 'unet/config.json']
    """
    parts = PurePosixPath(file).parts
    rivals = [PurePosixPath(other).parts for other in others]
    out = []
    for start in range(len(parts)):
        tail = parts[start:]
        if not any(rival[-len(tail) :] == tail for rival in rivals):
            out.append("/".join(tail))
    return out


def below(folder: Path, weight: Weight, peers: Iterable[Weight], *, whole: bool) -> list[Path]:
    """Where ``weight`` may lie in a folder of the user's.

    In ``<owner>/<repository>``, in ``<repository>``, in ``<group>``, or in the folder itself as far as the name tells
    it from every other file: of its group, or with ``whole`` of the whole table.
    """
    if not weight.file:
        return []
    peers = [peer for peer in peers if (peer.source, peer.file) != (weight.source, weight.file)]
    group = [peer.file for peer in peers if _group(peer) == _group(weight)]
    out = []
    for repository, file in ((weight.repository, weight.file), *weight.also):
        if repository:
            out += [folder / repository / file, folder / repository.rpartition("/")[2] / file]
    close = tails(weight.file, group)
    out += [folder / _group(weight) / tail for tail in close]
    alone = tails(weight.file, [peer.file for peer in peers]) if whole else close
    return [*out, *(folder / tail for tail in alone)]


def in_hub_cache(weight: Weight) -> list[Path]:
    """Where ``weight`` may lie in the Hugging Face cache."""
    given = ((weight.repository, weight.file), *weight.also)
    return [entry / file for repository, file in given if repository for entry in snapshots(repository)]


def places(weight: Weight, peers: Iterable[Weight], cache_dir: str | Path | None = None) -> list[Path]:
    """Every place ``weight`` may lie at, in the order they are tried."""
    out: list[Path] = []
    if root := weights_folder():
        out += below(root, weight, peers, whole=True)
    if weight.repository:
        return [*out, *in_hub_cache(weight)]
    return [*out, cache_folder(cache_dir) / "weights" / weight.file]


def looked_in(weight: Weight, cache_dir: str | Path | None = None) -> str:
    """The folders :func:`places` covers, for a message."""
    root = weights_folder()
    folders = [] if root is None else [str(root)]
    folders.append(str(hub_cache() if weight.repository else cache_folder(cache_dir) / "weights"))
    note = "" if root else "; FACESHOT_WEIGHTS is not set"
    return f"looked in {', '.join(folders)}{note}"


def _group(weight: Weight) -> str:
    return weight.group or weight.name
