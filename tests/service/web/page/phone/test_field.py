"""Sliders, switches, and what is said below them."""

import re

from playwright.sync_api import Locator, Page, expect
from site_visit import Visit


def test_errors_stand_at_their_fields_in_the_words_of_the_service(visit: Visit) -> None:
    page = visit.opened()
    visit.allow(422)
    page.locator("#feature-ram").fill("8 GB")
    page.locator("#feature-fc").fill("-4")
    ram = page.locator("#feature-ram")
    expect(ram).to_have_attribute("aria-invalid", "true")
    expect(ram).to_have_accessible_description(
        'ram must be a whole number between 128 and 131072 MB, got the string "8 GB"'
    )
    expect(page.locator("#feature-fc-note")).to_have_text(
        "fc must be a number between 0 and 1000 megapixel, got -4"
    )
    expect(page.locator("#answer")).to_have_attribute("data-state", "failed")
    expect(page.locator("#answer-error")).to_have_text(
        "Values of this phone cannot be taken; they are marked."
    )
    ram.fill("700")
    page.locator("#feature-fc").fill("4")
    expect(page.locator("#answer-label")).to_have_text("Low")
    expect(page.locator("[aria-invalid]")).to_have_count(0)
    expect(page.locator(".note:not(:empty)")).to_have_count(0)


def test_what_lies_outside_the_training_range_is_marked_at_its_slider(page: Page) -> None:
    page.locator("#feature-ram").fill("28000")
    expect(page.locator("#feature-ram-note")).to_have_text("Outside the training range, 256 to 3998 MB")
    expect(page.locator("#belief")).to_contain_text("unlike those that the model learned from")
    page.locator("#feature-ram").fill("2800")
    expect(page.locator("#feature-ram-note")).to_have_text("")
    expect(page.locator("#belief")).to_contain_text("is like those")


def test_features_without_weight_stand_apart(page: Page) -> None:
    assert page.locator("#active .field").count() == 6
    assert page.locator("#inactive .field").count() == 8
    assert page.locator("#inactive-switches .field").count() == 6
    wifi = page.get_by_role("switch", name="Has Wi-Fi")
    expect(wifi).to_be_checked()
    wifi.click()
    expect(wifi).not_to_be_checked()
    expect(page).to_have_url(re.compile("wifi=0$"))


def test_the_keyboard_alone_does_it_all(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("tab", name="One phone")).to_be_focused()
    for _ in range(4):
        page.keyboard.press("Tab")
    slider = page.get_by_role("slider", name="Battery capacity")
    expect(slider).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "1530 mAh")
    page.keyboard.press("PageDown")
    expect(slider).to_have_attribute("aria-valuetext", "1430 mAh")
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "100 mAh")
    expect(page.locator("#feature-battery_power")).to_have_value("100")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    expect(slider).to_have_attribute("aria-valuetext", "110 mAh")

    wanted = page.get_by_role("button", name="Medium")
    _tab_to(page, wanted)
    page.keyboard.press("Enter")
    expect(page.locator("#answer-label")).to_have_text("Medium")
    expect(wanted).to_be_focused()
    _tab_to(page, page.get_by_role("button", name="Undo"))
    page.keyboard.press("Enter")
    expect(slider).to_have_attribute("aria-valuetext", "110 mAh")

    _tab_to(page, page.get_by_role("tab", name="One phone"), "Shift+Tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="A table")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Choose a file")).to_be_focused()


def _tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    for _ in range(80):
        page.keyboard.press(key)
        if target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"{target} is not reached")
