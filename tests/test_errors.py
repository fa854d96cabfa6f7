"""Messages speak the caller's language: of arguments in Python, of flags on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import faceshot
from faceshot.errors import InputError, option, speaks_flags
from tests.helpers import Run


@pytest.mark.parametrize(
    ("name", "value", "argument", "flag"),
    [
        ("overwrite", True, "overwrite=True", "--overwrite"),
        ("save_drive", None, "save_drive", "--save-drive"),
        ("box", "L,T,R,B", "box=(L, T, R, B)", "--box L,T,R,B"),
        ("driving", "CLIP", "driving=CLIP", "--driving CLIP"),
        ("source", "track", 'source="track"', "--source track"),
        ("audio_offset", "-1.50", "audio_offset=-1.50", "--audio-offset -1.50"),
    ],
)
def test_an_option_as_the_caller_writes_it(name: str, value: str | bool | None, argument: str, flag: str) -> None:
    assert option(name, value) == argument
    token = speaks_flags.set(True)
    try:
        assert option(name, value) == flag
    finally:
        speaks_flags.reset(token)


def test_the_same_refusal_in_both(cli: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("mine")
    with pytest.raises(InputError, match="use overwrite=True or another name"):
        faceshot.animate("absent.png", motion="nod", output=tmp_path / "a.mp4")
    run = cli("animate", "absent.png", "--motion", "nod", "-o", tmp_path / "a.mp4")
    assert "use --overwrite or another name" in run.err
    with pytest.raises(InputError, match="overwrite=True"):  # and back again
        faceshot.animate("absent.png", motion="nod", output=tmp_path / "a.mp4")
