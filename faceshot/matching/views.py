"""Faces seen from the front and from either side: each view has a shape prior of its own, and the best fit wins.

A turned head hides landmarks. The prior of its view says how often each can be seen, so hidden ones neither vote nor
pull; they follow the shape, which puts them where they are behind the head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from faceshot.landmarks import FloatArray
from faceshot.matching.shape import ShapeFit, ShapeOptions, ShapePrior, fit_shape

View = Literal["front", "right", "left"]
#: The view of a mirror image; "right" looks to the image right.
MIRRORED: Final[Mapping[View, View]] = {"front": "front", "right": "left", "left": "right"}
#: An ordinary frontal shape (in standard deviations) needs no second opinion; what is odd may be a face from the side.
_ORDINARY = 0.7
#: What a standard deviation of oddness costs, and how much better a side has to be than the front (logarithms).
_ODD, _FRONT = 0.3, 0.06
#: Points that fewer faces of a view than this show are hidden.
_HIDDEN = 0.5


@dataclass(frozen=True, eq=False)
class Views:
    """The priors by view."""

    priors: Mapping[View, ShapePrior]

    @classmethod
    def load(cls, folder: Path) -> Views:
        """Read ``shape_prior.npz``, and ``shape_prior_side.npz`` of heads that look to the image right.

        Raises:
            InputError: one of them is no shape prior.
        """
        side = ShapePrior.load(folder / "shape_prior_side.npz")
        return cls({"front": ShapePrior.load(folder / "shape_prior.npz"), "right": side, "left": side.mirrored()})

    @classmethod
    def shipped(cls) -> Views:
        """Those of the drawn faces."""
        import faceshot_gallery

        return cls.load(Path(faceshot_gallery.__file__).parent)

    @property
    def front(self) -> ShapePrior:
        """The prior of faces that look at us, more or less."""
        return self.priors["front"]

    def hidden(self, view: View) -> frozenset[int]:
        """Indices of landmarks that most heads of a view hide."""
        return frozenset(np.flatnonzero(self.priors[view].seen < _HIDDEN).tolist())

    def oddness(self, view: View, fit: ShapeFit) -> float:
        """How far a shape is from the mean, in standard deviations of its view."""
        return float(np.sqrt(np.mean((fit.coefficients / self.priors[view].deviation) ** 2)))

    def fit(
        self, scores: FloatArray, options: ShapeOptions, valid: np.ndarray, views: Sequence[View] = ()
    ) -> tuple[View, ShapeFit]:
        """The view that fits score maps (68, h, w) best, and its fit; sides are tried where the front is an odd one.

        Args:
            valid: (68,) landmarks with a gallery vector. views: only these; empty: any.
        """
        tried: dict[View, ShapeFit] = {}
        for view in views or self.priors:
            if not views and view != "front" and self.oddness("front", tried["front"]) < _ORDINARY:
                break
            tried[view] = fit_shape(scores, self.priors[view], options, valid=valid)
        best = max(tried, key=lambda view: self._merit(view, tried[view]))
        return best, tried[best]

    def _merit(self, view: View, fit: ShapeFit) -> float:
        merit = np.log(max(fit.support, 1e-9)) - _ODD * self.oddness(view, fit)
        return float(merit + (_FRONT if view == "front" else 0.0))
