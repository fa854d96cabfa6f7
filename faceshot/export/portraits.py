"""X-Portrait and HunyuanPortrait: their prepared inputs, and a script that runs them in the user's clone."""

from __future__ import annotations

from faceshot.export.job import Job, Target
from faceshot.rendering import PortraitInputs, ProxyClip, hunyuan_inputs, x_portrait_inputs


def x_portrait(job: Job, target: Target) -> None:
    """Write the square's driving frames, where its windows lie, source and script."""
    _write(x_portrait_inputs(_clip(job)), target)


def hunyuan_portrait(job: Job, target: Target) -> None:
    """Write the crops motion is read from, the points, the source's pictures and the script."""
    _write(hunyuan_inputs(_clip(job)), target)


def _clip(job: Job) -> ProxyClip:
    assert job.picture is not None and job.landmarks is not None
    return ProxyClip(job.picture, job.landmarks, job.sequence)


def _write(inputs: PortraitInputs, target: Target) -> None:
    inputs.write(target.path, overwrite=target.overwrite)
