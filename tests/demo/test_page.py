"""The page in a real browser: Chromium through Playwright, driven with pointer and keyboard."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest

from faceshot.demo import check_access, serve
from faceshot.errors import UsageError
from faceshot.formats import read_content, write_landmarks, write_sequence
from faceshot.landmarks import Landmarks
from faceshot.media import read_frames, read_picture, write_picture
from faceshot.pipeline import FaceShot
from tests.browser import chromium

REPO = Path(__file__).resolve().parents[2]
FOX = REPO / "examples" / "fox.png"
PATIENCE = 90_000  # ms; test machines may be busy


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fox, small enough for a busy machine."""
    path = tmp_path_factory.mktemp("pictures") / "fox.png"
    write_picture(path, read_picture(FOX).flat()[::2, ::2])
    return path


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A page being served; everything it kept is gone afterwards."""
    told: list[str] = []
    ready, until = threading.Event(), threading.Event()

    def tell(where: str) -> None:
        told.append(where)
        ready.set()

    thread = threading.Thread(target=serve, args=(FaceShot(),), kwargs={"ready": tell, "until": until})
    thread.start()
    assert ready.wait(120)
    kept = os.environ["GRADIO_TEMP_DIR"]
    yield told[0]
    until.set()
    thread.join(60)
    assert not thread.is_alive() and not Path(kept).parent.exists() and "GRADIO_TEMP_DIR" not in os.environ


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Open the page in a tab of its own; nothing may go wrong in it, and nothing may leave the machine."""
    contexts, faults = [], []

    def opened(**options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 1000}, **options})
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        own = (address, "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(own) else faults.append(f"leaves: {r.url}"))
        page.goto(address)
        page.wait_for_selector("#picture input[type=file]", state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults


def drop(page: Any, picture: Path) -> None:
    page.set_input_files("#picture input[type=file]", picture)
    page.wait_for_selector("#editor .fs-points circle")
    assert page.locator("#editor .fs-points circle").count() == 68


def place(page: Any, i: int) -> np.ndarray:
    """Where point ``i`` is in the picture."""
    circle = page.locator("#editor .fs-points circle").nth(i)
    return np.array([float(circle.get_attribute("cx")), float(circle.get_attribute("cy"))])


def screen(page: Any, at: np.ndarray) -> np.ndarray:
    """Where a place of the picture is on the screen."""
    return np.array(
        page.evaluate(
            """([x, y]) => { const s = document.querySelector('[data-fs=canvas]'), p = s.createSVGPoint();
            [p.x, p.y] = [x, y]; const q = p.matrixTransform(s.getScreenCTM()); return [q.x, q.y]; }""",
            at.tolist(),
        )
    )


def drag(page: Any, start: np.ndarray, end: np.ndarray) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*((start + end) / 2))
    page.mouse.move(*end)
    page.mouse.up()


def saved(page: Any, tmp_path: Path) -> Any:
    """The landmarks as the page's own file."""
    with page.expect_download() as download:
        page.click("[data-fs=download]")
    path = tmp_path / "saved.json"
    download.value.save_as(path)
    return read_content(path)


def test_landmarks_are_corrected_by_pointer(visit: Callable[..., Any], small: Path, tmp_path: Path) -> None:
    page = visit()
    drop(page, small)
    before = [place(page, i) for i in range(68)]
    canvas = page.locator("[data-fs=canvas]")
    canvas.scroll_into_view_if_needed()
    # 1. A point goes exactly where it is dragged, at any zoom.
    for zoom in (0, 3):
        for _ in range(zoom):
            page.mouse.move(*screen(page, place(page, 8)))
            page.mouse.wheel(0, -250)
        target = place(page, 8) + [9.25, 6.5]
        drag(page, screen(page, place(page, 8)), screen(page, target))
        assert np.abs(place(page, 8) - target).max() < 0.5
    page.click("[data-fs=fit]")
    content = saved(page, tmp_path)
    assert content.edited == (8,) and np.abs(content.xy[8] - target).max() < 0.5 and content.score is not None
    assert np.allclose(np.delete(content.xy, 8, 0), np.delete(before, 8, 0), atol=1e-3)
    # 2. Undo and redo.
    page.click("[data-fs=undo]")
    page.keyboard.press("Control+z")
    assert np.allclose(place(page, 8), before[8]) and page.locator("[data-fs=undo]").is_disabled()
    page.click("[data-fs=redo]")
    assert not np.allclose(place(page, 8), before[8])
    page.click("[data-fs=undo]")
    # 3. A part is dragged inside its outline, and put back.
    middle = np.mean(before[36:42], axis=0)
    drag(page, screen(page, middle), screen(page, middle + [12, -7]))
    moved = np.array([place(page, i) for i in range(68)]) - before
    assert np.allclose(moved[36:42], [12, -7], atol=0.5) and np.allclose(np.delete(moved, range(36, 42), 0), 0)
    page.click("[data-fs=reset]")
    assert np.allclose(place(page, 37), before[37]) and saved(page, tmp_path).edited == ()
    # 4. With the mirror on, the other side follows.
    page.click("[data-fs=mirror]")
    middle = np.mean(before[36:42], axis=0)
    drag(page, screen(page, middle), screen(page, middle + [-10, 4]))
    moved = np.array([place(page, i) for i in range(68)]) - before
    across = np.mean(before[42:48], axis=0) - middle
    across /= math.hypot(*across)
    assert np.allclose(moved[44] @ across, -(moved[37] @ across), atol=0.1) and np.hypot(*moved[44]) > 8
    page.click("[data-fs=mirror]")
    # 5. The whole face by its handles: twice as far from the middle is twice as large.
    page.click("[data-fs=undo]")
    box = [np.min(before, axis=0), np.max(before, axis=0)]
    centre = (box[0] + box[1]) / 2
    knob = page.locator("[data-handle=scale0]")
    corner = np.array([float(knob.get_attribute(k)) for k in "xy"]) + float(knob.get_attribute("width")) / 2
    drag(page, screen(page, corner), screen(page, centre + 0.8 * (corner - centre)))
    shrunk = np.array([place(page, i) for i in range(68)])
    assert np.allclose(shrunk, centre + 0.8 * (np.array(before) - centre), atol=0.6)
    # 6. A part the character lacks.
    lacking = set(saved(page, tmp_path).absent)
    page.select_option("[data-fs=part]", "nose")
    page.click("[data-fs=absent]")
    assert set(saved(page, tmp_path).absent) == lacking | {"nose"} != lacking


def test_landmarks_are_corrected_by_keyboard(visit: Callable[..., Any], small: Path, tmp_path: Path) -> None:
    page = visit()
    drop(page, small)
    before = place(page, 36), place(page, 37)
    page.locator("#editor .fs-points circle").nth(36).focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    assert "outer corner, right eye (37)" in page.locator("[data-fs=status]").inner_text()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    assert np.allclose(place(page, 36) - before[0], [-1, 10]) and np.allclose(place(page, 37) - before[1], [0, -1])
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.fs") == "undo"
    page.keyboard.press("Enter")
    assert np.allclose(place(page, 37), before[1])
    assert saved(page, tmp_path).edited == (36,)


def test_a_motion_becomes_a_video_with_all_files(visit: Callable[..., Any], small: Path, tmp_path: Path) -> None:
    page = visit()
    drop(page, small)
    page.wait_for_selector("#motions img")
    page.locator("#motions label", has_text="wink").click()
    page.get_by_label("Seconds of a built-in motion").fill("0.6")
    page.keyboard.press("Tab")
    page.click("#animate")
    page.wait_for_selector("#result video")
    names = page.locator(".fs-files a").all_inner_texts()
    assert names == ["fox.mp4", "drive.npz", "fox.landmarks.json", "fox.mp4.json", "moved.npz"]
    with page.expect_download() as download:
        page.click(".fs-files a >> nth=0")
    download.value.save_as(tmp_path / "fox.mp4")
    frames = list(read_frames(tmp_path / "fox.mp4"))
    assert len(frames) == 18 and frames[0].shape == (320, 320, 3)
    assert np.abs(frames[0].astype(int) - frames[9]).max() > 60
    page.wait_for_function("document.querySelector('#result video').readyState >= 2")
    page.get_by_label("Draw the picture before across").fill("40")
    assert "60%" in page.locator("#result .fs-before").evaluate("(image) => getComputedStyle(image).clipPath")
    page.get_by_role("button", name="Renderer").click()
    missing = page.locator("#backends label", has_text="liveportrait")
    assert missing.locator("input").is_disabled() and "faceshot weights fetch liveportrait" in missing.inner_text()
    page.get_by_role("button", name="The same on a command line").click()
    said = "faceshot animate fox.png --motion wink --seconds 0.6"
    page.wait_for_function("(said) => document.body.innerText.includes(said)", arg=said)


def test_the_face_follows_the_sliders(visit: Callable[..., Any], small: Path) -> None:
    page = visit()
    drop(page, small)
    page.wait_for_selector("#motions img")
    page.get_by_role("tab", name="By hand").click()
    frame = page.locator("#sliders img")
    still = frame.get_attribute("src")
    assert still and still.startswith("data:image/jpeg")
    page.locator("#sliders input[name=jaw]").fill("1")
    page.wait_for_function("(was) => document.querySelector('#sliders img').src !== was", arg=still)
    page.click("#sliders [data-fs=add]")
    assert "0.6 s: jaw 1" in page.locator("#sliders ol").inner_text()
    page.fill("#sliders [data-fs=name]", "shout")
    page.click("#sliders [data-fs=save]")
    page.get_by_label("Reset: mouth open").click()
    assert page.locator("#sliders input[name=jaw]").input_value() == "0"
    page.select_option("#sliders [data-fs=saved]", "shout")
    assert page.locator("#sliders input[name=jaw]").input_value() == "1"
    page.click("#animate")
    page.wait_for_selector("#result video")
    assert (
        "18 frames" not in page.locator("#result").inner_text() and "19 frames" in page.locator("#result").inner_text()
    )


def test_eyes_and_mouth_are_clicked_where_nothing_is_found(visit: Callable[..., Any], tmp_path: Path) -> None:
    wall = tmp_path / "wall.png"
    write_picture(wall, np.random.default_rng(1).integers(90, 130, (120, 160, 3), dtype=np.uint8))
    page = visit()
    drop(page, wall)
    page.wait_for_function("document.querySelector('[data-fs=status]').textContent.includes('Click both eyes')")
    page.locator("[data-fs=canvas]").scroll_into_view_if_needed()
    eyes, mouth = np.array([[60.0, 50.0], [100.0, 50.0]]), np.array([80.0, 90.0])
    for at in (eyes[1], eyes[0], mouth):  # in any order
        page.mouse.click(*screen(page, at))
    page.wait_for_function("document.querySelector('[data-fs=status]').textContent.includes('Placed')")
    xy = np.array([place(page, i) for i in range(68)])
    assert np.abs(xy[36:42].mean(0) - eyes[0]).max() < 1 and np.abs(xy[[48, 54]].mean(0) - mouth).max() < 1


def test_one_of_several_faces_is_clicked(visit: Callable[..., Any], tmp_path: Path) -> None:
    rgb = read_picture(FOX).flat()[::2, ::2]
    write_picture(tmp_path / "two.png", np.concatenate([rgb, rgb], axis=1))
    page = visit()
    drop(page, tmp_path / "two.png")
    page.wait_for_selector("#editor [data-face]")
    was = place(page, 30)
    page.locator("[data-fs=canvas]").scroll_into_view_if_needed()
    page.mouse.click(*screen(page, np.array([(was[0] + 320) % 640, was[1]])))
    page.wait_for_function(
        "(was) => Math.abs(document.querySelector('[data-i=\"30\"]').getAttribute('cx') - was) > 200", arg=float(was[0])
    )


@pytest.fixture(scope="module")
def nodding(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip in which the fox nods, made by ourselves."""
    path = tmp_path_factory.mktemp("clips") / "nod.mp4"
    FaceShot().animate(small, output=path, motion="nod", seconds=0.5)
    return path


def test_a_clip_is_followed(visit: Callable[..., Any], small: Path, nodding: Path) -> None:
    page = visit()
    drop(page, small)
    page.wait_for_selector("#motions img")
    page.get_by_role("tab", name="Clip", exact=True).click()
    page.set_input_files("#clip input[type=file]", nodding)
    page.wait_for_selector("#clip video")
    page.click("#animate")
    page.wait_for_selector("#result video")
    assert "15 frames" in page.locator("#result").inner_text() and page.locator("#result video").count() == 2


def test_work_is_cancelled(visit: Callable[..., Any], small: Path) -> None:
    page = visit()
    drop(page, small)
    page.wait_for_selector("#motions img")
    page.get_by_label("Seconds of a built-in motion").fill("300")
    page.keyboard.press("Tab")
    page.click("#animate")
    page.wait_for_function("document.querySelector('#result').parentElement.innerText.includes('animate')")
    page.click("#cancel")
    page.wait_for_function("!document.querySelector('#result').parentElement.innerText.includes('animate')")
    page.get_by_label("Seconds of a built-in motion").fill("0.5")
    page.keyboard.press("Tab")
    page.click("#animate")  # waits in the same line: it is free again
    page.wait_for_selector("#result video")
    assert "15 frames" in page.locator("#result").inner_text()


def test_a_clip_is_corrected_over_time(visit: Callable[..., Any], nodding: Path, tmp_path: Path) -> None:
    page = visit()
    page.get_by_role("tab", name="Correct a clip").click()
    page.set_input_files("#long-clip input[type=file]", nodding)
    page.wait_for_selector("#timeline .fs-points circle")
    spot = page.locator("#timeline .fs-points circle").nth(30)

    def at(k: int) -> float:
        page.locator("#timeline [data-fs=scrub]").fill(str(k))
        page.wait_for_function(f"document.querySelector('[data-fs=where]').textContent.startsWith('Frame {k} of 14')")
        return float(spot.get_attribute("cx"))

    before, four = at(5), at(4)
    spot.focus()
    page.keyboard.press("Shift+ArrowRight")
    assert abs(float(spot.get_attribute("cx")) - four - 10) < 0.01
    page.fill("#timeline [data-fs=end]", "8")
    page.click("#timeline [data-repair=carry]")
    page.wait_for_timeout(500)
    assert abs(at(5) - before - 10) < 0.01
    page.click("#save-sequence")
    page.wait_for_selector("#sequence-file a")
    with page.expect_download() as download:
        page.click("#sequence-file a >> nth=0")
    download.value.save_as(tmp_path / "nod.npz")
    content = read_content(tmp_path / "nod.npz")
    assert content.xy.shape == (15, 68, 2) and abs(content.xy[4, 30, 0] - four - 10) < 0.01


def test_errors_are_one_line_in_a_toast(visit: Callable[..., Any], tmp_path: Path) -> None:
    page = visit()
    page.click("#animate")
    page.wait_for_selector("text=there is no picture yet")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    page.set_input_files("#picture input[type=file]", tmp_path / "broken.png")
    page.wait_for_selector("text=picture broken.png is not a readable picture")
    assert "/tmp" not in page.locator("body").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(visit: Callable[..., Any], small: Path, scheme: str) -> None:
    page = visit(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True, color_scheme=scheme)
    drop(page, small)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("[data-fs=canvas]").scroll_into_view_if_needed()
    was, at = place(page, 30), screen(page, place(page, 30))
    touch = page.context.new_cdp_session(page)
    for kind, (x, y) in (("touchStart", at), ("touchMove", at + [12, 0]), ("touchMove", at + [24, 10])):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert np.abs(screen(page, place(page, 30)) - at - [24, 10]).max() < 1 and not np.allclose(was, place(page, 30))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(visit: Callable[..., Any], small: Path, scheme: str) -> None:
    """No serious finding of axe-core."""
    script = Path(os.environ.get("FACESHOT_AXE", REPO / ".venv" / "axe-core" / "package" / "axe.min.js"))
    if not script.is_file():
        pytest.skip(f"axe-core is not at {script}; .ci/run fetches it, or set FACESHOT_AXE")
    page = visit(color_scheme=scheme)
    drop(page, small)
    page.wait_for_selector("#motions img")
    page.add_script_tag(path=script)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    serious = [
        f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found if one["impact"] in ("serious", "critical")
    ]
    assert not serious


def test_programs_use_the_same_functions(address: str, small: Path, tmp_path: Path) -> None:
    from gradio_client import Client, handle_file

    client = Client(address, verbose=False, download_files=str(tmp_path))
    found = client.predict(handle_file(small), api_name="/match")
    assert found["confidence"] > 0.5 and found["landmarks"]["size"] == [320, 320]
    marks = Landmarks(np.array(found["landmarks"]["points"]), (320, 320))
    write_landmarks(tmp_path / "fox.json", marks)
    from faceshot.driving import motion_template

    drive = motion_template("nod", seconds=0.5)
    write_sequence(tmp_path / "nod.npz", drive)
    moved = client.predict(handle_file(tmp_path / "fox.json"), handle_file(tmp_path / "nod.npz"), api_name="/retarget")
    expected = FaceShot().retarget(marks, drive)
    assert np.allclose(read_content(moved).xy, expected.xy, atol=1e-3)
    video = client.predict(
        handle_file(small), None, handle_file(tmp_path / "nod.npz"), handle_file(tmp_path / "fox.json"),
        api_name="/animate",
    )  # fmt: skip
    assert len(list(read_frames(video))) == 15
    names = set(client.view_api(print_info=False, return_format="dict")["named_endpoints"])
    assert names == {"/match", "/retarget", "/animate"}


def test_paths_from_outside_are_not_opened(address: str) -> None:
    for api, given in (("match", [FOX]), ("retarget", [FOX, FOX]), ("animate", [FOX, "nod", None, None])):
        data = [{"path": str(v), "meta": {"_type": "gradio.FileData"}} if v is FOX else v for v in given]
        asked = urllib.request.Request(
            f"{address}gradio_api/call/{api}", json.dumps({"data": data}).encode(), {"Content-Type": "application/json"}
        )
        event = json.loads(urllib.request.urlopen(asked, timeout=60).read())["event_id"]
        told = urllib.request.urlopen(f"{address}gradio_api/call/{api}/{event}", timeout=60).read().decode()
        assert "event: error" in told and "event: complete" not in told, api


def test_only_shown_files_are_served(address: str) -> None:
    for path in (REPO / "pyproject.toml", Path("/etc/passwd")):
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{address}gradio_api/file={path}")
    root = unquote(os.environ["GRADIO_TEMP_DIR"])
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{address}gradio_api/file={Path(root).parent}")


def test_who_may_reach_it() -> None:
    assert check_access("127.0.0.1", False, None) is None and check_access("::1", False, None) is None
    assert check_access("0.0.0.0", False, "me:secret:1") == ("me", "secret:1")
    for host, share, auth in (("0.0.0.0", False, None), ("127.0.0.1", True, None), ("box.local", False, None)):
        with pytest.raises(UsageError, match="auth=USER:PASSWORD"):
            check_access(host, share, auth)
    with pytest.raises(UsageError, match="at least 4"):
        check_access("127.0.0.1", False, "me:x")


def test_the_command_prints_its_address_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "faceshot", "demo", "--no-browser", "--picture", str(FOX)]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": f"{REPO}:{REPO}/adapters:{REPO}/gallery"}
    run = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
    )
    try:
        address = run.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), run.stderr.read()
        assert b"FaceShot" in urllib.request.urlopen(address, timeout=60).read()
        taken = [*words[:5], "--port", address.rstrip("/").rpartition(":")[2]]
        other = subprocess.run(taken, capture_output=True, text=True, env=environment, timeout=120)
        assert other.returncode == 2 and "--port" in other.stderr and other.stderr.count("error:") == 1
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 0 and "Traceback" not in err and out == "" and "closed" in err
    assert not list(tmp_path.glob("faceshot-demo-*"))


def test_bad_beginnings_cost_nothing(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({}))
    for words, code, told in (
        (["--landmarks", tmp_path / "a.json"], 2, "--picture"),
        (["--picture", tmp_path / "none.png"], 1, "does not exist"),
        (["--picture", FOX, "--landmarks", tmp_path / "a.json"], 1, "not a landmark file"),
        (["--host", "0.0.0.0"], 2, "--auth"),
        (["--share"], 2, "--auth"),
    ):
        run = cli("demo", "--no-browser", *words)
        assert run.code == code and told in run.err and run.err.count("error:") == 1, words
