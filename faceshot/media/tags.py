"""A comment inside animated GIF, WebP and PNG files, whose encoders write none; added at the end of the file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from xml.sax.saxutils import escape

_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
    '<rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>'
)


def write_tag(path: Path, container: str, comment: str) -> None:
    """Put ``comment`` into an animation of the given PyAV container name; other containers have tags of their own."""
    writers = {"gif": _gif, "apng": _png, "webp": _webp}
    if container in writers and comment:
        writers[container](path, comment)


def _gif(path: Path, comment: str) -> None:
    text = comment.encode("ascii", "replace")
    blocks = b"".join(bytes([len(part)]) + part for part in (text[i : i + 255] for i in range(0, len(text), 255)))
    with path.open("r+b") as file:
        file.seek(-1, 2)
        if file.read(1) != b";":
            return
        file.seek(-1, 2)
        file.write(b"!\xfe" + blocks + b"\0;")


def _png(path: Path, comment: str) -> None:
    body = b"iTXt" + b"Comment\0\0\0\0\0" + comment.encode()
    with path.open("r+b") as file:
        file.seek(-len(_PNG_END), 2)
        if file.read() != _PNG_END:
            return
        file.seek(-len(_PNG_END), 2)
        file.write(struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) + _PNG_END)


def _webp(path: Path, comment: str) -> None:
    body = _XMP.format(escape(comment)).encode()
    with path.open("r+b") as file:
        head = file.read(21)
        if head[:4] != b"RIFF" or head[12:16] != b"VP8X":
            return
        size = file.seek(0, 2)
        file.write(b"XMP " + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2))
        size = file.tell()
        file.seek(4)
        file.write(struct.pack("<I", size - 8))
        file.seek(20)
        file.write(bytes([head[20] | 0x04]))
