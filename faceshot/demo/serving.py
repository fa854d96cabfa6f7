"""Serving the page: where, to whom, and nothing left behind."""

from __future__ import annotations

import ipaddress
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faceshot.errors import InputError, MissingError, UsageError, option
from faceshot.pipeline import FaceShot

log = logging.getLogger("faceshot")

#: Largest file that is taken [bytes]; pictures and clips have the readers' own limits besides.
LARGEST = 2 << 30


def check_access(host: str, share: bool, auth: str | None) -> tuple[str, str] | None:
    """User and password of ``auth``; a page that others can reach wants one.

    Raises:
        UsageError: none where others can reach it, or not ``user:password``.
    """
    pair = None
    if auth is not None:
        user, _, password = auth.partition(":")
        if not user or len(password) < 4:
            raise UsageError(f"{option('auth')} takes user:password, with a password of at least 4 characters")
        pair = user, password
    if (share or not is_loopback(host)) and pair is None:
        how = option("share", True) if share else option("host", host)
        user = option("auth", "USER:PASSWORD")
        raise UsageError(f"{how} lets others reach this page and use this machine; protect it with {user}")
    return pair


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is bound to ``host``."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def serve(
    shot: FaceShot,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    share: bool = False,
    auth: str | None = None,
    picture: str | Path | None = None,
    landmarks: str | Path | None = None,
    browser: bool = False,
    ready: Callable[[str], None] = lambda address: None,
    until: threading.Event | None = None,
) -> None:
    """Serve the page until ``until`` is set, or Ctrl-C; everything visitors left is deleted then.

    Args:
        shot: does the work. host, port: where; None takes the first free port from 7860.
        share: also through Gradio's public tunnel. auth: ``user:password``, wanted where others can reach it.
        picture, landmarks: what the page begins with. browser: open it. ready: told the address.

    Raises:
        UsageError: no ``auth`` where it is wanted, a port that is taken. InputError: picture or landmarks unusable.
        MissingError: Gradio is not installed.
    """
    user = check_access(host, share, auth)
    files = _check_files(picture, landmarks)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio as gr
    except ImportError as error:
        raise MissingError("the page needs Gradio; run: pip install 'faceshot[demo]'") from error
    from faceshot.demo.names import asset
    from faceshot.demo.page import build_page
    from faceshot.demo.sessions import Sessions

    with Sessions() as sessions:
        before = os.environ.get("GRADIO_TEMP_DIR")
        os.environ["GRADIO_TEMP_DIR"] = str(sessions.uploads)
        page = build_page(shot, sessions, picture=files[0], landmarks=files[1], local=user is None)
        try:
            _, local, public = page.launch(
                server_name=host, server_port=port, share=share, auth=user, inbrowser=browser, quiet=True,
                prevent_thread_lock=True, show_error=False, max_file_size=LARGEST, footer_links=[],
                allowed_paths=[str(sessions.root)], theme=_theme(gr), css=asset("page.css"), ssr_mode=False,
                enable_monitoring=False,
            )  # fmt: skip
            threading.Thread(target=_warm, args=(shot,), daemon=True).start()
            if user is not None:
                log.warning("others can reach this page; whoever has the password can use this machine's processor")
            ready(public or local)
            (until or threading.Event()).wait()
        except OSError as error:
            raise UsageError(
                f"port {port or '7860 to 7959'} of {host} is taken or not allowed; try another {option('port')}"
            ) from error
        finally:
            page.close(verbose=False)
            os.environ.pop("GRADIO_TEMP_DIR") if before is None else os.environ.update(GRADIO_TEMP_DIR=before)


def _theme(gr: Any) -> Any:
    system, mono = ["system-ui", "sans-serif"], ["ui-monospace", "monospace"]
    return gr.themes.Base(primary_hue="teal", neutral_hue="slate", font=system, font_mono=mono)


def _warm(shot: FaceShot) -> None:
    """Load the model while the visitor is still looking for a picture."""
    try:
        _ = shot.matcher
    except (InputError, MissingError, UsageError) as error:
        log.warning("%s", error)


def _check_files(picture: str | Path | None, landmarks: str | Path | None) -> tuple[Path | None, Path | None]:
    """What the page begins with, readable.

    Raises:
        UsageError: landmarks without a picture. InputError: unusable files.
    """
    from faceshot.formats import read_landmarks
    from faceshot.media import read_picture

    if picture is None:
        if landmarks is not None:
            raise UsageError(f"{option('landmarks')} belong to a picture; name it with {option('picture', 'FILE')}")
        return None, None
    shown = read_picture(picture)
    if landmarks is not None:
        read_landmarks(landmarks, size=shown.size, picture=shown.name)
    return Path(picture), None if landmarks is None else Path(landmarks)
