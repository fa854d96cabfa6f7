"""How a face moves within its head: a Gaussian prior over the 68 displacements, and its fit to flow measurements.

Displacements are relative to the anchor face, in the head-stabilised frame, in units of the inter-ocular distance.
The prior is a sum of smooth kernels over groups of points that move together (one lip, one lid, one brow, the jaw),
so a lost point follows its neighbours. Each measurement carries a 2x2 information matrix: a point on a straight edge
says nothing about sliding along the edge (aperture problem), and the prior supplies what the picture cannot.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import depth68
from faceshot.landmarks import topology as topo

Array = npt.NDArray[Any]

_EYE_REGION = tuple(range(topo.NOSE_BRIDGE[0], topo.LEFT_EYE[-1] + 1))
_UPPER_LIP = topo.OUTER_LIPS[:7] + topo.INNER_LIPS[:5]
_LOWER_LIP = topo.OUTER_LIPS[6:] + topo.OUTER_LIPS[:1] + topo.INNER_LIPS[4:] + topo.INNER_LIPS[:1]
#: (points, amplitude x, amplitude y, length): standard deviation and correlation length in inter-ocular units.
_GROUPS: tuple[tuple[tuple[int, ...], float, float, float], ...] = (
    (tuple(range(topo.N_POINTS)), 0.05, 0.05, 0.8),
    (_EYE_REGION, 0.03, 0.03, 0.5),
    (topo.JAW, 0.08, 0.10, 0.6),
    (topo.JAW[5:12] + _LOWER_LIP, 0.08, 0.15, 0.8),
    (topo.RIGHT_BROW, 0.06, 0.12, 0.35),
    (topo.LEFT_BROW, 0.06, 0.12, 0.35),
    (topo.RIGHT_BROW + topo.LEFT_BROW, 0.03, 0.08, 1.0),
    (topo.NOSE_BASE, 0.03, 0.03, 0.25),
    *((eye[:4], 0.02, 0.06, 0.3) for eye in (topo.RIGHT_EYE, topo.LEFT_EYE)),
    *((eye[3:] + eye[:1], 0.02, 0.03, 0.3) for eye in (topo.RIGHT_EYE, topo.LEFT_EYE)),
    (topo.OUTER_LIPS + topo.INNER_LIPS, 0.08, 0.08, 0.8),
    (_UPPER_LIP, 0.12, 0.12, 0.3),
    (_LOWER_LIP, 0.12, 0.16, 0.3),
)
#: How far a head turns sideways, and nods, in radians: one standard deviation.
_TURNS = (0.5, 0.25)
#: What every point may do on its own.
_OWN = 0.008


def _turning(shape: Array) -> list[Array]:
    """What a turning head does to points that a similarity holds on to: near ones go ahead of far ones, and the face
    gets narrower or lower; each (68, 2) at one standard deviation."""
    depth = depth68(shape).astype(np.float64)
    steady = list(topo.NOSE_BRIDGE + topo.RIGHT_EYE + topo.LEFT_EYE)
    modes = []
    for axis, turn in enumerate(_TURNS):
        for amount, along in ((np.sin(turn), depth), (1 - np.cos(turn), shape[:, axis])):
            mode = np.zeros((topo.N_POINTS, 2))
            mode[:, axis] = amount * (along - along[steady].mean())
            modes.append(mode)
    return modes


class DisplacementPrior:
    """The Gaussian prior for one face.

    Args:
        shape: (68, 2) anchor landmarks divided by the inter-ocular distance.
    """

    def __init__(self, shape: Array) -> None:
        distance2 = ((shape[:, None] - shape[None]) ** 2).sum(-1)
        covariance = np.zeros((68, 2, 68, 2))
        for points, ax, ay, length in _GROUPS:
            index = np.array(points)
            kernel = np.exp(-distance2[np.ix_(index, index)] / (2 * length**2))
            covariance[index[:, None], 0, index[None], 0] += ax**2 * kernel
            covariance[index[:, None], 1, index[None], 1] += ay**2 * kernel
        for mode in _turning(shape):
            covariance += mode[:, :, None, None] * mode[None, None]
        flat = covariance.reshape(136, 136)
        flat[np.diag_indices(136)] += _OWN**2
        self.precision: Array = np.linalg.inv(flat)

    def fit(
        self, measured: Array, information: Array, *, previous: Array, hold: float = 25.0, rounds: int = 3
    ) -> tuple[Array, Array]:
        """The most probable displacements given measurements (maximum a posteriori, Cauchy-weighted).

        Args:
            measured: (n, 68, 2) displacements from n sources (frame to frame, key to frame), any value where the
                information is 0.
            information: (n, 68, 2, 2) inverse covariances of the measurements.
            previous: (68, 2) displacements one frame earlier; ``hold`` is the information that keeps points there.

        Returns:
            (68, 2) displacements, and (n, 68) robust weights in 0..1 of the measurements.
        """
        weight = np.ones(measured.shape[:2])
        state = previous
        every = np.arange(68)
        # Products of 2x2 matrices are written out: numpy takes longer to begin one than to do it.
        xx, xy, yy = information[..., 0, 0], information[..., 0, 1], information[..., 1, 1]
        across, down = measured[..., 0], measured[..., 1]
        pull = np.stack([xx * across + xy * down, xy * across + yy * down], -1)
        for _ in range(rounds):
            total = (information * weight[..., None, None]).sum(0)
            total[:, [0, 1], [0, 1]] += hold
            target = (pull * weight[..., None]).sum(0) + hold * previous
            system = self.precision.copy().reshape(68, 2, 68, 2)
            system[every, :, every, :] += total
            state = np.linalg.solve(system.reshape(136, 136), target.reshape(136)).reshape(68, 2)
            dx, dy = across - state[:, 0], down - state[:, 1]
            weight = 1 / (1 + (xx * dx * dx + 2 * xy * dx * dy + yy * dy * dy) / 9.0)
        return state, weight
