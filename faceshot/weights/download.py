"""Downloads that can be trusted: continued after an interruption, checked, and under their final name only when whole.

Files of the Hugging Face hub land in its own cache, so that other programs find them. Its client starts a broken
download over, and follows a server from https to http; so all bytes come through :func:`download`, and the client only
files them.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.progress import show_progress
from faceshot.reading import whole_number
from faceshot.weights.checking import sha256, verify
from faceshot.weights.places import cache_folder, hub_cache, repository_folder
from faceshot.weights.table import Weight

logger = logging.getLogger("faceshot")

TIMEOUT: Final = 60
BLOCK: Final = 1 << 20
#: Attempts without a single new byte before a download is given up.
PATIENCE: Final = 3
#: Answers that may be others in a moment.
_BUSY: Final = (408, 425, 429, 500, 502, 503, 504)
_BROKEN = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError)


class _Unreachable(Exception):
    """The server did not answer, or answered with an error; ``str()`` is the reason."""


def download(
    url: str,
    target: Path,
    *,
    headers: Mapping[str, str] | None = None,
    size: int | None = None,
    label: str = "",
) -> Path:
    """Bytes of ``url`` into ``target`` (a name for unfinished files), continuing what is there; returns ``target``.

    The unfinished file is continued only if the server still has the same version (its ETag or date); otherwise it is
    started over. ``file:`` URLs work too.

    Raises:
        _Unreachable: the server did not give it, or not all of it. OSError: the disk refuses.
    """
    note = target.with_name(target.name + ".json")
    left = PATIENCE
    while True:
        before = target.stat().st_size if target.exists() else 0
        try:
            _continue(url, target, note, headers or {}, size, label)
            note.unlink(missing_ok=True)
            return target
        except _BROKEN as error:
            grown = target.exists() and target.stat().st_size > before
            left = PATIENCE if grown else left - 1
            final = isinstance(error, urllib.error.HTTPError) and error.code not in _BUSY
            if left <= 0 or final or not url.startswith("http"):
                raise _Unreachable(_reason(error)) from error
            logger.info("%s: %s; trying again", label, _reason(error))
            time.sleep(1)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a server to another address, but never from https to a connection that anyone may change, nor to ftp."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        old, new = (urllib.parse.urlsplit(url).scheme.lower() for url in (req.full_url, newurl))
        if new not in ("http", "https") or (old == "https" and new != "https"):
            raise urllib.error.URLError(f"it leads from {old} to {new}, which is refused")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(request: urllib.request.Request) -> Any:
    return urllib.request.build_opener(_SafeRedirects).open(request, timeout=TIMEOUT)


def _continue(url: str, target: Path, note: Path, headers: Mapping[str, str], size: int | None, label: str) -> None:
    """One attempt; raises one of ``_BROKEN`` when the bytes stop coming before the end."""
    have = target.stat().st_size if target.exists() else 0
    version = _read_note(note) if have else None
    request = urllib.request.Request(url)
    for key, value in headers.items():
        request.add_unredirected_header(key, value)  # a token must not follow a redirection to another host
    if have and version:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", version)
    try:
        answer = _open(request)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        # Nothing is left to fetch, or the file has shrunk: the check at the end tells; else start over.
        if size is None or have != size:
            target.unlink(missing_ok=True)
            raise ConnectionError("the unfinished file did not fit; started over") from error
        return
    with answer:
        partial = getattr(answer, "status", None) == 206
        if not partial:
            have = 0
            note.write_text(json.dumps({"version": answer.headers.get("ETag") or answer.headers.get("Last-Modified")}))
        length = answer.headers.get("Content-Length")
        more = whole_number(length or "")
        total = size if size is not None else None if more is None else have + more
        with target.open("ab" if partial else "wb") as file, _bar(label, total, have) as grow:
            while block := answer.read(BLOCK):
                file.write(block)
                have += len(block)
                grow(len(block))
    if total is not None and have < total:
        raise ConnectionError(f"it broke off after {have / 1e6:.1f} of {total / 1e6:.1f} MB")


def _read_note(note: Path) -> str | None:
    try:
        version = json.loads(note.read_text()).get("version")
    except (OSError, ValueError, AttributeError):
        return None
    # A weak ETag does not promise the same bytes.
    return version if isinstance(version, str) and not version.startswith("W/") else None


@contextlib.contextmanager
def _bar(label: str, total: int | None, have: int) -> Iterator[Any]:
    if not (show_progress.get() and label):
        yield lambda count: None
        return
    import sys

    from tqdm import tqdm

    shown = sys.stderr.isatty() and os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS", "").strip() not in ("1", "true")
    with tqdm(
        total=total, initial=have, desc=label[-40:], unit="B", unit_scale=True, leave=True, disable=not shown
    ) as bar:
        yield bar.update


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code} {error.reason}"
    reason = getattr(error, "reason", None)
    return "it timed out" if isinstance(reason or error, TimeoutError) else str(reason or error) or type(error).__name__


@contextlib.contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Only one process at a time works on ``target``."""
    from filelock import FileLock, Timeout

    name = re.sub(r"[^A-Za-z0-9._-]", "_", target.name)
    folder = cache_folder() / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name[-100:]}.lock")
    try:
        lock.acquire(timeout=0.2)
    except Timeout:
        logger.info("another process fetches %s; waiting for it", target.name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def fetch_url(weight: Weight, target: Path, absent: str, how: str) -> Path:
    """Download a file of the web to ``target``.

    Args:
        absent: begins the message of a failure. how: the command that tries again.

    Raises:
        MissingError: no network, or no such file there. InputError: the download is damaged, or the disk refuses.
    """
    part = target.with_name(f".{target.name}.part")
    logger.info("fetching %s from %s", weight.file, weight.source)
    try:
        with _alone(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            download(weight.source, part, size=weight.bytes, label=weight.file)
            # Judged under the final suffix, which the unfinished name lacks.
            whole = target.with_name(f".whole.{target.name}")
            part.replace(whole)
            try:
                verify(weight, whole, how)
                whole.replace(target)
            finally:
                whole.unlink(missing_ok=True)
    except _Unreachable as error:
        if weight.source.startswith("file:"):
            _remove(part)
        raise MissingError(f"{absent} ({error}); {how}") from error
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}; set FACESHOT_CACHE") from error
    return target


def fetch_hub(weight: Weight, absent: str, how: str) -> Path:
    """Download a file of the hub into its cache; arguments and errors as :func:`fetch_url`."""
    assert weight.repository is not None
    with _hub_errors(weight.repository, absent, how):
        path = _hub_file(weight.repository, weight.file)
    try:
        verify(weight, path, how)
    except InputError:
        _remove(path.resolve())
        _remove(path)
        raise
    return path


def remote_bytes(weights: Sequence[Weight]) -> int | None:
    """What the servers say these files weigh together; None where one of them does not say."""
    total = 0
    for weight in weights:
        size = weight.bytes if weight.bytes is not None else _remote_size(weight)
        if size is None:
            return None
        total += size
    return total


def _remote_size(weight: Weight) -> int | None:
    if weight.whole:
        return weight.about
    if weight.repository:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        expected = _client_errors()
        try:
            return get_hf_file_metadata(hf_hub_url(weight.repository, weight.file, endpoint=_endpoint())).size
        except expected:
            return None
    try:
        with _open(urllib.request.Request(weight.source, method="HEAD")) as answer:
            length = answer.headers.get("Content-Length")
    except (*_BROKEN, OSError, ValueError):
        return None
    return whole_number(length or "")


def hub_snapshot(repository: str, files: Sequence[str], absent: str, how: str) -> Path:
    """Download files (names or patterns; none: all) of a hub repository; returns the folder that holds them."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.utils import filter_repo_objects

    with _hub_errors(repository, absent, how):
        patterns = [file for file in files if "*" in file]
        named = [file for file in files if "*" not in file]
        if patterns or not named:
            there = HfApi(endpoint=_endpoint()).list_repo_files(repository)
            named += filter_repo_objects(there, allow_patterns=patterns or None)
        for file in named:
            _hub_file(repository, file)
        with _quiet_client():
            return Path(
                snapshot_download(
                    repository, allow_patterns=list(files) or None, cache_dir=hub_cache(), endpoint=_endpoint()
                )
            )


def _endpoint() -> str | None:
    """The hub, or the mirror the user has set; read now, because the client reads it when imported.

    Raises:
        UsageError: ``HF_ENDPOINT`` is no address.
    """
    given = (os.environ.get("HF_ENDPOINT") or "").strip().rstrip("/")
    try:
        parts = urllib.parse.urlsplit(given)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if given and not good:
        raise UsageError(
            f"HF_ENDPOINT is {given[:80]!r}, not an address such as https://huggingface.co; mend or unset it"
        )
    return given or None


def _hub_file(repository: str, file: str) -> Path:
    from huggingface_hub import hf_hub_download

    _hub_blob(repository, file)
    with _quiet_client():
        return Path(hf_hub_download(repository, file, cache_dir=hub_cache(), endpoint=_endpoint()))


def _hub_blob(repository: str, file: str) -> None:
    """Put the bytes of a file where the hub's client keeps them, so that it has nothing left to download.

    Raises:
        InputError: the hub does not say what the file is, or gives another.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(repository, file, endpoint=_endpoint())
    about = get_hf_file_metadata(url)
    if not about.etag or "/" in about.etag or about.size is None or not about.commit_hash:
        raise InputError(f"the hub does not say what {file} of {repository} is; is HF_ENDPOINT a mirror of the hub?")
    blob = repository_folder(repository) / "blobs" / about.etag
    part = blob.with_name(f"{about.etag}.faceshot.part")
    with _alone(blob):
        if blob.exists():
            return
        blob.parent.mkdir(parents=True, exist_ok=True)
        token = {key: value for key, value in build_hf_headers().items() if key.lower() == "authorization"}
        download(url, part, headers=token, size=about.size, label=file)
        # Large files go by their sha256, others by a git hash that says nothing about the bytes alone.
        wrong = part.stat().st_size != about.size
        if wrong or (re.fullmatch(r"[0-9a-f]{64}", about.etag) and sha256(part) != about.etag):
            _remove(part)
            raise InputError(f"{file} of {repository} arrived damaged and was thrown away; fetch it again")
        part.replace(blob)


@contextlib.contextmanager
def _quiet_client() -> Iterator[None]:
    """The hub's own progress bars, off: the large files have had ours."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


def _client_errors() -> tuple[type[Exception], ...]:
    """What the hub's client raises for refusals and for silence; the library below it has changed more than once."""
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    kinds = [kind for kind in HfHubHTTPError.__mro__ if kind.__name__ in ("HTTPError", "RequestException")]
    return (HfHubHTTPError, EntryNotFoundError, OSError, ValueError, *kinds)


@contextlib.contextmanager
def _hub_errors(repository: str, absent: str, how: str) -> Iterator[None]:
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError

    expected = _client_errors()
    try:
        yield
    except InputError:
        raise
    except GatedRepoError as error:
        page = f"{_endpoint() or 'https://huggingface.co'}/{repository}"
        raise MissingError(
            f"{absent} (accept its licence at {page}, then sign in with: hf auth login); {how}"
        ) from error
    except _Unreachable as error:
        raise MissingError(f"{absent} ({error}); {how}") from error
    except LocalEntryNotFoundError as error:
        raise MissingError(f"{absent} (the hub cannot be reached); {how}") from error
    except expected as error:
        if "Connect" in type(error).__name__:  # no name, no route, nobody there: a number of the system's says less
            raise MissingError(f"{absent} ({_endpoint() or 'the hub'} cannot be reached); {how}") from error
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise MissingError(f"{absent} ({lines[0] if lines else type(error).__name__}); {how}") from error


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".json").unlink(missing_ok=True)
