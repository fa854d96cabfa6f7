"""A package hands on names of its files without importing them: the file is loaded when a name is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def hand_on(
    package: str, names: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], tuple[str, ...]]:
    """``__getattr__, __dir__, __all__`` of a package (PEP 562).

    Args:
        package: its ``__name__``.
        names: file (without ``.py``, relative to the package) -> the names it gives, separated by spaces. The same
            names stand in the package's ``TYPE_CHECKING`` block for type checkers and editors; a test compares.

    A name is looked up anew each time, so that a test may replace it in the file that owns it.
    """
    owner = {name: file for file, given in names.items() for name in given.split()}

    def getattribute(name: str) -> Any:
        if name not in owner:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{owner[name]}"), name)

    public = tuple(sorted(owner))
    return getattribute, lambda: list(public), public
