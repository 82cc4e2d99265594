"""Metrics of versions beside those of prometheus-client's own classes, and what they say is loaded."""

import math
from pathlib import Path

import numpy as np
import pytest
from corpus import examples
from exposition import samples_of, value
from hypothesis import example, given, settings
from hypothesis import strategies as st
from in_process import InProcess
from prometheus_client import CollectorRegistry, Counter, Histogram, Summary, generate_latest

from pricerange.agreement import Agreement
from pricerange.predictor import Prediction
from service.telemetry.metrics import Metrics
from service.telemetry.seats import Seats
from service.telemetry.shared_counters import SharedCounters
from service.versions.live import Canary, Live, Shadow, Versions
from service.versions.metrics import VersionMetrics

RUN_SECONDS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05)
RUN_SECONDS = (*RUN_SECONDS, 0.1, 0.25, 0.5, 1.0, 2.5)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384)
NUMBERS = (1, 2)

durations = st.one_of(
    st.sampled_from([math.nextafter(bound, near) for bound in RUN_SECONDS for near in (0, bound, 9)]),
    st.floats(0, 10),
)
price_range = st.integers(0, 3)
counted = st.one_of(
    st.tuples(st.just("ran"), st.lists(price_range, min_size=1, max_size=40), durations),
    st.tuples(st.just("failed"), st.integers(1, 9)),
    st.tuples(st.just("answered"), st.sampled_from([0, 200, 422, 500, 503]), durations),
    st.tuples(st.just("compared"), st.lists(st.tuples(price_range, price_range), max_size=9)),
    st.tuples(st.just("dropped"), st.integers(1, 9)),
    st.tuples(st.just("comparison_failed"), st.integers(1, 9)),
)


def run_of(price_ranges: list[int]) -> Prediction:
    return Prediction(np.zeros((len(price_ranges), 4), np.float32), np.array(price_ranges, np.int64))


class Reference:
    """The same metrics made of prometheus-client's own classes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of_all, own = {"registry": self.registry}, {"labelnames": ["version"], "registry": self.registry}
        self.rows = Counter("pricerange_rows", "-", **of_all)
        self.predictions = Counter("pricerange_predictions", "-", ["price_range", "version"], **of_all)
        self.failed_rows = Counter("pricerange_failed_rows", "-", **own)
        self.requests = Summary(
            "pricerange_version_request_duration_seconds", "-", ["version", "outcome"], **of_all
        )
        self.run_seconds = Histogram("pricerange_model_run_duration_seconds", "-", buckets=RUN_SECONDS, **own)
        self.run_rows = Histogram("pricerange_model_run_rows", "-", buckets=ROWS, **own)
        self.compared_rows = Counter("pricerange_compared_rows", "-", **own)
        self.agreed_rows = Counter("pricerange_agreed_rows", "-", **own)
        self.distance = Counter("pricerange_compared_distance", "-", **own)
        self.dropped_rows = Counter("pricerange_shadow_dropped", "-", **own)
        self.not_compared = Counter("pricerange_compared_failed_rows", "-", **own)
        self.met = Counter("pricerange_compared_answers", "-", ["version", "stable", "answer"], **of_all)
        for version in map(str, NUMBERS):
            for outcome in ("answered", "failed"):
                self.requests.labels(version, outcome)
            for answer in range(4):
                self.predictions.labels(str(answer), version)
                for stable in range(4):
                    self.met.labels(version, str(stable), str(answer))
            for metric in (self.failed_rows, self.run_seconds, self.run_rows, self.compared_rows):
                metric.labels(version)
            for metric in (self.agreed_rows, self.distance, self.dropped_rows, self.not_compared):
                metric.labels(version)

    def ran(self, version: str, price_ranges: list[int], seconds: float) -> None:
        self.run_seconds.labels(version).observe(seconds)
        self.run_rows.labels(version).observe(len(price_ranges))
        self.rows.inc(len(price_ranges))
        for price_range in price_ranges:
            self.predictions.labels(str(price_range), version).inc()

    def failed(self, version: str, rows: int) -> None:
        self.failed_rows.labels(version).inc(rows)

    def answered(self, version: str, status: int, seconds: float) -> None:
        self.requests.labels(version, "answered" if status == 200 else "failed").observe(seconds)
        self.failed(version, status == 500)

    def compared(self, version: str, pairs: list[tuple[int, int]]) -> None:
        for stable, answer in pairs:
            self.compared_rows.labels(version).inc()
            self.agreed_rows.labels(version).inc(stable == answer)
            self.distance.labels(version).inc(stable != answer)
            self.met.labels(version, str(stable), str(answer)).inc()

    def dropped(self, version: str, rows: int) -> None:
        self.dropped_rows.labels(version).inc(rows)

    def comparison_failed(self, version: str, rows: int) -> None:
        self.not_compared.labels(version).inc(rows)


@pytest.fixture(scope="module")
def process(two_versions: Path) -> InProcess:
    return InProcess(two_versions, *NUMBERS)


def metrics_of(process: InProcess) -> Metrics:
    metrics = Metrics(SharedCounters.of(1)[0], "cpu")
    metrics.add(VersionMetrics(process.versions, process.seats))
    return metrics


@settings(max_examples=examples(60), deadline=None)
@given(done=st.lists(st.tuples(st.integers(0, 1), st.sampled_from(NUMBERS), counted), max_size=40))
@example(done=[])
def test_two_workers_tell_of_each_version_what_one_counter_of_prometheus_client_would(done: list) -> None:
    workers = [Seats(counters) for counters in SharedCounters.of(2)[:2]]
    seats = [[seats.take(number, number) for number in NUMBERS] for seats in workers]
    reference = Reference()
    for worker, version, (what, *of) in done:
        seat = seats[worker][NUMBERS.index(version)]
        getattr(reference, what)(str(version), *of)
        match what:
            case "ran":
                seat.ran(run_of(of[0]), of[1])
            case "compared":
                sides = (np.eye(4, dtype=np.float32)[[pair[side] for pair in of[0]]] for side in (0, 1))
                seat.compared(Agreement.of(*(side.reshape(-1, 4) for side in sides)))
            case _:
                getattr(seat, what)(*of)
    expected = samples_of(generate_latest(reference.registry))
    for each in workers:
        metrics = Metrics(SharedCounters.of(1)[0], "cpu")
        before = samples_of(metrics.exposition()).keys()
        metrics.add(VersionMetrics(Versions("phone_price_range", None), each))
        told = {key: one for key, one in samples_of(metrics.exposition()).items() if key not in before}
        assert told.pop(("pricerange_provider_fallback", frozenset())) == 0
        assert told == pytest.approx(expected, rel=1e-12)


def test_what_a_version_without_a_seat_has_answered_is_still_among_the_rows(process: InProcess) -> None:
    seats = Seats(SharedCounters.of(1)[0])
    seats.take(0, 1).ran(run_of([0, 1, 2]), 0.1)
    seats.take(0, 2).ran(run_of([3]), 0.1)
    metrics = Metrics(SharedCounters.of(1)[0], "cpu")
    metrics.add(VersionMetrics(process.versions, seats))
    assert value(metrics, "pricerange_rows_total") == 4
    assert value(metrics, "pricerange_predictions_total", version="2", price_range="3") == 1
    key = ("pricerange_predictions_total", frozenset({"version": "1", "price_range": "0"}.items()))
    assert key not in samples_of(metrics.exposition())


def test_the_versions_that_are_loaded_are_named_with_their_roles(process: InProcess) -> None:
    metrics = metrics_of(process)
    one, two = (process.served[number] for number in NUMBERS)

    def roles() -> set[tuple[str, str, str, str, str]]:
        return {
            tuple(dict(labels)[name] for name in ("name", "version", "sha256", "provider", "role"))
            for name, labels in samples_of(metrics.exposition())
            if name == "pricerange_model_info"
        }

    def named(served, role: str) -> tuple[str, str, str, str, str]:
        return "phone_price_range", served.version, served.bundle.passport.model_sha256, "cpu", role

    assert roles() == {named(one, "stable")}
    process.versions.switch(Live(two, Canary(one, 0.5, None), (Shadow(one, None),)))
    assert roles() == {named(two, "stable"), named(one, "canary"), named(one, "shadow")}
    process.versions.switch(None)
    assert roles() == set()
    process.versions.switch(Live(one))
    assert value(metrics, "pricerange_provider_fallback") == 0
