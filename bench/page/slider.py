"""A slider that moves sixty times a second: what is asked, what is answered, and how far behind."""

from itertools import pairwise
from statistics import median, quantiles

from playwright.sync_api import Browser

from bench.show.tables import Target, show

_MOVE = """async (seconds) => {
  const slider = document.querySelector('[aria-labelledby=feature-ram-label]');
  const fetched = window.fetch;
  const asked = [], moves = [];
  window.fetch = async (path, request) => {
    if (!String(path).startsWith('predict?')) return fetched(path, request);
    const note = { began: performance.now(), ended: null };
    asked.push(note);
    const response = await fetched(path, request);
    await response.clone().arrayBuffer();
    note.ended = performance.now();
    return response;
  };
  const until = performance.now() + 1000 * seconds;
  for (let now = performance.now(); now < until; now = performance.now()) {
    // there and back, with another value each time
    slider.value = String(200 + Math.abs(7 * moves.length % 1200 - 600));
    moves.push(performance.now());
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise(requestAnimationFrame);
  }
  while (asked.at(-1).ended === null) await new Promise((done) => setTimeout(done, 1));
  window.fetch = fetched;
  return { asked, moves };
}"""


def slider(browser: Browser, url: str, seconds: float) -> list[Target]:
    """Print how the page keeps up with a slider that moves with each frame."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector('#answer[data-state="answered"]')
        found = page.evaluate(_MOVE, seconds)
    asked, moves = found["asked"], found["moves"]
    # a move is answered by the first request that begins with it or later
    lags = [min(each["ended"] for each in asked if each["began"] >= move) - move for move in moves]
    p99 = quantiles(lags, n=100)[-1]
    most_at_once = max(
        sum(other["began"] <= each["began"] < other["ended"] for other in asked) for each in asked
    )
    gaps = [later - earlier for earlier, later in pairwise(moves)]
    rows = [
        ("moves", f"{len(moves):,}"),
        ("moves a second", f"{len(moves) / seconds:.1f}"),
        ("longest time between two frames", f"{max(gaps):.0f} ms"),
        ("requests sent", f"{len(asked):,}"),
        ("requests answered", f"{sum(each['ended'] is not None for each in asked):,}"),
        ("requests in flight at once, at most", f"{most_at_once}"),
        ("from a move to its answer or a newer one's, median", f"{median(lags):.1f} ms"),
        ("... 99th percentile", f"{p99:.1f} ms"),
        ("... at most", f"{max(lags):.1f} ms"),
    ]
    show(f"A slider that moves with each frame, for {seconds:g} s.", ("what", "found"), rows)
    return [
        Target("requests in flight while a slider moves", most_at_once, most=1),
        Target("lag behind a slider, 99th percentile", p99, most=100, unit=" ms"),
    ]
