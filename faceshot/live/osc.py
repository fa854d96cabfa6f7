"""The VMC protocol: blendshapes and the head's turn over OSC, as VSeeFace, VNyan, Warudo and others receive them.

Every frame is sent as ``/VMC/Ext/Blend/Val`` with a name and a value for each of the 52, ``/VMC/Ext/Blend/Apply``, and
``/VMC/Ext/Bone/Pos`` for the head, between ``/VMC/Ext/OK`` and ``/VMC/Ext/T``; in bundles that fit one packet.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.errors import MissingError, UsageError, option
from faceshot.facemesh import Seen
from faceshot.landmarks import BLENDSHAPES

#: Messages in a bundle: some 50 bytes each, of the 1500 a packet holds.
_MESSAGES = 20


def require_osc() -> None:
    """Refuse to go on without python-osc.

    Raises:
        MissingError: with the command that gets it.
    """
    try:
        import pythonosc  # noqa: F401
    except ImportError as error:
        raise MissingError("VMC needs python-osc; run: pip install 'faceshot[live]'") from error


def parse_address(text: str) -> tuple[str, int]:
    """``HOST:PORT``; 39539 is the port that most programs listen on.

    Raises:
        UsageError: no host, or no port from 1 to 65535.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"{option('osc')} takes HOST:PORT, e.g. 127.0.0.1:39539, got {text!r}")
    return host, int(port)


class VmcSender:
    """Sends what a face does; use it from one thread.

    Raises:
        MissingError: python-osc is not installed. UsageError: a host that is not found.
    """

    def __init__(self, host: str, port: int) -> None:
        require_osc()
        from pythonosc.udp_client import UDPClient

        try:
            self._client = UDPClient(host, port)
        except OSError as error:
            raise UsageError(f"{host}:{port} cannot be reached ({error.strerror or error})") from error
        self._begin = time.perf_counter()

    def send(self, seen: Seen, rest: npt.NDArray[Any] | None = None) -> None:
        """One frame; the head's turn is counted from ``rest`` (3, 3)."""
        messages = [_message("/VMC/Ext/OK", 1), _message("/VMC/Ext/T", time.perf_counter() - self._begin)]
        messages.append(_message("/VMC/Ext/Root/Pos", "root", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0))
        turn = seen.head.astype(np.float64)
        if rest is not None and np.isfinite(rest).all():
            turn = turn @ rest.T
        if np.isfinite(turn).all():
            messages.append(_message("/VMC/Ext/Bone/Pos", "Head", 0.0, 0.0, 0.0, *quaternion(turn)))
        for name, value in zip(BLENDSHAPES, np.nan_to_num(seen.blendshapes), strict=True):
            messages.append(_message("/VMC/Ext/Blend/Val", name, float(value)))
        messages.append(_message("/VMC/Ext/Blend/Apply"))
        from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder

        for first in range(0, len(messages), _MESSAGES):
            bundle = OscBundleBuilder(IMMEDIATELY)  # type: ignore[arg-type]
            for message in messages[first : first + _MESSAGES]:
                bundle.add_content(message)
            self._client.send(bundle.build())

    def close(self) -> None:
        """Give the socket back."""
        self._client._sock.close()


def quaternion(turn: npt.NDArray[np.float64]) -> tuple[float, float, float, float]:
    """(x, y, z, w) of a head rotation in Unity's axes: x to the right of a character that looks along z, y up.

    Here x goes to the image right, which is the left of a character that faces the viewer: x is mirrored, and with it
    the sense of turns about y and z.
    """
    from scipy.spatial.transform import Rotation

    x, y, z, w = Rotation.from_matrix(turn).as_quat()
    return float(x), float(-y), float(-z), float(w)


def _message(address: str, *values: Any) -> Any:
    from pythonosc.osc_message_builder import OscMessageBuilder

    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build()
