"""What the page on what-if and decisions shows is what a service answers, but for the numbers."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from live_server import NO_TLS, Server

from pricerange.phone import FEATURES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/what-if-and-decisions.md").read_text()
PHONE = json.dumps({feature.name: feature.example for feature in FEATURES})
MATRIX = r"--cost-matrix '(\[.*?\])'"


def test_each_request_of_the_page_gets_an_answer_like_the_one_below_it(
    start: Callable[..., Server], model_repository: Path
) -> None:
    [costs] = re.findall(MATRIX, PAGE)
    server = start(model_repository, "--cost-matrix", costs, "--abstain").wait_until_ready()
    shown = [json.loads(text) for text in re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)]
    requests = re.findall(r"```sh\n(.*?)\n```", PAGE, re.DOTALL)
    assert len(requests) == len(shown) == 4
    for request, expected in zip(requests, shown, strict=True):
        [path] = re.findall(r"http://127.0.0.1:8000([^' ]+)", request)
        answer = httpx.post(f"{server.url}{path}", content=body(request), verify=NO_TLS)
        assert tells(answer.raise_for_status().json(), expected), request


def tells(found: Any, shown: Any) -> bool:
    """Whether an answer has each member that is shown; there may be no such change, and values differ."""
    match found, shown:
        case dict(), dict():
            return all(name in found and tells(found[name], value) for name, value in shown.items())
        case [first, *_], [other, *_]:
            return tells(first, other)
        case _:
            return True


def body(request: str) -> str:
    """Return the body that a shell would make of a request's quotes."""
    if inserted := re.findall(r"""-d '(.*)'"\$\(cat phone\.json\)"'(.*)'$""", request):
        [(begin, end)] = inserted
        return f"{begin}{PHONE}{end}"
    [(old, new)] = re.findall(r"sed 's/(.*)/(.*)/' phone\.json", request)
    assert old in PHONE
    return PHONE.replace(old, new)
