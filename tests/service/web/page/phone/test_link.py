"""The link that holds the phone."""

import re

from playwright.sync_api import expect
from site_visit import Visit


def test_a_link_holds_the_phone(visit: Visit) -> None:
    page = visit.opened("#ram=700&clock_speed=1,5&unknown=3")
    expect(page.locator("#answer-label")).to_have_text("Low")
    expect(page.locator("#feature-clock_speed")).to_have_value("1.5")
    page.locator("#feature-ram").fill("2100")
    expect(page).to_have_url(re.compile("ram=2100"))
    page.reload()
    expect(page.locator("#feature-ram")).to_have_value("2100")
    expect(page.locator("#answer-label")).to_have_text("High")


def test_a_step_back_brings_back_the_phone(visit: Visit) -> None:
    page = visit.opened("#ram=2100")
    page.get_by_role("button", name="Example").click()
    expect(page.locator("#feature-ram")).to_have_value("2800")
    page.go_back()
    expect(page.locator("#feature-ram")).to_have_value("2100")
    expect(page.locator("#answer-label")).to_have_text("High")


def test_where_there_is_no_clipboard_the_link_is_shown(visit: Visit) -> None:
    page = visit.opened("#ram=2100")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#link-field")).to_have_value(re.compile(rf"{visit.url}#.*ram=2100"))
