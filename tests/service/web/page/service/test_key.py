"""API keys, and a prefix: the page as it stands behind a proxy."""

from collections.abc import Callable
from pathlib import Path

import api_keys
import pytest
from live_server import Server
from playwright.sync_api import Browser, expect
from program import require
from site_visit import Visit, require_clean
from under_a_prefix import UNDER_A_PREFIX

from bench.door.fronts import before

MODELS = Path(__file__).parents[5] / "models"


@pytest.fixture
def keyed(start: Callable[..., Server], tmp_path: Path) -> str:
    keys = api_keys.write(tmp_path / "keys.toml", api_keys.entry("shop"))
    flags = ("--api-keys-file", str(keys), "--forwarded-allow-ips", "127.0.0.1")
    return start(MODELS, *flags).wait_until_ready().url


def test_behind_a_proxy_with_a_prefix_and_keys_the_page_asks_for_one(browser: Browser, keyed: str) -> None:
    require("nginx", "nginx-light")
    with before(keyed, UNDER_A_PREFIX) as url, Visit.of(browser, f"{url}/ml/") as visit:
        visit.allow(401)
        page = visit.page
        page.goto(visit.url)
        dialog = page.get_by_role("dialog", name="API key")
        expect(dialog).to_contain_text("Authorization: Bearer")
        require_clean(page)
        dialog.get_by_label("Key").fill("a wrong one")
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("not")
        dialog.get_by_label("Key").fill(api_keys.secret("shop"))
        page.keyboard.press("Enter")
        expect(page.locator("#answer-label")).to_have_text("Very high")
        with page.expect_download() as card:
            page.get_by_role("link", name="Model card").click()
        assert "# Phone price range" in Path(card.value.path()).read_text()

        stored = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
        assert api_keys.secret("shop") not in page.evaluate(stored)
        expect(page.locator("#reasons li")).to_have_count(6)
        expect(page.locator("#curve polygon")).to_have_count(4)
        page.reload()
        expect(dialog).to_be_visible()
        dialog.get_by_role("button", name="Cancel").click()
        expect(page.locator("#start-error")).to_be_visible()
