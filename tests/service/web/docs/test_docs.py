"""The documentation of the routes, in a real browser that reaches nobody else."""

from collections.abc import Callable
from pathlib import Path

import api_keys
from live_server import Server
from playwright.sync_api import Browser, Locator, Page, expect
from program import require
from site_visit import Visit
from under_a_prefix import UNDER_A_PREFIX

from bench.door.fronts import before


def executed(page: Page, path: str) -> Locator:
    """Try a route out with its example, and return what is shown of the answer."""
    operation = page.locator(".opblock", has=page.locator(f'[data-path="{path}"]'))
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response").first
    expect(answer).to_be_visible()
    return answer


def test_with_every_other_host_out_of_reach_routes_can_be_tried_out(browser: Browser, server: Server) -> None:
    with Visit.of(browser, f"{server.url}/docs") as visit:
        visit.page.goto(visit.url)
        expect(visit.page.get_by_role("heading", name="Phone price ranges")).to_be_visible()
        answer = executed(visit.page, "/predict")
        expect(answer.locator(".response-col_status")).to_contain_text("200")
        expect(answer).to_contain_text('"price_range"')


def test_behind_a_proxy_with_a_prefix_and_keys_they_are_the_proxys(
    browser: Browser, start: Callable[..., Server], model_repository: Path, tmp_path: Path
) -> None:
    require("nginx", "nginx-light")
    keys = api_keys.write(tmp_path / "keys.toml", api_keys.entry("shop"))
    flags = ("--api-keys-file", str(keys), "--forwarded-allow-ips", "127.0.0.1")
    server = start(model_repository, *flags).wait_until_ready()
    with before(server.url, UNDER_A_PREFIX) as url, Visit.of(browser, f"{url}/ml/docs") as visit:
        page = visit.page
        page.goto(visit.url)
        page.locator("button.authorize").first.click()
        page.get_by_label("Value").fill(api_keys.secret("shop"))
        page.get_by_role("button", name="Apply credentials").click()
        page.get_by_role("button", name="Close").first.click()
        answer = executed(page, "/predict")
        expect(answer.locator(".response-col_status")).to_contain_text("200")
        expect(page.locator(".request-url pre").first).to_contain_text(f"{url}/ml/predict")
