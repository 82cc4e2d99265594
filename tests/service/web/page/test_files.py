"""The files of the page: what they weigh, and that they come at once."""

import gzip
import re
from pathlib import Path

from playwright.sync_api import expect
from site_visit import Visit

PAGE = Path(__file__).parents[4] / "service" / "web" / "page"
FILES = sorted(file for file in PAGE.rglob("*") if file.is_file())


def test_they_weigh_little() -> None:
    assert sum(len(gzip.compress(file.read_bytes())) for file in FILES) < 45_000


def test_no_module_waits_for_another_to_be_read() -> None:
    loaded = re.findall(r'href="page/(\S+\.js)"', (PAGE / "index.html").read_text())
    modules = [str(file.relative_to(PAGE)) for file in FILES if file.suffix == ".js"]
    assert sorted([*loaded, "main.js"]) == modules


def test_nothing_of_them_is_elsewhere() -> None:
    namespace = "http://www.w3.org/2000/svg"
    for file in FILES:
        assert not re.search(r"https?://", file.read_text().replace(namespace, "")), file


def test_documents_are_shown_with_every_other_host_out_of_reach(visit: Visit) -> None:
    page = visit.opened()
    for path, heading in (("docs", ".opblock-summary-path"), ("model/card", "h1"), ("model/report", "h1")):
        with page.expect_popup() as popup:
            page.locator(f"#documents a[href='{path}']").click()
        visit.watch(popup.value)
        expect(popup.value.locator(heading).first).to_be_visible()
        popup.value.close()
