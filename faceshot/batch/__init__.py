"""Many pictures and many clips: each matched and driven once, every pair rendered, nothing done twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.batch.estimates import Estimate as Estimate
    from faceshot.batch.estimates import estimate as estimate
    from faceshot.batch.jobs import Job as Job
    from faceshot.batch.jobs import jobs_of as jobs_of
    from faceshot.batch.local import Local as Local
    from faceshot.batch.manifest import SUFFIXES as SUFFIXES
    from faceshot.batch.manifest import Row as Row
    from faceshot.batch.manifest import manifest_text as manifest_text
    from faceshot.batch.manifest import product as product
    from faceshot.batch.manifest import read_manifest as read_manifest
    from faceshot.batch.report import Outcome as Outcome
    from faceshot.batch.report import read_report as read_report
    from faceshot.batch.running import Batch as Batch
    from faceshot.batch.store import Store as Store
    from faceshot.batch.store import Stored as Stored
    from faceshot.batch.worker import Worker as Worker

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "estimates": "Estimate estimate",
        "jobs": "Job jobs_of",
        "local": "Local",
        "manifest": "Row SUFFIXES manifest_text product read_manifest",
        "report": "Outcome read_report",
        "running": "Batch",
        "store": "Store Stored",
        "worker": "Worker",
    },
)
