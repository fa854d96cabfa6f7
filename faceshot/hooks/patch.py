"""``with patched("face_alignment"):`` puts a drop-in in the place of a library, for code that cannot be edited."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import FunctionType, ModuleType
from typing import Any

from faceshot.errors import UsageError

#: What :func:`patched` takes; for each there is a module of this package.
LIBRARIES = ("aniportrait", "dlib", "face_alignment", "facexlib", "insightface", "liveportrait", "mediapipe")
#: What a library raises that is installed but broken here.
_BROKEN = (ImportError, RuntimeError, OSError, AttributeError)
_ABSENT: Any = object()


@contextmanager
def patched(*libraries: str) -> Iterator[None]:
    """Within the block the libraries' detectors are ours, for every module, loaded before or meanwhile.

    A library that is installed is kept, and only what finds faces in it is replaced, wherever a module has it by name.
    In the place of one that is not installed, or cannot be imported here, stands a module with what we have. Afterwards
    everything is as before; objects made meanwhile stay ours. Not for several threads at once.

    Raises:
        UsageError: a library there is no drop-in for.
    """
    unknown = [name for name in libraries if name not in LIBRARIES]
    if unknown or not libraries:
        what = f"there is no drop-in for {unknown[0]!r}" if unknown else "name a library"
        raise UsageError(f"{what}; known: {', '.join(LIBRARIES)}")
    with ExitStack() as undo:
        for library in libraries:
            hook = import_module(f"faceshot.hooks.{library}")
            for place in sorted({*hook.REPLACED, *hook.COMPLETED}):
                if (module := _module(place, place in hook.COMPLETED, undo)) is None:
                    continue
                for name in hook.REPLACED.get(place, ()):
                    _put(module, name, getattr(hook, name), undo)
                for name in hook.COMPLETED.get(place, ()):
                    if not hasattr(module, name):
                        _put(module, name, getattr(hook, name), undo)
        yield


def _module(place: str, complete: bool, undo: ExitStack) -> ModuleType | None:
    """The module at ``place``: the real one, else an empty one; None where a library has none and needs none."""
    root = place.split(".")[0]
    real = _usable(root)
    if real or place in sys.modules:
        try:
            return import_module(place)
        except _BROKEN:
            if real and not complete:
                return None
    module = ModuleType(place, "Stands in for a library that is not installed, see faceshot.hooks.")
    module.__spec__ = ModuleSpec(place, None, is_package=True)
    module.__path__ = []
    _swap(sys.modules, place, module, undo)
    if not real and root not in _standing_in:
        _standing_in.add(root)
        undo.callback(_standing_in.discard, root)
    parent, _, name = place.rpartition(".")
    above = _module(parent, True, undo) if parent else None
    if above is not None:
        _swap(vars(above), name, module, undo)
    return module


#: Libraries in whose place an empty module stands.
_standing_in: set[str] = set()


def _usable(root: str) -> bool:
    """Whether a library is installed and can be imported here."""
    if root in _standing_in:
        return False
    try:
        if root not in sys.modules and find_spec(root) is None:
            return False
        import_module(root)
    except _BROKEN:
        return False
    return True


def _put(module: ModuleType, name: str, ours: Any, undo: ExitStack) -> None:
    """Set a name of a module, and every other name that the same object has in a loaded module."""
    old = vars(module).get(name, _ABSENT)
    _swap(vars(module), name, ours, undo)
    if not isinstance(old, type | FunctionType) and not callable(old):
        return
    for other, key in _named(old):
        other[key] = ours
    undo.callback(_give_back, ours, old)


def _give_back(ours: Any, old: Any) -> None:
    """Modules that took our object's name, before or meanwhile, get the library's own back."""
    for names, key in _named(ours):
        names[key] = old


def _named(value: Any) -> list[tuple[dict[str, Any], str]]:
    """Where loaded modules, but ours, have an object under a name."""
    found = []
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and not name.startswith("faceshot."):
            found += [(vars(module), key) for key, held in list(vars(module).items()) if held is value]
    return found


def _swap(names: Any, key: str, value: Any, undo: ExitStack) -> None:
    """Set an entry, and note how to undo it."""
    old = names.get(key, _ABSENT)
    names[key] = value
    back: Callable[[], Any] = (lambda: names.pop(key, None)) if old is _ABSENT else (lambda: names.update({key: old}))
    undo.callback(back)
