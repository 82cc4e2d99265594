"""WCAG 2.2 AA, as far as axe-core finds what breaks it."""

import re
from pathlib import Path

import pytest
from live_server import Server
from playwright.sync_api import Browser, expect
from site_visit import Visit, require_clean

from pricerange.phone import FEATURE_NAMES


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_nothing_breaks_a_rule(
    browser: Browser, page_server: Server, tmp_path: Path, scheme: str, width: int
) -> None:
    with Visit.of(browser, f"{page_server.url}/", color_scheme=scheme, reduced_motion="reduce") as visit:
        visit.page.set_viewport_size({"width": width, "height": 800})
        page = visit.opened("#ram=28000")
        expect(page.locator("#reasons li")).to_have_count(6)
        page.get_by_role("button", name="Medium").click()
        expect(page.locator("#change button")).to_have_count(2)
        require_clean(page)
        visit.allow(422)
        page.locator("#feature-fc").fill("-4")
        expect(page.locator("#answer-error")).not_to_be_empty()
        require_clean(page)
        page.get_by_role("button", name="Paste").click()
        require_clean(page)
        page.get_by_role("button", name="Cancel").click()
        file = tmp_path / "phones.csv"
        file.write_text(",".join(FEATURE_NAMES) + "\n" + ",".join("1" for _ in FEATURE_NAMES) + "\n")
        page.get_by_role("tab", name="A table").click()
        page.get_by_label("Choose a file").set_input_files(file)
        expect(page.locator("#table-preview td.is-wrong").first).to_be_visible()
        require_clean(page)


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_nothing_is_wider_than_the_window(browser: Browser, page_server: Server, width: int) -> None:
    with Visit.of(browser, f"{page_server.url}/") as visit:
        visit.page.set_viewport_size({"width": width, "height": 800})
        page = visit.opened()
        expect(page.locator("#reasons li")).to_have_count(6)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # what is a target is large enough to hit (WCAG 2.2, 2.5.8)
        small = page.evaluate(
            """[...document.querySelectorAll('button, select, input, a')].filter((each) => {
              const { width, height } = each.getBoundingClientRect();
              return width && (width < 24 || height < 24);
            }).map((each) => each.outerHTML)"""
        )
        assert small == []


def test_the_verdict_stays_in_sight_on_a_small_screen(browser: Browser, page_server: Server) -> None:
    with Visit.of(browser, f"{page_server.url}/") as visit:
        visit.page.set_viewport_size({"width": 360, "height": 700})
        page = visit.opened()
        expect(page.locator("#pinned")).to_be_hidden()
        page.locator("#feature-wifi").scroll_into_view_if_needed()
        expect(page.locator("#pinned")).to_have_text(re.compile("Very high"))
