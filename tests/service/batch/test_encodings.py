"""Compressed bodies: the same answers to the last bit, and no more work than their bytes justify."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import httpx
import psutil
import pyarrow as pa
import pytest
from corpus import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_server import NO_TLS, Server
from phone_tables import ARROW, COMPRESS, CSV, JSON, NDJSON, PHONES, WRITE, as_arrow, as_csv
from waiting import wait_until

from pricerange.phone import FEATURE_NAMES, FEATURES

PHONE = {feature.name: feature.example for feature in FEATURES}
FORMS = list(WRITE)
V2 = "/v2/models/phone_price_range/infer"


def post(client: httpx.Client, form: str, body: bytes | Iterator[bytes], coding: str, **params: str):
    headers = {"Content-Type": form, "Content-Encoding": coding}
    return client.post("/predict/batch", content=body, headers=headers, params=params)


@settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    phones=PHONES,
    form=st.sampled_from(FORMS),
    coding=st.sampled_from(list(COMPRESS)),
    accept=st.sampled_from(FORMS),
    cuts=st.lists(st.floats(0, 1), max_size=5),
    mode=st.sampled_from(["fail", "null"]),
    bad=st.booleans(),
)
def test_any_form_in_any_coding_in_any_parts_is_answered_alike(
    client: httpx.Client,
    phones: list[dict[str, float]],
    form: str,
    coding: str,
    accept: str,
    cuts: list[float],
    mode: str,
    bad: bool,
) -> None:
    if bad:
        phones = [*phones, {**phones[0], "ram": 1}]
    body = WRITE[form](phones)
    compressed = COMPRESS[coding](body)
    ends = sorted(int(cut * len(compressed)) for cut in cuts)
    parts = [compressed[i:k] for i, k in zip([0, *ends], [*ends, len(compressed)], strict=True)]
    headers = {"Content-Type": form, "Accept": accept, "X-Request-Id": "same"}
    query = {"on_bad_row": mode}
    plain = client.post("/predict/batch", content=body, headers=headers, params=query)
    headers["Content-Encoding"] = coding
    answer = client.post("/predict/batch", content=iter(parts), headers=headers, params=query)
    assert plain.status_code == (422 if bad and mode == "fail" else 200)
    assert (answer.status_code, answer.content) == (plain.status_code, plain.content)


@pytest.mark.parametrize("coding", list(COMPRESS))
def test_one_phone_may_be_compressed(client: httpx.Client, phone: dict[str, float], coding: str) -> None:
    body, plain = json.dumps(phone).encode(), client.post("/predict", json=phone)
    answer = client.post("/predict", content=COMPRESS[coding](body), headers={"Content-Encoding": coding})
    assert answer.raise_for_status().content == plain.content


@pytest.mark.parametrize("coding", list(COMPRESS))
@pytest.mark.parametrize("form", [CSV, NDJSON, ARROW])
def test_a_long_table_may_be_compressed(client: httpx.Client, form: str, coding: str) -> None:
    random = Random(0)
    varied = ("ram", "px_height", "px_width", "battery_power", "int_memory")
    phones = [PHONE | {name: random.randint(200, 2_000) for name in varied} for _ in range(20_000)]
    body = WRITE[form](phones)
    answer = post(client, form, COMPRESS[coding](body), coding)
    assert answer.raise_for_status().content == post(client, form, body, "identity").content


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", V2])
def test_another_coding_is_refused_with_those_that_are_taken(client: httpx.Client, path: str) -> None:
    answer = client.post(path, content=b"{}", headers={"Content-Encoding": "br"})
    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "gzip, deflate, zstd"
    assert answer.json()["type"] == "urn:pricerange:problem:content-encoding"


@pytest.mark.parametrize(
    ("path", "form"), [("/predict", JSON), (V2, JSON), *(("/predict/batch", form) for form in FORMS)]
)
@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_broken_data_is_a_400(client: httpx.Client, path: str, form: str, coding: str) -> None:
    body = COMPRESS[coding](as_csv([PHONE]) * 9)
    headers = {"Content-Type": form, "Content-Encoding": coding}
    for content, words in ((b"no", "data, found"), (b"", "truncated data")):
        answer = client.post(path, content=content, headers=headers)
        assert answer.status_code == 400
        assert words in answer.json()["detail"]
    if form == CSV:
        answer = client.post(path, content=COMPRESS[coding](as_csv([PHONE])) + b"x", headers=headers)
        assert answer.json()["detail"].endswith("found extra data after its end")
        answer = client.post(path, content=body[:-1], headers=headers, params={"on_bad_row": "null"})
        assert answer.status_code in {400, 422}


LONG = {
    JSON: lambda: b'{"phones":[' + b" " * 100_000_000,
    CSV: lambda: as_csv([PHONE]) + as_csv([PHONE]).splitlines(keepends=True)[1] * 1_500_000,
    NDJSON: lambda: b" \n" * 50_000_000,
    ARROW: lambda: as_arrow(pa.table(dict.fromkeys(FEATURE_NAMES, pa.array([1.0] * 200_000))), rows=200_000),
}
"""Bodies of tens of megabytes, which are small when they are compressed."""


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize(
    ("path", "form"), [("/predict", JSON), (V2, JSON), *(("/predict/batch", form) for form in FORMS)]
)
def test_a_bomb_is_a_413_and_takes_no_memory(
    server: Server, client: httpx.Client, path: str, form: str, coding: str
) -> None:
    bomb = COMPRESS[coding](LONG[form]())
    # the first table imports Arrow, which is none of the bomb's doing
    first = client.post("/predict/batch", content=as_csv([PHONE]), headers={"Content-Type": CSV})
    assert first.status_code == 200
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    answer = client.post(path, content=bomb, headers={"Content-Type": form, "Content-Encoding": coding})
    assert answer.status_code == 413, answer.text
    assert process.memory_info().rss - before < 40e6


def test_rows_of_arrow_are_counted_by_the_bytes_that_were_sent(client: httpx.Client) -> None:
    """A row for each byte of a body is less than they may be, but not once it is compressed."""
    count = 60_000
    runs = {name: pa.RunEndEncodedArray.from_arrays([count], [float(PHONE[name])]) for name in FEATURE_NAMES}
    body = as_arrow(pa.table({**runs, "tail": pa.array([1.0] * count)}), rows=20_000)
    assert post(client, ARROW, body, "identity").status_code == 200
    answer = post(client, ARROW, gzip.compress(body), "gzip")
    assert answer.status_code == 422
    assert "hold 40000 rows, at most" in answer.json()["detail"]


def test_the_limit_of_a_stream_holds_for_what_it_becomes(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository, "--max-stream-bytes", "5000").wait_until_ready()
    body = gzip.compress(as_csv([PHONE] * 200))
    assert len(body) < 1_000
    with httpx.Client(base_url=server.url, verify=NO_TLS) as own:
        answer = post(own, CSV, body, "gzip")
    assert answer.json()["detail"] == "the body is larger than 5000 bytes (setting max_stream_bytes)"


def test_others_are_answered_while_a_compressed_table_is_read(client: httpx.Client, server: Server) -> None:
    body = gzip.compress(as_csv([PHONE | {"ram": 128 + number} for number in range(100_000)]), 1)
    answers: list[int] = []

    def long() -> None:
        with httpx.Client(base_url=server.url, verify=NO_TLS, timeout=60) as own:
            answers.append(post(own, CSV, body, "gzip").status_code)

    thread = threading.Thread(target=long)
    thread.start()
    slowest = 0.0
    while thread.is_alive():
        began = time.perf_counter()
        client.post("/predict", json=PHONE).raise_for_status()
        slowest = max(slowest, time.perf_counter() - began)
    assert answers == [200]
    assert slowest < 0.5


def test_work_on_a_compressed_table_ends_when_its_client_leaves(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository).wait_until_ready()
    url = httpx.URL(server.url)
    random = Random(0)
    rows = [PHONE | {"ram": random.randint(200, 2_000)} for _ in range(99)]
    body = gzip.compress(as_csv(rows * 3_000), 1)
    head = f"POST /predict/batch HTTP/1.1\r\nHost: a\r\nContent-Type: {CSV}\r\nContent-Encoding: gzip\r\n"
    with socket.create_connection((url.host, url.port)) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        wait_until(lambda: metric(server, "pricerange_rows_total") > 0)
    wait_until(lambda: metric(server, "pricerange_memory_held_bytes") == 0)
    assert metric(server, "pricerange_rows_total") < 3_000 * 99


def metric(server: Server, name: str) -> float:
    lines = httpx.get(f"{server.url}/metrics", verify=NO_TLS).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))
