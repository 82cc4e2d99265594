"""`GET /drift` and its metrics, of a server that is asked through every door."""

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from live_server import NO_TLS, Server

from pricerange import synthetic
from pricerange.drift.reference import Reference
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor

RAM = FEATURE_NAMES.index("ram")
PHONES = synthetic.phones(120, block=6)[0]
PHONES[:, RAM] = np.rint(2 * PHONES[:, RAM])
OBJECTS = [dict(zip(FEATURE_NAMES, row, strict=True)) for row in PHONES.tolist()]


def ask_through_every_door(client: httpx.Client) -> None:
    for phone in OBJECTS[:10]:
        client.post("/predict", json=phone).raise_for_status()
    client.post("/predict/batch", json={"phones": OBJECTS[10:60]}).raise_for_status()
    tensor = {
        "name": "features",
        "datatype": "FP32",
        "shape": [50, 20],
        "data": PHONES[60:110].ravel().tolist(),
    }
    client.post("/v2/models/phone_price_range/infer", json={"inputs": [tensor]}).raise_for_status()
    instances = {"instances": PHONES[110:].tolist()}
    client.post("/v1/models/phone_price_range:predict", json=instances).raise_for_status()


def wait_for_rows(client: httpx.Client, rows: int) -> dict:
    deadline = time.monotonic() + 10
    while (told := client.get("/drift").json())["since_start"]["rows"] < rows and time.monotonic() < deadline:
        time.sleep(0.05)
    return told


def test_two_workers_tell_together_what_the_core_says_of_all_that_was_asked(
    start: Callable[..., Server], model_repository: Path
) -> None:
    flags = ("--drift-window", "100", "--workers", "2", "--no-access-log")
    server = start(model_repository, *flags).wait_until_ready()
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        before = client.get("/drift").json()
        assert (before["windows"], before["last_window"], before["since_start"]["rows"]) == (0, None, 0)
        # before a window is full there is no alarm
        text = client.get("/metrics").text
        assert 'pricerange_drift_alarm{feature="ram"} 0.0' in text
        assert 'pricerange_drift_psi{feature="price_range"}' in text
        ask_through_every_door(client)
        told = wait_for_rows(client, len(PHONES))
        text = client.get("/metrics").text
    assert server.end() == 0

    predictor = Predictor.load(model_repository)
    reference = Reference.of_version(predictor.bundle.passport)
    assert reference is not None
    phones = PHONES.astype(np.float32)
    drift = reference.drift(reference.tally(phones, predictor.predict(phones)))
    since_start, last = told["since_start"], told["last_window"]
    assert since_start["rows"] == drift.rows == len(PHONES)
    assert since_start["alarms"] == list(drift.alarms) == ["ram", "price_range"]
    for shift in drift.shifts[:-1]:
        of_feature = since_start["features"][shift.name]
        assert shift.psi is not None
        assert of_feature["psi"] == pytest.approx(shift.psi.value)
        assert of_feature["limit"] == pytest.approx(shift.psi.limit)
        assert of_feature["alarm"] == shift.alarm
    assert list(since_start["answer_shares"].values()) == pytest.approx(drift.answers.found)
    assert since_start["expected_accuracy"] == pytest.approx(drift.expected_accuracy)
    assert since_start["mean_confidence"] == pytest.approx(drift.mean_confidence)
    assert (told["windows"], last["rows"]) == (1, 100)
    assert told["model"] == {"name": "phone_price_range", "version": "1"}

    assert 'pricerange_drift_alarm{feature="ram"} 1.0' in text
    assert 'pricerange_drift_alarm{feature="wifi"} 0.0' in text
    assert f'pricerange_drift_psi{{feature="ram"}} {last["features"]["ram"]["psi"]}' in text
    assert f"pricerange_drift_expected_accuracy {last['expected_accuracy']}" in text
    assert "pricerange_drift_rows_total 120.0" in text
    assert "pricerange_drift_windows_total 1.0" in text


def test_a_version_without_a_reference_says_that_it_cannot_tell(start: Callable[..., Server]) -> None:
    server = start(Path("models"), "--model-version", "2", "--no-access-log").wait_until_ready()
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        refused = client.get("/drift")
        assert (refused.status_code, refused.json()["type"]) == (
            404,
            "urn:pricerange:problem:no-drift-reference",
        )
        assert "version 2 keeps no reference of drift" in refused.json()["detail"]
        assert client.post("/predict", json=OBJECTS[0]).status_code == 200
        assert "pricerange_drift" not in client.get("/metrics").text.replace("no-drift", "")
