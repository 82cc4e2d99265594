"""A canary that is bad is rolled back by itself, and nobody who was answered by it saw an error."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from rollout_server import RAISING, SHUFFLED, SLOW, Rolling
from waiting import wait_until

from bench.load.broken_versions import UNLUCKY

Phones = list[dict[str, float]]
CANARY = """stable = 1
[canary]
version = {}
weight = 50
[analysis]
interval = 0.2
min_rows = 20
[[analysis.metrics]]
name = "{}"
success_condition = "{}"
"""
STEPS = """stable = 1
[canary]
version = 2
steps = [20, 60, 100]
pause = 0.1
[analysis]
interval = 0.1
min_rows = 10
[[analysis.metrics]]
name = "error_ratio"
success_condition = "result == 0"
[[analysis.metrics]]
name = "disagreement"
success_condition = "result < 0.5"
"""


@contextmanager
def asked(rolling: Rolling, phones: Phones) -> Iterator[None]:
    """Keep asking meanwhile; nobody may see anything but an answer."""
    ended, failures = threading.Event(), []

    def ask() -> None:
        try:
            with rolling.client() as client:
                while not ended.is_set():
                    for phone in phones:
                        client.post("/predict", json=phone).raise_for_status()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not failures


@pytest.mark.parametrize(
    ("version", "metric", "condition"),
    [
        pytest.param(RAISING, "error_ratio", "result < 0.05", id="raises"),
        pytest.param(SHUFFLED, "disagreement", "result < 0.2", id="answers-wrongly"),
        pytest.param(SLOW, "latency_ratio", "result < 5", id="is-slow"),
    ],
)
def test_a_bad_canary_is_rolled_back_by_itself(
    rolling: Rolling, phones: Phones, version: int, metric: str, condition: str
) -> None:
    unlucky = [{**phone, **UNLUCKY} if place % 3 == 0 else phone for place, phone in enumerate(phones)]
    rollbacks = count(rolling, "rollbacks")
    told = rolling.follow(CANARY.format(version, metric, condition))["canary"]
    assert (told["version"], told["weight"], told["status"]) == (str(version), 50, "progressing")
    with asked(rolling, unlucky):
        wait_until(lambda: rolling.state()["canary"]["status"] == "failed")
        wait_until(lambda: rolling.state()["canary"]["weight"] == 0)
        wait_until(lambda: all(worker["current"] for worker in rolling.state()["workers"]))
        before = rolling.state()["versions"][str(version)]["rows"]
        assert before > 0
        answers = [rolling.post("/predict", json=phone).json() for phone in phones[:20]]
    state = rolling.state()
    assert {answer["model"]["version"] for answer in answers} == {"1"}
    assert state["versions"][str(version)]["rows"] == before
    assert state["canary"]["why"].startswith(f"{metric} = ")
    assert condition.rsplit(maxsplit=1)[-1] in state["canary"]["why"]
    assert state["canary"]["measurements"][-1]["phase"] == "failed"
    assert state["valid"]
    assert count(rolling, "rollbacks") == rollbacks + 1
    assert count(rolling, "canary_weight_ratio") == 0


def count(rolling: Rolling, name: str) -> float:
    lines = rolling.get("/metrics").text.splitlines()
    [line] = [line for line in lines if line.startswith(f"pricerange_rollout_{name}") and " " in line]
    return float(line.split()[1])


def test_a_good_canary_goes_on_step_by_step_and_stays_there_after_a_restart(
    alone: Rolling, phones: Phones
) -> None:
    alone.want(STEPS)
    alone.start(workers=1)
    with asked(alone, phones):
        wait_until(lambda: alone.state()["canary"]["status"] == "successful")
    assert alone.server.end() == 0
    alone.start(workers=1)
    canary = alone.state()["canary"]
    assert (canary["status"], canary["step"], canary["weight"]) == ("successful", 2, 100)
    answers = [alone.post("/predict", json=phone).json()["model"]["version"] for phone in phones[:10]]
    assert answers == ["2"] * 10
