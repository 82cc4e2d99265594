"""Phones that are pasted."""

import json

from playwright.sync_api import Page, expect
from site_visit import full_width

from pricerange.phone import FEATURE_NAMES, FEATURES

EXAMPLE = [feature.example for feature in FEATURES]
RAM = FEATURE_NAMES.index("ram")
OTHER = [*EXAMPLE[:RAM], 700, *EXAMPLE[RAM + 1 :]]
TEXTS = [str(value) for value in OTHER]
TITLES = [name.replace("_", " ").title() for name in FEATURE_NAMES]


def _paste(page: Page, text: str) -> None:
    page.get_by_role("button", name="Paste").click()
    page.get_by_label("A JSON object").fill(text)
    page.get_by_role("button", name="Take it").click()


def _is_taken(page: Page) -> None:
    expect(page.locator("#answer-label")).to_have_text("Low")
    expect(page.locator("#feature-ram")).to_have_value("700")
    expect(page.locator("#feature-clock_speed")).to_have_value("2.2")


def test_phones_are_read_however_they_are_pasted(page: Page) -> None:
    texts = {
        "json": json.dumps(dict(zip(FEATURE_NAMES, OTHER, strict=True))),
        "row": ",".join(TEXTS),
        "row with its price range": ",".join([*TEXTS, "0"]),
        "header of a spreadsheet": "\t".join(TITLES) + "\n" + "\t".join(TEXTS),
        "row with decimal commas": ";".join(TEXTS).replace(".", ","),
        "columns in another order": "\n".join(";".join(reversed(row)) for row in (FEATURE_NAMES, TEXTS)),
        "quoted cells": "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in (TITLES, TEXTS)),
        "full-width": full_width(",".join(TEXTS)),
    }
    read = """async (texts) => {
      const { featuresOf } = await import('./page/phone/features.js');
      const { readPasted } = await import('./page/phone/pasted.js');
      const [api, model] = await Promise.all(
        ['openapi.json', 'model'].map(async (path) => (await fetch(path)).json()));
      return texts.map((text) => readPasted(text, featuresOf(api, model)));
    }"""
    expected = dict(zip(FEATURE_NAMES, OTHER, strict=True))
    for how, values in zip(texts, page.evaluate(read, list(texts.values())), strict=True):
        assert values == expected, how


def test_a_phone_that_is_pasted_is_answered(page: Page) -> None:
    _paste(page, json.dumps({"phone": {"ram": 700}}))
    _is_taken(page)


def test_a_row_that_is_pasted_into_a_field_is_a_phone(page: Page) -> None:
    page.locator("#feature-fc").focus()
    page.evaluate(
        """(text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData('text/plain', text);
          document.activeElement.dispatchEvent(
            new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
        }""",
        ",".join(TEXTS),
    )
    _is_taken(page)


def test_what_is_no_phone_is_said_and_may_be_mended(page: Page) -> None:
    page.get_by_role("button", name="Paste").click()
    for text, said in (
        ("{", "not valid JSON"),
        ("1,2,3", "20 values from battery_power to wifi; found 3"),
        (",".join(FEATURE_NAMES), "no row below it"),
        ('{"colour": 1}', "None of these is a feature of a phone: colour."),
    ):
        page.get_by_label("A JSON object").fill(text)
        page.get_by_role("button", name="Take it").click()
        expect(page.locator("#paste-error")).to_contain_text(said)
    page.get_by_label("A JSON object").fill(",".join(TEXTS))
    page.get_by_role("button", name="Take it").click()
    _is_taken(page)
