"""How long the page of `faceshot demo` lets people wait, in a real browser.

    python benchmarks/demo.py [--picture FILE] [--runs 5]

Needs the extra `demo`, Playwright's Python package and a Chromium (FACESHOT_BROWSER names its program). Medians of the
runs; the first line states cores and load, as figures from a loaded machine are worth little.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

REPO = Path(__file__).resolve().parents[1]
POINTS = "#editor .fs-points circle"
#: Moves a point on a circle, 60 times a second for two seconds; gives the longest wait between two drawn frames [ms].
DRAG = """async () => {
  const point = document.querySelectorAll('#editor .fs-points circle')[30], box = point.getBoundingClientRect();
  const x = box.x + box.width / 2, y = box.y + box.height / 2, waits = [];
  const send = (kind, dx, dy) => point.dispatchEvent(new PointerEvent(kind,
    {bubbles: true, pointerId: 1, isPrimary: true, button: 0, buttons: 1, clientX: x + dx, clientY: y + dy}));
  send('pointerdown', 0, 0);
  let last = performance.now(), begin = last, k = 0;
  while (last - begin < 2000) {
    send('pointermove', 20 * Math.cos(k / 9), 20 * Math.sin(k++ / 9));
    const now = await new Promise(requestAnimationFrame);
    waits.push(now - last); last = now;
  }
  send('pointerup', 0, 0);
  return [k / 2, Math.max(...waits.slice(5))];
}"""


def served(address: str, process: subprocess.Popen[str]) -> None:
    """Wait until the page says where it is."""
    assert process.stdout is not None
    for line in process.stdout:
        if address in line:
            return
    raise SystemExit("faceshot demo ended; run it by hand to see why")


def waits(page: Any, action: Callable[[], Any], condition: str, was: Any = None) -> float:
    """Seconds from ``action`` to a page for which ``condition`` (JavaScript) holds."""
    begin = time.perf_counter()
    action()
    page.wait_for_function(condition, arg=was)
    return time.perf_counter() - begin


def measure(page: Any, picture: Path) -> dict[str, float]:
    """One visit: the picture, a point dragged, a slider."""
    found = {}
    count = f"document.querySelectorAll('{POINTS}').length === 68"
    found["picture -> landmarks [s]"] = waits(
        page, lambda: page.set_input_files("#picture input[type=file]", picture), count
    )
    found["drag: events a second"], found["drag: longest frame [ms]"] = page.evaluate(DRAG)
    page.get_by_role("tab", name="By hand").click()
    source = "document.querySelector('#sliders img').src"
    page.wait_for_function("document.querySelector('#sliders img')?.complete")
    slider, steps = page.locator("#sliders input[name=jaw]"), []
    for k in range(1, 9):
        page.wait_for_timeout(300)
        was = page.evaluate(source)
        steps.append(waits(page, lambda v=k: slider.fill(str(v / 10)), f"(was) => {source} !== was", was))  # type: ignore[misc]
    found["slider -> frame [ms]"] = 1000 * median(steps)
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=7999)
    parser.add_argument("--picture", type=Path, default=REPO / "examples" / "cat.png")
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    program = os.environ.get("FACESHOT_BROWSER") or next(filter(None, map(shutil.which, names)), None)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    address, rows = f"http://127.0.0.1:{chosen.port}", list[dict[str, float]]()
    command = [sys.executable, "-m", "faceshot", "demo", "--no-browser", "--port", str(chosen.port)]
    with sync_playwright() as play, tempfile.TemporaryDirectory() as cache:
        for _ in range(chosen.runs):
            env = {**os.environ, "FACESHOT_CACHE": cache, "PYTHONUNBUFFERED": "1"}
            browser = play.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1100, "height": 1000})
            begin = time.perf_counter()
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
            served(address, process)
            page.goto(address)
            page.wait_for_selector("#picture input[type=file]", state="attached")
            rows.append({"command -> page ready [s]": time.perf_counter() - begin, **measure(page, chosen.picture)})
            browser.close()
            process.terminate()
            process.wait(30)
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"{name:28} {median(values):8.2f}   ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
