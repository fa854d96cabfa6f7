"""What ComfyUI's server answers, as far as its page and our extension ask."""

from __future__ import annotations

import json
import mimetypes
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.integrations.comfy import PACK, Host
from tests.integrations.workflows import AFTER, Schemas

Answer = tuple[bytes, str] | None


@contextmanager
def serving(host: Host, texts: Mapping[str, str], other: Callable[[str], Answer] = lambda path: None) -> Iterator[str]:
    """The address of a server of our extension, the editor, the host's pictures, and ``texts`` by path.

    Paths are without ``/api``; what is in none of these is asked of ``other``.
    """
    from faceshot_comfyui.host import editor_module

    known = {**texts, "/faceshot/editor.js": editor_module(),
             "/extensions/faceshot/faceshot.js": (PACK / "web" / "faceshot.js").read_text("utf-8")}  # fmt: skip

    def answer(address: str) -> Answer:
        where = urlsplit(address)
        path = where.path.removeprefix("/api")
        if path == "/view":
            asked = parse_qs(where.query)
            file = getattr(host, asked["type"][0]) / asked["filename"][0]
            return file.read_bytes(), mimetypes.guess_type(file.name)[0] or ""
        if path in known:
            kind = mimetypes.guess_type(path)[0] or ("text/html" if path == "/" else "application/json")
            return known[path].encode(), kind
        return other(path)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            found = answer(self.path)
            if found is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", found[1])
            self.end_headers()
            self.wfile.write(found[0])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def object_info(nodes: dict[str, Any], host: Host) -> dict[str, Any]:
    """All nodes as ComfyUI tells its page of them."""
    schemas, told = Schemas(nodes), {}
    for name, inputs in schemas.inputs.items():
        sorted_in: dict[str, dict[str, Any]] = {"required": {}, "optional": {}}
        for key, one in inputs.items():
            settings = {**one.settings, **({} if one.default is None else {"default": one.default})}
            if one.type == "COMBO":
                settings.setdefault("options", [one.default])
            if (name, key) == ("KSampler", "seed"):
                settings["control_after_generate"] = True
            elif (name, key) in AFTER:
                settings |= {
                    f"{key.replace('file', 'video')}_upload": True,
                    "options": [p.name for p in host.input.iterdir()],
                }
            sorted_in["optional" if one.optional else "required"][key] = [one.type, settings]
        schema = nodes[name].define_schema() if name in nodes else None
        outputs = schemas.outputs[name]
        told[name] = {
            "name": name, "display_name": schema.display_name if schema else name, "description": "",
            "category": schema.category if schema else "core", "python_module": "nodes",
            "output_node": schema.is_output_node if schema else name.startswith(("Save", "Preview")),
            "input": sorted_in, "input_order": {kind: list(those) for kind, those in sorted_in.items()},
            "output": [kind for _, kind in outputs], "output_name": [key for key, _ in outputs],
            "output_is_list": [False] * len(outputs),
        }  # fmt: skip
    return told


def server_state(nodes: dict[str, Any], host: Host, drawn_by: str = "canvas") -> dict[str, str]:
    """What the page asks for at its start, by path; ``drawn_by`` is who draws nodes, ``canvas`` or ``vue``."""
    system = {
        "os": "posix",
        "comfyui_version": "0.37.0",
        "python_version": "3.11",
        "argv": [],
        "ram_total": 1,
        "ram_free": 1,
    }
    settings = {"Comfy.TutorialCompleted": True, "Comfy.VueNodes.Enabled": drawn_by == "vue"}
    state: dict[str, Any] = {
        "/object_info": object_info(nodes, host), "/extensions": ["/extensions/faceshot/faceshot.js"],
        "/settings": settings, "/users": {"storage": "server", "migrated": True},
        "/system_stats": {"system": system, "devices": []}, "/queue": {"queue_running": [], "queue_pending": []},
        "/prompt": {"exec_info": {"queue_remaining": 0}}, "/jobs": {"jobs": [], "pagination": {"total": 0}},
        **{path: {} for path in ("/history", "/i18n", "/features", "/workflow_templates", "/global_subgraphs")},
        **{path: [] for path in ("/userdata", "/embeddings", "/experiment/models", "/models")},
    }  # fmt: skip
    return {path: json.dumps(value) for path, value in state.items()}
