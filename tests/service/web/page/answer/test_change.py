"""What would make it high."""

import re

from playwright.sync_api import Page, expect
from site_visit import Visit


def test_one_click_sets_the_smallest_change(page: Page) -> None:
    page.get_by_role("button", name="High", exact=True).click()
    expect(page.locator("#change")).to_contain_text("RAM 2800 MB → 2649 MB.")
    expect(page.locator("#feature-ram")).to_have_value("2649")
    expect(page.locator("#answer-label")).to_have_text("High")
    expect(page.get_by_role("button", name="High", exact=True)).to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="Set these instead").click()
    expect(page.locator("#feature-ram")).not_to_have_value("2649")
    expect(page.locator("#feature-battery_power")).not_to_have_value("1520")
    expect(page.locator("#answer-label")).to_have_text("High")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#feature-ram")).to_have_value("2800")
    expect(page.locator("#feature-battery_power")).to_have_value("1520")
    expect(page.locator("#change")).to_be_empty()
    expect(page).to_have_url(re.compile("ram=2800"))


def test_why_there_is_no_change_is_said(visit: Visit) -> None:
    page = visit.opened()
    visit.allow(422)
    page.locator("#feature-ram").fill("none")
    page.get_by_role("button", name="Medium").click()
    expect(page.locator("#change")).to_contain_text("ram must be a whole number")
