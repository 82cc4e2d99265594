"""Numbers as people write them."""

import pytest
from playwright.sync_api import Page
from site_visit import full_width

WHOLE = {"kind": "whole number", "unit": "MB", "low": 128, "high": 131072}
WEIGHT = {"kind": "number", "unit": "g", "low": 16, "high": 2000}
SPEED = {"kind": "number", "unit": "GHz", "low": 0.125, "high": 16}
CAMERA = {"kind": "number", "unit": "megapixel", "low": 0, "high": 1000}
YES_NO = {"kind": "yes/no", "unit": "", "low": 0, "high": 1}


@pytest.mark.parametrize(
    ("feature", "readings"),
    [
        pytest.param(
            WHOLE,
            {
                "2800": 2800,
                " 2800 MB": 2800,
                "2.800": 2800,
                "2,800": 2800,
                "2 800": 2800,
                "2\u202f800": 2800,
                "2'800": 2800,
                full_width("2800"): 2800,
                full_width("2,800"): 2800,
                "2800,0": 2800,
                "-5": -5,
                "\u22125": -5,
                "2.5": 2.5,
                "8 GB": "8 GB",
                "many": "many",
                "1.2.3": "1.2.3",
                "": "",
            },
            id="whole-number",
        ),
        pytest.param(
            SPEED,
            {
                "2.2": 2.2,
                "2,2": 2.2,
                full_width("2.2"): 2.2,
                full_width("2,2"): 2.2,
                ",5": 0.5,
                "2.250": 2.25,
                "1e1": 10,
                "2,2 GHz": 2.2,
            },
            id="number",
        ),
        pytest.param(
            WEIGHT,
            {
                "1.520": 1520,
                "1,520": 1520,
                "141,125": 141.125,
                "1.234,5": 1234.5,
                "1,234.5": 1234.5,
                "141。5": 141.5,
            },
            id="what-keeps-the-limits",
        ),
        pytest.param(
            CAMERA, {"12 MP": 12, "12mp": 12, "12 Megapixel": 12, "12 M": "12 M"}, id="a-unit-and-its-symbol"
        ),
        pytest.param(
            YES_NO,
            {"yes": 1, "Ja": 1, "是": 1, full_width("1"): 1, "false": 0, "否": 0, "2": "2"},
            id="yes-no",
        ),
    ],
)
def test_numbers_are_read_as_they_are_written(
    page: Page, feature: dict[str, object], readings: dict[str, object]
) -> None:
    read = """async ([feature, texts]) => {
      const { valueOf } = await import('./page/phone/numbers.js');
      return texts.map((text) => valueOf(feature, text));
    }"""
    assert page.evaluate(read, [feature, list(readings)]) == list(readings.values())


def test_a_field_shows_how_it_understood_what_was_typed(page: Page) -> None:
    field = page.get_by_label("RAM", exact=True).and_(page.locator("[inputmode]"))
    typed = full_width("2.649")
    field.fill(typed)
    assert field.input_value() == typed
    field.blur()
    assert field.input_value() == "2649"
