"""Results on disk: whole, all of a run together or none, never over an input, nothing left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.output.checks import FRAME_NAME as FRAME_NAME
    from faceshot.output.checks import check_output as check_output
    from faceshot.output.checks import check_outputs as check_outputs
    from faceshot.output.inputs import named_files as named_files
    from faceshot.output.inputs import protected as protected
    from faceshot.output.inputs import protecting as protecting
    from faceshot.output.run import finishing as finishing
    from faceshot.output.run import removing as removing
    from faceshot.output.run import together as together
    from faceshot.output.run import writing as writing

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "checks": "FRAME_NAME check_output check_outputs",
        "inputs": "named_files protected protecting",
        "run": "finishing removing together writing",
    },
)
