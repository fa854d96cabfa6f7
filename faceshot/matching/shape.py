"""A statistical prior of face shapes, fitted under score maps so that one wild match cannot ruin a face.

The prior is a mean shape and its principal components (a point distribution model). Fitting starts from the
similarity most matches agree on (RANSAC), then lets every landmark look around its expected place in its own score
map while the window shrinks (a constrained local model). Uncertain landmarks follow the shape, certain ones their
match.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from faceshot.errors import InputError
from faceshot.landmarks import FloatArray
from faceshot.landmarks.topology import CHIN, FLIP, JAW, N_POINTS, NOSE_BRIDGE, OUTER_LIP_PAIRS, PART_POINTS, SUBNASALE


@dataclass(frozen=True, eq=False)
class ShapePrior:
    """Mean shape and modes of variation, in a frame where the mean has zero centroid and unit RMS radius.

    Attributes:
        mean: (68, 2) float64. basis: (K, 68, 2) orthonormal modes. deviation: (K,) standard deviation of each.
        centres: (M, K) coefficients of typical shapes (round, long, wide faces), where a fit may start.
        seen: (68,) how often each landmark can be seen.
    """

    mean: np.ndarray
    basis: np.ndarray
    deviation: np.ndarray
    centres: np.ndarray
    seen: np.ndarray = field(default_factory=lambda: np.ones(N_POINTS))

    @classmethod
    def load(cls, path: Path) -> ShapePrior:
        """Read a prior written by :meth:`save`."""
        with np.load(path, allow_pickle=False) as data:
            known = {name: data[name].astype(np.float64) for name in data.files}
        mean, basis, deviation = (known.get(name, np.zeros(0)) for name in ("mean", "basis", "deviation"))
        centres = known.get("centres", np.zeros((1, len(deviation))))
        seen = known.get("seen", np.ones(N_POINTS))
        shapes = (mean.shape, basis.shape, centres.shape[1:], seen.shape)
        if shapes != ((N_POINTS, 2), (len(deviation), N_POINTS, 2), deviation.shape, (N_POINTS,)):
            raise InputError(
                f"{path} is no shape prior: mean (68, 2), basis (K, 68, 2), deviation (K,), centres (M, K), seen (68,)"
            )
        return cls(mean, basis, deviation, centres, seen)

    def mirrored(self) -> ShapePrior:
        """Of the same faces in the mirror."""
        flip, over = list(FLIP), np.array([-1, 1])
        mean, basis = self.mean[flip] * over, np.ascontiguousarray(self.basis[:, flip] * over)
        return replace(self, mean=mean, basis=basis, seen=self.seen[flip])

    def shape(self, coefficients: np.ndarray) -> np.ndarray:
        """(68,) complex places x + iy of the shape with the given (K,) coefficients."""
        shape = self.mean.reshape(-1) + coefficients @ self.basis.reshape(len(self.basis), -1)
        return np.asarray(shape.view(np.complex128))

    def save(self, path: Path) -> None:
        """Write as ``.npz``, half precision for the modes."""
        np.savez_compressed(
            path,
            mean=self.mean.astype(np.float32),
            basis=self.basis.astype(np.float16),
            deviation=self.deviation.astype(np.float32),
            centres=self.centres.astype(np.float32),
            seen=self.seen.astype(np.float32),
        )

    @classmethod
    def learn(cls, shapes: np.ndarray, modes: int, starts: int = 8) -> ShapePrior:
        """Procrustes-align (n, 68, 2) shapes by similarity and keep the leading ``modes`` principal components.

        ``starts`` typical shapes are the centres of clusters (k-means).
        """
        z = shapes[..., 0] + 1j * shapes[..., 1]
        z = z - z.mean(1, keepdims=True)
        z = z / np.sqrt((np.abs(z) ** 2).mean(1, keepdims=True))
        mean = z[0]
        for _ in range(10):
            turn = (z.conj() * mean).sum(1)
            z = z * (turn / np.abs(turn))[:, None]
            mean = z.mean(0)
            mean = mean / np.sqrt((np.abs(mean) ** 2).mean())
        # Upright, so that the angle of a fitted similarity is the roll of the face: half the turn between the mean and
        # its mirror image.
        mirrored = -mean[list(FLIP)].conj()
        upright = np.sqrt((mean.conj() * mirrored).sum())
        upright = upright / abs(upright) * (1 if upright.real >= 0 else -1)
        mean, z = mean * upright, z * upright
        mirror_free = mean - mean.mean()
        z = z / ((z.conj() * mirror_free).sum(1, keepdims=True).real / (np.abs(mirror_free) ** 2).sum())
        rows = np.stack([z.real, z.imag], -1).reshape(len(z), -1)
        centre = np.stack([mean.real, mean.imag], -1)
        _, values, modes_ = np.linalg.svd(rows - centre.reshape(-1), full_matrices=False)
        some = (rows - centre.reshape(-1)) @ modes_[:modes].T
        return cls(
            centre,
            modes_[:modes].reshape(modes, N_POINTS, 2),
            values[:modes] / np.sqrt(len(z)),
            _clusters(some, starts),
        )


def _clusters(points: np.ndarray, count: int) -> np.ndarray:
    """Centres (count, K) of ``points`` (n, K), largest cluster first; the same for the same points."""
    from scipy.cluster.vq import kmeans2

    centres, labels = kmeans2(points, min(count, len(points)), minit="++", seed=np.random.default_rng(0), iter=30)
    return np.asarray(centres[np.argsort(-np.bincount(labels, minlength=len(centres)), kind="stable")])


@dataclass(frozen=True)
class ShapeOptions:
    """How far to trust matches and prior.

    Attributes:
        temperature: softmax temperature that turns scores into probabilities of places.
        hypotheses: RANSAC draws for every typical shape. max_roll: largest accepted roll of the face in degrees.
        windows: search windows of the annealing, as shares of the face's RMS radius.
        noise: expected error of a match, as a share of the face's RMS radius; larger trusts the prior more.
        keep: weight at which a landmark follows its own match as much as the shape.
        chin, nose: gaps between lower lip and chin, and nose and upper lip, as shares of the face's RMS radius: below
            the one and above the other another mouth is looked for, clear of the outline by ``clear`` radii, and taken
            if it is ``better`` times as certain.
    """

    temperature: float = 0.05
    hypotheses: int = 100
    max_roll: float = 60.0
    windows: tuple[float, ...] = (0.5, 0.35, 0.25, 0.18, 0.13, 0.1, 0.1)
    noise: float = 0.04
    keep: float = 0.15
    chin: float = 0.12
    nose: float = 0.25
    clear: float = 0.3
    better: float = 1.25
    seed: int = 0


@dataclass(frozen=True, eq=False)
class ShapeFit:
    """A fitted face, in the pixels of the score maps.

    Attributes:
        xy: (68, 2) float32 landmarks: matches where certain, shape elsewhere.
        model: (68, 2) float32, the prior's nearest shape.
        weight: (68,) share of each landmark's probability that lies near its place, 0..1.
        spread: mean distance between matches and shape, as a share of the face's RMS radius.
        radius: RMS radius of the face in pixels. roll: degrees, clockwise positive.
        support: mean weight of the landmarks that such a face shows.
    """

    xy: FloatArray
    model: FloatArray
    weight: FloatArray
    spread: float
    radius: float
    roll: float
    coefficients: np.ndarray = field(repr=False)
    support: float = 0.0


def fit_shape(
    scores: FloatArray, prior: ShapePrior, options: ShapeOptions | None = None, *, valid: np.ndarray | None = None
) -> ShapeFit:
    """Fit the prior to the score maps of 68 landmarks.

    Args:
        scores: (68, h, w) cosines on a grid; places are returned in grid pixels (integers at cell centres).
        prior: shape statistics. valid: (68,) False for landmarks without a gallery vector (they follow the shape).
    """
    options = options or ShapeOptions()
    height, width = scores.shape[1:]
    flat = scores.reshape(N_POINTS, -1).astype(np.float64)
    probability = np.exp((flat - flat.max(1, keepdims=True)) / options.temperature)
    probability /= probability.sum(1, keepdims=True)
    if valid is not None:
        probability[~valid] = 1 / probability.shape[1]
    probability = probability.reshape(N_POINTS, height, width)
    known = prior.seen if valid is None else prior.seen * valid

    fit = _fit(probability, known, prior, options)
    if _lips_on_chin(fit, options):
        # Right under the nose that is a muzzle; far below it it may be a collar. Is there a better mouth further up?
        mouth = list(PART_POINTS["mouth"])
        nearer = np.where(_clear_of_outline(fit, options.clear * fit.radius, (height, width)), probability[mouth], 0)
        left = nearer.sum((1, 2), keepdims=True)
        if (left > 1e-12).all():
            masked = probability.copy()
            masked[mouth] = nearer / left
            again = _fit(masked, known, prior, options)
            if again.weight[mouth].mean() > options.better * fit.weight[mouth].mean():
                return again
    return fit


def _fit(probability: np.ndarray, known: np.ndarray, prior: ShapePrior, options: ShapeOptions) -> ShapeFit:
    """One fit to the landmarks' probabilities (68, h, w)."""
    height, width = probability.shape[1:]
    # 1. The similarity most landmarks agree on, from the peaks of the maps.
    top = probability.reshape(N_POINTS, -1).argmax(1)
    peaks = np.stack([top % width, top // width], 1).astype(np.float64)
    sharp = _local_mean(probability, peaks, 1.5)[1] * known
    typical = prior.mean + np.tensordot(prior.centres, prior.basis, 1)
    which, a, t = _consensus(typical, peaks, sharp, max(height, width), options)
    b = prior.centres[which]

    # 2. Look around the expected place in a shrinking window, refit similarity and modes.
    for window in options.windows:
        model = _place(prior, a, t, b)
        seen, mass = _local_mean(probability, model, max(window * abs(a), 0.75))
        weight = mass * known
        a, t, b = _refit(prior, seen, weight + 1e-3, b, options.noise)

    # 3. Certain landmarks keep their match, the others the shape.
    model = _place(prior, a, t, b)
    seen, mass = _local_mean(probability, model, max(options.windows[-1] * abs(a), 0.75))
    weight = mass * known
    trust = (weight / (weight + options.keep))[:, None]
    distance = np.linalg.norm(seen - model, axis=1)
    return ShapeFit(
        xy=(trust * seen + (1 - trust) * model).astype(np.float32),
        model=model.astype(np.float32),
        weight=weight.astype(np.float32),
        spread=float((distance * (weight + 1e-6)).sum() / (weight + 1e-6).sum() / abs(a)),
        radius=float(abs(a)),
        roll=float(np.rad2deg(np.angle(a))),
        coefficients=b,
        support=float((mass * known).sum() / max(float(known.sum()), 1e-9)),
    )


def _lips_on_chin(fit: ShapeFit, options: ShapeOptions) -> bool:
    """Whether the lower lip lies on the chin, and the upper one far below the nose."""
    lower = fit.xy[[low for _, low in OUTER_LIP_PAIRS[1:4]]].mean(0)
    down = fit.xy[CHIN] - fit.xy[NOSE_BRIDGE[0]]
    gap = float((fit.xy[CHIN] - lower) @ down) / max(float(np.linalg.norm(down)), 1e-6)
    nose = float(np.linalg.norm(fit.xy[SUBNASALE] - fit.xy[OUTER_LIP_PAIRS[2][0]]))
    return gap < options.chin * fit.radius and nose > options.nose * fit.radius


def _clear_of_outline(fit: ShapeFit, distance: float, shape: tuple[int, int]) -> np.ndarray:
    """(h, w) bool: cells inside the face by more than ``distance`` cells, the brows being its upper edge."""
    import cv2

    fine = 8  # a face may be a dozen cells wide
    outline = fit.xy[[*JAW, *reversed(PART_POINTS["eyebrows"])]]
    mask = np.zeros((shape[0] * fine, shape[1] * fine), np.uint8)
    cv2.fillPoly(mask, [np.rint((outline + 0.5) * fine).astype(np.int32)], 1)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)[fine // 2 :: fine, fine // 2 :: fine] / fine
    return np.asarray(depth > distance)


def _place(prior: ShapePrior, a: complex, t: complex, b: np.ndarray) -> np.ndarray:
    z = a * prior.shape(b) + t
    return np.stack([z.real, z.imag], 1)


def _consensus(
    typical: np.ndarray, peaks: np.ndarray, weight: np.ndarray, extent: float, options: ShapeOptions
) -> tuple[int, complex, complex]:
    """RANSAC: the similarity z -> a z + t of one of the shapes (M, 68, 2) that most landmarks' peaks agree with."""
    rng = np.random.default_rng(options.seed)
    shapes, p = typical[..., 0] + 1j * typical[..., 1], peaks[:, 0] + 1j * peaks[:, 1]
    chance = weight + 1e-6
    draws = rng.choice(N_POINTS, size=(options.hypotheses, 3), p=chance / chance.sum())
    pairs = np.tile(draws, (len(shapes), 1))
    which = np.repeat(np.arange(len(shapes)), len(draws))
    m = shapes[which]
    base = np.take_along_axis(m, pairs, 1)
    middle, seen = base.mean(1), p[pairs]
    base = base - middle[:, None]
    size = (np.abs(base) ** 2).sum(1)
    usable = size > 0.05
    a = np.where(usable, (base.conj() * (seen - seen.mean(1, keepdims=True))).sum(1) / np.where(usable, size, 1), 1)
    t = seen.mean(1) - a * middle
    radius = np.abs(a)
    usable &= (radius > 0.06 * extent) & (radius < 0.75 * extent)
    usable &= np.abs(np.rad2deg(np.angle(a))) < options.max_roll
    distance = np.abs(a[:, None] * m + t[:, None] - p) / np.maximum(radius, 1e-6)[:, None]
    support = ((np.exp(-((distance / 0.25) ** 2))) * weight).sum(1)
    support = np.where(usable, support, -1)
    best = int(support.argmax())
    if support[best] <= 0:
        centre = (weight * p).sum() / max(weight.sum(), 1e-9)
        return 0, complex(0.33 * extent), complex(centre)
    # Weighted least squares over the landmarks that agree.
    w = weight * np.exp(-((distance[best] / 0.3) ** 2)) + 1e-9
    shape = m[best]
    mc, pc = (w * shape).sum() / w.sum(), (w * p).sum() / w.sum()
    refined = (w * (shape - mc).conj() * (p - pc)).sum() / (w * np.abs(shape - mc) ** 2).sum()
    if not 0.5 < abs(refined) / radius[best] < 2:
        refined = a[best]
    return int(which[best]), complex(refined), complex(pc - refined * mc)


def _local_mean(probability: np.ndarray, model: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Expected place of each landmark within a Gaussian window about ``model``, and the probability found there."""
    _, height, width = probability.shape
    x, y = np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)
    # The window is a product of a row and a column, so it costs two small products instead of a map.
    across = np.exp(-((x - model[:, :1]) ** 2) / (2 * sigma**2))
    down = np.exp(-((y - model[:, 1:]) ** 2) / (2 * sigma**2))
    rows = (probability @ across[:, :, None])[:, :, 0] * down
    columns = (down[:, None, :] @ probability)[:, 0] * across
    mass = rows.sum(1)
    places = np.stack([columns @ x, rows @ y], 1) / np.maximum(mass, 1e-12)[:, None]
    return np.where(mass[:, None] > 1e-12, places, model), mass


def _refit(
    prior: ShapePrior, seen: np.ndarray, weight: np.ndarray, b: np.ndarray, noise: float
) -> tuple[complex, complex, np.ndarray]:
    """Weighted similarity and ridge-regularised modes for places ``seen`` (two rounds)."""
    z = seen[:, 0] + 1j * seen[:, 1]
    w = weight / weight.sum()
    basis = prior.basis.reshape(len(b), -1)
    w2 = np.repeat(w, 2)
    ridge = noise**2 / N_POINTS / np.maximum(prior.deviation, 1e-6) ** 2
    weighted = basis * w2
    solution = np.linalg.solve(weighted @ basis.T + np.diag(ridge), weighted)
    a, t = 1 + 0j, 0j
    for _ in range(2):
        s = prior.shape(b)
        sc, zc = (w * s).sum(), (w * z).sum()
        a = (w * (s - sc).conj() * (z - zc)).sum() / max(float((w * np.abs(s - sc) ** 2).sum()), 1e-9)
        t = zc - a * sc
        back = (z - t) / a
        target = (np.stack([back.real, back.imag], 1) - prior.mean).reshape(-1)
        b = np.clip(solution @ target, -3 * prior.deviation, 3 * prior.deviation)
    return complex(a), complex(t), b
