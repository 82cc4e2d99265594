"""Cold loads: nothing is in the browser's cache. Paints and shifts are those of Chromium's own trace."""

import json
from dataclasses import dataclass
from statistics import median
from typing import Any

from playwright.sync_api import Browser

from bench.show.tables import Target, show

_ANSWERED_AT = """
addEventListener('DOMContentLoaded', () => {
  const answer = document.getElementById('answer');
  new MutationObserver(() => {
    if (answer.dataset.state === 'answered') window.answeredAt ??= performance.now();
  }).observe(answer, { attributes: true });
});
"""
_CATEGORIES = ["loading", "devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing"]
_LONG_TASK_US = 50_000
_SETTLED = "() => window.answeredAt && document.querySelectorAll('#curve polygon').length"


@dataclass(frozen=True, slots=True)
class Load:
    """One load: milliseconds from the start of the navigation, and how far the layout shifted."""

    first_paint: float
    largest_paint: float
    first_answer: float
    blocking: float
    shift: float


def cold_loads(browser: Browser, url: str, count: int) -> list[Target]:
    """Print how soon the page paints and answers."""
    loads = [_load(browser, url) for _ in range(count)]
    rows = [
        _row("first contentful paint", [load.first_paint for load in loads], " ms"),
        _row("largest contentful paint", [load.largest_paint for load in loads], " ms"),
        _row("first answer", [load.first_answer for load in loads], " ms"),
        _row("total blocking time", [load.blocking for load in loads], " ms"),
        _row("cumulative layout shift", [load.shift for load in loads], "", digits=3),
    ]
    show(f"{count} cold loads on loopback.", ("what", "median", "worst", "first"), rows)
    seconds = median(load.first_answer for load in loads) / 1000
    return [Target("first answer on a cold load, median", seconds, most=0.5, unit=" s")]


def _row(what: str, found: list[float], unit: str, digits: int = 0) -> tuple[str, ...]:
    figures = (median(found), max(found), found[0])
    return what, *(f"{figure:.{digits}f}{unit}" for figure in figures)


def _load(browser: Browser, url: str) -> Load:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.add_init_script(_ANSWERED_AT)
        browser.start_tracing(page=page, categories=_CATEGORIES)
        page.goto(url)
        page.wait_for_function(_SETTLED)
        first_answer = float(page.evaluate("window.answeredAt"))
        events = json.loads(browser.stop_tracing())["traceEvents"]
    return _read(events, first_answer)


def _read(events: list[dict[str, Any]], first_answer: float) -> Load:
    """Read a trace: times are in microseconds of the machine's clock."""
    paint = _last(events, "firstContentfulPaint")
    frame = paint["args"]["frame"]
    of_frame = [event for event in events if event.get("args", {}).get("frame") == frame]
    began = max(
        event["ts"] for event in of_frame if event["name"] == "navigationStart" and event["ts"] < paint["ts"]
    )
    largest = _last(of_frame, "largestContentfulPaint::Candidate")["ts"]
    tasks = (
        event["dur"]
        for event in events
        if (event["name"], event["ph"]) == ("RunTask", "X")
        and (event["pid"], event["tid"]) == (paint["pid"], paint["tid"])
        and event["ts"] >= began
    )
    shifts = (
        event["args"]["data"]["score"]
        for event in events
        if event["name"] == "LayoutShift" and not event["args"]["data"]["had_recent_input"]
    )
    return Load(
        (paint["ts"] - began) / 1000,
        (largest - began) / 1000,
        first_answer,
        sum(max(0, task - _LONG_TASK_US) for task in tasks) / 1000,
        sum(shifts),
    )


def _last(events: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return max((event for event in events if event["name"] == name), key=lambda event: event["ts"])
