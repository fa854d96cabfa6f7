"""Picture -> 68 landmarks: where to look, what matches, tidied into a face."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.matching.doubts import Doubt as Doubt
    from faceshot.matching.doubts import draw_doubts as draw_doubts
    from faceshot.matching.doubts import review as review
    from faceshot.matching.looking import fit_parts as fit_parts
    from faceshot.matching.matcher import Matcher as Matcher
    from faceshot.matching.matcher import Regularise as Regularise
    from faceshot.matching.result import Look as Look
    from faceshot.matching.result import Match as Match
    from faceshot.matching.search import SearchOptions as SearchOptions
    from faceshot.matching.shape import ShapePrior as ShapePrior

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "looking": "fit_parts",
        "matcher": "Matcher Regularise",
        "result": "Look Match",
        "doubts": "Doubt draw_doubts review",
        "search": "SearchOptions",
        "shape": "ShapePrior",
    },
)
