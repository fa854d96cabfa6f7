"""Tasks on a Ray cluster: actors that load their models once; only paths and outcomes travel, never frames."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceshot.batch.worker import Result, Task, Worker
from faceshot.errors import MissingError

if TYPE_CHECKING:
    import types

#: Rows of a block: a block that is lost with its actor is done again, and finds most of its rows done.
_BLOCK = 4


def require_ray() -> types.ModuleType:
    """Ray Data.

    Raises:
        MissingError: it is not installed.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingError("the executor ray needs Ray Data: pip install 'faceshot[ray]'") from error
    return ray  # type: ignore[no-any-return]


class Actor:
    """A :class:`Worker` for ``map_batches``: columns of pickled tasks in, columns of pickled results out."""

    def __init__(self, place: tuple[Path, Path], settings: Mapping[str, Any]) -> None:
        self.worker = Worker(*place, settings)

    def __call__(self, block: Mapping[str, Sequence[bytes]]) -> dict[str, list[bytes]]:
        # Both ends are processes of ours; what lies between is Ray's object store, not a file of a stranger.
        return {"result": [pickle.dumps(self.worker(pickle.loads(task))) for task in block["task"]]}


class Cluster:
    """The executor ``ray``; the cluster of ``RAY_ADDRESS`` if that is set, else one on this machine.

    Args:
        workers: actors. gpus: of each actor; 0 leaves them on the CPU. place, settings: as of :class:`Worker`; the
            folders must be the same on all machines.
    """

    def __init__(
        self, workers: int, place: tuple[Path, Path], settings: Mapping[str, Any], *, gpus: float = 0.0
    ) -> None:
        self.ray = require_ray()
        self.workers, self.gpus, self.settings = workers, gpus, dict(settings)
        self.place = (place[0].absolute(), place[1].absolute())

    def __call__(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Results as they come; what an actor was doing when it died is done again by another."""
        if not self.ray.is_initialized():
            self.ray.init(log_to_driver=False)
        data = self.ray.data
        data.DataContext.get_current().enable_progress_bars = False
        rows = data.from_items(
            [{"task": pickle.dumps(task)} for task in tasks],
            override_num_blocks=max(1, -(-len(tasks) // _BLOCK)),
        )
        found = rows.map_batches(
            Actor,
            fn_constructor_args=(self.place, self.settings),
            batch_size=_BLOCK,
            compute=data.ActorPoolStrategy(size=self.workers),
            num_cpus=1,
            num_gpus=self.gpus or None,
            ray_remote_args_fn=lambda: {"max_restarts": -1, "max_task_retries": 2},
        )
        for row in found.iter_rows():
            yield pickle.loads(row["result"])
