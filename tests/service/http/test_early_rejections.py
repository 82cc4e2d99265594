"""A long body that is rejected early: a plain client, which sends all of it first, reads the answer."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from live_server import Server
from phone_tables import CSV, JSON, as_csv

from pricerange.phone import FEATURES

PHONE = {feature.name: feature.example for feature in FEATURES}
LENGTH = 6_000_000
TIMES = 24
HEADER, LINE = (line + b"\n" for line in as_csv([PHONE]).splitlines())


def long_text() -> bytes:
    return b" " * LENGTH


def bad_first_row() -> bytes:
    return HEADER + LINE.replace(b"2800", b"1") + LINE * (LENGTH // len(LINE))


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize(
    ("path", "form", "body", "status"),
    [
        pytest.param("/predict", JSON, long_text, 413, id="predict"),
        pytest.param("/predict/batch", CSV, bad_first_row, 422, id="CSV with a bad first row"),
        pytest.param("/v2/models/phone_price_range/infer", JSON, long_text, 413, id="V2"),
    ],
)
def test_a_client_that_sends_all_of_a_long_body_reads_why_it_is_rejected(
    server: Server, path: str, form: str, body: Callable[[], bytes], status: int, chunked: bool
) -> None:
    content = body()

    def pieces() -> Iterator[bytes]:
        for begin in range(0, len(content), 65_536):
            yield content[begin : begin + 65_536]

    seen = []
    for _ in range(TIMES):
        data = pieces() if chunked else content
        asked = urllib.request.Request(server.url + path, data, {"Content-Type": form})
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                seen.append(answer.status)
        except urllib.error.HTTPError as answer:
            with answer:
                seen.append(json.load(answer)["status"])
        except OSError as error:
            seen.append(repr(error))
    assert seen == [status] * TIMES
