"""The rules of the layout: who may import whom, what stays cheap to import, where index lists live."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import faceshot

REPO = Path(__file__).resolve().parents[1]
CORE = REPO / "faceshot"

#: The storeys of the core, from the ground up; a package imports packages of lower storeys only.
STOREYS: tuple[str, ...] = (
    "errors lazy version",
    "opencv output progress reading threads",
    "landmarks provenance",
    "weights",
    "media models retargeting",
    "facemesh features formats tracking",
    "gallery",
    "matching",
    "driving",
    "pipeline",
    "rendering",
    "backends batch demo doctor export hooks live sheet testing types video",
    "verify",
    "cli",
    "__main__",
)
STOREY = {name: floor for floor, names in enumerate(STOREYS) for name in names.split()}
#: Importable from anywhere: it is the vocabulary of indices.
TOPOLOGY = "faceshot.landmarks.topology"
HEAVY = ("torch", "cv2", "diffusers", "scipy", "av", "transformers", "PIL", "gradio")
MOST_FILES, MOST_LINES, MOST_FUNCTION, P95_FUNCTION = 15, 400, 80, 60


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _imports(path: Path) -> Iterator[str]:
    """Absolute names of everything ``path`` imports, inside functions too."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _absolute(path: Path) -> Iterator[str]:
    """Absolute imports only: ComfyUI loads a pack under a name of its own, so it imports itself relatively."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _core_modules() -> list[Path]:
    return sorted(path for path in CORE.rglob("*.py") if path != CORE / "__init__.py")


def _place(path: Path) -> str:
    """The package of the core that holds ``path``, or the name of a file on the ground floor."""
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def _packages(folder: str) -> list[Path]:
    return sorted(path.parent for path in (REPO / folder).glob("*/__init__.py"))


def _modules() -> dict[str, Path]:
    """Every module of the repository that is installed, by its dotted name."""
    found = {}
    for root in (REPO, REPO / "adapters", REPO / "gallery"):
        for package in root.glob("faceshot*/__init__.py"):
            for path in package.parent.rglob("*.py"):
                found[".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


@pytest.mark.parametrize("path", _core_modules(), ids=lambda path: str(path.relative_to(CORE).with_suffix("")))
def test_a_package_imports_lower_storeys_only_and_by_their_doors(path: Path) -> None:
    ours = _place(path)
    assert ours in STOREY, f"put {ours} into STOREYS of tests/test_architecture.py"
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] != "faceshot" or len(parts) < 2 or parts[1] == ours:
            continue
        theirs = parts[1]
        assert theirs in STOREY, f"{path.name} imports {name}; import from the module that owns the name"
        assert STOREY[theirs] < STOREY[ours], f"{ours}/{path.name} imports {theirs} from above or beside"
        public = ours in ("backends", "types", "video")  # doors for other people's programs
        inner = len(parts) == 4 and not name.startswith(TOPOLOGY)
        assert public or not inner, (
            f"{ours}/{path.name} reaches into {theirs}: import {parts[-1]} from faceshot.{theirs}"
        )


def test_the_storeys_name_what_is_there() -> None:
    assert set(STOREY) == {_place(path) for path in _core_modules()}


@pytest.mark.parametrize("folder", ["adapters", "gallery", "benchmarks", "examples", "integrations"])
def test_nobody_else_reaches_into_a_package(folder: str) -> None:
    for path in (REPO / folder).rglob("*.py"):
        for name in _imports(path) if folder != "integrations" else _absolute(path):
            inner = name.startswith("faceshot.") and name.count(".") == 3 and not name.startswith(TOPOLOGY)
            assert not inner, f"{path.relative_to(REPO)} imports {name}; import it from the package"


@pytest.mark.parametrize("package", sorted(path.parent for path in CORE.glob("*/__init__.py")), ids=lambda p: p.name)
def test_a_package_hands_on_what_its_type_checking_block_says(package: Path) -> None:
    """The names for type checkers and those handed on while running are written twice; they must agree."""
    module = importlib.import_module(f"faceshot.{package.name}")
    typed = {}
    for node in ast.walk(_tree(package / "__init__.py")):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"faceshot.{package.name}."):
            typed.update({alias.asname or alias.name: node.module for alias in node.names})
    files = {path.stem for path in package.glob("*.py")}
    assert package.name == "cli" or typed
    assert not files & set(typed), "a name handed on hides a file of the package"
    assert set(typed) == set(getattr(module, "__all__", ()))
    for name, owner in typed.items():
        assert getattr(module, name) is getattr(importlib.import_module(str(owner)), name)


def test_no_circle_of_imports() -> None:
    """Over the core, the adapters and the gallery; in the core, imports for type checkers are left out."""
    modules = _modules()
    arrows: dict[str, set[str]] = {}
    for name, path in modules.items():
        core = name.split(".")[0] == "faceshot"
        body = [
            node
            for node in _tree(path).body
            if not (core and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node))
        ]
        taken: set[str] = set()
        for node in (inner for statement in body for inner in ast.walk(statement)):
            if isinstance(node, ast.Import):
                taken |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                whole = {f"{node.module}.{alias.name}" for alias in node.names}
                taken |= {one if one in modules else str(node.module) for one in whole}
        arrows[name] = {one for one in taken if one in modules and one != name}
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, "circle: " + " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for other in sorted(arrows[name]):
                walk(other, (*way, name))
            done.add(name)

    for name in sorted(arrows):
        walk(name, ())


def test_the_house_stays_readable() -> None:
    """Files per folder, lines per file, lines per function."""
    for folder, files in Counter(path.parent for path in _modules().values()).items():
        assert files <= MOST_FILES, f"{folder.relative_to(REPO)}/ holds {files} files; at most {MOST_FILES}"
    lengths = []
    for path in _modules().values():
        lines = path.read_text(encoding="utf-8").count("\n")
        assert lines <= MOST_LINES, f"{path.relative_to(REPO)} has {lines} lines; at most {MOST_LINES}"
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef):
                lengths.append((node.end_lineno or node.lineno) - node.lineno + 1)
                assert lengths[-1] <= MOST_FUNCTION, (
                    f"{path.name}:{node.lineno} {node.name} is {lengths[-1]} lines long"
                )
    lengths.sort()
    assert lengths[int(0.95 * len(lengths))] < P95_FUNCTION


def test_the_core_imports_no_adapter() -> None:
    adapters = {package.name for package in _packages("adapters")}
    assert "faceshot_warp" in adapters
    for path in _core_modules():
        assert not adapters & {name.split(".")[0] for name in _imports(path)}, path


@pytest.mark.parametrize("package", _packages("adapters"), ids=lambda path: path.name)
def test_adapters_do_not_import_each_other(package: Path) -> None:
    others = {other.name for other in _packages("adapters")} - {package.name}
    for path in package.rglob("*.py"):
        assert not others & {name.split(".")[0] for name in _imports(path)}, path


@pytest.mark.parametrize("module", ["faceshot", "faceshot.cli.app", "faceshot.pipeline.faceshot"])
def test_importing_stays_light(module: str) -> None:
    code = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO)
    assert done.stdout.strip() == "", f"import {module} loads {done.stdout}"


def test_help_is_instant() -> None:
    """The promise is 0.3 s on a quiet machine; processor time is that, however busy the test machine is."""
    seconds = []
    for _ in range(3):
        before = os.times()
        done = subprocess.run([sys.executable, "-m", "faceshot", "--help"], capture_output=True, text=True, cwd=REPO)
        after = os.times()
        seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
        assert done.returncode == 0 and "animate" in done.stdout
    assert 0 < min(seconds) < 0.3, f"faceshot --help takes {min(seconds):.2f} s of processor time"


def test_every_public_name_resolves() -> None:
    assert len(faceshot.__all__) <= 20
    for name in faceshot.__all__:
        assert getattr(faceshot, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = faceshot.nothing
    assert set(faceshot.__all__) == set(dir(faceshot))


def test_index_lists_live_in_topology_only() -> None:
    """A literal of five or more whole numbers between 0 and 67, all different, looks like landmark indices."""
    for path in _core_modules():
        if path.stem == "topology":
            continue
        for node in ast.walk(_tree(path)):
            if not isinstance(node, ast.Tuple | ast.List | ast.Set):
                continue
            values = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            whole = [value for value in values if type(value) is int and 0 <= value < 68]
            looks = len(whole) == len(node.elts) >= 5 and len(set(whole)) == len(whole) and max(whole) > 16
            assert not looks, f"{path.name}:{node.lineno} holds an index list; it belongs into topology.py"


def test_the_library_does_not_print_or_seed() -> None:
    forbidden = {"print", "manual_seed", "setNumThreads", "set_num_threads", "set_num_interop_threads"}
    for path in [*_core_modules(), *(REPO / "adapters").rglob("*.py")]:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name == "manual_seed" and isinstance(getattr(node.func, "value", None), ast.Name | ast.Call):
                    owner = node.func.value  # generator.manual_seed(...) is the way to seed
                    if not (isinstance(owner, ast.Name) and owner.id == "torch"):
                        continue
                if path.stem == "threads" and name == "set_num_threads":
                    continue  # in forked processes, where torch would hang otherwise
                assert name not in forbidden, f"{path.name}:{node.lineno} calls {name}"


#: What speaks to the command line only: its own notes, and commands to be typed.
_SPEAKS_FLAGS = {"doctor.py", "table.py", "hub.py", "text.py"}


def test_the_library_speaks_of_arguments_and_not_of_flags() -> None:
    """Messages write an option as the caller would, see :func:`faceshot.errors.option`; whole commands may be told."""
    flag, command = re.compile(r"(?<![\w-])--[a-z]"), re.compile(r"\b(pip|hf|faceshot [a-z]+|python -m)\b[^;]*$")
    for path in [*_core_modules(), *(REPO / "adapters").rglob("*.py")]:
        if (CORE in path.parents and _place(path) == "cli") or path.name in _SPEAKS_FLAGS:
            continue
        tree = _tree(path)
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        told |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            text = ""
            if id(node) in told:
                continue
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
                text = node.value
            for found in flag.finditer(text):
                assert command.search(text[: found.start()]), f"{path.name}:{node.lineno} speaks of flags: {text}"
