"""The mean mesh behind ``Landmarks.to_mediapipe478``: built from drawings of ours, measured on real meshes.

    python benchmarks/mesh_template.py --model face_landmarker.task --clip a.mp4  # new drawings, and frames of clips
    python benchmarks/mesh_template.py --model face_landmarker.task --build  # writes faceshot/landmarks/mesh478.npy

The illustrator draws people with random expressions, the face mesh finds their 478 points, and the mean of those
meshes, made symmetrical, is the template. Errors are distances in units of the outer eye corners' distance.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

import faceshot
from faceshot.facemesh import FaceMesh
from faceshot.landmarks import Landmarks, Size
from faceshot.landmarks.topology import MEDIAPIPE_TO_68, MESH_OUTER_EYE_CORNERS
from faceshot.media import read_frames
from faceshot_gallery.illustrator import character, draw, random_expression
from faceshot_gallery.parts.traits import Dice, Pose

Array = npt.NDArray[np.float64]
KINDS = ("person", "statue", "cartoon")
SIDE = 256


def drawn(mesh: FaceMesh, count: int, first: int) -> Iterator[Array]:
    """(478, 3) [px] of drawn people, those in which a face is found."""
    turns = np.random.default_rng(first).normal(0, 6, count)
    for k in range(count):
        mood = random_expression(Dice(first + k, "mesh"))
        face = character(KINDS[k % len(KINDS)], first + k)
        made = draw(face, mood, Pose(yaw=float(turns[k])), size=SIDE, background="plain")
        for found in mesh.faces(made.rgb, 1):
            yield found.pixels(SIDE, SIDE).astype(np.float64)


def filmed(mesh: FaceMesh, clip: str, step: int = 12) -> Iterator[Array]:
    """(478, 3) [px] of every ``step``-th frame of a clip."""
    for k, frame in enumerate(read_frames(clip)):
        for found in mesh.faces(frame, 1) if k % step == 0 else ():
            yield found.pixels(frame.shape[1], frame.shape[0]).astype(np.float64)


def laid_on(mesh: Array, other: Array) -> Array:
    """The mesh turned, scaled and moved so that it lies on another one best (orthogonal Procrustes)."""
    a, b = mesh - mesh.mean(0), other - other.mean(0)
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    return (s * sign).sum() / (a**2).sum() * a @ (u * sign @ vt).T


def template(meshes: list[Array]) -> Array:
    """(478, 3) float64: the mean mesh, mirror-symmetric, upright; its outer eye corners are 1 apart, its mean is 0."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    mean = meshes[0]
    for _ in range(5):
        mean = np.mean([laid_on(one, mean) for one in meshes], axis=0)
    # Which point is whose mirror image is found, not listed: the pairing that brings the mirrored mesh nearest.
    mirrored = mean * (-1, 1, 1)
    for _ in range(5):
        pairs = linear_sum_assignment(cdist(mirrored, mean))[1]
        mirrored = laid_on(mirrored, mean[pairs])
    assert (pairs[pairs] == np.arange(len(mean))).all()
    return symmetrical(mean, pairs)


def symmetrical(mean: Array, pairs: npt.NDArray[np.int_]) -> Array:
    """A mesh turned so that its middle plane is x = 0, and made its own mirror image."""
    across = mean[pairs] - mean
    across *= np.where(across[:, :1] < 0, -1, 1)
    x = across.sum(0) / np.linalg.norm(across.sum(0))
    z = np.cross(x, (0, 1, 0))
    z /= np.linalg.norm(z)
    mean = (mean - mean.mean(0)) @ np.column_stack([x, np.cross(z, x), z])
    mean = (mean + (mean * (-1, 1, 1))[pairs]) / 2
    right, left = MESH_OUTER_EYE_CORNERS
    return np.asarray((mean - mean.mean(0)) / (mean[left, 0] - mean[right, 0]))


def errors(meshes: list[Array]) -> tuple[Array, Array]:
    """Errors (n, 478) of the points, and (n,) of the depths, when a mesh is made anew from 68 of its points."""
    places, depths = [], []
    for true in meshes:
        xy = np.stack([true[list(k), :2].mean(0) for k in MEDIAPIPE_TO_68]) - 0.5
        size = (int(true[:, 0].max()) + 2, int(true[:, 1].max()) + 2)
        made = Landmarks(xy, Size(*size)).to_mediapipe478(normalised=False)
        unit = float(np.linalg.norm(np.subtract(*true[list(MESH_OUTER_EYE_CORNERS), :2])))
        places.append(np.linalg.norm(made[:, :2] + 0.5 - true[:, :2], axis=1) / unit)
        depths.append(np.abs(made[:, 2] - true[:, 2] - (made[:, 2] - true[:, 2]).mean()).mean() / unit)
    return np.array(places), np.array(depths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--clip", action="append", default=[])
    parser.add_argument("--build", action="store_true")
    chosen = parser.parse_args()
    mesh = FaceMesh(chosen.model)
    if chosen.build:
        made = template(list(drawn(mesh, 360, 5000)))
        np.save(Path(faceshot.__file__).parent / "landmarks" / "mesh478.npy", made.astype(np.float32))
    print("| meshes of | n | mean | 95 % | forehead and temples | irises | depth |\n|---|---|---|---|---|---|---|")
    top = [10, 338, 297, 332, 284, 109, 67, 103, 54]
    groups = {"drawings not built from": list(drawn(mesh, 60, 9000))}
    groups |= {Path(clip).name: list(filmed(mesh, clip)) for clip in chosen.clip}
    for name, meshes in groups.items():
        e, depth = errors(meshes)
        cells = (e.mean(), np.percentile(e, 95), e[:, top].mean(), e[:, 468:].mean(), depth.mean())
        print(f"| {name} | {len(e)} | " + " | ".join(f"{100 * cell:.1f} %" for cell in cells) + " |")


if __name__ == "__main__":
    main()
