"""Results are signed the moment they are complete, before they appear under their names."""

from __future__ import annotations

import io
import json
import logging
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from faceshot.errors import InputError, MissingError
from faceshot.output import finishing, writing
from faceshot.provenance.keys import _LACKING, Chain

log = logging.getLogger("faceshot")

#: Formats that hold their manifest.
SIGNED = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".webp": "image/webp",
    ".png": "image/png",
    ".apng": "image/png",
    ".gif": "image/gif",
}
#: Formats that cannot; theirs lies beside them, bound by their hash.
BESIDE = {".webm": "video/webm", ".mkv": "video/x-matroska"}
#: Formats whose own manifests are kept, when they are inputs.
_INPUTS = {**SIGNED, ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".tif": "image/tiff", ".tiff": "image/tiff",
           ".heic": "image/heic", ".avif": "image/avif", ".m4v": "video/mp4", ".avi": "video/avi",
           ".wav": "audio/wav", ".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".flac": "audio/flac"}  # fmt: skip
_off: ContextVar[bool] = ContextVar("unsigned", default=False)


@contextmanager
def unsigned(*, off: bool = True) -> Iterator[None]:
    """Nothing is signed in the block, or with ``off=False`` what has a chain is."""
    token = _off.set(off)
    try:
        yield
    finally:
        _off.reset(token)


def require_c2pa() -> types.ModuleType:
    """c2pa-python.

    Raises:
        MissingError: it is not installed.
    """
    try:
        import c2pa
    except ImportError as error:
        raise MissingError(_LACKING) from error
    return c2pa  # type: ignore[no-any-return]


def require_signer() -> bool:
    """Before any work: where there is a chain, it can be used; returns whether results will be signed.

    Raises:
        MissingError: c2pa-python is missing. InputError: others can read the key.
    """
    if _off.get() or not Chain.own().there:
        return False
    require_c2pa()
    Chain.own().secret()
    return True


def manifest_path(output: str | Path) -> Path:
    """Where programs look for a manifest that is not in the file itself: its name with the suffix ``.c2pa``."""
    return Path(output).with_suffix(".c2pa")


def manifests(output: Path) -> list[Path]:
    """The manifest file that signing ``output`` will write, if it writes one."""
    return [manifest_path(output)] if not _off.get() and output.suffix.lower() in BESIDE and Chain.own().there else []


@contextmanager
def signed(
    output: Path, record: Mapping[str, Any], reads: Sequence[Path] = (), *, overwrite: bool = False
) -> Iterator[None]:
    """What the block writes in the format of ``output`` is signed with the user's chain, where there is one.

    Args:
        record: of the sidecar, as plain JSON; its ``digital_source_type`` (an IPTC address) is that of the action.
        reads: inputs. Those whose format C2PA knows become ingredients, with the manifests they carry.
        overwrite: a manifest that lies beside the output.

    Raises:
        MissingError, InputError: as :func:`require_signer`; the chain cannot sign.
    """
    chain, suffix = Chain.own(), output.suffix.lower()
    if _off.get() or not chain.there:
        yield
        return
    if suffix not in {**SIGNED, **BESIDE}:
        log.warning("%s is not signed: a folder has no C2PA manifest; mp4 has", output.name)
        yield
        return

    def finish(part: Path) -> None:
        if part.suffix.lower() == suffix and part.is_file():
            manifest = sign(part, chain, record, reads, title=output.name)
            if suffix in BESIDE:
                with writing(manifest_path(output), overwrite=overwrite) as beside:
                    beside.write_bytes(manifest)

    with finishing(finish):
        yield


def sign(path: Path, chain: Chain, record: Mapping[str, Any], reads: Sequence[Path], *, title: str) -> bytes:
    """Put a signed manifest into ``path``, unless its format is of :data:`BESIDE`; frames and sound stay as they are.

    Returns:
        The manifest.

    Raises:
        MissingError, InputError: as :func:`signed`.
    """
    c2pa, suffix = require_c2pa(), path.suffix.lower()
    new = path.with_name(f"signed-{path.name}")
    try:
        info = c2pa.C2paSignerInfo(_algorithm(chain), chain.certificates.read_bytes(), chain.secret(), None)
        settings = c2pa.Settings.from_dict(
            {"verify": {"verify_trust": False}, "builder": {"thumbnail": {"enabled": False}}}
        )
        with c2pa.Context(settings, c2pa.Signer.from_info(info)) as context:
            known = [read for read in reads if read.suffix.lower() in _INPUTS and read.is_file()]
            with c2pa.Builder(_manifest(record, title, len(known)), context) as builder:
                for k, read in enumerate(known):
                    about = {"title": read.name, "relationship": "componentOf", "label": str(k)}
                    with read.open("rb") as stream:
                        builder.add_ingredient(about, _INPUTS[read.suffix.lower()], stream)
                with path.open("rb") as source, ExitStack() as stack:
                    if suffix in BESIDE:
                        builder.set_no_embed()
                        return bytes(builder.sign(BESIDE[suffix], source, io.BytesIO()))
                    target = stack.enter_context(new.open("w+b"))
                    manifest = bytes(builder.sign(SIGNED[suffix], source, target))
    except c2pa.C2paError as error:
        new.unlink(missing_ok=True)
        raise InputError(f"cannot sign {title} with {chain.certificates}: {str(error).splitlines()[0]}") from error
    new.replace(path)
    return manifest


def _manifest(record: Mapping[str, Any], title: str, ingredients: int) -> dict[str, Any]:
    from faceshot.version import __version__

    agent = {"name": "FaceShot", "version": __version__}
    kind = record.get("digital_source_type")
    actions: list[dict[str, Any]] = [{"action": "c2pa.created", "softwareAgent": agent, "digitalSourceType": kind}]
    if ingredients:
        placed = {"ingredientIds": [str(k) for k in range(ingredients)]}
        actions.append({"action": "c2pa.placed", "parameters": placed})
    return {
        "title": title,
        "claim_generator_info": [agent],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            # As text: lists of small numbers would come back as bytes.
            {"label": "org.faceshot.sidecar", "data": {"json": json.dumps(record, ensure_ascii=False)}},
        ],
    }


def _algorithm(chain: Chain) -> bytes:
    """C2PA's name of what the leaf's key signs with.

    Raises:
        InputError: the key cannot be read, or is of a kind that C2PA does not know.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(chain.secret(), None)
    except (ValueError, TypeError) as error:
        raise InputError(f"key {chain.key} is no private key in PEM without a password") from error
    if isinstance(key, rsa.RSAPrivateKey):
        return b"ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return b"ed25519"
    names = {256: b"es256", 384: b"es384", 521: b"es512"}
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size in names:
        return names[key.key_size]
    raise InputError(f"key {chain.key} is of a kind that C2PA does not know; use EC P-256")
