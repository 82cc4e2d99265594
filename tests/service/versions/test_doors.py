"""What a canary answers is what a server of that version alone would, through every door, byte for byte."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from in_process import InProcess
from phone_tables import ARROW, CSV, as_arrow, as_csv

from bench.load.broken_versions import UNLUCKY
from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from service.versions.live import Canary, Live

ROWS = synthetic.phones(40, block=14)[0].astype(np.float32)
ROWS[3:6, FEATURE_NAMES.index("ram")] *= 3
PHONES = [dict(zip(FEATURE_NAMES, map(float, map(str, row)), strict=True)) for row in ROWS]
GAPS = [{**phone, "ram": None} for phone in PHONES[:9]]
NDJSON = "application/x-ndjson"
MODEL = "phone_price_range"


class Asked(NamedTuple):
    """A request, all of whose answer depends on the version."""

    path: str
    body: bytes
    form: str = "application/json"


def tensor(phones: list[dict[str, float]], **more: object) -> bytes:
    data = [value for phone in phones for value in phone.values()]
    inputs = [{"name": "features", "datatype": "FP32", "shape": [len(phones), 20], "data": data}]
    return json.dumps({"inputs": inputs, **more}).encode()


def requests_about(phones: list[dict[str, float]]) -> dict[str, Asked]:
    """Requests to every door about phones, the first ones."""
    one, some = json.dumps(phones[0]).encode(), json.dumps({"phones": phones}).encode()
    lines = b"\n".join(json.dumps(phone).encode() for phone in phones)
    instances = json.dumps({"instances": phones}).encode()
    outputs = [{"name": name} for name in ("probabilities", "price_range", "in_range", "prediction_set")]
    return {
        "predict": Asked("/predict", one),
        "predict-with-a-set": Asked("/predict?sets=0.9", one),
        "predict-averaged": Asked("/predict?unknown=average&sets=0.9", json.dumps(GAPS[0]).encode()),
        "explain": Asked("/predict/explain", one),
        "what-if": Asked("/predict/what-if", json.dumps({"phone": phones[0], "price_range": 2}).encode()),
        "curve": Asked("/predict/curve", json.dumps({"phone": phones[0], "feature": "ram"}).encode()),
        "batch-json": Asked("/predict/batch?sets=0.9", some),
        "batch-explained": Asked("/predict/batch?explain=true", some),
        "batch-csv": Asked("/predict/batch?sets=0.9", as_csv(phones), CSV),
        "batch-ndjson": Asked("/predict/batch?sets=0.9&explain=true", lines, NDJSON),
        "batch-arrow": Asked("/predict/batch?sets=0.9", as_arrow(phones), ARROW),
        "batch-averaged": Asked("/predict/batch?unknown=average", json.dumps({"phones": GAPS}).encode()),
        "v1-predict": Asked(f"/v1/models/{MODEL}:predict", instances),
        "v1-explain": Asked(f"/v1/models/{MODEL}:explain", instances),
        "v2-infer": Asked(f"/v2/models/{MODEL}/infer", tensor(phones, outputs=outputs)),
    }


REQUESTS = requests_about(PHONES)
NAMED = [name for name in REQUESTS if not name.startswith(("v1", "batch-csv", "batch-nd", "batch-arrow"))]
"""Those whose answer has a place for the version; of the others it can only be told by what it says."""
UNLUCKY_REQUESTS = requests_about([{**phone, **UNLUCKY} for phone in PHONES[:12]])
EVERY_DOOR = pytest.mark.parametrize("door", REQUESTS)
Answers = dict[str, tuple[int, dict[str, str], bytes]]


def answers_of(process: InProcess, requests: dict[str, Asked]) -> Answers:
    async def ask() -> Answers:
        found = {}
        async with process.client() as client:
            for name, (path, body, form) in requests.items():
                answer = await client.post(path, content=body, headers={"Content-Type": form})
                headers = {key: value for key, value in answer.headers.items() if key != "x-request-id"}
                found[name] = answer.status_code, headers, answer.content
        return found

    return asyncio.run(ask())


def process_of(models: Path, *versions: int) -> InProcess:
    """The first of them is the stable one, the second a canary that answers all."""
    process = InProcess(models, *versions, out_of_range="flag", abstain=True)
    if len(versions) > 1:
        stable, canary = (process.served[version] for version in versions)
        process.versions.switch(Live(stable, Canary(canary, 1.0, None)))
    return process


@pytest.fixture(scope="module")
def alone(three_versions: Path) -> dict[int, Answers]:
    return {version: answers_of(process_of(three_versions, version), REQUESTS) for version in (1, 2)}


@pytest.fixture(scope="module")
def by_canary(three_versions: Path) -> tuple[InProcess, Answers]:
    process = process_of(three_versions, 1, 2)
    return process, answers_of(process, REQUESTS)


@EVERY_DOOR
def test_a_canary_answers_as_if_it_were_alone(
    alone: dict[int, Answers], by_canary: tuple[InProcess, Answers], door: str
) -> None:
    assert alone[2][door][0] == 200, alone[2][door][2]
    assert by_canary[1][door] == alone[2][door]
    assert alone[1][door][2] != alone[2][door][2]


@pytest.mark.parametrize("door", NAMED)
def test_its_answers_name_it(by_canary: tuple[InProcess, Answers], door: str) -> None:
    answer = json.loads(by_canary[1][door][2])
    assert answer.get("model_version") or answer["model"]["version"] == "2"


def test_all_of_that_is_counted_as_its_own(by_canary: tuple[InProcess, Answers]) -> None:
    seats = by_canary[0].seats
    answered, _, failed, _ = seats.of(2).requests
    assert (answered, failed) == (len(REQUESTS), 0)
    assert seats.of(1).requests == (0, 0, 0, 0)
    assert seats.of(1).answers.sum() == 0


def test_a_version_that_is_named_answers_whoever_would(
    alone: dict[int, Answers], three_versions: Path
) -> None:
    infer = REQUESTS["v2-infer"]
    requests = {
        version: infer._replace(path=f"/v2/models/{MODEL}/versions/{version}/infer") for version in "12"
    }
    found = answers_of(process_of(three_versions, 1, 2), requests)
    assert found == {version: alone[int(version)]["v2-infer"] for version in "12"}


@EVERY_DOOR
def test_where_a_canary_fails_the_stable_version_answers_as_if_it_were_alone(
    three_versions: Path, door: str
) -> None:
    requests = {door: UNLUCKY_REQUESTS[door]}
    if "averaged" in door:
        phone = {**PHONES[0], **UNLUCKY, "ram": None}
        content = phone if door == "predict-averaged" else {"phones": [phone] * 3}
        requests[door] = requests[door]._replace(body=json.dumps(content).encode())
    process = process_of(three_versions, 2, 3)
    assert answers_of(process, requests) == answers_of(process_of(three_versions, 2), requests)
    assert process.seats.of(3).errors > 0
    assert process.seats.of(3).requests == (0, 0, 0, 0)
    assert process.seats.of(2).requests[0] == 1


LINES = as_csv(PHONES * 100).splitlines(keepends=True)


@pytest.mark.parametrize("then", ["the other", "none"])
def test_a_stream_ends_on_the_version_that_it_began_with(three_versions: Path, then: str) -> None:
    process = InProcess(three_versions, 1, 2)
    seats = process.seats

    async def body() -> AsyncIterator[bytes]:
        yield b"".join(LINES[:2_500])
        while seats.of(1).answers.sum() == len(PHONES) * 100:
            await asyncio.sleep(0.005)
        process.versions.switch(Live(process.served[2]) if then == "the other" else None)
        yield b"".join(LINES[2_500:])

    async def ask() -> tuple[bytes, bytes]:
        headers = {"Content-Type": CSV}
        async with process.client() as client:
            whole = await client.post("/predict/batch", content=b"".join(LINES), headers=headers)
            begun = await client.post("/predict/batch", content=body(), headers=headers)
            after = await client.post("/predict", json=PHONES[0])
            assert after.status_code == (200 if then == "the other" else 503)
            if then == "the other":
                assert after.json()["model"]["version"] == "2"
        return whole.raise_for_status().content, begun.raise_for_status().content

    whole, begun = asyncio.run(ask())
    assert begun == whole
    assert seats.of(1).answers.sum() == 2 * len(PHONES) * 100


def test_a_stream_in_which_a_canary_fails_later_is_an_error_and_no_mixture(three_versions: Path) -> None:
    process = process_of(three_versions, 2, 3)
    last = as_csv([{**PHONES[0], **UNLUCKY}]).splitlines(keepends=True)[1]
    requests = {"stream": Asked("/predict/batch", b"".join([*LINES, last]), CSV)}
    [(status, _, _)] = answers_of(process, requests).values()
    assert status == 500
    assert process.seats.of(3).answers.sum() > 0
    assert process.seats.of(2).answers.sum() == 0
    assert process.seats.of(3).requests[2] == 1
