"""What the nodes ask of ComfyUI: its progress bar and interruption, its folders, its device, its server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def watched() -> Iterator[None]:
    """ComfyUI's bar follows FaceShot's progress, and its interruption ends the work."""
    from comfy.model_management import throw_exception_if_processing_interrupted
    from comfy.utils import ProgressBar

    from faceshot.progress import watcher

    bars: dict[str, Any] = {}
    stopped: list[BaseException] = []

    def tell(label: str, done: int, total: int | None) -> None:
        try:
            throw_exception_if_processing_interrupted()
        except BaseException as error:
            stopped.append(error)
            raise
        if total:
            if label not in bars:
                bars[label] = ProgressBar(total)
            bars[label].update_absolute(done, total)

    token = watcher.set(tell)
    try:
        yield
    except Exception:
        if stopped:  # whatever became of it on its way through a backend
            raise stopped[0] from None
        raise
    finally:
        watcher.reset(token)


def device() -> str:
    """Where ComfyUI computes: ``cpu``, ``cuda:0``, ``mps``."""
    from comfy.model_management import get_torch_device

    return str(get_torch_device())


def make_room() -> None:
    """ComfyUI's own models leave the device."""
    from comfy.model_management import unload_all_models

    unload_all_models()


def existing(name: str) -> Path:
    """A file by ComfyUI's name for it: of the input folder, or ``NAME [output]``, ``NAME [temp]``."""
    from folder_paths import get_annotated_filepath

    return Path(get_annotated_filepath(name))


def new_file(prefix: str, suffix: str) -> Path:
    """A file of the output folder that is not there yet, counted as Save Image counts."""
    from folder_paths import get_output_directory, get_save_image_path

    folder, name, counter, _, _ = get_save_image_path(prefix, get_output_directory())
    taken = sorted(Path(folder).glob(f"{name}_*{suffix}"))
    while (path := Path(folder) / f"{name}_{counter:05}_{suffix}") in taken:
        counter += 1
    return path


def saved(path: Path) -> dict[str, Any]:
    """A file of the output folder, as the page plays it."""
    from folder_paths import get_output_directory

    inside = path.parent.relative_to(get_output_directory()).as_posix()
    entry = {"filename": path.name, "subfolder": "" if inside == "." else inside, "type": "output"}
    return {"images": [entry], "animated": (True,)}


def shown(rgb: Any) -> dict[str, str]:
    """A picture in the temp folder, as the page asks for it."""
    import secrets

    from folder_paths import get_temp_directory
    from PIL import Image

    folder = Path(get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    name = f"faceshot_{secrets.token_hex(8)}.jpg"
    Image.fromarray(rgb[..., :3]).save(folder / name, quality=90)
    return {"filename": name, "subfolder": "", "type": "temp"}


def serve_editor() -> None:
    """Let the page import ``/faceshot/editor.js``; without a server there is no page."""
    try:
        from aiohttp import web
        from server import PromptServer
    except ImportError:
        return

    async def editor(_: Any) -> Any:
        return web.Response(text=editor_module(), content_type="text/javascript")

    PromptServer.instance.routes.get("/faceshot/editor.js")(editor)


def editor_module() -> str:
    """The landmark editor of FaceShot's page as a module: template, style, vocabulary, and a function that opens it."""
    import json

    from faceshot.demo import editor_parts

    parts = editor_parts()
    script = parts.pop("script")
    values = "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in parts.items())
    return f"{values}export function open(element, props, trigger, watch) {{\n{script}\n}}\n"
