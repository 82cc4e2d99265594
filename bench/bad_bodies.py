"""Thousands of bad bodies against a live server: `python -m bench.bad_bodies [--count 20000]`.

Half of them are drawn by hypothesis from ways to break a phone, half by schemathesis against the OpenAPI
document. No answer may be a 5xx or anything but problem+json with a place in `errors`, and the server's
memory must stay flat.
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from bench.load.live import PHONE, serving

JSON = {"Content-Type": "application/json"}
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
WRONG_VALUES = st.one_of(
    st.none(),
    st.text(max_size=10),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
    st.sampled_from([math.nan, math.inf, -math.inf, -1, -0.5, 10**9, 10**400]),
)
FIELDS = st.sampled_from(sorted(PHONE))


@st.composite
def wrong_value(draw: st.DrawFn) -> bytes:
    """A phone with one value that breaks its rule."""
    return json.dumps(PHONE | {draw(FIELDS): draw(WRONG_VALUES)}).encode()


@st.composite
def wrong_fields(draw: st.DrawFn) -> bytes:
    """A phone with missing and unknown fields."""
    missing = draw(st.sets(FIELDS, min_size=1))
    unknown = draw(st.dictionaries(st.text(max_size=10), VALUES, max_size=3))
    return json.dumps(
        {name: value for name, value in PHONE.items() if name not in missing} | unknown
    ).encode()


@st.composite
def truncated(draw: st.DrawFn) -> bytes:
    """The beginning of a phone."""
    text = json.dumps(PHONE).encode()
    return text[: draw(st.integers(0, len(text) - 1))]


@st.composite
def wrong_encoding(draw: st.DrawFn) -> bytes:
    """A phone in bytes that are not UTF-8."""
    return json.dumps(PHONE).encode(draw(st.sampled_from(["utf-16", "utf-16-le", "utf-32", "cp037"])))


@st.composite
def deep(draw: st.DrawFn) -> bytes:
    """A value in very many brackets."""
    opening, depth = (
        draw(st.sampled_from([(b"[", 20_000), (b'{"ram":', 5_000)])),
        draw(st.integers(150, 5_000)),
    )
    return b'{"ram":' + opening[0] * min(depth, opening[1])


@st.composite
def overflowing(draw: st.DrawFn) -> bytes:
    """A number that no float holds."""
    number = draw(st.sampled_from(["1e400", "-1e999", "1" + "0" * 400, "NaN", "-Infinity"]))
    return json.dumps(PHONE | {"ram": 0}).replace('"ram": 0', f'"ram": {number}').encode()


BAD = st.one_of(
    wrong_value(),
    wrong_fields(),
    truncated(),
    wrong_encoding(),
    deep(),
    overflowing(),
    st.binary(max_size=200),
)


def main() -> None:
    """Send the bodies, count the answers, print what was seen; a broken promise is an AssertionError."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--count", type=int, default=20_000)
    arguments = parser.parse_args()
    with serving(arguments.models, "--no-access-log", "--drain-delay", "0") as running:
        process = psutil.Process(running.process.pid)
        statuses: Counter[int] = Counter()
        with httpx.Client(base_url=running.url, timeout=30) as client:
            _send_all(client, statuses, 500)
            _send_many_errors(client, statuses)
            _send_large(client, statuses)
            before = process.memory_info().rss
            _send_all(client, statuses, (arguments.count - statuses.total()) // 2)
            _send_large(client, statuses)
            document = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
            while statuses.total() < arguments.count:
                _send_schemathesis(document, statuses, (arguments.count - statuses.total()) // 2 + 1)
            after = process.memory_info().rss
    assert not any("Traceback" in line or "traceback" in line for line in running.log), running.log
    print(f"{statuses.total()} bad bodies: {dict(sorted(statuses.items()))}, no 5xx, no traceback")
    print(f"memory of the server: {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after")


def _send_all(client: httpx.Client, statuses: Counter[int], count: int) -> None:
    def send(body: bytes) -> None:
        _check(client.post("/predict", content=body, headers=JSON), statuses)

    def send_batch(body: bytes) -> None:
        content = b'{"phones": [' + json.dumps(PHONE).encode() + b", " + body + b"]}"
        _check(client.post("/predict/batch", content=content, headers=JSON), statuses)

    for sender in (send, send_batch):
        for_examples(BAD, sender, count // 2)


def for_examples(strategy: st.SearchStrategy[bytes], send: Callable[[bytes], None], count: int) -> None:
    """Draw bodies by a strategy and hand each on."""

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def run(body: bytes) -> None:
        send(body)

    run()


def _send_large(client: httpx.Client, statuses: Counter[int]) -> None:
    fifty_megabytes = b"[" + b"1," * 25_000_000 + b"1]"
    for path in ("/predict", "/predict/batch"):
        _check(client.post(path, content=fifty_megabytes, headers=JSON), statuses)
        chunks = (fifty_megabytes[start : start + 65_536] for start in range(0, len(fifty_megabytes), 65_536))
        _check(client.post(path, content=chunks, headers=JSON), statuses)


def _send_many_errors(client: httpx.Client, statuses: Counter[int]) -> None:
    """Send what breaks as many rules as the limits of a body allow."""
    unknown = ", ".join(f'"{number}": 1' for number in range(80_000))
    for path, body in (
        ("/predict", "{" + unknown[:65_000].rpartition(",")[0] + "}"),
        ("/predict/batch", '{"phones": [' + ",".join(["{}"] * 300_000) + "]}"),
        ("/predict/batch", '{"phones": [{' + unknown + "}]}"),
    ):
        _check(client.post(path, content=body, headers=JSON), statuses)


def _send_schemathesis(document: schemathesis.BaseSchema, statuses: Counter[int], count: int) -> None:
    for path in ("/predict", "/predict/batch"):
        operation = document[path]["POST"]

        @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        def run(case: schemathesis.Case) -> None:
            response = case.call()
            case.validate_response(response)
            assert 400 <= response.status_code < 500, response.status_code
            statuses[response.status_code] += 1

        run()


def _check(response: httpx.Response, statuses: Counter[int]) -> None:
    statuses[response.status_code] += 1
    assert response.status_code in (413, 422), (response.status_code, response.text)
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert "Traceback" not in response.text
    assert response.status_code == 413 or problem["errors"], problem


if __name__ == "__main__":
    main()
