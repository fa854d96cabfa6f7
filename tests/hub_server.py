"""A hub on 127.0.0.1: as much of the Hugging Face hub as its client asks for, and faults on demand."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What is served, and how badly.

    Attributes:
        files: ``owner/repository/path`` -> bytes; other paths are served as they are under their own name.
        break_after: drop the connection after so many bytes of a body, as often as ``breaks`` says.
        slow: seconds to wait after every 64 kB.
        corrupt: flip the last byte of what is sent.
        busy: answer so many bodies with "too many requests" first.
        gated: answer that the licence must be accepted.
        leads_to: where bodies are said to be instead.
        ranges: the Range headers that were asked with; requests: (method, path) of every request.
    """

    files: dict[str, bytes]
    break_after: int | None = None
    breaks: int = 0
    slow: float = 0.0
    corrupt: bool = False
    busy: int = 0
    gated: bool = False
    leads_to: str | None = None
    ranges: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Silent."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        hub = self.hub
        hub.requests.append((self.command, self.path))
        path = self.path.partition("?")[0].lstrip("/")
        if path.startswith("api/models/"):
            self._listing(path)
            return
        name = path.replace(f"/resolve/{COMMIT}/", "/").replace("/resolve/main/", "/").replace("%2B", "+")
        if hub.gated:
            self._short(403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
        elif body and hub.leads_to is not None:
            self._short(302, {"Location": hub.leads_to})
        elif body and hub.busy > 0:
            hub.busy -= 1
            self._short(429, {})
        elif name not in hub.files:
            self._short(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        else:
            self._file(hub.files[name], body=body)

    def _short(self, code: int, headers: dict[str, str]) -> None:
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _listing(self, path: str) -> None:
        repository = "/".join(path.split("/")[2:4])
        names = [name.removeprefix(f"{repository}/") for name in self.hub.files if name.startswith(f"{repository}/")]
        entry = {"id": repository, "modelId": repository, "sha": COMMIT, "private": False, "tags": [], "downloads": 0}
        if "/tree/" in path:
            data: object = [
                {"type": "file", "path": name, "size": len(self.hub.files[f"{repository}/{name}"]), "oid": "0" * 40}
                for name in names
            ]
        else:
            data = {**entry, "siblings": [{"rfilename": name} for name in names]}
        text = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _file(self, content: bytes, *, body: bool) -> None:
        hub, start = self.hub, 0
        etag = hashlib.sha256(content).hexdigest()
        wanted = self.headers.get("Range")
        if wanted and body:
            hub.ranges.append(wanted)
            if self.headers.get("If-Range", f'"{etag}"') == f'"{etag}"':
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("X-Linked-Etag", f'"{etag}"')
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if not body:
            return
        if hub.corrupt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        for at in range(start, len(content), 1 << 16):
            if hub.break_after is not None and hub.breaks > 0 and at - start >= hub.break_after:
                hub.breaks -= 1
                self.close_connection = True
                return
            try:
                self.wfile.write(content[at : at + (1 << 16)])
            except OSError:
                return
            if hub.slow:
                time.sleep(hub.slow)


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Hub]:
    """A hub with these files, on a free port, until the block ends."""
    hub = Hub(files)
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
