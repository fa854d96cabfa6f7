"""What other people's programs and fingers rely on, as a list: a change of it is a decision, not an accident.

``python tests/test_api_surface.py`` writes ``tests/api_surface.json`` anew.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import typer

import faceshot
import faceshot.backends
import faceshot.hooks
import faceshot.testing
import faceshot.types
import faceshot.video
from faceshot.cli.app import app

FILE = Path(__file__).with_name("api_surface.json")
DOORS = (faceshot, faceshot.backends, faceshot.hooks, faceshot.testing, faceshot.types, faceshot.video)


def _members(thing: Any) -> list[str]:
    """Public members and constructor parameters of a class, parameters of a function."""
    named = [] if getattr(thing, "_is_protocol", False) else [thing]
    names = {f"({name})" for one in named for name in _parameters(one)}
    if inspect.isclass(thing):
        own = [kind for kind in thing.__mro__ if kind.__module__.startswith("faceshot")]
        found = {name for kind in own for name in (*vars(kind), *getattr(kind, "__annotations__", {}))}
        public = {name for name in found if not name.startswith("_")}
        methods = {name: vars(thing)[name] for name in public if inspect.isfunction(vars(thing).get(name))}
        names |= public | {f"{name}({one})" for name, method in methods.items() for one in _parameters(method)[1:]}
    return sorted(names)


def _parameters(thing: Any) -> list[str]:
    try:
        return list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return []


def _commands(group: Any, way: str) -> dict[str, list[str]]:
    found = {}
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            found.update(_commands(command, f"{way} {name}"))
        else:
            flags = [flag for each in command.params for flag in (*each.opts, *each.secondary_opts)]
            found[f"{way} {name}"] = sorted(flags)
    return found


def surface() -> dict[str, Any]:
    """Names of the modules for other people, what they have, and the commands with their options."""
    python = {}
    for module in DOORS:
        for name in sorted(module.__all__):
            thing = getattr(module, name)
            python[f"{module.__name__}.{name}"] = _members(thing) if callable(thing) else []
    return {"python": python, "commands": _commands(typer.main.get_command(app), "faceshot")}


def test_the_public_names_are_those_listed() -> None:
    listed, found = json.loads(FILE.read_text(encoding="utf-8")), json.loads(json.dumps(surface()))
    for part in ("python", "commands"):
        gone = [name for name in listed[part] if name not in found[part]]
        gone += [
            f"{key}: {name}" for key in found[part] for name in set(listed[part].get(key, ())) - {*found[part][key]}
        ]
        assert not gone, (
            f"{sorted(gone)} gone from the public surface: say so in CHANGELOG.md, then run {Path(__file__).name}"
        )
    assert found == listed, f"the public surface has grown: python tests/{Path(__file__).name} lists it"


def test_the_list_would_notice() -> None:
    """A name removed from a class, a function or a command changes what is compared."""
    found = surface()
    assert "(strict)" not in found["python"]["faceshot.FaceShot"] and "match" in found["python"]["faceshot.FaceShot"]
    assert "xy" in found["python"]["faceshot.Landmarks"] and "(picture)" in found["python"]["faceshot.match"]
    assert {"--driving", "-d", "--skip-existing", "picture"} <= set(found["commands"]["faceshot animate"])


if __name__ == "__main__":
    FILE.write_text(json.dumps(surface(), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{FILE} written\n")
