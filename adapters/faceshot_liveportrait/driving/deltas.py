"""The three small networks (stitching, eyes, lips) as functions of numpy keypoints."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from faceshot_liveportrait.driving.motion import N_KEYPOINTS

Keypoints = npt.NDArray[np.float32]


class Networks(Protocol):
    """What :class:`Deltas` needs of the engine: tensors in, tensors out."""

    def stitch(self, x_s: Any, x_d: Any) -> Any: ...

    def retarget_eyes(self, x_s: Any, ratios: Any) -> Any: ...

    def retarget_lips(self, x_s: Any, ratio: Any) -> Any: ...


class Deltas:
    """Corrections of keypoints, for one source.

    Args:
        engine: the networks; x_s: (21, 3) the source's keypoints.
        eyes: (2,) opening of the source's two eye groups; lips: of its lips.
    """

    def __init__(self, engine: Networks, x_s: npt.ArrayLike, eyes: npt.ArrayLike, lips: float) -> None:
        self.engine = engine
        self.x_s: Keypoints = np.asarray(x_s, np.float32).reshape(N_KEYPOINTS, 3)
        self.c_eyes = np.asarray(eyes, np.float64).reshape(2)
        self.c_lips = float(lips)

    def _sources(self, n: int) -> Any:
        import torch

        return torch.from_numpy(np.ascontiguousarray(np.broadcast_to(self.x_s, (n, N_KEYPOINTS, 3)).copy()))

    def stitch(self, x_d: Keypoints, *, exact: bool) -> Keypoints:
        """Driving keypoints (N, 21, 3) that join the still shoulders.

        With ``exact`` the correction is taken relative to that of ``x_s`` itself, so that ``x_s`` stays ``x_s``.
        """
        import torch

        found = self._stitch(torch.from_numpy(np.ascontiguousarray(x_d, np.float32)))
        if not exact:
            return x_d + found
        out = x_d + (found - self._stitch(self._sources(1)))
        out[(x_d == self.x_s).all((1, 2))] = self.x_s
        return out.astype(np.float32)

    def _stitch(self, x_d: Any) -> Keypoints:
        raw = _array(self.engine.stitch(self._sources(len(x_d)), x_d)).reshape(len(x_d), -1)
        delta = raw[:, :63].reshape(-1, N_KEYPOINTS, 3).copy()
        delta[..., :2] += raw[:, None, 63:65]
        return delta

    def eyes(self, opening: npt.ArrayLike) -> Keypoints:
        """(N, 21, 3) corrections that give both eyes the opening (N,)."""
        import torch

        wanted = np.asarray(opening, np.float32).reshape(-1)
        given = np.column_stack([np.broadcast_to(self.c_eyes, (len(wanted), 2)), wanted]).astype(np.float32)
        found = self.engine.retarget_eyes(self._sources(len(wanted)), torch.from_numpy(given))
        return _array(found).reshape(-1, N_KEYPOINTS, 3)

    def lips(self, opening: npt.ArrayLike) -> Keypoints:
        """(N, 21, 3) corrections that give the lips the opening (N,)."""
        import torch

        wanted = np.asarray(opening, np.float32).reshape(-1)
        given = np.column_stack([np.full(len(wanted), self.c_lips), wanted]).astype(np.float32)
        found = self.engine.retarget_lips(self._sources(len(wanted)), torch.from_numpy(given))
        return _array(found).reshape(-1, N_KEYPOINTS, 3)


def _array(value: Any) -> Keypoints:
    out: Keypoints = value.detach().to("cpu").float().numpy()
    return out
