"""The preview: a page on this machine with the moving picture and its buttons, and the picture alone for OBS.

Pictures travel as a multipart stream, JPEG, or PNG where the character is transparent; each viewer gets the newest one
it has time for, and what nobody looks at is never encoded.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import numpy as np

from faceshot.errors import UsageError, option
from faceshot.landmarks import RGBArray
from faceshot.live.page import OBS_PAGE, page

_BOUNDARY: Final = "faceshot"
_LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")
_QUALITY: Final = 88


class Preview:
    """A server in threads of its own, for this machine only; use it as a context manager.

    Args:
        port: 0 takes any that is free. do: told what a button asks for; whatever it raises is the answer.
        characters: their names, for the buttons. state: what the page shows, as JSON.

    Raises:
        UsageError: the port is taken.
    """

    def __init__(
        self,
        port: int,
        *,
        do: Callable[[str], None],
        characters: Sequence[str] = (),
        state: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self._ready = threading.Condition()
        self._frame: RGBArray | None = None
        self._count = 0
        self._closed = False
        self.do, self.state, self.page = do, state, page(characters)
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        except (OSError, OverflowError) as error:
            raise UsageError(f"port {port} is taken or not allowed; try another {option('port')}") from error
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Preview:
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="preview", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._ready:
            self._closed = True
            self._ready.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def show(self, frame: RGBArray) -> None:
        """The newest frame; never waits for anybody."""
        with self._ready:
            self._frame, self._count = frame, self._count + 1
            self._ready.notify_all()

    def newest(self, after: int, timeout: float = 5.0) -> tuple[RGBArray | None, int]:
        """The newest frame and its number, once it is larger than ``after``; None when the preview ends."""
        with self._ready:
            self._ready.wait_for(lambda: self._count > after or self._closed, timeout)
            return (None if self._closed else self._frame), self._count


def encoded(frame: RGBArray) -> tuple[bytes, str]:
    """A frame as a picture file, and its media type."""
    import cv2

    if frame.shape[2] == 4:
        bgra = np.ascontiguousarray(frame[..., [2, 1, 0, 3]])
        return cv2.imencode(".png", bgra, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes(), "image/png"
    bgr = np.ascontiguousarray(frame[..., ::-1])
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes(), "image/jpeg"


def _handler(preview: Preview) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers one viewer."""

        def log_message(self, *_: Any) -> None:
            """Say nothing on stderr."""

        def _foreign(self) -> bool:
            """Whether another site asks: by a name of its own for this machine, or from a page of its own."""
            host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
            origin = self.headers.get("Origin")
            theirs = origin is not None and urlsplit(origin).netloc != self.headers.get("Host")
            if host not in _LOCAL or theirs:
                self.send_error(HTTPStatus.FORBIDDEN)
                return True
            return False

        def _answer(self, body: bytes, kind: str, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            """The page, the page for OBS, the stream, the state."""
            if self._foreign():
                return
            where = urlsplit(self.path).path
            if where == "/":
                self._answer(preview.page.encode(), "text/html; charset=utf-8")
            elif where == "/obs":
                self._answer(OBS_PAGE.encode(), "text/html; charset=utf-8")
            elif where == "/state":
                self._answer(json.dumps(preview.state()).encode(), "application/json")
            elif where == "/stream":
                self._stream()
            else:
                self.send_error(HTTPStatus.NOT_FOUND)

        def do_POST(self) -> None:
            """A button or key: ``/do?what=joy``."""
            if self._foreign():
                return
            what = parse_qs(urlsplit(self.path).query).get("what", [""])[0]
            try:
                preview.do(what)
            except UsageError as error:
                self._answer(str(error).encode(), "text/plain; charset=utf-8", 400)
            else:
                self._answer(b"", "text/plain; charset=utf-8")

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            count = 0
            try:
                while True:
                    frame, newest = preview.newest(count)
                    if frame is None:
                        return
                    if newest == count:
                        continue
                    count = newest
                    body, kind = encoded(frame)
                    head = f"--{_BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
                    self.wfile.write(head.encode() + body + b"\r\n")
            except (BrokenPipeError, ConnectionError):
                return  # the viewer has gone

    return Handler
