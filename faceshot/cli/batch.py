"""``faceshot batch``: a list of pictures and motions, all their videos."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from faceshot.cli.typed.options import (
    CONSENT,
    UNSIGNED,
    Common,
    GalleryFlag,
    NoProvenanceFlag,
    PresetFlag,
    with_common,
)
from faceshot.cli.typed.values import parse_pairs
from faceshot.errors import UsageError

if TYPE_CHECKING:
    from faceshot.batch import Batch, Job, Row

_Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MANIFEST | PICTURES [CLIPS]",
        help="A list (.csv .jsonl .parquet), or a folder or quoted pattern of pictures and one of clips.",
    ),
]
_Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder of videos and report.csv.")]
_Make = Annotated[bool, typer.Option("--make", help="Print the list of PICTURES and CLIPS as CSV, and stop.")]
_Motion = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Built-in motion (may be repeated).")]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="K=V", help="A column for rows without it: backend=mofa, mode=paper (repeatable)."),
]
_Executor = Annotated[
    Literal["local", "ray"], typer.Option(help="Processes of this machine, or a Ray cluster (faceshot[ray]).")
]
_Workers = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="At once (default: a core each; on GPUs one each).")
]
_Gpus = Annotated[float, typer.Option(min=0.0, metavar="X", help="GPUs of a worker; 0.5: two workers share one.")]
_Store = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where landmarks are kept, shared between runs and machines (default: the cache)."
    ),
]
_Retry = Annotated[bool, typer.Option("--retry-failed", help="Only rows that failed, by the report in -o.")]
_Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many rows.")]
_Shuffle = Annotated[bool, typer.Option("--shuffle", help="In random order (by --seed).")]
_Dry = Annotated[bool, typer.Option("--dry-run", help="Check everything, estimate time, memory and disk, and stop.")]


@with_common()
def batch(
    common: Common,
    inputs: _Inputs = None,
    output: _Output = None,
    make: _Make = False,
    motion: _Motion = None,
    set_: _Set = None,
    executor: _Executor = "local",
    workers: _Workers = None,
    gpus_per_worker: _Gpus = 0.0,
    store: _Store = None,
    retry_failed: _Retry = False,
    limit: _Limit = None,
    shuffle: _Shuffle = False,
    dry_run: _Dry = False,
    no_provenance: NoProvenanceFlag = False,
    preset: PresetFlag = "mini",
    gallery: GalleryFlag = None,
) -> None:
    """Animate many pictures with many clips; run it again to go on, whatever stopped it.

    Each picture is matched once and each clip driven once. A row that fails is a line of report.csv and nothing else.
    """
    from faceshot.batch import Batch, jobs_of, manifest_text
    from faceshot.provenance import unsigned

    rows, base = _rows(inputs or [], motion or [])
    if make:
        common.give({"rows": [dict(row.cells) for row in rows]}, [manifest_text(rows).rstrip("\n")])
        return
    if output is None:
        raise UsageError("where to? For example: faceshot batch list.csv -o videos")
    jobs = jobs_of(rows, output, base=base, defaults=parse_pairs(set_ or [], "--set"))
    jobs = _chosen(jobs, output, retry_failed, limit, common.seed if shuffle else None)
    run = Batch(jobs, output, seed=common.seed, preset=preset, overwrite=common.overwrite)
    count = workers or _default_workers(common.device)
    if dry_run:
        _tell_estimate(run, count, common)
        return
    same = ("device", "dtype", "seed", "offline", "cache_dir", "low_vram")
    settings = {"preset": preset, "galleries": tuple(gallery or ()), **{name: getattr(common, name) for name in same}}
    place = (store or _default_store(common.cache_dir), output / ".faceshot-batch")
    with unsigned(off=no_provenance):
        report = run.run(_executor(executor, count, gpus_per_worker, place, settings))
    made = sum(outcome.status != "failed" for outcome in run.outcomes.values())
    result = {"report": str(report), "videos": made, "failed": run.failed, **run.computed}
    common.give(result, [str(report)])
    if no_provenance:
        common.say(f"the videos are {UNSIGNED}")
    common.say(f"{made} of {len(jobs)} videos are there, {run.failed} failed; {_computed(run)}")
    if run.failed:
        raise typer.Exit(1)


def _computed(run: Batch) -> str:
    return f"{run.computed['match']} pictures matched, {run.computed['drive']} clips driven"


def _rows(inputs: list[str], motions: list[str]) -> tuple[list[Row], Path]:
    """The rows, and what their relative paths start from."""
    from faceshot.batch import SUFFIXES, product, read_manifest

    if len(inputs) == 1 and Path(inputs[0]).suffix.lower() in SUFFIXES and not motions:
        return read_manifest(inputs[0]), Path(inputs[0]).parent
    if len(inputs) not in (1, 2):
        raise UsageError("give a list, or pictures and clips: faceshot batch list.csv, faceshot batch faces/ clips/")
    return product(inputs[0], inputs[1] if len(inputs) == 2 else None, motions), Path()


def _chosen(jobs: list[Job], output: Path, failed: bool, limit: int | None, shuffle: int | None) -> list[Job]:
    import random

    from faceshot.batch import read_report

    if failed:
        known = read_report(output)
        jobs = [job for job in jobs if known.get(job.number) == "failed"]
    if shuffle is not None:
        random.Random(shuffle).shuffle(jobs)
    return jobs[:limit]


def _tell_estimate(run: Batch, workers: int, common: Common) -> None:
    from dataclasses import asdict

    from faceshot.batch import estimate

    found = estimate(run.todo(), workers)
    common.give(
        {**asdict(found), "there": len(run.outcomes)}, [*found.lines(), f"{len(run.outcomes)} are there already"]
    )


def _default_workers(device: str) -> int:
    """One for every GPU if that is where networks run, else one for every core."""
    from faceshot.models import pick_device

    if pick_device(device).startswith("cuda"):
        import torch

        return torch.cuda.device_count()
    return os.cpu_count() or 1


def _default_store(cache_dir: Path | None) -> Path:
    from faceshot.weights import cache_folder

    return cache_folder(cache_dir) / "batch"


def _executor(name: str, workers: int, gpus: float, place: tuple[Path, Path], settings: dict[str, Any]) -> Any:
    if name == "ray":
        from faceshot.batch import Cluster

        return Cluster(workers, place, settings, gpus=gpus)
    from faceshot.batch import Local
    from faceshot.models import pick_device

    devices = []
    if settings["device"] in ("auto", "cuda") and pick_device(settings["device"]).startswith("cuda"):
        import torch

        devices = [f"cuda:{k}" for k in range(torch.cuda.device_count())]
    return Local(workers, place, settings, devices)


batch.__doc__ = f"{batch.__doc__}\n\n{CONSENT}"
