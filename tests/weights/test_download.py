"""Downloads from a hub and a web server on this machine: whole or not at all, continued, checked, explained."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faceshot.errors import InputError, MissingError
from faceshot.weights import download as weights_download
from faceshot.weights import resolve as weights
from faceshot.weights.resolve import Weight, check, fetch, find, find_folder, hub_folder, members, missing, where
from tests.hub_server import COMMIT, Hub, serving

REPO = Path(__file__).resolve().parents[2]
SETTINGS = ("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT", "FACESHOT_WEIGHTS", "TRANSFORMERS_OFFLINE")


def safetensors(values: int, seed: int = 0) -> bytes:
    """A safetensors file of so many float32 numbers."""
    data = np.random.default_rng(seed).standard_normal(values).astype("<f4").tobytes()
    header = json.dumps({"w": {"dtype": "F32", "shape": [values], "data_offsets": [0, len(data)]}}).encode()
    return len(header).to_bytes(8, "little") + header + data


BIG = safetensors(1_600_000)  # 6.4 MB
CONFIG = b'{"width": 3}'
FILES = {"owner/net/unet/big.safetensors": BIG, "owner/net/unet/config.json": CONFIG, "web/face.bin": b"f" * 300_000}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(dict(FILES)) as hub:
        yield hub


@pytest.fixture
def table(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Weight]:
    """A table of three files in an empty world whose hub is ours."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # as it was when somebody imported it
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("FACESHOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(weights_download.time, "sleep", lambda seconds: None)
    table = {
        f"net:{file}": Weight(f"net:{file}", file, "hub:owner/net", "MIT", True, "tests", group="net")
        for file in ("unet/big.safetensors", "unet/config.json")
    }
    digest = hashlib.sha256(FILES["web/face.bin"]).hexdigest()
    table["face"] = Weight("face", "face.bin", f"{hub.url}/web/face.bin", "X", False, "tests", 300_000, digest)
    monkeypatch.setattr(weights, "WEIGHTS", table)
    return table


def files_below(folder: Path) -> list[str]:
    """Names of finished files: no unfinished ones, no notes, no locks."""
    ignore = (".part", ".part.json", ".lock")
    paths = [path for path in folder.rglob("*") if path.is_file() and ".locks" not in path.parts]
    return sorted(path.name for path in paths if not path.name.endswith(ignore))


def test_hub_files_land_where_every_program_finds_them(table: dict[str, Weight], hub: Hub, tmp_path: Path) -> None:
    path = find("net", "big.safetensors")
    assert path.read_bytes() == BIG
    assert path == tmp_path / "hf/hub/models--owner--net/snapshots" / COMMIT / "unet/big.safetensors"
    from huggingface_hub import try_to_load_from_cache

    assert try_to_load_from_cache("owner/net", "unet/big.safetensors", cache_dir=tmp_path / "hf/hub") == str(path)
    bodies = [path for method, path in hub.requests if method == "GET" and "/resolve/" in path]
    assert len(bodies) == 1, "the bytes came once"
    before = len(hub.requests)
    assert find("net", "big.safetensors") == path and len(hub.requests) == before, "what is here is not asked for"


def test_a_folder_is_fetched_whole(table: dict[str, Weight]) -> None:
    folder = find_folder("net", "unet")
    assert sorted(path.name for path in folder.iterdir()) == ["big.safetensors", "config.json"]
    assert find_folder("net", offline=True) == folder.parent


def test_a_model_s_folder_is_fetched_by_patterns(table: dict[str, Weight]) -> None:
    folder = hub_folder("owner/net", ("unet/big.safetensors", "unet/*.json"))
    assert (folder / "unet" / "config.json").read_bytes() == CONFIG
    assert hub_folder("owner/net", ("unet/big.safetensors", "unet/*.json"), offline=True) == folder


def test_a_whole_repository_is_fetched_by_its_index(table: dict[str, Weight]) -> None:
    name = "all:unet/config.json"
    table.clear()
    table[name] = Weight(
        name, "unet/config.json", "hub:owner/net", "MIT", True, "tests", group="all", about=7, whole=True
    )
    assert missing("all") and weights_download.remote_bytes(members("all")) == 7
    index = fetch(name)
    assert index.read_bytes() == CONFIG and (index.parent / "big.safetensors").read_bytes() == BIG
    assert not missing("all") and where(name) == index
    assert check(name) == hashlib.sha256(CONFIG).hexdigest()  # `about` is the size of it all, not of the index


@pytest.mark.parametrize("file", ["unet/big.safetensors", "unet/config.json", "unet/*.json"])
def test_no_file_of_the_hub_is_led_astray(table: dict[str, Weight], hub: Hub, tmp_path: Path, file: str) -> None:
    """Small or large, by name or by pattern: bytes come through the opener that refuses such redirections."""
    hub.leads_to = "ftp://evil.example/file"
    with pytest.raises(MissingError, match="it leads from http to ftp, which is refused"):
        hub_folder("owner/net", (file,))
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("name", ["net:unet/big.safetensors", "face"])
def test_a_broken_connection_is_continued(table: dict[str, Weight], hub: Hub, name: str) -> None:
    hub.break_after, hub.breaks = 1 << 17, 2
    path = fetch(name)
    assert path.read_bytes() == (BIG if name.startswith("net") else FILES["web/face.bin"])
    starts = [int(value.removeprefix("bytes=").rstrip("-")) for value in hub.ranges]
    assert len(starts) == 2 and 0 < starts[0] < starts[1], "each attempt went on where the last one stopped"


@pytest.mark.parametrize("name", ["net:unet/big.safetensors", "face"])
def test_what_stays_broken_leaves_nothing_and_is_continued_later(
    table: dict[str, Weight], hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Two attempts gain 64 kB each, then the server gives nothing any more."""
    hub.break_after, hub.breaks = 1 << 16, 10**6
    pauses: list[float] = []

    def vanish(seconds: float) -> None:
        pauses.append(seconds)
        hub.break_after = 0 if len(pauses) == 2 else hub.break_after

    monkeypatch.setattr(weights_download.time, "sleep", vanish)
    with pytest.raises(MissingError, match=r"broke off after 0\.1 of|Remote end closed") as caught:
        fetch(name)
    assert "weights fetch" in str(caught.value) and "\n" not in str(caught.value)
    assert len(pauses) == 1 + weights_download.PATIENCE
    assert where(name) is None and files_below(tmp_path) == []
    hub.breaks = 0
    hub.ranges.clear()
    assert fetch(name).read_bytes() == (FILES["web/face.bin"] if name == "face" else BIG)
    assert hub.ranges == ["bytes=131072-"], "the next run continues"


def test_a_changed_file_is_not_glued_to_the_old_one(
    table: dict[str, Weight], hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.break_after, hub.breaks = 1 << 17, 1
    changed = b"g" * 300_000
    table["face"] = replace(table["face"], sha256=hashlib.sha256(changed).hexdigest())
    monkeypatch.setattr(weights_download.time, "sleep", lambda seconds: hub.files.update({"web/face.bin": changed}))
    assert fetch("face").read_bytes() == changed
    assert hub.ranges == ["bytes=131072-"], "it asked for the rest, and took the whole"


def test_a_busy_server_is_asked_again(table: dict[str, Weight], hub: Hub) -> None:
    hub.busy = 2
    assert fetch("face").read_bytes() == FILES["web/face.bin"]
    assert [method for method, _ in hub.requests] == ["GET"] * 3


@pytest.mark.parametrize("name", ["net:unet/big.safetensors", "face"])
def test_damaged_bytes_are_thrown_away(table: dict[str, Weight], hub: Hub, tmp_path: Path, name: str) -> None:
    hub.corrupt = True
    with pytest.raises(InputError, match=r"damaged|not the published"):
        fetch(name)
    assert files_below(tmp_path) == [] and where(name) is None
    assert not list(tmp_path.rglob("*.part")), "a damaged file must not be continued"
    hub.corrupt = False
    assert fetch(name).is_file()


def test_a_web_page_instead_of_a_file_is_refused(table: dict[str, Weight], hub: Hub, tmp_path: Path) -> None:
    hub.files["owner/net/unet/config.json"] = b"<!DOCTYPE html><title>Sign in</title>"
    with pytest.raises(InputError, match="no JSON"):
        find("net", "config.json")
    assert where("net:unet/config.json") is None


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"gated": True}, r"accept its licence at http://127\.0\.0\.1:\d+/owner/net, then sign in"),
        ({"files": {}}, "the download failed"),
        ({"url": ""}, r"\(http://127\.0\.0\.1:9 cannot be reached\)"),
    ],
    ids=["gated", "withdrawn", "no server"],
)
def test_refusals_are_explained(
    table: dict[str, Weight], hub: Hub, monkeypatch: pytest.MonkeyPatch, fault: dict, message: str
) -> None:
    for key, value in fault.items():
        setattr(hub, key, value)
    if "url" in fault:
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for attempt in (
        lambda: find("net", "big.safetensors"),
        lambda: find("net", "config.json"),
        lambda: hub_folder("owner/net", ("unet/config.json",)),
    ):
        with pytest.raises(MissingError, match=message) as caught:
            attempt()
        text = str(caught.value)
        assert text.endswith("run: faceshot weights fetch net") and "\n" not in text and len(text) < 400
        assert "owner/net" in text


def _script(tmp_path: Path, hub: Hub) -> tuple[list[str], dict[str, str]]:
    """The command line in a process of its own, with our table in place of the published one."""
    code = (
        "import sys; from faceshot.weights import resolve as weights; from faceshot.weights.resolve import Weight\n"
        "weights.WEIGHTS = {f'net:{file}': Weight(f'net:{file}', file, 'hub:owner/net', 'MIT', True, 'tests', "
        "group='net') for file in ('unet/big.safetensors', 'unet/config.json')}\n"
        "from faceshot.cli.app import main; sys.exit(main(sys.argv[1:]))"
    )
    environment = {key: value for key, value in os.environ.items() if key not in SETTINGS}
    environment |= {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.url, "FACESHOT_CACHE": str(tmp_path / "c")}
    return [sys.executable, "-c", code], environment


def test_the_environment_rules(hub: Hub, tmp_path: Path) -> None:
    """HF_HOME, HF_ENDPOINT, HF_HUB_CACHE and HF_HUB_OFFLINE, in processes of their own."""
    command, environment = _script(tmp_path, hub)

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        given = {**environment, **more}
        return subprocess.run([*command, *arguments], capture_output=True, text=True, env=given, cwd=REPO)

    offline = run("weights", "fetch", "net", HF_HUB_OFFLINE="1")
    assert offline.returncode == 1 and "downloads are off" in offline.stderr and hub.requests == []
    done = run("weights", "fetch", "net")
    assert done.returncode == 0, done.stderr
    assert "licence MIT (commercial use allowed)" in done.stderr and "fetching 2 files, 6.4 MB" in done.stderr
    assert len(list((tmp_path / "home/hub/models--owner--net/snapshots").rglob("*.safetensors"))) == 1
    assert all(Path(line).is_file() for line in done.stdout.splitlines())
    elsewhere = run("weights", "where", "net", HF_HUB_CACHE=str(tmp_path / "other"))
    assert elsewhere.returncode == 1 and "2 files of net are not on this machine" in elsewhere.stderr
    assert run("weights", "where", "net", HF_HUB_OFFLINE="1").returncode == 0
    checked = run("weights", "check", "net")
    assert checked.returncode == 0 and hashlib.sha256(BIG).hexdigest() in checked.stdout


def test_an_interrupted_fetch_leaves_nothing_and_goes_on(hub: Hub, tmp_path: Path) -> None:
    command, environment = _script(tmp_path, hub)
    hub.slow = 0.05
    command += ["weights", "fetch", "net"]
    process = subprocess.Popen(command, env=environment, cwd=REPO, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not any(part.stat().st_size > 1 << 20 for part in (tmp_path / "home").rglob("*.part")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert process.stderr is not None and b"interrupted" in process.stderr.read()
    process.stderr.close()
    assert not list((tmp_path / "home").rglob("*.safetensors")) and not hub.ranges
    hub.slow = 0
    subprocess.run(command, env=environment, cwd=REPO, check=True, capture_output=True)
    assert [path.read_bytes() for path in (tmp_path / "home").rglob("*.safetensors")] == [BIG]
    assert len(hub.ranges) == 1 and int(hub.ranges[0][6:-1]) >= 1 << 20


def test_two_processes_do_not_fetch_the_same_file_at_once(hub: Hub, tmp_path: Path) -> None:
    command, environment = _script(tmp_path, hub)
    hub.slow = 0.02
    command += ["weights", "fetch", "net", "--quiet"]
    running = [subprocess.Popen(command, env=environment, cwd=REPO, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert [path.read_bytes() for path in (tmp_path / "home").rglob("*.safetensors")] == [BIG]
    bodies = [path for method, path in hub.requests if method == "GET" and path.endswith("big.safetensors")]
    assert len(bodies) == 1
