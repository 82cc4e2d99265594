"""The answer to the phone."""

import re

import httpx
from live_server import NO_TLS, Server
from playwright.sync_api import Page, Route, expect
from site_visit import NOTE_REQUESTS, Visit, overlaps

from pricerange.phone import FEATURES

EXAMPLE = {feature.name: feature.example for feature in FEATURES}


def test_a_phone_is_answered(page: Page, page_server: Server) -> None:
    told = httpx.post(
        f"{page_server.url}/predict/explain?sets=0.9", json=EXAMPLE, verify=NO_TLS
    ).raise_for_status()
    reasons = told.json()["explanation"]["reasons"]
    expect(page.locator("#answer-label")).to_have_text("Very high")
    expect(page.locator("#bars li")).to_have_text(["Low0 %", "Medium0 %", "High< 0.1 %", "Very high> 99.9 %"])
    expect(page.locator("#set-ranges li")).to_have_text(["Very high"])
    expect(page.locator("#reasons .share")).to_have_text(
        [f"{each['score']:+.2f}".replace("-0.00", "0.00").replace("+0.00", "0.00") for each in reasons]
    )
    expect(page.locator("#curve polygon")).to_have_count(4)
    expect(page.locator("#curve-told")).to_contain_text("very high from")
    expect(page.locator("#spoken")).to_contain_text("Very high, > 99.9 % probable.")
    expect(page.locator("#status-version")).to_have_text("version 4")
    expect(page.locator("#status-ready")).to_have_text("ready")
    expect(page.locator("#status-rate")).to_contain_text("requests/s")


def test_while_a_slider_moves_one_request_is_in_flight_and_the_newest_wins(page: Page) -> None:
    page.evaluate(NOTE_REQUESTS)
    newest = page.evaluate(
        """async () => {
          const slider = document.querySelector('[aria-labelledby=feature-ram-label]');
          for (let move = 0; move < 60; move++) {
            slider.value = String(1000 - 10 * move);
            slider.dispatchEvent(new Event('input', { bubbles: true }));
            if (move % 2) await new Promise(requestAnimationFrame);
          }
          return document.querySelector('#feature-ram').value;
        }"""
    )
    page.wait_for_function(
        '(ram) => window.asked.some(({ body, ended }) => ended && body?.includes(`"ram":${ram}`))', arg=newest
    )
    notes = page.evaluate("window.asked.filter(({ path }) => path.startsWith('predict?'))")
    assert overlaps(notes) == 0
    assert 1 < len(notes) < 60
    assert f'"ram":{newest}' in notes[-1]["body"]


def test_a_set_of_a_higher_level_holds_more(visit: Visit) -> None:
    page = visit.opened("#ram=2650")
    page.get_by_label("Still possible at").select_option("99 %")
    expect(page.locator("#set-ranges li")).to_have_text(["High", "Very high"])


def test_without_the_service_the_page_says_so_and_goes_on_with_it(visit: Visit) -> None:
    page = visit.opened()
    page.route("**/predict*", lambda route: route.abort())
    page.locator("#feature-ram").fill("700")
    expect(page.locator("#answer-error")).to_have_text("The service cannot be reached.")
    page.unroute("**/predict*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#answer-label")).to_have_text("Low")
    assert visit.faults
    visit.faults.clear()


def test_before_any_answer_nothing_is_said_of_why(visit: Visit) -> None:
    visit.allow(422)
    page = visit.page
    page.goto(f"{visit.url}#ram=many")
    expect(page.locator("#answer-error")).to_have_text("A value of this phone cannot be taken; it is marked.")
    expect(page.locator("#why")).to_be_hidden()
    expect(page.locator("#curve")).to_be_hidden()
    page.locator("#feature-ram").fill("2800")
    expect(page.locator("#why")).to_be_visible()
    expect(page.locator("#curve")).to_be_visible()


def test_a_request_that_is_not_taken_is_repeated_once_it_may_be(visit: Visit) -> None:
    visit.allow(503)
    page = visit.opened()
    refusals = iter([503, 503])

    def refuse_at_first(route: Route) -> None:
        status = next(refusals, None)
        if status is None:
            route.continue_()
        else:
            route.fulfill(status=status, headers={"Retry-After": "1"}, json={"detail": "The queue is full."})

    page.route(re.compile(r"/predict\?"), refuse_at_first)
    page.get_by_role("textbox", name="RAM").fill("300")
    expect(page.locator("#answer-label")).to_have_text("Low")
    assert next(refusals, None) is None
    expect(page.locator("#answer")).to_have_attribute("data-state", "answered")
