"""Training pictures: drawn and varied ahead by worker processes, shuffled window by window."""

from __future__ import annotations

import logging
import multiprocessing as mp
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor

import numpy as np
import numpy.typing as npt

from faceshot_mini.augment import augment

logger = logging.getLogger("faceshot.mini")
#: Edge of the drawings in the buffer, in pixels.
DRAWN_SIZE = 144
#: Weight in the loss of points whose part is not drawn: brows are known by the eyes below them, but a missing nose or
#: mouth is not to be found (any negative weight says so); what is hidden weighs nothing.
ABSENT_WEIGHT, MISSING = 0.15, -1.0
#: Share of the pictures with a face that are of the harder kind (``faceshot_gallery.anyone``).
HARD = 0.6
#: Share of pictures without a face, and where their landmarks are said to be.
FACELESS = 1 / 16
OUTSIDE = -1e4
JOB = 32


def draw_job(index: int, seed: int, held_out: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw ``JOB`` pictures; index and seed decide them. Returns uint8 (n, s, s, 3), points (n, 68, 2), weights.

    Some are without a face: weights 0, points far outside.
    """
    import cv2

    from faceshot.landmarks.topology import PART_POINTS
    from faceshot_gallery.anyone import anyone
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
        hard, own = rng.random() < HARD, int(rng.integers(2**31))
        try:
            drawing = (anyone if hard else sample)(own, size=DRAWN_SIZE, domain=kind)
        except (ArithmeticError, LookupError, ValueError, cv2.error):  # one bad drawing must not end a night's training
            logger.exception("%s %d cannot be drawn, another one is", kind, own)
            hard, drawing = False, sample(own, size=DRAWN_SIZE, domain=kind)
        weight = np.where(drawing.landmarks.visible, 1.0, ABSENT_WEIGHT)
        for part in drawing.landmarks.absent - {"eyebrows"} if hard else ():
            weight[list(PART_POINTS[part])] = MISSING
        pictures.append(drawing.rgb)
        points.append(drawing.landmarks.xy)
        weights.append(np.where(drawing.hidden, 0.0, weight))
    return np.stack(pictures), np.stack(points), np.stack(weights).astype(np.float32)


def leave_with_parent(parent: int) -> None:
    """End this worker when the trainer is gone, however it went."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


Samples = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32], npt.NDArray[np.float32]]


def sample_job(index: int, seed: int, held_out: tuple[str, ...], repeat: int, size: int) -> Samples:
    """:func:`draw_job`, and ``repeat`` variations of each picture at ``size`` pixels."""
    pictures, points, weights = draw_job(index, seed, held_out)
    rng = np.random.default_rng((seed, index, 77))
    rows = [augment(pictures[k], points[k], weights[k], size, rng) for k in range(len(pictures)) for _ in range(repeat)]
    images, xy, weight = (np.stack(column) for column in zip(*rows, strict=True))
    return images, xy, weight


class DrawingStream:
    """Batches of varied drawings, the same for the same seed whatever the number of workers.

    A window holds about ``buffer`` samples, ``repeat`` variations of each of its drawings, in random order; the next
    two windows are drawn meanwhile. Starting at a later step draws that step's window again, so that a resumed run
    sees what an uninterrupted one would have seen.

    Args:
        size: edge of the pictures in pixels at a step; a window has the size of its first step.
    """

    AHEAD = 2

    def __init__(
        self,
        *,
        seed: int,
        batch: int,
        repeat: int,
        buffer: int,
        workers: int,
        held_out: tuple[str, ...],
        size: Callable[[int], int],
        start: int = 0,
    ) -> None:
        self.seed, self.batch, self.repeat, self.held_out = seed, batch, repeat, held_out
        self.size, self.step = size, start
        self.blocks = max(-(-batch // (JOB * repeat)), buffer // (JOB * repeat))
        self.steps = self.blocks * JOB * repeat // batch
        self.pool = ProcessPoolExecutor(
            workers, mp_context=mp.get_context("spawn"), initializer=leave_with_parent, initargs=(os.getpid(),)
        )

    def _ask(self, window: int) -> list[Future[Samples]]:
        size = self.size(window * self.steps)
        return [
            self.pool.submit(sample_job, window * self.blocks + k, self.seed, self.held_out, self.repeat, size)
            for k in range(self.blocks)
        ]

    def __iter__(self) -> Iterator[Samples]:
        window = self.step // self.steps
        asked = {window + k: self._ask(window + k) for k in range(self.AHEAD)}
        while True:
            asked[window + self.AHEAD] = self._ask(window + self.AHEAD)
            drawn = [job.result() for job in asked.pop(window)]
            each = JOB * self.repeat
            order = np.random.default_rng((self.seed, 78, window)).permutation(len(drawn) * each)
            for k in range(self.step % self.steps, self.steps):
                pick = order[k * self.batch : (k + 1) * self.batch]
                images, xy, weight = (
                    np.stack(column)
                    for column in zip(*([c[i % each] for c in drawn[i // each]] for i in pick), strict=True)
                )
                yield images, xy, weight
                self.step += 1
            window += 1

    def close(self) -> None:
        """Stop the workers."""
        self.pool.shutdown(wait=True, cancel_futures=True)
