"""Training pictures: drawn ahead by worker processes, kept in a refreshed buffer, varied again at every use."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from faceshot.topology import FLIP

#: Edge of the drawings in the buffer, in pixels.
DRAWN_SIZE = 144
#: Weight in the loss of points whose part is not drawn.
ABSENT_WEIGHT = 0.15
JOB = 32


def draw_job(index: int, seed: int, held_out: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw ``JOB`` pictures; index and seed decide them. Returns uint8 (n, s, s, 3), points (n, 68, 2), weights."""
    import cv2

    from faceshot_gallery.illustrator import DOMAINS, sample

    cv2.setNumThreads(1)  # a worker process of our own, one core each
    kinds = [domain for domain in DOMAINS if domain not in held_out]
    pictures, points, weights = [], [], []
    for k in range(index * JOB, (index + 1) * JOB):
        rng = np.random.default_rng((seed, k))
        drawing = sample(int(rng.integers(2**31)), size=DRAWN_SIZE, domain=kinds[int(rng.integers(len(kinds)))])
        pictures.append(drawing.rgb)
        points.append(drawing.landmarks.xy)
        weights.append(np.where(drawing.landmarks.visible, 1.0, ABSENT_WEIGHT))
    return np.stack(pictures), np.stack(points), np.stack(weights).astype(np.float32)


def augment(
    rgb: np.ndarray, xy: np.ndarray, weight: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A varied copy at ``size`` pixels: mirror, small similarity, colour, light, blur, noise."""
    import cv2

    side = rgb.shape[0]
    scale = size / side * float(np.exp(rng.normal(0, 0.13)))
    angle = np.deg2rad(rng.normal(0, 7))
    mirror = rng.random() < 0.5
    rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirror:
        rotation = rotation @ np.diag([-1.0, 1.0])
    centre = np.full(2, (side - 1) / 2)
    shift = np.full(2, (size - 1) / 2) + rng.normal(0, 0.05 * size, 2) - rotation @ centre
    matrix = np.hstack([rotation, shift[:, None]])
    border = (cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101)[int(rng.integers(2))]
    out = cv2.warpAffine(rgb, matrix, (size, size), flags=cv2.INTER_AREA, borderMode=border)
    xy = xy @ rotation.T + shift
    if mirror:
        xy, weight = xy[list(FLIP)], weight[list(FLIP)]
    image: np.ndarray = out.astype(np.float32) / 255
    if rng.random() < 0.3:
        image = image[..., rng.permutation(3)]
    if rng.random() < 0.15:
        image = np.repeat(image @ np.array([[0.3], [0.59], [0.11]], np.float32), 3, axis=2)
    image = np.clip(image, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.25)))
    image = (image - 0.5) * np.float32(np.exp(rng.normal(0, 0.2))) + 0.5 + rng.normal(0, 0.05, 3).astype(np.float32)
    if rng.random() < 0.25:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.4))))
    if rng.random() < 0.3:
        image = image + rng.normal(0, rng.uniform(0.01, 0.06), image.shape).astype(np.float32)
    return (np.clip(image, 0, 1) * 255).astype(np.uint8), xy.astype(np.float32), weight.astype(np.float32)


class DrawingStream:
    """Batches of augmented drawings, the same for the same seed whatever the number of workers.

    A buffer of ``buffer`` drawings is refilled by ``batch / repeat`` new ones per batch, oldest replaced first.
    """

    def __init__(
        self,
        *,
        seed: int,
        batch: int,
        repeat: float,
        buffer: int,
        workers: int,
        held_out: tuple[str, ...],
        start: int = 0,
    ) -> None:
        self.seed, self.batch, self.repeat, self.buffer, self.held_out = seed, batch, repeat, buffer, held_out
        self.step = start
        self.pool = ProcessPoolExecutor(workers, mp_context=mp.get_context("spawn"))

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        first = max(0, int(self.step * self.batch / self.repeat) // JOB)
        ahead = self.buffer // JOB + 8
        pending = {i: self.pool.submit(draw_job, i, self.seed, self.held_out) for i in range(first, first + ahead)}
        held: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        fed = first
        while True:
            wanted = max(first + 2, int(self.step * self.batch / self.repeat) // JOB + self.buffer // JOB // 8)
            while fed < wanted:
                held.append(pending.pop(fed).result())
                pending[fed + ahead] = self.pool.submit(draw_job, fed + ahead, self.seed, self.held_out)
                fed += 1
            del held[: max(0, len(held) - self.buffer // JOB)]
            yield self._pick(held)
            self.step += 1

    def _pick(self, held: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.seed, 77, self.step))
        size = self.size
        rows = []
        for pick in rng.integers(len(held) * JOB, size=self.batch):
            pictures, points, weights = held[pick // JOB]
            k = pick % JOB
            rows.append(augment(pictures[k], points[k], weights[k], size, rng))
        images, xy, weight = (np.stack(column) for column in zip(*rows, strict=True))
        return images, xy, weight

    size: int = 128

    def close(self) -> None:
        """Stop the workers."""
        self.pool.shutdown(wait=False, cancel_futures=True)
