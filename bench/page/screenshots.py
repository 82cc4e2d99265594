"""Pictures of the page, small, as on a desk, and large, by day and by night."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

from pricerange.phone import FEATURE_NAMES, FEATURES

_SIZES = ((360, 780), (1280, 860), (2560, 1440))
_SCHEMES: Sequence[Literal["light", "dark"]] = ("light", "dark")
_PHONE = "#ram=2645"
_STILL_MS = 400


def screenshots(browser: Browser, url: str, folder: Path) -> None:
    """Write pictures of both views, in all sizes and schemes, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for width, height in _SIZES:
        for scheme in _SCHEMES:
            with browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
            ) as context:
                page = context.new_page()
                page.goto(f"{url}{_PHONE}")
                page.wait_for_selector("#reasons li")
                page.wait_for_selector("#curve polygon")
                _take(page, folder / f"phone-{width}-{scheme}.png")
                _show_table(page)
                _take(page, folder / f"table-{width}-{scheme}.png")


def _take(page: Page, file: Path) -> None:
    page.wait_for_timeout(_STILL_MS)
    page.screenshot(path=file)
    print(file, f"{file.stat().st_size / 1000:.0f} KB")


def _show_table(page: Page) -> None:
    """Have a table answered of which two cells are bad."""
    values = [[f"{feature.example:g}" for feature in FEATURES] for _ in range(8)]
    for place, row in enumerate(values):
        row[FEATURE_NAMES.index("ram")] = str(300 + 500 * place)
    values[2][FEATURE_NAMES.index("battery_power")] = "1.8 Ah"
    values[5][FEATURE_NAMES.index("fc")] = "-1"
    lines = [FEATURE_NAMES, *values]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "phones.csv"
        file.write_text("\n".join(map(",".join, lines)) + "\n")
        page.get_by_role("tab", name="A table").click()
        page.set_input_files("#table-file", file)
        page.click("#table-start:enabled")
        page.wait_for_selector("#table-answer")
