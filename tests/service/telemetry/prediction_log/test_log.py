"""The event loop puts rows down and never waits, whatever becomes of those who store them."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from waiting import wait_until

from pricerange.predictor import Prediction, Predictor
from service.http.request_state import RequestState
from service.telemetry.prediction_log.counts import Counts
from service.telemetry.prediction_log.log import PredictionLog
from service.telemetry.prediction_log.page import PAGE_ROWS, Page
from service.telemetry.prediction_log.sampling import Sampler
from service.telemetry.shared_counters import SharedCounters

MANY = 300_000
"""Rows that are more than may wait."""


class Disk:
    """Where pages go: it may stand still, or refuse them."""

    def __init__(self) -> None:
        self.moves = threading.Event()
        self.moves.set()
        self.error: Exception | None = None
        self.ids: list[bytes] = []
        self.rows: list[int] = []

    def store(self, page: Page) -> None:
        self.moves.wait(20)
        if self.error is not None and page.count:
            raise self.error
        self.ids += page.request_id[: page.count].tolist()
        self.rows += page.row[: page.count].tolist()


def told(counts: Counts) -> dict[str, float]:
    return {
        sample.labels.get("reason", sample.name): sample.value
        for metric in counts.collect()
        for sample in metric.samples
    }


class Log(PredictionLog):
    """A log to a disk of a test; `share` of the rows, `seconds` until they are stored."""

    def __init__(self, disk: Disk, share: float = 1.0, seconds: float = 0.02) -> None:
        [counters] = SharedCounters.of(1)
        super().__init__(Sampler(share, seed=1), disk.store, Counts(counters), seconds)


@pytest.fixture
def put(
    rows: np.ndarray, prediction: Prediction, state: Callable[[str], RequestState], predictor: Predictor
) -> Callable[[PredictionLog, int], None]:
    """Put so many rows down, as many as there are at a time."""
    batch = state("batch")

    def putting(log: PredictionLog, count: int) -> None:
        for first in range(1, count + 1, len(rows)):
            log.table("batch", batch, rows, prediction, predictor.bundle, first=first)

    return putting


class Phone:
    def __init__(self, state: RequestState) -> None:
        self.state = state


def phones(ids: Sequence[str], state: Callable[[str], RequestState]) -> list[Phone]:
    return [Phone(state(each)) for each in ids]


def test_phones_and_rows_of_tables_are_stored_soon_and_in_order(
    rows: np.ndarray, prediction: Prediction, state: Callable[[str], RequestState], predictor: Predictor
) -> None:
    disk = Disk()
    log = Log(disk)
    log.phones(phones(["a", "b"], state), rows, prediction, predictor.bundle)
    valid = np.ones(100, np.bool_)
    valid[[0, 50]] = False
    log.table("batch", state("c"), rows, prediction, predictor.bundle, first=1_001, valid=valid)
    log.table("predict", state("d"), rows[:1], prediction, predictor.bundle, first=None)
    wait_until(lambda: len(disk.ids) == 101)
    assert disk.ids == [b"a", b"b", *[b"c"] * 98, b"d"]
    assert disk.rows == [0, 0, *range(1_002, 1_051), *range(1_052, 1_101), 0]
    log.close()


def test_a_share_of_rows_is_logged(
    rows: np.ndarray, prediction: Prediction, state: Callable[[str], RequestState], predictor: Predictor
) -> None:
    disk = Disk()
    log = Log(disk, share=0.25)
    for number in range(1_000):
        log.phones(phones([f"p{number}-{k}" for k in range(3)], state), rows, prediction, predictor.bundle)
        log.table("v2", state(f"t{number}"), rows[:5], prediction, predictor.bundle)
    log.close()
    single = sum(name.startswith(b"p") for name in disk.ids)
    assert 600 < single < 900
    assert 1_000 < len(disk.ids) - single < 1_500
    assert told(log.counts)["pricerange_prediction_log_rows_total"] == len(disk.ids)


def test_many_rows_are_stored_before_it_is_time(put: Callable[[PredictionLog, int], None]) -> None:
    disk = Disk()
    log = Log(disk, seconds=3_600)
    put(log, PAGE_ROWS)
    wait_until(lambda: len(disk.ids) >= PAGE_ROWS // 2)
    log.close()
    assert len(disk.ids) + told(log.counts)["no_room"] == len(range(0, PAGE_ROWS, 100)) * 100


def test_a_disk_that_stands_still_holds_up_nobody_and_what_finds_no_room_is_counted_and_said_once(
    put: Callable[[PredictionLog, int], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    disk = Disk()
    disk.moves.clear()
    log = Log(disk)
    began = time.monotonic()
    put(log, MANY)
    assert time.monotonic() - began < 10
    dropped = told(log.counts)["no_room"]
    assert MANY - 2 * PAGE_ROWS <= dropped <= MANY - PAGE_ROWS
    disk.moves.set()
    wait_until(lambda: len(disk.ids) + dropped >= MANY)
    put(log, 100)  # and so it goes on
    log.close()
    assert told(log.counts)["pricerange_prediction_log_rows_total"] == len(disk.ids)
    assert told(log.counts)["no_room"] == dropped
    assert [record.message for record in caplog.records] == [
        "rows of the prediction log are dropped: its disk is slower than they come",
        "there is room for rows of the prediction log again",
    ]


def test_rows_that_cannot_be_written_are_dropped_counted_and_said_once_until_they_can(
    put: Callable[[PredictionLog, int], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    disk = Disk()
    disk.error = OSError(28, "No space left on device")
    log = Log(disk)
    for errors in range(1, 4):
        put(log, 100)
        wait_until(lambda: told(log.counts)["not_written"] == 100 * errors)  # noqa: B023
    assert told(log.counts)["pricerange_prediction_log_errors_total"] == 3
    disk.error = None
    put(log, 100)
    wait_until(lambda: len(disk.ids) == 100)
    log.close()
    assert [record.message for record in caplog.records] == [
        "the prediction log cannot be written, rows are dropped: [Errno 28] No space left on device",
        "the prediction log is written again",
    ]


def test_an_error_that_nobody_expects_does_not_end_the_log(put: Callable[[PredictionLog, int], None]) -> None:
    disk = Disk()
    disk.error = ValueError("unexpected")
    log = Log(disk)
    put(log, 100)
    wait_until(lambda: told(log.counts)["not_written"] == 100)
    disk.error = None
    put(log, 100)
    log.close()
    assert len(disk.ids) == 100


def test_the_end_stores_what_is_there_and_waits_for_no_disk_that_stands_still(
    put: Callable[[PredictionLog, int], None],
) -> None:
    disk = Disk()
    log = Log(disk, seconds=3_600)
    put(log, 300)
    log.close()
    assert len(disk.ids) == 300

    disk.moves.clear()
    log = Log(disk, seconds=3_600)
    put(log, 300)
    began = time.monotonic()
    log.close(0.1)
    assert time.monotonic() - began < 5
    disk.moves.set()
