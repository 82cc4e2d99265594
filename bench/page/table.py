"""A table of a million rows, dropped on the page: time, memory of the tab, and the answer."""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page
from pyarrow import csv

from bench.show.tables import Target, show

_PRICERANGE = Path(sys.executable).with_name("pricerange")
_LONGEST_MS = 600_000
_WATCH_FRAMES = """() => {
  window.longestFrame = 0;
  let before = performance.now();
  const look = (now) => {
    window.longestFrame = Math.max(window.longestFrame, now - before);
    before = now;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def table(browser: Browser, url: str, models: Path, rows: int) -> list[Target]:
    """Drop a file, save its answer, and compare it with that of `pricerange score`."""
    with tempfile.TemporaryDirectory() as folder:
        phones, saved, scored = (Path(folder) / name for name in ("phones.csv", "saved.csv", "scored.csv"))
        subprocess.run([_PRICERANGE, "synth", str(rows), phones], check=True, capture_output=True)
        command = [_PRICERANGE, "score", "--models", models, "--on-bad-row", "null", phones, scored]
        subprocess.run(command, check=True, capture_output=True)
        with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
            page = context.new_page()
            page.goto(url)
            page.wait_for_selector('#answer[data-state="answered"]')
            page.evaluate(_WATCH_FRAMES)
            with _memory_of(_renderer()) as memory:
                previewed, answered = _drop(page, phones)
                longest = page.evaluate("window.longestFrame")
            with page.expect_download() as download:
                page.click("#table-answer")
            download.value.save_as(saved)
        if not csv.read_csv(saved).equals(csv.read_csv(scored)):
            sys.exit("the answer is not that of pricerange score")
        megabytes = [file.stat().st_size / 1e6 for file in (phones, saved)]
    before, peak = memory[0] / 1e6, max(memory) / 1e6
    found = [
        ("the file, and its answer", f"{megabytes[0]:.0f} MB, {megabytes[1]:.0f} MB"),
        ("from the drop to the preview", f"{previewed:.2f} s"),
        ("from the click to the answer", f"{answered:.1f} s"),
        ("memory of the tab before (PSS)", f"{before:.0f} MB"),
        ("memory of the tab at most", f"{peak:.0f} MB"),
        ("longest time between two frames", f"{longest:.0f} ms"),
        ("the answer", "equal to that of `pricerange score`"),
    ]
    show(f"A CSV of {rows:,} rows, dropped.", ("what", "found"), found)
    return [Target("memory that the tab takes for it", peak - before, most=50, unit=" MB")]


def _drop(page: Page, file: Path) -> tuple[float, float]:
    """Drop a file from outside, have it answered, and return the seconds to the preview and to the answer."""
    client = page.context.new_cdp_session(page)
    began = time.perf_counter()
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
        client.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 400, "data": data})
    page.wait_for_selector("#table-preview tbody tr")
    previewed = time.perf_counter() - began
    began = time.perf_counter()
    page.click("#table-start:enabled")
    page.wait_for_selector("#table-answer", timeout=_LONGEST_MS)
    return previewed, time.perf_counter() - began


def _renderer() -> psutil.Process:
    """Return the process of the only page that is open: the one that holds most."""
    processes = [
        child
        for child in psutil.Process().children(recursive=True)
        if "--type=renderer" in child.cmdline() and "--extension-process" not in child.cmdline()
    ]
    return max(processes, key=lambda process: process.memory_info().rss)


@contextmanager
def _memory_of(process: psutil.Process) -> Iterator[list[int]]:
    """Measure the proportional set size ten times a second."""
    found = [process.memory_full_info().pss]
    ended = threading.Event()

    def measure() -> None:
        while not ended.wait(0.1):
            found.append(process.memory_full_info().pss)

    thread = threading.Thread(target=measure)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
