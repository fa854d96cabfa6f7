"""S, R_lip and R_eye: small perceptrons that correct keypoints (published in one file)."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

#: Layer sizes by the published top-level key.
SIZES = {
    "retarget_shoulder": (126, 128, 128, 64, 65),
    "retarget_mouth": (65, 128, 128, 64, 63),
    "retarget_eye": (66, 256, 256, 128, 128, 64, 63),
}


class Perceptron(nn.Module):
    """Linear layers with ReLU between them (names ``mlp.0``, ``mlp.2``, ...)."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(sizes[0], sizes[1])]
        for before, after in itertools.pairwise(sizes[1:]):
            layers += [nn.ReLU(), nn.Linear(before, after)]
        self.mlp = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(B, first size) -> (B, last size)."""
        return self.mlp(x)


class StitchingRetargeting(nn.Module):
    """The three perceptrons; their inputs are keypoints flattened point by point, and ratios."""

    def __init__(self) -> None:
        super().__init__()
        self.retarget_shoulder = Perceptron(SIZES["retarget_shoulder"])
        self.retarget_mouth = Perceptron(SIZES["retarget_mouth"])
        self.retarget_eye = Perceptron(SIZES["retarget_eye"])

    def stitch(self, flat: Tensor) -> Tensor:
        """[x_s, x_d] (B, 126) -> change of x_d and a shift (B, 65)."""
        return self.retarget_shoulder(flat)

    def lips(self, flat: Tensor) -> Tensor:
        """[x_s, source ratio, wanted ratio] (B, 65) -> change of x_d (B, 63)."""
        return self.retarget_mouth(flat)

    def eyes(self, flat: Tensor) -> Tensor:
        """[x_s, two source ratios, wanted ratio] (B, 66) -> change of x_d (B, 63)."""
        return self.retarget_eye(flat)
