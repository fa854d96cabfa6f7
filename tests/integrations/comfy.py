"""ComfyUI as far as the pack needs it: a stand-in of its modules that records what it is given, and loads the pack.

Schema classes take what those of ``comfy_api.latest`` take (checked against a copy of it where one is installed, see
test_comfyui.py); folders are real, the server is not there.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

PACK = Path(__file__).resolve().parents[2] / "integrations" / "comfyui"
NAME = "faceshot_comfyui"
#: Inputs that are widgets in the node, not only sockets.
WIDGETS = ("INT", "FLOAT", "BOOLEAN", "STRING", "COMBO")


class Interrupted(Exception):
    """As ``comfy.model_management.InterruptProcessingException``."""


class _Type:
    def __init__(self, name: str) -> None:
        self.name = name

    def Input(self, id: str, **settings: Any) -> Any:
        return SimpleNamespace(id=id, type=self.name, settings=settings, optional=settings.get("optional", False))

    def Output(self, id: str, **settings: Any) -> Any:
        return SimpleNamespace(id=id, type=self.name, settings=settings)


class _Output(tuple[Any, ...]):
    ui: Any


def _node_output(*values: Any, ui: Any = None) -> _Output:
    out = _Output(values)
    out.ui = ui
    return out


class Host:
    """Where files are, how far the bars went, and whether somebody pressed Cancel.

    Args:
        folder: in which the input, output and temp folders are made.
    """

    def __init__(self, folder: Path) -> None:
        self.input, self.output, self.temp = (folder / name for name in ("input", "output", "temp"))
        for place in (self.input, self.output, self.temp):
            place.mkdir(parents=True, exist_ok=True)
        self.bars: list[list[int]] = []
        self.cancelled = False

    def modules(self) -> dict[str, ModuleType]:
        """By name, what ComfyUI has on its path."""
        plain = ("Image", "Mask", "Int", "Float", "Boolean", "String", "Combo", "Video", "Audio")
        io = SimpleNamespace(
            Custom=_Type, ComfyNode=object, NodeOutput=_node_output, NumberDisplay=SimpleNamespace(slider="slider"),
            Schema=_schema, **{name: _Type(name.upper()) for name in plain},
        )  # fmt: skip
        return {
            "comfy_api": _module("comfy_api"),
            "comfy_api.latest": _module("comfy_api.latest", io=io, ComfyExtension=object),
            "comfy": _module("comfy"),
            "comfy.model_management": _module(
                "comfy.model_management", throw_exception_if_processing_interrupted=self._throw,
                get_torch_device=lambda: "cpu", unload_all_models=lambda: None,
            ),
            "comfy.utils": _module("comfy.utils", ProgressBar=self._bar),
            "folder_paths": _module(
                "folder_paths", get_annotated_filepath=self._annotated, get_output_directory=lambda: str(self.output),
                get_temp_directory=lambda: str(self.temp), get_save_image_path=self._save_path,
            ),
        }  # fmt: skip

    def _throw(self) -> None:
        if self.cancelled:
            self.cancelled = False  # as ComfyUI does
            raise Interrupted

    def _bar(self, total: int) -> Any:
        self.bars.append([0, total])
        bar = self.bars[-1]
        return SimpleNamespace(update_absolute=lambda done, total: bar.__setitem__(0, done))

    def _annotated(self, name: str) -> str:
        found = re.fullmatch(r"(.*) \[(input|output|temp)\]", name)
        return str(getattr(self, found[2]) / found[1] if found else self.input / name)

    def _save_path(self, prefix: str, folder: str) -> tuple[str, str, int, str, str]:
        place, name = Path(folder) / Path(prefix).parent, Path(prefix).name
        place.mkdir(parents=True, exist_ok=True)
        taken = [re.match(rf"{re.escape(name)}_(\d+)", one.name) for one in place.iterdir()]
        return (
            str(place),
            name,
            max([int(one[1]) for one in taken if one], default=0) + 1,
            str(Path(prefix).parent),
            prefix,
        )


def _schema(**given: Any) -> Any:
    return SimpleNamespace(**{"outputs": [], "is_output_node": False, **given})


def _module(name: str, **holds: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(holds)
    return module


@contextmanager
def loaded(host: Host) -> Iterator[dict[str, Any]]:
    """Node id -> class, loaded as ComfyUI does it; afterwards nothing of it is left."""
    before = dict(sys.modules)
    sys.modules.update(host.modules())
    try:
        yield nodes_of(load())
    finally:
        for name in [
            name for name in sys.modules if name.split(".")[0] in (NAME, "comfy", "comfy_api", "folder_paths")
        ]:
            del sys.modules[name]
        sys.modules.update({name: module for name, module in before.items() if name not in sys.modules})


def load() -> Any:
    """The pack as a module, from its folder."""
    spec = importlib.util.spec_from_file_location(NAME, PACK / "__init__.py", submodule_search_locations=[str(PACK)])
    assert spec is not None and spec.loader is not None
    pack = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = pack
    spec.loader.exec_module(pack)
    return pack


def nodes_of(pack: Any) -> dict[str, Any]:
    """What its entry point gives."""
    extension = asyncio.run(pack.comfy_entrypoint())
    asyncio.run(extension.on_load())
    return {one.define_schema().node_id: one for one in asyncio.run(extension.get_node_list())}
