"""Where the head is: direct similarity alignment of a face template with a frame, by all its edges at once.

Corner features are plentiful on skin and fur but absent on a flat-coloured cartoon, whose few outlines still fix a
similarity when every edge pixel votes. Hence an inverse-compositional Gauss-Newton fit (Baker & Matthews 2004) on the
pixels with the strongest gradients, with Tukey weights so that a moving mouth or a hand does not pull the head, and
with gain and bias for changing light.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[Any]
#: (2, 3) similarity matrix, applied to column vectors (x, y, 1).
Matrix = npt.NDArray[Any]
_DIAGONAL = np.diag_indices(6)


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """The similarity x -> outer(inner(x))."""
    linear = outer[:, :2] @ inner[:, :2]
    return np.column_stack([linear, outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def invert(matrix: Matrix) -> Matrix:
    """The inverse of a (2, 3) affine matrix."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def apply(matrix: Matrix, points: npt.NDArray) -> npt.NDArray[np.float64]:
    """Points (..., 2) moved by a (2, 3) affine matrix."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


@dataclass(frozen=True)
class _Level:
    """Template samples of one pyramid level, in that level's pixels: ``points`` (2, n), ``values`` and ``weight`` (n,),
    ``jacobian`` (6, n), whose rows are 4 of the similarity, gain, bias."""

    scale: float
    points: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    jacobian: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]


def pyramid(gray: npt.NDArray[np.uint8], levels: int) -> list[FloatImage]:
    """Blurred float32 images, each half the size of the one before, finest first."""
    import cv2

    images: list[Any] = [cv2.GaussianBlur(gray, (0, 0), 1.0).astype(np.float32)]
    for _ in range(levels - 1):
        images.append(cv2.pyrDown(images[-1]))
    return images


class FaceTemplate:
    """The pixels of one face picture that fix its pose.

    Args:
        gray: (H, W) uint8 picture that holds the face.
        weight: (H, W) float32 in 0..1, how much a pixel belongs to the rigid face; 0 outside it.
        centre: (x, y) about which rotation and scale are parametrised.
        levels: pyramid levels; samples: pixels used per level.
    """

    def __init__(
        self,
        gray: npt.NDArray[np.uint8],
        weight: FloatImage,
        centre: tuple[float, float],
        *,
        levels: int = 3,
        samples: int = 1500,
    ) -> None:
        import cv2

        self.centre = np.asarray(centre, np.float64)
        self.levels = []
        for k, image in enumerate(pyramid(gray, levels)):
            scale = 0.5**k
            gx = cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8)
            gy = cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=1 / 8)
            w = cv2.resize(weight, image.shape[::-1], interpolation=cv2.INTER_AREA)
            self.levels.append(self._sample(image, gx, gy, w, scale, samples))

    def _sample(
        self, image: FloatImage, gx: FloatImage, gy: FloatImage, weight: FloatImage, scale: float, samples: int
    ) -> _Level:
        strength = np.hypot(gx, gy) * weight
        strength[[0, -1]] = 0
        strength[:, [0, -1]] = 0
        flat = strength.ravel()
        n = min(samples, int(np.count_nonzero(flat > 0.5)))
        chosen = np.argpartition(flat, flat.size - n)[flat.size - n :] if n else np.zeros(0, int)
        y, x = np.divmod(chosen, image.shape[1])
        values = image.ravel()[chosen].astype(np.float64)
        sx, sy = gx.ravel()[chosen].astype(np.float64), gy.ravel()[chosen].astype(np.float64)
        # Half-pixel-centre convention between pyramid levels (pyrDown keeps pixel 0 at pixel 0).
        cx, cy = self.centre * scale
        dx, dy = x - cx, y - cy
        jacobian = np.stack([sx * dx + sy * dy, sy * dx - sx * dy, sx, sy, values, np.ones_like(values)])
        return _Level(scale, np.stack([x, y]).astype(np.float64), values, jacobian, weight.ravel()[chosen])

    def align(self, images: list[FloatImage], matrix: Matrix, *, iterations: int = 8) -> tuple[Matrix, float]:
        """Refine the similarity that maps template pixels to frame pixels.

        Args:
            images: :func:`pyramid` of the frame (as many levels as the template has).
            matrix: (2, 3) first guess.

        Returns:
            The refined matrix and the weighted correlation of the template's edge pixels with the frame (-1..1);
            the guess itself with correlation 0 where the template has too few edges to tell.
        """
        matrix = np.asarray(matrix, np.float64)
        correlation = 0.0
        gain, bias = 1.0, 0.0
        for level, image in reversed(list(zip(self.levels, images, strict=True))):
            if len(level.values) < 30:
                continue
            matrix, gain, bias, correlation = self._fit(level, image, matrix, gain, bias, iterations)
        return matrix, correlation

    def _fit(
        self, level: _Level, image: FloatImage, matrix: Matrix, gain: float, bias: float, iterations: int
    ) -> tuple[Matrix, float, float, float]:
        import cv2

        s = level.scale
        centre = self.centre
        sampled = np.zeros(len(level.values))
        for step in range(iterations + 1):
            x, y = (matrix[:, :2] @ level.points + s * matrix[:, 2:]).astype(np.float32)[:, None]
            sampled = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0].astype(np.float64)
            residual = sampled - (gain * level.values + bias)
            if step == iterations:
                break
            spread = 1.4826 * _median(np.abs(residual)) + 1.0
            inside = 1 - (residual / (4.7 * spread)) ** 2
            np.maximum(inside, 0, out=inside)
            weighted = level.jacobian * (inside * inside * level.weight)
            hessian = weighted @ level.jacobian.T
            hessian[_DIAGONAL] += 1e-6 * np.trace(hessian) / 6 + 1e-9
            delta = np.linalg.solve(hessian, weighted @ residual)
            # The increment warps the template (divide out the gain), so the frame's warp takes its inverse.
            a, b, tx, ty = (delta[:4] / max(gain, 0.2)).tolist()
            tx, ty = tx / s, ty / s
            gain, bias = gain + float(delta[4]), bias + float(delta[5])
            linear = np.array([[1 + a, -b], [b, 1 + a]])
            increment = np.column_stack([linear, centre - linear @ centre + (tx, ty)])
            matrix = compose(matrix, invert(increment))
            gain = min(max(gain, 0.3), 3.0)
            if max(abs(tx), abs(ty)) * s < 0.01 and max(abs(a), abs(b)) * 150 * s < 0.01:
                break  # pixels of the level
        return matrix, gain, bias, _correlation(sampled, level.values, level.weight)


def _median(values: npt.NDArray[np.float64]) -> float:
    """Of a row, as numpy's, which spends most of its time on other shapes."""
    middle = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, middle)[middle])
    low, high = np.partition(values, (middle - 1, middle))[middle - 1 : middle + 1].tolist()
    return float(0.5 * (low + high))


def _correlation(a: npt.NDArray, b: npt.NDArray, weight: npt.NDArray) -> float:
    total = weight.sum()
    if total <= 0:
        return 0.0
    a = a - (a * weight).sum() / total
    b = b - (b * weight).sum() / total
    norm = np.sqrt((weight * a * a).sum() * (weight * b * b).sum())
    return float((weight * a * b).sum() / norm) if norm > 1e-9 else 0.0
