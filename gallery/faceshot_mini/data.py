"""Training pictures: drawn ahead by worker processes, kept in a refreshed buffer, varied again at every use."""

from __future__ import annotations

import multiprocessing as mp
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor

import numpy as np

from faceshot_mini.augment import augment

#: Edge of the drawings in the buffer, in pixels.
DRAWN_SIZE = 144
#: Weight in the loss of points whose part is not drawn.
ABSENT_WEIGHT = 0.15
#: Share of pictures without a face, and where their landmarks are said to be.
FACELESS = 1 / 16
OUTSIDE = -1e4
JOB = 32


def draw_job(index: int, seed: int, held_out: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw ``JOB`` pictures; index and seed decide them. Returns uint8 (n, s, s, 3), points (n, 68, 2), weights.

    Some are without a face: weights 0, points far outside.
    """
    import cv2

    from faceshot_gallery.illustrator import DOMAINS, SHARES, sample
    from faceshot_mini.faceless import TRAINED, faceless

    cv2.setNumThreads(1)  # a worker process of our own, one core each
    kinds = [domain for domain in DOMAINS if domain not in held_out]
    shares = np.array([SHARES.get(kind, 1.0) for kind in kinds])
    shares /= shares.sum()
    pictures, points, weights = [], [], []
    for k in range(index * JOB, (index + 1) * JOB):
        rng = np.random.default_rng((seed, k))
        if rng.random() < FACELESS:
            pictures.append(faceless(int(rng.integers(2**30)), TRAINED[int(rng.integers(len(TRAINED)))], DRAWN_SIZE))
            points.append(np.full((68, 2), OUTSIDE, np.float32))
            weights.append(np.zeros(68))
            continue
        kind = kinds[int(rng.choice(len(kinds), p=shares))]
        drawing = sample(int(rng.integers(2**31)), size=DRAWN_SIZE, domain=kind)
        pictures.append(drawing.rgb)
        points.append(drawing.landmarks.xy)
        weights.append(np.where(drawing.landmarks.visible, 1.0, ABSENT_WEIGHT))
    return np.stack(pictures), np.stack(points), np.stack(weights).astype(np.float32)


def leave_with_parent(parent: int) -> None:
    """End this worker when the trainer is gone, however it went."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class DrawingStream:
    """Batches of augmented drawings, the same for the same seed whatever the number of workers.

    A buffer of ``buffer`` drawings is refilled by ``batch / repeat`` new ones per batch, oldest replaced first.
    Starting at a later step draws the buffer of that step again, so that a resumed run sees what an uninterrupted one
    would have seen.
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
        self.seed, self.batch, self.repeat, self.held_out = seed, batch, repeat, held_out
        self.blocks = max(1, buffer // JOB)
        self.step = start
        self.size = 128
        self.pool = ProcessPoolExecutor(
            workers, mp_context=mp.get_context("spawn"), initializer=leave_with_parent, initargs=(os.getpid(),)
        )

    def _drawn(self, step: int) -> int:
        """How many blocks of drawings have entered the buffer by ``step``; an eighth of it is filled beforehand."""
        return max(2, self.blocks // 8) + int(step * self.batch / self.repeat) // JOB

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        asked = fed = max(0, self._drawn(self.step) - self.blocks)
        ahead = self.blocks // 8 + 8
        pending: dict[int, Future[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
        held: deque[tuple[np.ndarray, np.ndarray, np.ndarray]] = deque(maxlen=self.blocks)
        while True:
            wanted = self._drawn(self.step)
            for index in range(asked, wanted + ahead):
                pending[index] = self.pool.submit(draw_job, index, self.seed, self.held_out)
            asked = wanted + ahead
            while fed < wanted:
                held.append(pending.pop(fed).result())
                fed += 1
            yield self._pick(held)
            self.step += 1

    def _pick(
        self, held: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.seed, 77, self.step))
        rows = []
        for pick in rng.integers(len(held) * JOB, size=self.batch):
            pictures, points, weights = held[pick // JOB]
            k = pick % JOB
            rows.append(augment(pictures[k], points[k], weights[k], self.size, rng))
        images, xy, weight = (np.stack(column) for column in zip(*rows, strict=True))
        return images, xy, weight

    def close(self) -> None:
        """Stop the workers."""
        self.pool.shutdown(wait=True, cancel_futures=True)
