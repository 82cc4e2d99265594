"""Phones as lines of JSON over HTTP: any length, any line ends, and each bad line by its number."""

import json

import httpx
import pytest
from phone_tables import CSV, NDJSON, as_csv, as_ndjson

from pricerange.phone import FEATURES

PHONE = {feature.name: feature.example for feature in FEATURES}
LINE = json.dumps(PHONE).encode()


def ask(client: httpx.Client, body: bytes, **params: str) -> httpx.Response:
    return client.post("/predict/batch", content=body, headers={"Content-Type": NDJSON}, params=params)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(LINE + b"\n" + LINE + b"\n", id="LF"),
        pytest.param(LINE + b"\r\n" + LINE + b"\r\n", id="CRLF"),
        pytest.param(LINE + b"\n" + LINE, id="no end"),
        pytest.param(b"\xef\xbb\xbf" + LINE + b"\n" + LINE, id="byte order mark"),
        pytest.param(b"\n \r\n" + LINE + b"\n\t\n\n" + LINE + b"\n\n", id="blank lines"),
    ],
)
def test_lines_may_end_in_any_way(client: httpx.Client, body: bytes) -> None:
    answer = ask(client, body).raise_for_status()
    assert answer.headers["content-type"] == NDJSON
    first, second = answer.content.splitlines()
    assert first == second
    one = client.post("/predict", json=PHONE).json()
    del one["model"]
    assert json.loads(first) == one


def test_no_lines_have_no_answers(client: httpx.Client) -> None:
    assert ask(client, b"").raise_for_status().content == b""
    assert ask(client, b"\n\n").raise_for_status().content == b""


def test_a_bad_line_is_named_by_its_number_and_its_phone_by_its_place(client: httpx.Client) -> None:
    bad = json.dumps(PHONE | {"ram": 1, "wifi": 5}).encode()
    problem = ask(client, b"\n" + LINE + b"\n\n" + bad).json()
    assert [(e["detail"].split(" must")[0], e["pointer"]) for e in problem["errors"]] == [
        ("line 4: ram", "/1/ram"),
        ("line 4: wifi", "/1/wifi"),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param(b"{", "the line is not valid JSON", id="cut"),
        pytest.param(LINE + LINE, "the line is not valid JSON", id="two"),
        pytest.param(b"[]", "expected a JSON object, got a list", id="list"),
        pytest.param(b"\xef\xbb\xbf" + LINE, "begins with a byte order mark", id="mark"),
        pytest.param(b'{"ram": "\xff"}', "the line is not valid JSON", id="not UTF-8"),
        pytest.param(b'{"x":1}', '"x" is not a known field', id="unknown"),
        pytest.param(
            b"{%b}" % b",".join(b'"k%d":1' % k for k in range(2_000)), "found 2000", id="many fields"
        ),
    ],
)
def test_a_line_that_is_no_phone_is_explained(client: httpx.Client, line: bytes, words: str) -> None:
    problem = ask(client, LINE + b"\n" + line + b"\n" + LINE)
    assert problem.status_code == 422
    assert any(words in entry["detail"] for entry in problem.json()["errors"])
    assert problem.json()["detail"].startswith("line 2: ")
    rows = ask(client, LINE + b"\n" + line + b"\n" + LINE, on_bad_row="null").text.splitlines()
    assert [json.loads(row)["error"] is None for row in rows] == [True, False, True]


def test_a_phone_over_two_lines_is_two_bad_lines(client: httpx.Client) -> None:
    rows = ask(client, LINE.replace(b", ", b",\n", 1), on_bad_row="null").text.splitlines()
    assert [json.loads(row)["price_range"] for row in rows] == [None, None]


@pytest.mark.parametrize("body", [LINE + b"\n" + b" " * 98_305, LINE + b"\n" + b" " * 98_305 + b"\n"])
def test_a_line_that_is_too_long_is_named(client: httpx.Client, body: bytes) -> None:
    answer = ask(client, body)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "line 2 is longer than 98304 bytes"


def test_many_short_lines_are_answered(client: httpx.Client) -> None:
    rows = ask(client, b"1\n" * 5_000, on_bad_row="null").text.splitlines()
    assert len(rows) == 5_000
    assert json.loads(rows[-1])["error"].startswith("expected a JSON object")


def test_a_table_may_be_answered_in_lines(client: httpx.Client) -> None:
    headers = {"Content-Type": CSV, "Accept": NDJSON}
    answer = client.post("/predict/batch", content=as_csv([PHONE] * 3), headers=headers)
    assert answer.content == ask(client, as_ndjson([PHONE] * 3)).content
