"""The published model file: three networks and the canonical face, read without the packages it was made with.

``face_landmarker.task`` is a zip of TensorFlow Lite networks and of one protobuf message; of the latter's wire format
only lengths and little-endian floats are needed.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.errors import InputError, MissingError

Float32 = npt.NDArray[np.float32]

#: Member of the bundle -> shape of its input.
_NETWORKS = {
    "face_detector.tflite": (1, 128, 128, 3),
    "face_landmarks_detector.tflite": (1, 256, 256, 3),
    "face_blendshapes.tflite": (1, 146, 2),
}
_GEOMETRY = "geometry_pipeline_metadata_landmarks.binarypb"
#: Vertices of the canonical face; the irises have none.
VERTICES = 468
_hush = threading.Lock()


class Network:
    """One network of the bundle; not for several threads at once.

    Args:
        model: the bytes of a ``.tflite`` file. shape: of its one input.
        threads: of the runtime; results do not depend on it.

    Raises:
        InputError: no such network.
    """

    def __init__(self, model: bytes, shape: tuple[int, ...], *, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            with quiet_stderr():
                self._run = Interpreter(model_content=model, num_threads=threads)
                self._run.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise InputError(f"not a network for this runtime ({str(error).splitlines()[0]})") from error
        entry = self._run.get_input_details()[0]
        if tuple(int(side) for side in entry["shape"]) != shape:
            raise InputError(f"a network takes {entry['shape'].tolist()} where {list(shape)} is wanted")
        self._input = entry["index"]
        self._outputs = [out["index"] for out in self._run.get_output_details()]

    def __call__(self, value: Float32) -> list[Float32]:
        """All outputs for one input of the network's shape."""
        self._run.set_tensor(self._input, value)
        self._run.invoke()
        return [self._run.get_tensor(index) for index in self._outputs]


@dataclass(frozen=True)
class Bundle:
    """What the model file holds.

    Attributes:
        detector, landmarks, blendshapes: the networks.
        canonical: (468, 3) float64 vertices of the canonical face in cm: x to the image right, y up, z out of the face.
        weights: (468,) float64 weights of the vertices in the fit of the head's pose; most are 0.
    """

    detector: Network
    landmarks: Network
    blendshapes: Network
    canonical: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]


def read_bundle(path: Path, *, threads: int = 1) -> Bundle:
    """Open a face landmarker's model file.

    Raises:
        MissingError: the runtime is not installed.
        InputError: unreadable, or not such a file; the message names it.
    """
    require_runtime()
    try:
        with zipfile.ZipFile(path) as archive:
            networks = [Network(archive.read(name), shape, threads=threads) for name, shape in _NETWORKS.items()]
            geometry = archive.read(_GEOMETRY)
        return Bundle(networks[0], networks[1], networks[2], *_geometry(geometry))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, IndexError, InputError) as error:
        raise InputError(f"{path} is not a usable face landmarker model ({error}); fetch it again") from error


def has_runtime() -> bool:
    """Whether the runtime of the networks is installed; imports nothing."""
    from importlib.util import find_spec

    return find_spec("ai_edge_litert") is not None


def require_runtime() -> None:
    """Raise MissingError, with what to do, where the runtime is not installed."""
    if not has_runtime():
        raise MissingError(
            "source facemesh needs the package ai-edge-litert (Linux, macOS on ARM and Windows on x86-64 have it); "
            "run: pip install ai-edge-litert, or take source track"
        )


def _geometry(message: bytes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Vertices and weights: field 1 is the mesh (3: x, y, z, u, v per vertex), fields 2 are (1: index, 2: weight)."""
    canonical, weights = np.zeros((0, 3)), np.zeros(VERTICES)
    for field, value in _fields(message):
        if field == 1:
            for inner, floats in _fields(value):
                if inner == 3:
                    chunk = np.frombuffer(floats, "<f4").astype(np.float64)
                    # Packed the buffer comes at once, else float by float.
                    canonical = np.concatenate([canonical.ravel(), chunk])
        elif field == 2:
            entry = dict(_fields(value))
            weights[int(entry.get(1, 0))] = np.frombuffer(entry[2], "<f4")[0]
    canonical = canonical.reshape(-1, 5)[:, :3]
    if canonical.shape != (VERTICES, 3) or not weights.any():
        raise ValueError("its canonical face is incomplete")
    return canonical, weights


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of a protobuf message: integers as int, everything else as bytes."""
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    while place < len(message):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            yield number, varint()
            continue
        if kind not in (1, 2, 5):
            raise ValueError(f"wire type {kind} in its canonical face")
        length = {1: 8, 5: 4}.get(kind) or varint()
        yield number, message[place : place + length]
        place += length


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep the runtime's own start-up line off stderr; it comes from C++ and no setting silences it."""
    with _hush:
        try:
            kept = os.dup(2)
        except OSError:
            yield
            return
        sys.stderr.flush()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
