"""The prediction log tells of drift what the service told while it was written."""

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from live_server import NO_TLS, Server

from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from scoring.drift.compare import compare

PHONES = synthetic.phones(120, block=6)[0]
PHONES[:, FEATURE_NAMES.index("ram")] *= 2
OBJECTS = [dict(zip(FEATURE_NAMES, row, strict=True)) for row in PHONES.tolist()]


def test_the_log_of_all_requests_has_the_drift_that_the_service_has_told(
    start: Callable[..., Server], model_repository: Path, tmp_path: Path
) -> None:
    flags = ("--prediction-log", str(tmp_path / "log"), "--prediction-log-sample", "1", "--no-access-log")
    server = start(model_repository, *flags).wait_until_ready()
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        client.post("/predict/batch", json={"phones": OBJECTS[:110]}).raise_for_status()
        for phone in OBJECTS[110:]:
            client.post("/predict", json=phone).raise_for_status()
        deadline = time.monotonic() + 10
        while (told := client.get("/drift").json()["since_start"])["rows"] < len(PHONES):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert server.end() == 0
    drift = compare([str(tmp_path / "log")], model_repository).drift
    assert drift.rows == len(PHONES)
    assert list(drift.alarms) == told["alarms"]
    assert drift.expected_accuracy == pytest.approx(told["expected_accuracy"])
    indices = [shift.psi.value for shift in drift.shifts if shift.psi]
    *of_features, of_answers = indices
    np.testing.assert_allclose(of_features, [one["psi"] for one in told["features"].values()])
    assert of_answers == pytest.approx(told["answers"]["psi"])
