"""A visit of a page by a browser that takes note of all that goes wrong."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, Request, Response, expect

_MOST_CHANGES = 5
"""Chromium cuts all connections whenever the machine gets or loses an address, as containers make it do."""


@dataclass
class Visit:
    """A page of its own, without cookies or cache. `faults` are told at the end, `expected` ones are not."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)
    _is_cut: bool = False

    @classmethod
    @contextmanager
    def of(cls, browser: Browser, url: str, **context: Any) -> Iterator["Visit"]:
        """Begin a visit, which ends with an error where anything went wrong."""
        with browser.new_context(viewport={"width": 1280, "height": 900}, **context) as own:
            own.set_default_timeout(10_000)
            visit = cls(own.new_page(), url)
            visit.watch(visit.page)
            try:
                yield visit
            except BaseException as error:
                error.add_note(f"faults: {visit.faults}")
                raise
        assert not visit.faults, visit.faults

    def opened(self, fragment: str = "") -> Page:
        """Open the page, and wait for its first answer."""
        for _ in range(_MOST_CHANGES):
            self._is_cut = False
            with suppress(Error):  # what it was is told to `_miss`
                self.page.goto(f"{self.url}{fragment}")
            if not self._is_cut:
                break
        expect(self.page.locator("#answer")).to_have_attribute("data-state", "answered")
        return self.page

    def watch(self, page: Page) -> None:
        """Take note of what goes wrong in a page."""
        page.on("pageerror", lambda error: self.faults.append(f"error {error}"))
        page.on("requestfailed", self._miss)
        page.on("response", self._look)
        page.on("console", lambda message: self._hear(message.type, message.text))

    def allow(self, *statuses: int) -> None:
        """Let answers of these statuses be no fault."""
        self.expected |= set(statuses)

    def _miss(self, request: Request) -> None:
        # what the page itself leaves, as when it is loaded again, has not failed
        if request.failure == "net::ERR_NETWORK_CHANGED":
            self._is_cut = True
        elif request.failure != "net::ERR_ABORTED":
            self.faults.append(f"{request.failure} {request.url}")

    def _look(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.faults.append(f"{response.status} {response.url}")

    def _hear(self, kind: str, text: str) -> None:
        # what is said of a status is told by it already
        if kind in {"error", "warning"} and "Failed to load resource" not in text:
            self.faults.append(f"{kind}: {text}")


def require_clean(page: Page) -> None:
    """Require that axe-core finds no violation of WCAG 2.2 AA, nor of what it holds for good practice."""
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules})
    assert found.violations_count == 0, found.generate_report()


NOTE_REQUESTS = """() => {
  const fetched = window.fetch;
  window.asked = [];
  window.fetch = async (path, request) => {
    const note = { path: String(path), body: request?.body, began: performance.now(), ended: null };
    window.asked.push(note);
    const response = await fetched(path, request);
    note.ended = performance.now();
    return response;
  };
}"""
"""For `evaluate`: take note, from now on, of each request: when it began and when it ended, in ms."""


def overlaps(notes: Sequence[dict[str, float]]) -> int:
    """Count the requests that began before the one before them had ended."""
    return sum(later["began"] < earlier["ended"] for earlier, later in pairwise(notes))


def full_width(text: str) -> str:
    """Write ASCII as keyboards for Chinese may do."""
    return "".join(chr(ord(character) + 0xFEE0) for character in text)
