"""Windows of all workers together: full after so many rows, whoever has counted them."""

import copy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricerange import synthetic
from pricerange.drift.reference import Reference, Tally
from pricerange.predictor import Prediction, Predictor
from service.telemetry.drift.windows import Windows
from service.telemetry.shared_counters import SharedCounters

ROWS = 200
PHONES = synthetic.phones(2_000, block=3)[0].astype(np.float32)


@pytest.fixture(scope="module")
def predictor(model_repository: Path) -> Predictor:
    return Predictor.load(model_repository)


@pytest.fixture(scope="module")
def reference(predictor: Predictor) -> Reference:
    found = Reference.of_version(predictor.bundle.passport)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def answers(predictor: Predictor) -> Prediction:
    return predictor.predict(PHONES)


def tally(reference: Reference, answers: Prediction, rows: slice) -> Tally:
    return reference.tally(PHONES[rows], part(answers, rows))


def part(answers: Prediction, rows: slice) -> Prediction:
    return Prediction(answers.probabilities[rows], answers.price_range[rows])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(counts=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 450)), max_size=12))
def test_any_workers_that_count_in_turn_fill_windows_of_exactly_so_many_rows(
    reference: Reference, answers: Prediction, counts: list[tuple[int, int]]
) -> None:
    workers = [Windows(reference, counters, ROWS) for counters in SharedCounters.of(3)[:3]]
    done = 0
    for worker, rows in counts:
        some = slice(done, min(done + rows, len(PHONES)))
        workers[worker].count(PHONES[some], part(answers, some))
        done = some.stop
        for one in workers:
            counted = one.counted()
            assert counted.windows == done // ROWS
            np.testing.assert_allclose(counted.since_start, tally(reference, answers, slice(done)))
            last = slice(max(counted.windows - 1, 0) * ROWS, counted.windows * ROWS)
            np.testing.assert_allclose(counted.last_window, tally(reference, answers, last))


def test_a_worker_that_is_replaced_leaves_what_it_has_counted(
    reference: Reference, answers: Prediction
) -> None:
    ours, other, _ = SharedCounters.of(2)
    first, some = Windows(reference, ours, ROWS), slice(150)
    first.count(PHONES[some], part(answers, some))
    ours.end()
    replacement, rest = Windows(reference, copy.copy(ours), ROWS), slice(150, 250)
    replacement.count(PHONES[rest], part(answers, rest))
    counted = Windows(reference, other, ROWS).counted()
    assert counted.windows == 1
    np.testing.assert_allclose(counted.last_window, tally(reference, answers, slice(ROWS)))
