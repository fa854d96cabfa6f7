"""An OSC 1.0 receiver of its own: bundles and messages as the specification lays them out."""

from __future__ import annotations

import socket
import struct
import threading
from typing import Any

Message = tuple[str, tuple[Any, ...]]


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("ascii"), (end // 4 + 1) * 4


def decode(data: bytes) -> list[Message]:
    """The messages of a packet."""
    assert len(data) % 4 == 0
    if data.startswith(b"#bundle\0"):
        found, at = [], 16
        while at < len(data):
            (size,) = struct.unpack_from(">i", data, at)
            found += decode(data[at + 4 : at + 4 + size])
            at += 4 + size
        assert at == len(data)
        return found
    address, at = _text(data, 0)
    tags, at = _text(data, at)
    assert address.startswith("/") and tags.startswith(",")
    values: list[Any] = []
    for tag in tags[1:]:
        if tag == "s":
            value, at = _text(data, at)
            values.append(value)
        else:
            values.append(struct.unpack_from({"i": ">i", "f": ">f"}[tag], data, at)[0])
            at += 4
    assert at == len(data)
    return [(address, tuple(values))]


class Receiver:
    """Collects what is sent to a port of this machine."""

    def __enter__(self) -> Receiver:
        self.messages: list[Message] = []
        self.largest = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port = self._socket.getsockname()[1]
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _run(self) -> None:
        while self._open:
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            self.largest = max(self.largest, len(data))
            self.messages += decode(data)

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()
        self._socket.close()
