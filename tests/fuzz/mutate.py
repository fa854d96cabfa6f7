"""Valid files made invalid: bytes, texts, JSON trees, PNG chunks, arrays in archives; all of it follows from a seed."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

_INTS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 63) - 1, 1 << 63)
_TEXTS = (
    *(
        "0",
        "-1",
        "1e999",
        "1e-999",
        "1e99999999",
        "9" * 5000,
        "NaN",
        "Infinity",
        "-Infinity",
        "null",
        "true",
        "[]",
        "{}",
    ),
    *(
        '""',
        '"\\u0000"',
        '"\\ud800"',
        '"~nobody/x"',
        '"../../x"',
        "[[[]]]",
        "99999999999",
        "0.1",
        "²",
        "1/0",
        "\x00",
        "\n",
    ),
)
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, -(10**30), 1e308, -1e308, 1e-320, float("inf"), float("nan")),
    *(
        "",
        "x",
        "\x00",
        "\ud800",
        "²",
        "1e99999999",
        "9" * 5000,
        "~nobody",
        "../..",
        [],
        {},
        [[]],
        [None],
        {"": 0},
        ["x"] * 300,
    ),
)


def mutated(data: bytes, kind: str, rng: random.Random, others: list[bytes]) -> bytes:
    """``data`` of a file of ``kind`` (its suffix), changed in one to three places."""
    ways: list[Callable[[bytes, random.Random], bytes]] = [_bits, _run, _cut, _twice, _number, _block]
    if kind in ("json", "pts", "xml"):
        ways += [_text] * 6
    if kind == "json":
        ways += [_tree] * 18
    if kind in ("png", "apng"):
        ways += [_chunks] * 6
    if kind == "npz":
        ways += [_arrays] * 14
    if kind == "npy":
        ways += [_header] * 6
    if kind == "safetensors":
        ways += [_safetensors] * 10
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if others and rng.random() < 0.04:
            data = _splice(data, rng, rng.choice(others))
            continue
        try:
            data = rng.choice(ways)(data, rng)
        except (ValueError, TypeError, OverflowError):  # this change cannot be made to this content
            data = _bits(data, rng)
    return data


def _at(data: bytes, rng: random.Random) -> int:
    """A place in the file; half of them near its beginning, where headers are."""
    return rng.randrange(max(1, min(len(data), 400 if rng.random() < 0.5 else len(data))))


def _bits(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 1, 2, 8, 32))):
        out[_at(out, rng)] ^= 1 << rng.randrange(8)
    return bytes(out)


def _run(data: bytes, rng: random.Random) -> bytes:
    at, count = _at(data, rng), rng.choice((1, 2, 4, 16, 64, 500))
    return data[:at] + rng.randbytes(count) + data[at + rng.choice((0, count)) :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    at = _at(data, rng)
    return data[:at] if rng.random() < 0.6 else data[:at] + data[at + rng.randrange(1, 200) :]


def _twice(data: bytes, rng: random.Random) -> bytes:
    at = _at(data, rng)
    piece = data[at : at + rng.choice((4, 40, 400, 4000))]
    return data[:at] + piece * rng.choice((2, 2, 20)) + data[at + len(piece) :]


def _number(data: bytes, rng: random.Random) -> bytes:
    width = rng.choice((1, 2, 4, 4, 8))
    value = (rng.choice(_INTS) & ((1 << 8 * width) - 1)).to_bytes(width, rng.choice(("little", "big")))
    at = _at(data, rng)
    return data[:at] + value + data[at + width :]


def _block(data: bytes, rng: random.Random) -> bytes:
    at, count = _at(data, rng), rng.choice((8, 64, 512))
    return data[:at] + bytes([rng.choice((0, 255, 32))]) * count + data[at + count :]


def _splice(data: bytes, rng: random.Random, other: bytes) -> bytes:
    return data[: _at(data, rng)] + other[_at(other, rng) :]


def _text(data: bytes, rng: random.Random) -> bytes:
    """Another number, word or bracket in a text."""
    found = list(re.finditer(rb"-?\d+(\.\d+)?|\"[^\"]*\"|[\[\]{},:]", data))
    if not found:
        return _bits(data, rng)
    hit = rng.choice(found)
    return data[: hit.start()] + rng.choice(_TEXTS).encode("utf-8", "surrogatepass") + data[hit.end() :]


def _tree(data: bytes, rng: random.Random) -> bytes:
    """Another value somewhere in a JSON tree, or an entry less, or one twice."""
    try:
        root = json.loads(data)
    except ValueError:
        return _text(data, rng)
    holder: Any = [root]
    key: Any = 0
    while isinstance(holder[key], dict | list) and holder[key] and rng.random() < 0.75:
        holder = holder[key]
        key = rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
    way = rng.random()
    if way < 0.7:
        holder[key] = rng.choice(_VALUES)
    elif way < 0.85:
        del holder[key]
    elif isinstance(holder, dict):
        holder[rng.choice(("fps", "rest", "size", "annotations", "schema", "x"))] = holder[key]
    else:
        holder.extend([holder[key]] * rng.choice((1, 70, 5000)))
    return json.dumps(root).encode()


def _chunks(data: bytes, rng: random.Random) -> bytes:
    """A PNG chunk with other content and a right checksum."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    if not chunks:
        return _bits(data, rng)
    index = rng.randrange(len(chunks))
    kind, body = chunks[index]
    kind = rng.choice((kind, kind, kind, b"fcTL", b"tRNS", b"PLTE", b"eXIf", b"iCCP", b"acTL"))
    chunks[index] = (kind, rng.choice((_bits, _number, _run, _cut))(body, rng))
    if rng.random() < 0.2:
        chunks.insert(index, chunks[rng.randrange(len(chunks))])
    out = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    return data[:8] + b"".join(out)


def _arrays(data: bytes, rng: random.Random) -> bytes:
    """An array of an archive with another type, shape, name or content."""
    try:
        with np.load(io.BytesIO(data)) as held:
            arrays: dict[str, Any] = {name: held[name] for name in held.files}
    except (ValueError, OSError, zipfile.BadZipFile, KeyError):
        return _bits(data, rng)
    name = rng.choice(sorted(arrays))
    value = arrays.pop(name)
    way = rng.randrange(8)
    if way == 0:
        value = np.asarray(value).astype(rng.choice(("U5", "S3", "?", "i1", "c8", "f2", "u8", "O")))
    elif way == 1:
        value = np.asarray(rng.choice(_VALUES[:15]), float if rng.random() < 0.5 else None)
    elif way == 2:
        value = np.repeat(np.atleast_1d(value), rng.choice((0, 2, 300)), 0)
    elif way == 3:
        value = np.asarray(value).T
    elif way == 4:
        value = np.array("\x00\ud7ff" * rng.choice((1, 400)))
    elif way == 5 and np.asarray(value).dtype.kind == "f":
        value = np.asarray(value).copy()
        value.reshape(-1)[rng.randrange(max(1, value.size)) :: rng.choice((1, 7))] = rng.choice(
            (np.nan, np.inf, 1e38, -1e9)
        )
    elif way == 6:
        name = rng.choice(("fps", "rest", "size", "score", "found", "absent", "format", "x", "../x", ""))
    stream = io.BytesIO()
    np.savez(stream, **(arrays | ({name: value} if way != 7 else {})))
    return stream.getvalue() if rng.random() < 0.8 else _number(stream.getvalue(), rng)


def _header(data: bytes, rng: random.Random) -> bytes:
    """Another word in the header of a .npy file."""
    found = list(re.finditer(rb"\d+|<f4|False|'[a-z_]+'", data[:128]))
    hit = rng.choice(found) if found else None
    words = (b"-1", b"99999999999", b"0", b"<U9", b"|O", b"True", b"()", b"1e9", b"(" * 50)
    return _bits(data, rng) if hit is None else data[: hit.start()] + rng.choice(words) + data[hit.end() :]


def _safetensors(data: bytes, rng: random.Random) -> bytes:
    """Another value in the header, with its length put right."""
    length = int.from_bytes(data[:8], "little")
    if length > len(data):
        return _bits(data, rng)
    header = _tree(data[8 : 8 + length], rng)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]
