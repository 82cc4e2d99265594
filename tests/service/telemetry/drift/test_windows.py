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
from service.telemetry.seats import DRIFT_SLOTS, Seats
from service.telemetry.shared_counters import SharedCounters, SharedCountersFullError

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


def windows_on(reference: Reference, counters: SharedCounters, version: int = 1) -> Windows:
    return Windows(reference, counters, ROWS, Seats(counters).take(0, version))


def tally(reference: Reference, answers: Prediction, rows: slice) -> Tally:
    return reference.tally(PHONES[rows], part(answers, rows))


def part(answers: Prediction, rows: slice) -> Prediction:
    return Prediction(answers.probabilities[rows], answers.price_range[rows])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(counts=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 450)), max_size=12))
def test_any_workers_that_count_in_turn_fill_windows_of_exactly_so_many_rows(
    reference: Reference, answers: Prediction, counts: list[tuple[int, int]]
) -> None:
    workers = [windows_on(reference, counters) for counters in SharedCounters.of(3)[:3]]
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
    first, some = windows_on(reference, ours), slice(150)
    first.count(PHONES[some], part(answers, some))
    ours.end()
    replacement, rest = windows_on(reference, copy.copy(ours)), slice(150, 250)
    replacement.count(PHONES[rest], part(answers, rest))
    counted = windows_on(reference, other).counted()
    assert counted.windows == 1
    np.testing.assert_allclose(counted.last_window, tally(reference, answers, slice(ROWS)))


def test_what_a_worker_that_is_yet_to_switch_holds_of_another_version_is_not_counted(
    reference: Reference, answers: Prediction
) -> None:
    ours, other, _ = SharedCounters.of(2)
    old = windows_on(reference, other)
    old.count(PHONES[:350], part(answers, slice(350)))
    new = windows_on(reference, ours, version=2)
    some = slice(350, 600)
    new.count(PHONES[some], part(answers, some))
    for one, counted in ((old, slice(350)), (new, some)):
        assert one.counted().windows == 1
        np.testing.assert_allclose(one.counted().since_start, tally(reference, answers, counted))
        last = slice(counted.start, (counted.start or 0) + ROWS)
        np.testing.assert_allclose(one.counted().last_window, tally(reference, answers, last))
    switched, rest = windows_on(reference, copy.copy(other), version=2), slice(600, 750)
    switched.count(PHONES[rest], part(answers, rest))
    for one in (new, switched):
        assert one.counted().windows == 2
        np.testing.assert_allclose(one.counted().since_start, tally(reference, answers, slice(350, 750)))
        np.testing.assert_allclose(one.counted().last_window, tally(reference, answers, slice(550, 750)))


def test_a_reference_that_needs_more_than_a_seat_has_is_refused(
    reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "size", DRIFT_SLOTS // 3)
    with pytest.raises(
        SharedCountersFullError, match=f"at most {DRIFT_SLOTS} counters, found {DRIFT_SLOTS + 1}"
    ):
        windows_on(reference, SharedCounters.of(1)[0])
