"""What is asked is charged to the key, through every door; streams wait until their key is out of debt."""

import asyncio
import csv
import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_keys import bearer, entry, secret, write
from live_server import NO_TLS, Server

from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from service.errors import ClientDisconnectedError, RateLimitedError
from service.http import deadline
from service.http.budget import MemoryBudget
from service.http.deadline import Deadline
from service.http.framing.head import unread_head
from service.http.keys.entry import Entry
from service.http.keys.key import Key, charge_in_turn
from service.http.keys.known import SLOTS
from service.http.keys.publication import Published
from service.http.keys.rate_limit import RateLimits
from service.http.request_state import Requests, RequestState
from service.telemetry.shared_counters import SharedCounters

CSV = {"Content-Type": "text/csv"}
MODEL = "models/phone_price_range"
PHONES = [dict(zip(FEATURE_NAMES, row, strict=True)) for row in synthetic.phones(5, block=6)[0].tolist()]
ROWS = [list(one.values()) for one in PHONES]
TENSOR = {"inputs": [{"name": "features", "datatype": "FP32", "shape": [5, 20], "data": ROWS}]}


@pytest.fixture(scope="module")
def server(model_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = write(
        tmp_path_factory.mktemp("keys") / "keys.toml",
        entry("free"),
        *(entry(f"slow-{k}", "rows_per_second = 1") for k in range(6)),
        entry("fast", "rows_per_second = 4000"),
        entry("other"),
    )
    running = Server(model_repository, "--api-keys-file", str(path)).wait_until_ready()
    yield running
    assert running.end() == 0
    assert not any("Traceback" in line for line in running.lines)


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, verify=NO_TLS, timeout=20) as client:
        yield client


def counted(client: httpx.Client, series: str, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    begin = f'pricerange_{series}_total{{key="{name}"}}'
    return next(float(line.split()[-1]) for line in lines if line.startswith(begin))


def in_csv(count: int) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, FEATURE_NAMES)
    writer.writeheader()
    for k in range(count):
        writer.writerow(PHONES[k % len(PHONES)])
    return text.getvalue().encode()


@pytest.mark.parametrize(
    ("path", "sent", "rows"),
    [
        pytest.param("/predict", {"json": PHONES[0]}, 1, id="predict"),
        pytest.param("/predict", {"json": {"ram": 1}}, 1, id="a-bad-phone"),
        pytest.param("/predict?unknown=average", {"json": {**PHONES[0], "ram": None}}, 1, id="unknown"),
        pytest.param("/predict/explain", {"json": PHONES[0]}, 1, id="explain"),
        pytest.param("/predict/what-if", {"json": {"phone": PHONES[0], "price_range": 2}}, 1, id="what-if"),
        pytest.param("/predict/curve", {"json": {"phone": PHONES[0], "feature": "ram"}}, 1, id="curve"),
        pytest.param("/predict/batch", {"json": {"phones": PHONES}}, 5, id="batch"),
        pytest.param("/predict/batch", {"content": in_csv(3_000), "headers": CSV}, 3_000, id="csv"),
        pytest.param(f"/v1/{MODEL}:predict", {"json": {"instances": ROWS}}, 5, id="v1"),
        pytest.param(f"/v1/{MODEL}:explain", {"json": {"instances": ROWS}}, 5, id="v1-explain"),
        pytest.param(f"/v2/{MODEL}/infer", {"json": TENSOR}, 5, id="v2"),
        pytest.param(
            "/predict/batch", {"content": b"", "headers": {"Content-Type": "text/html"}}, 0, id="415"
        ),
    ],
)
def test_phones_are_counted_by_the_name_of_the_key(
    client: httpx.Client, path: str, sent: dict[str, Any], rows: int
) -> None:
    client.headers.update(bearer(secret("free")))
    before = counted(client, "key_rows", "free")
    assert client.post(path, **sent).status_code in (200, 415, 422)
    assert counted(client, "key_rows", "free") == before + rows


def test_a_phone_in_chunks_is_counted_as_any_other(client: httpx.Client) -> None:
    before = counted(client, "key_rows", "free")
    parts = iter([json.dumps(PHONES[0]).encode()])
    client.post("/predict", content=parts, headers=bearer(secret("free"))).raise_for_status()
    assert counted(client, "key_rows", "free") == before + 1


@pytest.mark.parametrize(
    ("name", "path", "sent"),
    [
        pytest.param("slow-0", "/predict", {"json": PHONES[0]}, id="predict"),
        pytest.param("slow-1", "/predict?sets=0.9", {"json": PHONES[0]}, id="through-asgi"),
        pytest.param("slow-2", f"/v1/{MODEL}:predict", {"json": {"instances": ROWS}}, id="v1"),
        pytest.param("slow-3", f"/v2/{MODEL}/infer", {"json": TENSOR}, id="v2"),
        pytest.param(
            "slow-4",
            "/predict/batch",
            {"content": in_csv(3), "headers": {**CSV, "X-Request-Timeout-Ms": "900"}},
            id="a-stream-that-cannot-wait-so-long",
        ),
    ],
)
def test_a_key_in_debt_is_told_when_to_come_back(
    server: Server, client: httpx.Client, name: str, path: str, sent: dict[str, Any]
) -> None:
    client.headers.update(bearer(secret(name)))
    hundred = {"inputs": [{**TENSOR["inputs"][0], "shape": [100, 20], "data": ROWS * 20}]}
    client.post(f"/v2/{MODEL}/infer", json=hundred).raise_for_status()
    refused = client.post(path, **sent)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert 95 <= int(refused.headers["retry-after"]) <= 99
    problem = refused.json()
    assert problem["type"] == "urn:pricerange:problem:rate-limited"
    assert f"the API key {name} may ask about 1 phones a second" in problem["detail"]
    assert counted(client, "rate_limited", name) == 1
    assert counted(client, "key_rows", name) == 100
    [line] = server.log(request_id=problem["request_id"])
    assert line["key"] == name
    assert line["status"] == 429
    assert client.get("/model").status_code == 200  # which asks about no phone


def test_a_debt_is_paid_in_time(client: httpx.Client) -> None:
    client.headers.update(bearer(secret("slow-5")))
    assert client.post("/predict", json=PHONES[0]).status_code == 200
    statuses = [client.post("/predict", json=PHONES[0]).status_code for _ in range(2)]
    assert statuses == [200, 429]  # a bucket that is empty, but not in debt, gives once more
    time.sleep(1.05)
    assert client.post("/predict", json=PHONES[0]).status_code == 200


def test_a_stream_waits_while_its_key_is_in_debt_and_others_go_on(
    server: Server, client: httpx.Client
) -> None:
    count, seconds, answers = 9_000, list[float](), list[httpx.Response]()

    def send() -> None:
        url, headers = f"{server.url}/predict/batch", CSV | bearer(secret("fast"))
        answers.append(httpx.post(url, content=in_csv(count), headers=headers, verify=NO_TLS, timeout=20))

    sending, begun = threading.Thread(target=send), time.monotonic()
    sending.start()
    while sending.is_alive():
        asked = time.monotonic()
        client.post("/predict", json=PHONES[0], headers=bearer(secret("other"))).raise_for_status()
        seconds.append(time.monotonic() - asked)
        time.sleep(0.01)
    lasted = time.monotonic() - begun
    sending.join()
    assert answers[0].status_code == 200, answers[0].text
    assert answers[0].text.count("\n") == count + 1
    # a second's phones are there at once, and the last block goes into debt
    assert (count - 4_000 - 2_000) / 4_000 <= lasted <= 5
    assert sorted(seconds)[len(seconds) // 2] < 0.1


@pytest.fixture
def in_debt() -> RequestState:
    """A request whose key is in debt for 0.5 s."""
    [counters] = SharedCounters.of(1)
    published = Published(Entry("shop", b"", frozenset({"predict"}), None, 100.0), 3, 1)
    requests = Requests(10.0, MemoryBudget(1 << 20, lambda _: None), lambda _: None)
    state = requests.open(unread_head(), None, None)
    state.key = Key(published, 1, RateLimits(), counters.row, counters.take(SLOTS))
    assert state.key.take(150) == 0
    return state


async def charged(state: RequestState, seconds: float, *, asked: bool, begun: bool) -> float:
    """Return how much longer it took than the debt lasts; there is time left for the rest."""
    assert state.key is not None
    began, debt = time.monotonic(), state.key.take(0)
    deadline.begin(Deadline(seconds, began + seconds, asked))
    await charge_in_turn(state, 1, begun=begun)
    assert deadline.current().when > time.monotonic()
    return time.monotonic() - began - debt


@pytest.mark.parametrize(
    ("seconds", "asked", "begun"),
    [
        pytest.param(5.0, True, False, id="in-time"),
        pytest.param(5.0, False, False, id="in-time-by-default"),
        pytest.param(0.1, False, True, id="in-the-middle-of-a-stream-without-end"),
    ],
)
def test_who_has_the_time_waits(in_debt: RequestState, seconds: float, asked: bool, begun: bool) -> None:
    assert -0.01 < asyncio.run(charged(in_debt, seconds, asked=asked, begun=begun)) < 2


@pytest.mark.parametrize(
    ("asked", "begun"),
    [
        pytest.param(True, False, id="at-first"),
        pytest.param(False, False, id="at-first-by-default"),
        pytest.param(True, True, id="in-the-middle"),
    ],
)
def test_who_has_not_is_rejected_at_once(in_debt: RequestState, asked: bool, begun: bool) -> None:
    began = time.monotonic()
    with pytest.raises(RateLimitedError):
        asyncio.run(charged(in_debt, 0.1, asked=asked, begun=begun))
    assert time.monotonic() - began < 0.4


def test_who_has_left_is_not_charged(in_debt: RequestState) -> None:
    in_debt.disconnected = True
    with pytest.raises(ClientDisconnectedError):
        asyncio.run(charged(in_debt, 5.0, asked=False, begun=True))
