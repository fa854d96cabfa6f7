"""One picture or many: what is finished is skipped, what fails is named, the rest is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from faceshot.cli.typed.options import Common
from faceshot.errors import FaceShotError, InputError, MissingError


@dataclass(frozen=True)
class Task:
    """One picture and where its result goes; ``stem`` begins the names of drawings."""

    picture: Path
    output: Path
    stem: Path


def tasks_of(pictures: Iterable[Path], output: Callable[[Path], Path]) -> list[Task]:
    """Every picture with its result; ``cat.png`` beside ``cat.jpg`` become ``cat.png.json`` and ``cat.jpg.json``.

    Raises:
        InputError: two pictures of one name would share a result.
    """
    tasks: dict[Path, Task] = {}
    pictures = list(pictures)
    counts = Counter(str(output(path)).lower() for path in pictures)  # some file systems see no difference in case
    for path in pictures:
        target = output(path)
        shared = counts[str(target).lower()] > 1 and target.name.startswith(path.stem)
        stem = path.name if shared else path.stem
        if shared:
            target = target.with_name(path.name + target.name[len(path.stem) :])
        if target in tasks:
            raise InputError(f"{tasks[target].picture} and {path} would both become {target}; rename one of them")
        tasks[target] = Task(path, target, target.with_name(stem))
    return list(tasks.values())


def unfinished(tasks: Sequence[Task], skip: bool, common: Common) -> list[Task]:
    """The tasks to do; with ``skip`` those whose result is there are left out.

    Raises:
        InputError: results of several pictures are there, and nothing says what to do about them.
    """
    there = [task for task in tasks if task.output.exists() and not task.output.is_dir()]
    there += [task for task in tasks if task.output.is_dir() and any(task.output.iterdir())]
    if skip:
        if there:
            common.say(f"{len(there)} of {len(tasks)} are finished, skipped")
        return [task for task in tasks if task not in there]
    if there and len(tasks) > 1 and not common.overwrite:
        raise InputError(
            f"{len(there)} of {len(tasks)} results exist, the first is {there[0].output}; "
            "use --skip-existing, --overwrite or another folder"
        )
    return list(tasks)


def run_all(
    tasks: Sequence[Task],
    work: Callable[[Task], tuple[dict[str, Any], list[str]]],
    common: Common,
    *,
    alone: bool,
    label: str,
    done_word: str,
) -> None:
    """Do every task and give the results; ``work`` returns what ``--json`` and what plain output say of one.

    The error of a picture that was ``alone`` goes to the caller. Of several, those that fail are named, and the exit
    code is 1 in the end; what is missing on this machine would be missing for all, so it ends the run.
    """
    from faceshot.progress import progress

    done: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for task in progress(tasks, label, total=len(tasks), unit="picture"):
        try:
            result, lines = work(task)
        except (FaceShotError, OSError) as error:
            if alone or (isinstance(error, MissingError) and not done):
                raise
            failed.append({"picture": str(task.picture), "error": str(error)})
            named = "" if task.picture.name in str(error) else f"{task.picture}: "
            typer.echo(f"error: {named}{' '.join(str(error).split())}", err=True)
            continue
        done.append(result)
        if not common.as_json:
            for line in lines:
                typer.echo(line)
    if common.as_json:
        common.give({"results": done, "failed": failed}, ())
    if failed:
        typer.echo(f"{len(done)} of {len(tasks)} pictures {done_word}, {len(failed)} failed", err=True)
        raise typer.Exit(1)
