"""Golden numbers, speed and memory of what is installed, on the user's own machine and weights: a report to share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.verify.report import Report as Report
    from faceshot.verify.report import Row as Row
    from faceshot.verify.verifying import targets as targets
    from faceshot.verify.verifying import verify as verify

__getattr__, __dir__, __all__ = hand_on(__name__, {"report": "Report Row", "verifying": "targets verify"})
