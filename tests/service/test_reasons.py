"""Why a phone is answered so is said in the same words through every door."""

import asyncio
import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest
from live_server import Server
from pyarrow import ipc

from pricerange import synthetic
from pricerange.answer.reasons import Explainer, Explanations
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor

ARROW = "application/vnd.apache.arrow.stream"
V1 = "/v1/models/phone_price_range"
ROWS = synthetic.phones(12, block=9)[0].astype(np.float32)
PHONES = [dict(zip(FEATURE_NAMES, map(float, map(str, row)), strict=True)) for row in ROWS]


def as_csv(phones: list[dict[str, float]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, phones[0])
    writer.writeheader()
    writer.writerows(phones)
    return text.getvalue().encode()


def as_arrow(phones: list[dict[str, float]]) -> bytes:
    table, sink = pa.Table.from_pylist(phones), io.BytesIO()
    with ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def expected_of(models: Path) -> Explanations:
    predictor = Predictor.load(models)
    explainer = Explainer.of_version(predictor)
    assert explainer is not None
    return explainer.explain(ROWS, predictor.predict(ROWS).price_range)


def shortest(number: np.float32) -> float:
    return float(str(number))


def told(found: Explanations, row: int) -> dict[str, object]:
    """What JSON says of a row."""

    def quantities(numbers: np.ndarray) -> dict[str, float]:
        return {"score": shortest(numbers[0]), "probability": shortest(numbers[1])}

    reasons = [
        {
            "feature": found.features[k],
            "value": PHONES[row][found.features[k]],
            **quantities(found.contributions[row, k]),
            **({} if found.exact[row] else {"error": quantities(found.errors[row, k])}),
        }
        for k in np.argsort(-np.abs(found.contributions[row, :, 0]), kind="stable")
    ]
    return {
        "value": quantities(found.value[row]),
        "base": quantities(found.base[row]),
        "reasons": reasons,
        "exact": bool(found.exact[row]),
        "background_rows": 100,
    }


@pytest.fixture(scope="module")
def pruned(pruned_repository: Path) -> Iterator[httpx.Client]:
    """A server of a version whose reasons are exact."""
    server = Server(
        pruned_repository, "--no-access-log", "--max-explained-rows", "20", "--request-timeout", "2"
    ).wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        yield client
    assert server.end() == 0


@pytest.fixture(params=["exact", "sampled"])
def door(request: pytest.FixtureRequest) -> tuple[httpx.Client, Explanations]:
    """A client of a server, and what each phone's explanation is."""
    exact = request.param == "exact"
    client = request.getfixturevalue("pruned" if exact else "client")
    found = expected_of(request.getfixturevalue("pruned_repository" if exact else "model_repository"))
    assert found.exact.all() == exact
    return client, found


def test_each_door_gives_the_same_reasons(door: tuple[httpx.Client, Explanations]) -> None:
    client, found = door
    expected = [told(found, row) for row in range(len(ROWS))]
    one_by_one = [client.post("/predict/explain", json=phone).raise_for_status() for phone in PHONES]
    assert [answer.json()["explanation"] for answer in one_by_one] == expected
    asked = [client.post("/predict?explain=true", json=phone).content for phone in PHONES]
    assert asked == [answer.content for answer in one_by_one]

    answers = client.post("/predict/batch?explain=true", json={"phones": PHONES}).raise_for_status().json()
    assert [answer["explanation"] for answer in answers["predictions"]] == expected
    headers = {"Content-Type": "application/x-ndjson"}
    lines = "\n".join(map(json.dumps, PHONES)).encode()
    answered = client.post("/predict/batch?explain=true", content=lines, headers=headers).text.splitlines()
    assert [json.loads(line)["explanation"] for line in answered] == expected
    assert [line[line.index('"explanation"') :] for line in answered] == [
        '"explanation":' + answer.text[answer.text.index('{"value"') : answer.text.index(',"model"')] + "}"
        for answer in one_by_one
    ]

    for instances in (PHONES, [list(phone.values()) for phone in PHONES]):
        body = client.post(f"{V1}:explain", json={"instances": instances}).raise_for_status().json()
        assert body["explanations"] == expected


def test_tables_have_a_column_for_each_feature(door: tuple[httpx.Client, Explanations]) -> None:
    client, found = door
    columns = {
        "score": found.value[:, 0],
        "score_base": found.base[:, 0],
        **{f"reason_{name}": found.contributions[:, k, 0] for k, name in enumerate(found.features)},
    }
    if not found.exact.all():
        columns["reason_error"] = found.errors[:, :, 0].max(axis=1)
    params, headers = {"explain": "true", "sets": "0.9"}, {"Content-Type": "text/csv"}
    text = client.post("/predict/batch", params=params, content=as_csv(PHONES), headers=headers).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0])[-len(columns) - 1 :] == [*columns, "error"]
    for name, values in columns.items():
        assert [row[name] for row in rows] == [json.dumps(shortest(value)) for value in values] or [
            float(row[name]) for row in rows
        ] == [shortest(value) for value in values]

    headers = {"Content-Type": ARROW}
    content = client.post("/predict/batch", params=params, content=as_arrow(PHONES), headers=headers).content
    table = ipc.open_stream(content).read_all()
    for name, values in columns.items():
        assert table.schema.field(name).type == pa.float32()
        assert table[name].to_numpy().tobytes() == values.tobytes()


def test_columns_of_the_body_give_way_only_where_reasons_are_told(pruned: httpx.Client) -> None:
    phones = [{**phone, "score": 7.5, "explanation": 1} for phone in PHONES[:2]]
    headers = {"Content-Type": "text/csv"}
    for asked, name in (("false", "score"), ("true", "input_score")):
        params = {"columns": "score", "explain": asked}
        text = pruned.post("/predict/batch", params=params, content=as_csv(phones), headers=headers).text
        assert [row[name] for row in csv.DictReader(io.StringIO(text))] == ["7.5", "7.5"]
    headers = {"Content-Type": "application/x-ndjson"}
    lines = "\n".join(json.dumps(phone) for phone in phones).encode()
    params = {"columns": "score,explanation", "explain": "true"}
    text = (
        pruned.post("/predict/batch", params=params, content=lines, headers=headers).raise_for_status().text
    )
    assert [json.loads(line)["input_explanation"] for line in text.splitlines()] == [1, 1]


def test_rows_that_are_no_phones_have_no_reasons(pruned: httpx.Client) -> None:
    phones = [PHONES[0], {**PHONES[1], "ram": 1}, PHONES[2]]
    alone = pruned.post("/predict/batch?explain=true", json={"phones": [PHONES[0], PHONES[2]]}).json()
    params = {"on_bad_row": "null", "explain": "true"}
    first, bad, last = pruned.post("/predict/batch", params=params, json={"phones": phones}).json()[
        "predictions"
    ]
    assert bad["explanation"] is None
    assert [first["explanation"], last["explanation"]] == [
        answer["explanation"] for answer in alone["predictions"]
    ]
    headers = {"Content-Type": "text/csv"}
    text = pruned.post("/predict/batch", params=params, content=as_csv(phones), headers=headers).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[1]["score"] == rows[1]["reason_ram"] == ""
    assert rows[2]["score"]
    headers = {"Content-Type": ARROW}
    content = pruned.post("/predict/batch", params=params, content=as_arrow(phones), headers=headers).content
    assert ipc.open_stream(content).read_all()["reason_ram"].is_null().to_pylist() == [False, True, False]


def test_a_feature_that_is_unknown_has_no_share_in_the_averaged_answer(pruned: httpx.Client) -> None:
    phones = [{**PHONES[0], "ram": None}, {**PHONES[1], "px_width": None, "wifi": None}]
    asked = {"unknown": "average", "explain": "true"}
    batch = pruned.post("/predict/batch", params=asked, json={"phones": phones}).raise_for_status().json()
    for phone, in_batch, unknown in zip(phones, batch["predictions"], ("ram", "px_width"), strict=True):
        answer = pruned.post("/predict/explain?unknown=average", json=phone).raise_for_status().json()
        explanation = answer["explanation"]
        assert explanation == in_batch["explanation"]
        assert explanation["value"]["probability"] == answer["probabilities"][answer["price_range"]]
        [share] = [reason for reason in explanation["reasons"] if reason["feature"] == unknown]
        assert (share["value"], share["score"], share["probability"]) == (None, 0, 0)


@pytest.mark.parametrize("query", ["explain=yes", "explain=", "explain=true&explain=true", "explained=true"])
def test_another_value_or_parameter_is_refused(client: httpx.Client, query: str) -> None:
    for path, body in (("/predict", PHONES[0]), ("/predict/batch", {"phones": PHONES})):
        refused = client.post(f"{path}?{query}", json=body)
        assert refused.status_code == 422
        assert "expected" in refused.json()["detail"]
    assert client.post(f"/predict/explain?{query}", json=PHONES[0]).status_code == 422


def test_more_phones_than_are_explained_are_refused(pruned: httpx.Client) -> None:
    phones = [PHONES[0]] * 21
    lines = "\n".join(map(json.dumps, phones)).encode()
    asked = {"explain": "true"}
    for refused in (
        pruned.post("/predict/batch", params=asked, json={"phones": phones}),
        pruned.post(
            "/predict/batch", params=asked, content=lines, headers={"Content-Type": "application/x-ndjson"}
        ),
        pruned.post(
            "/predict/batch", params=asked, content=as_csv(phones), headers={"Content-Type": "text/csv"}
        ),
        pruned.post(
            "/predict/batch", params=asked, content=as_arrow(phones), headers={"Content-Type": ARROW}
        ),
        pruned.post(f"{V1}:explain", json={"instances": phones}),
    ):
        assert (refused.status_code, refused.json()["title"]) == (413, "Too many phones")
        assert "at most 20 phones in one request (setting max_explained_rows)" in refused.json()["detail"]
    assert pruned.post("/predict/batch", json={"phones": phones}).status_code == 200
    assert pruned.post(f"{V1}:predict", json={"instances": phones}).status_code == 200


def test_requests_that_explain_wait_in_a_bounded_queue_and_others_go_on(pruned: httpx.Client) -> None:
    async def flood() -> list[int]:
        limits = httpx.Limits(max_connections=121)
        async with httpx.AsyncClient(base_url=pruned.base_url, limits=limits, timeout=30) as client:
            waiting = [client.post("/predict/explain", json=PHONES[0]) for _ in range(120)]
            *explained, other = await asyncio.gather(*waiting, client.post("/predict", json=PHONES[0]))
            assert other.status_code == 200
            return [answer.status_code for answer in explained]

    statuses = asyncio.run(flood())
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 20
    assert pruned.post("/predict/explain", json=PHONES[0]).status_code == 200


def test_a_client_may_set_a_deadline(client: httpx.Client) -> None:
    headers = {"X-Request-Timeout-Ms": "20"}
    body = {"phones": PHONES * 50}
    late = client.post("/predict/batch?explain=true", json=body, headers=headers)
    assert (late.status_code, late.json()["title"]) == (504, "Deadline exceeded")


def test_a_long_batch_is_given_its_time_again(client: httpx.Client, model_repository: Path) -> None:
    server = Server(model_repository, "--no-access-log", "--request-timeout", "0.3").wait_until_ready()
    with httpx.Client(base_url=server.url, timeout=60) as impatient:
        began = time.monotonic()
        answered = impatient.post("/predict/batch?explain=true", json={"phones": PHONES * 8})
        assert answered.status_code == 200
        assert time.monotonic() - began > 0.3
    assert server.end() == 0


def test_phones_that_are_explained_are_counted(pruned: httpx.Client) -> None:
    def count() -> float:
        text = pruned.get("/metrics").text
        return float(text.split("\npricerange_explained_rows_total ")[1].split("\n")[0])

    before = count()
    pruned.post("/predict/explain", json=PHONES[0])
    pruned.post("/predict/batch?explain=true", json={"phones": PHONES})
    pruned.post("/predict", json=PHONES[0])
    assert count() - before == 1 + len(PHONES)


def test_an_older_version_says_that_it_cannot_explain() -> None:
    server = Server(Path("models"), "--model-version", "2", "--no-access-log").wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        for path, body in (
            ("/predict/explain", PHONES[0]),
            ("/predict?explain=true", PHONES[0]),
            ("/predict/batch?explain=true", {"phones": PHONES}),
            (f"{V1}:explain", {"instances": PHONES}),
        ):
            refused = client.post(path, json=body)
            assert refused.status_code == 422
            assert refused.json()["detail"].startswith("version 2 keeps no background rows")
        assert client.post("/predict?explain=false", json=PHONES[0]).status_code == 200
    assert server.end() == 0
