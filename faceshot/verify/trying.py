"""One target tried out, in a process of its own: ``python -m faceshot.verify.trying`` with a JSON request.

It prints one line of JSON. A process of its own gives each target's memory, and survives what one of them does.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faceshot.errors import FaceShotError, MissingError
from faceshot.pipeline import AnimationOptions, FaceShot, frames_of, load_backend
from faceshot.pipeline import requirements as lacking
from faceshot.testing import clip_of, drawn_face

#: Side of the drawn face [px], and the frames a backend draws of it.
_SIDE, _FRAMES = 256, 8


def tried(request: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers, seconds and memory of a target, or why there are none.

    Args:
        request: ``target``, ``device``, ``dtype``, ``options`` (the backend's own).
    """
    kind, _, name = request["target"].partition(" ")
    try:
        found = {"preset": _preset, "backend": _backend}[kind](name, request)
    except MissingError as error:
        return {"state": "skipped", "why": anonymous(str(error))}
    except FaceShotError as error:
        return {"state": "failed", "why": anonymous(str(error))}
    return {**found, "memory": _memory(), "device_memory": _device_memory(request["device"])}


def anonymous(text: str) -> str:
    """A message without the user's folders; it is going to be shared."""
    text = re.sub(r" \(looked in [^)]*\)|, not on this machine(?= \(looked)", "", text)
    return text.replace(str(Path.home()), "~").replace(tempfile.gettempdir(), "TEMP")


def _preset(name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    from faceshot.landmarks import nme

    picture, truth = drawn_face(_SIDE)
    shot = FaceShot(name, device=request["device"], dtype=request["dtype"], offline=True)
    begin = time.perf_counter()
    shot.match(picture)
    loaded = time.perf_counter()
    found = shot.match(drawn_face(_SIDE + 16)[0])  # another picture, so that nothing kept of the first one serves
    done = time.perf_counter()
    error = float(nme(found.landmarks.resized((_SIDE, _SIDE)).xy, truth.xy, normaliser="iod"))
    return {"numbers": {"nme": error}, "load": loaded - begin, "seconds": done - loaded}


def _backend(name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    import numpy as np

    backend, (picture, landmarks) = load_backend(name), drawn_face(_SIDE)
    options = AnimationOptions(device=_device(request["device"]), dtype=request["dtype"], extra=request["options"])
    begin = time.perf_counter()
    backend.load(options)
    if missing := lacking(backend):
        raise MissingError("; ".join(missing))
    loaded = time.perf_counter()
    moves = [(2 * k, k) for k in range(_FRAMES)]
    frames = list(frames_of(backend, picture, landmarks, clip_of(landmarks, moves), options))
    done = time.perf_counter()
    numbers = {
        "rest": float(np.abs(frames[0].astype(float) - picture.rgb).mean()),
        "moved": float(np.abs(frames[-1].astype(float) - frames[0]).mean()),
    }
    if min(float(frame.std()) for frame in frames) < 1:
        return {"state": "failed", "why": "a frame is empty"}
    return {"numbers": numbers, "load": loaded - begin, "seconds": (done - loaded) / len(frames)}


def _device(wish: str) -> str:
    from faceshot.models import pick_device

    return pick_device(wish)


def _memory() -> int | None:
    """Most main memory of this process so far [bytes]."""
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _device_memory(wish: str) -> int | None:
    import torch

    device = _device(wish)
    return torch.cuda.max_memory_allocated(device) if device.startswith("cuda") else None


def main(arguments: list[str]) -> None:
    """Try what the first argument asks for; ended from outside, it tidies up first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found = tried(json.loads(arguments[0]))
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
