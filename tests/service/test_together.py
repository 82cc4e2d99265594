"""All that an answer can tell at once: the same words and bits through every door."""

import csv
import io
import json
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest
from live_server import Server
from phone_tables import ARROW, CSV, NDJSON, WRITE
from pyarrow import ipc, parquet

from pricerange import synthetic
from pricerange.answer.decisions import CostMatrix
from pricerange.phone import FEATURE_NAMES
from scoring.job.job import WorthAsked
from scoring.order import Options
from scoring.score import score

ASKED = {"sets": "0.9", "explain": "true", "unknown": "average"}
COSTS = "[[0,1,2,3],[2,0,1,2],[4,2,0,1],[8,4,2,0]]"
BATCH, INFER = "/predict/batch", "/v2/models/phone_price_range/infer"


def phones() -> list[dict[str, float | None]]:
    """Phones in range and out of it, some with gaps."""
    table = synthetic.phones(12, block=8)[0]
    table[:2, FEATURE_NAMES.index("ram")] = 8_192
    rows = [dict(zip(FEATURE_NAMES, row, strict=True)) for row in table.tolist()]
    for row, name in zip(rows[1:], ("ram", "wifi", "px_height", "battery_power"), strict=False):
        row[name] = None
    return rows


PHONES = phones()


@pytest.fixture(scope="module")
def doors(pruned_repository: Path) -> httpx.Client:
    server = Server(
        pruned_repository, "--cost-matrix", COSTS, "--abstain", "--no-access-log"
    ).wait_until_ready()
    with httpx.Client(base_url=server.url) as client:
        yield client
    assert server.end() == 0


@pytest.fixture(scope="module")
def answers(doors: httpx.Client) -> list[dict]:
    return [doors.post("/predict", params=ASKED, json=phone).raise_for_status().json() for phone in PHONES]


def columns(answer: dict) -> dict[str, object]:
    """Return an answer of JSON as the columns of a table have it."""
    return {
        **{name: answer[name] for name in ("price_range", "label", "prediction_set", "abstain")},
        **{f"probability_{place}": value for place, value in enumerate(answer["probabilities"])},
        "in_range": answer["applicability"]["in_range"],
        "outside": "|".join(one["feature"] for one in answer["applicability"].get("outside", ())),
        "decision": answer["decision"]["price_range"],
        "expected_cost": answer["decision"]["expected_cost"],
        "score": answer["explanation"]["value"]["score"],
        "score_base": answer["explanation"]["base"]["score"],
        **{f"reason_{one['feature']}": one["score"] for one in answer["explanation"]["reasons"]},
        "unknown": "|".join(answer["unknown"]),
    }


def same(left: dict[str, object], right: dict[str, object]) -> bool:
    """Whether both say the same: words as they are, numbers as the same float32."""

    def plain(value: object) -> object:
        return np.float32(value).tobytes() if isinstance(value, float) else value

    return left.keys() == right.keys() and all(plain(left[name]) == plain(right[name]) for name in left)


def test_all_of_it_is_told_at_once(answers: list[dict]) -> None:
    assert [answer["unknown"] for answer in answers[:3]] == [[], ["ram"], ["wifi"]]
    assert [answer["applicability"]["in_range"] for answer in answers[:2]] == [False, True]
    for answer in answers:
        assert answer["abstain"] == (len(answer["prediction_set"]) > 1)
        added = sum(one["score"] for one in answer["explanation"]["reasons"])
        told = answer["explanation"]["value"]["score"] - answer["explanation"]["base"]["score"]
        assert added == pytest.approx(told, abs=1e-5)
        gaps = {one["feature"] for one in answer["explanation"]["reasons"] if one["value"] is None}
        assert gaps <= set(answer["unknown"])
        assert all(one["score"] == 0 for one in answer["explanation"]["reasons"] if one["feature"] in gaps)


def test_json_says_the_same_one_by_one_and_together(doors: httpx.Client, answers: list[dict]) -> None:
    alone = [
        {name: one for name, one in answer.items() if name not in {"model", "sets"}} for answer in answers
    ]
    assert doors.post(BATCH, params=ASKED, json={"phones": PHONES}).json()["predictions"] == alone
    lines = doors.post(BATCH, params=ASKED, content=WRITE[NDJSON](PHONES), headers={"Content-Type": NDJSON})
    assert list(map(json.loads, lines.text.splitlines())) == alone
    asked = {name: value for name, value in ASKED.items() if name != "explain"}
    explained = [doors.post("/predict/explain", params=asked, json=phone).json() for phone in PHONES]
    assert explained == answers


def test_columns_say_the_same_over_http_and_in_files(
    doors: httpx.Client, answers: list[dict], pruned_repository: Path, tmp_path: Path
) -> None:
    expected = list(map(columns, answers))
    arrow = doors.post(BATCH, params=ASKED, content=WRITE[ARROW](PHONES), headers={"Content-Type": ARROW})
    told = ipc.open_stream(arrow.content).read_all().drop_columns("error").to_pylist()
    assert [same(*both) for both in zip(told, expected, strict=True)] == [True] * len(PHONES)
    parquet.write_table(pa.Table.from_pylist(PHONES), tmp_path / "in.parquet")
    asked = WorthAsked("flag", 0.9, CostMatrix.read(COSTS), abstain=True, explain=True, unknown="average")
    score(
        [str(tmp_path / "in.parquet")],
        tmp_path / "out.parquet",
        pruned_repository,
        options=Options(worth=asked),
    )
    scored = parquet.read_table(tmp_path / "out.parquet").drop_columns(list(FEATURE_NAMES)).to_pylist()
    assert [same(*both) for both in zip(scored, expected, strict=True)] == [True] * len(PHONES)
    text = doors.post(BATCH, params=ASKED, content=WRITE[CSV](PHONES), headers={"Content-Type": CSV}).text
    for row, answer in zip(csv.DictReader(io.StringIO(text)), expected, strict=True):
        assert row.pop("error") == ""
        assert row["prediction_set"] == "|".join(map(str, answer["prediction_set"]))
        assert (row["unknown"], row["outside"], row["label"]) == tuple(
            answer[name] for name in ("unknown", "outside", "label")
        )
        numbers = [name for name, value in answer.items() if isinstance(value, float)]
        assert [np.float32(row[name]) for name in numbers] == [np.float32(answer[name]) for name in numbers]
        assert (row["abstain"], row["in_range"]) == tuple(
            str(answer[name]).lower() for name in ("abstain", "in_range")
        )


def test_tensors_say_the_same(doors: httpx.Client, answers: list[dict]) -> None:
    data = [[phone[name] for name in FEATURE_NAMES] for phone in PHONES]
    names = ("probabilities", "in_range", "prediction_set", "decision", "expected_cost", "unknown")
    body = {
        "inputs": [{"name": "features", "datatype": "FP32", "shape": [len(PHONES), 20], "data": data}],
        "parameters": {"unknown": "average", "sets": 0.9},
        "outputs": [{"name": name} for name in names],
    }
    told = doors.post(INFER, json=body).raise_for_status().json()["outputs"]
    by_name = {one["name"]: np.reshape(one["data"], one["shape"]) for one in told}
    for row, answer in enumerate(answers):
        told = {name: by_name[name][row] for name in names}
        assert told["probabilities"].tolist() == answer["probabilities"]
        assert told["in_range"] == answer["applicability"]["in_range"]
        assert np.flatnonzero(told["prediction_set"]).tolist() == answer["prediction_set"]
        assert told["decision"] == answer["decision"]["price_range"]
        assert told["expected_cost"] == answer["decision"]["expected_cost"]
        assert [FEATURE_NAMES[place] for place in np.flatnonzero(told["unknown"])] == answer["unknown"]
