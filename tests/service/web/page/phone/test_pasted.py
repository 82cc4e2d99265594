"""Phones that are pasted."""

import json

import pytest
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


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(json.dumps(dict(zip(FEATURE_NAMES, OTHER, strict=True))), id="json"),
        pytest.param(json.dumps({"phone": {"ram": 700}}), id="json-of-one-feature"),
        pytest.param(",".join(TEXTS), id="row"),
        pytest.param(",".join([*TEXTS, "0"]), id="row-with-its-price-range"),
        pytest.param("\t".join(TITLES) + "\n" + "\t".join(TEXTS), id="header-of-a-spreadsheet"),
        pytest.param(";".join(TEXTS).replace(".", ","), id="row-with-decimal-commas"),
        pytest.param('RAM;"Clock Speed"\r\n"700";2,2\r\n', id="columns-in-another-order"),
        pytest.param(full_width(",".join(TEXTS)), id="full-width"),
    ],
)
def test_a_phone_that_is_pasted_is_answered(page: Page, text: str) -> None:
    _paste(page, text)
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not valid JSON"),
        ("1,2,3", "20 values from battery_power to wifi; found 3"),
        (",".join(FEATURE_NAMES), "no row below it"),
        ('{"colour": 1}', "None of these is a feature of a phone: colour."),
    ],
)
def test_what_is_no_phone_is_said_and_may_be_mended(page: Page, text: str, said: str) -> None:
    _paste(page, text)
    expect(page.locator("#paste-error")).to_contain_text(said)
    page.get_by_label("A JSON object").fill(",".join(TEXTS))
    page.get_by_role("button", name="Take it").click()
    _is_taken(page)
