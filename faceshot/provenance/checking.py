"""What a file says of its making, and whether that is signed; for anybody's files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from faceshot.errors import InputError
from faceshot.provenance.keys import Chain
from faceshot.provenance.signing import BESIDE, manifest_path, require_c2pa
from faceshot.reading import FOREIGN


@dataclass(frozen=True)
class Credentials:
    """What was found in a file.

    Attributes:
        state: ``trusted`` (by our own root), ``valid`` (unchanged, the signer is not known here), ``invalid`` or
            ``unsigned``. signer, generator, source_type: of the newest manifest, or None.
        inputs: titles of its ingredients, and whether they carry manifests of their own.
        problems: C2PA's codes of what does not hold. tags: plain metadata, which anybody can change.
    """

    state: Literal["trusted", "valid", "invalid", "unsigned"]
    signer: str | None = None
    generator: str | None = None
    source_type: str | None = None
    inputs: tuple[tuple[str, bool], ...] = ()
    problems: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)


def inspect_file(path: str | Path) -> Credentials:
    """Read and validate the C2PA manifest of ``path``, if it has one, and its plain metadata; nothing is fetched.

    Raises:
        InputError: there is no such file. MissingError: c2pa-python is not installed.
    """
    c2pa, path = require_c2pa(), Path(path)
    if not path.is_file():
        raise InputError(f"file {path} is not there")
    settings: dict[str, Any] = {"verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False}}
    if (root := Chain.own().root).is_file():
        settings["trust"] = {"user_anchors": root.read_text(encoding="utf-8")}
    tags = _tags(path)
    try:
        with c2pa.Context(c2pa.Settings.from_dict(settings)) as context, path.open("rb") as stream:
            source: tuple[Any, ...] = (str(path),)
            if (mime := BESIDE.get(path.suffix.lower())) and (beside := manifest_path(path)).is_file():
                source = (mime, stream, beside.read_bytes())
            with c2pa.Reader(*source, context=context) as reader:
                return _told(json.loads(reader.json()), tags)
    except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.NotSupported):
        return Credentials("unsigned", tags=tags)
    except c2pa.C2paError as error:
        return Credentials("invalid", problems=(str(error).splitlines()[0],), tags=tags)


def _told(store: dict[str, Any], tags: dict[str, str]) -> Credentials:
    manifest = store["manifests"].get(store.get("active_manifest"))
    if manifest is None:
        return Credentials("invalid", problems=("the manifest is damaged",), tags=tags)
    failures = store.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    states: dict[str, Literal["trusted", "valid"]] = {"Trusted": "trusted", "Valid": "valid"}
    assertions = [one for one in manifest.get("assertions", []) if one["label"].startswith("c2pa.actions")]
    kinds = [act.get("digitalSourceType") for one in assertions for act in one.get("data", {}).get("actions", [])]
    maker = (manifest.get("claim_generator_info") or [{}])[0]
    signer = manifest.get("signature_info", {})
    return Credentials(
        states.get(store.get("validation_state", ""), "invalid"),
        ", ".join(text for text in (signer.get("common_name"), signer.get("issuer")) if text) or None,
        " ".join(str(maker[name]) for name in ("name", "version") if name in maker) or None,
        next((kind for kind in kinds if kind), None),
        tuple((one.get("title") or "?", "active_manifest" in one) for one in manifest.get("ingredients", [])),
        tuple(failure["code"] for failure in failures),
        tags,
    )


def _tags(path: Path) -> dict[str, str]:
    """Texts in the container itself; none where it cannot be opened, or is damaged."""
    import av
    from PIL import Image

    try:
        found = _picture_tags(path)
    except (*FOREIGN, Image.DecompressionBombError):
        try:
            with av.open(f"file:{path.absolute()}") as container:
                found = dict(container.metadata)
        except (*FOREIGN, av.FFmpegError):
            return {}
    return {name: text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
            for name, text in found.items()}  # fmt: skip


def _picture_tags(path: Path) -> dict[str, str | bytes]:
    from PIL import Image

    with Image.open(path) as picture:
        picture.seek(getattr(picture, "n_frames", 1) - 1)
        picture.load()  # texts may come behind the last frame
        info = {**picture.info, **getattr(picture, "text", {})}
        if picture.format == "GIF":
            info["comment"] = _last_comment(path)
        return {name: info[name] for name in ("Comment", "comment", "xmp") if info.get(name)}


def _last_comment(path: Path) -> bytes:
    """The comment behind the frames of a GIF, which Pillow does not reach."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        _, _, rest = file.read().rpartition(b"!\xfe")
    text = b""
    while rest and rest[0]:
        text, rest = text + rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
    return text
