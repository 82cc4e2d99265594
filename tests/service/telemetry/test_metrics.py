"""The metrics' numbers beside those of prometheus-client's own counters, and the rows that workers share."""

import copy
import gc
import math
from pathlib import Path

import numpy as np
import psutil
import pytest
from corpus import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from pricerange.predictor import Prediction, Predictor
from service.errors import ServiceError
from service.http.problems import kinds
from service.telemetry.metrics import Metrics, ModelTotals
from service.telemetry.shared_counters import SLOTS, SharedCounters, SharedCountersFullError

ROUTES = ["/predict", "/predict/batch", "/v2/models/{model}/infer", "/livez"]
SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
RUN_SECONDS = (0.00001, 0.000025, 0.00005, 0.0001, *SECONDS)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384)

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

durations = st.one_of(
    st.sampled_from([math.nextafter(bound, near) for bound in RUN_SECONDS for near in (0, bound, 9)]),
    st.floats(0, 10),
)
requests = st.tuples(
    st.sampled_from([*ROUTES, "unmatched"]),
    st.sampled_from(["GET", "POST", "DELETE"]),
    st.sampled_from([0, 200, 404, 422, 503]),
    durations,
)
runs = st.tuples(
    st.integers(1, 40).flatmap(lambda rows: st.lists(st.integers(0, 3), min_size=rows, max_size=rows)),
    durations,
)
workers = st.integers(0, 1)


@pytest.fixture(scope="module")
def predictor(model_repository: Path) -> Predictor:
    return Predictor.load(model_repository)


def metrics_on(counters: SharedCounters, predictor: Predictor) -> Metrics:
    metrics = Metrics(counters, predictor)
    metrics.add_routes(ROUTES)
    return metrics


def run_of(price_ranges: list[int]) -> Prediction:
    return Prediction(np.zeros((len(price_ranges), 4), np.float32), np.array(price_ranges, np.int64))


def samples_of(text: bytes) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples_of(metrics.exposition())[name, frozenset(labels.items())]


class Reference:
    """The same metrics made of prometheus-client's own classes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = {"registry": self.registry}
        self.requests = Counter("pricerange_requests", "-", ["route", "method", "status"], **own)
        self.seconds = Histogram(
            "pricerange_request_duration_seconds", "-", ["route"], buckets=SECONDS, **own
        )
        self.rejected = Counter("pricerange_rejected", "-", ["reason"], **own)
        self.rows = Counter("pricerange_rows", "-", **own)
        self.predictions = Counter("pricerange_predictions", "-", ["price_range", "version"], **own)
        self.run_seconds = Histogram("pricerange_model_run_duration_seconds", "-", buckets=RUN_SECONDS, **own)
        self.run_rows = Histogram("pricerange_model_run_rows", "-", buckets=ROWS, **own)
        for kind in ServiceError.kinds():
            self.rejected.labels(kind)
        for price_range in range(4):
            self.predictions.labels(str(price_range), "1")

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self.requests.labels(route, method, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def model_ran(self, price_ranges: list[int], seconds: float) -> None:
        self.run_seconds.observe(seconds)
        self.run_rows.observe(len(price_ranges))
        self.rows.inc(len(price_ranges))
        for price_range in price_ranges:
            self.predictions.labels(str(price_range), "1").inc()


@settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    answered=st.lists(st.tuples(workers, requests), max_size=60),
    ran=st.lists(st.tuples(workers, runs), max_size=10),
    rejected=st.lists(st.tuples(workers, st.sampled_from(kinds())), max_size=20),
)
@example(answered=[], ran=[], rejected=[])
def test_two_workers_tell_what_one_counter_of_prometheus_client_would(
    predictor: Predictor, answered: list, ran: list, rejected: list
) -> None:
    both = [metrics_on(counters, predictor) for counters in SharedCounters.of(2)[:2]]
    reference = Reference()
    for worker, request in answered:
        both[worker].answered(*request)
        reference.answered(*request)
    for worker, (price_ranges, seconds) in ran:
        both[worker].model_ran(run_of(price_ranges), seconds)
        reference.model_ran(price_ranges, seconds)
    for worker, reason in rejected:
        both[worker].rejected(reason)
        reference.rejected.labels(reason).inc()
    expected = samples_of(generate_latest(reference.registry))
    for metrics in both:
        told = samples_of(metrics.exposition())
        assert told.keys() - expected.keys() == {
            ("pricerange_queue_rows", frozenset()),
            ("pricerange_workers", frozenset()),
            ("pricerange_memory_budget_bytes", frozenset()),
            ("pricerange_memory_held_bytes", frozenset()),
            ("pricerange_spool_budget_bytes", frozenset()),
            ("pricerange_spool_held_bytes", frozenset()),
            ("pricerange_worker_restarts_total", frozenset()),
            ("pricerange_log_lines_dropped_total", frozenset()),
            ("pricerange_explained_rows_total", frozenset()),
            ("pricerange_provider_fallback", frozenset()),
            next(key for key in told if key[0] == "pricerange_model_info"),
            *(key for key in told if key[0] == "pricerange_out_of_range_rows_total"),
            *(key for key in told if key[0] == "pricerange_unknown_features_total"),
        }
        assert {key: told[key] for key in expected} == pytest.approx(expected, rel=1e-12)


def test_a_replacement_goes_on_with_the_counts_and_not_with_the_queue(predictor: Predictor) -> None:
    ours, other, _ = SharedCounters.of(2)
    metrics, witness = metrics_on(ours, predictor), metrics_on(other, predictor)
    metrics.answered("/predict", "POST", 200, 0.001)
    metrics.queued(7)
    witness.queued(2)
    assert value(witness, "pricerange_queue_rows") == 9
    assert value(witness, "pricerange_workers") == 2
    ours.end()
    assert value(witness, "pricerange_queue_rows") == 2
    assert value(witness, "pricerange_workers") == 1
    # what another process gets of it: the memory and the number of the row
    replacement = metrics_on(copy.copy(ours), predictor)
    replacement.answered("/predict", "POST", 200, 0.001)
    for metrics in (replacement, witness):
        ok = {"route": "/predict", "method": "POST", "status": "200"}
        assert value(metrics, "pricerange_requests_total", **ok) == 2
        assert value(metrics, "pricerange_request_duration_seconds_count", route="/predict") == 2
        assert value(metrics, "pricerange_workers") == 2


def test_labels_of_requests_are_bounded(predictor: Predictor) -> None:
    [counters] = SharedCounters.of(1)
    metrics = metrics_on(counters, predictor)
    for number in range(100):
        metrics.answered(f"/nowhere/{number}", f"METHOD{number}", 700 + number, 0.001)
    unknown = {"route": "unmatched", "method": "other", "status": "other"}
    assert value(metrics, "pricerange_requests_total", **unknown) == 100


def test_a_reason_that_nobody_named_is_counted_as_other(predictor: Predictor) -> None:
    [counters] = SharedCounters.of(1)
    metrics = metrics_on(counters, predictor)
    metrics.rejected("whatever")
    assert value(metrics, "pricerange_rejected_total", reason="other") == 1


def test_more_routes_than_a_row_holds_are_refused(predictor: Predictor) -> None:
    [counters] = SharedCounters.of(1)
    metrics = metrics_on(counters, predictor)
    with pytest.raises(SharedCountersFullError, match=f"at most {SLOTS} counters"):
        metrics.add_routes(f"/{number}" for number in range(1_000))


def test_model_totals_hold_requests_for_predictions_only(predictor: Predictor) -> None:
    one, two = (metrics_on(counters, predictor) for counters in SharedCounters.of(2)[:2])
    one.answered("/predict", "POST", 200, 0.5)
    two.answered("/predict/batch", "POST", 200, 0.25)
    two.answered("/v2/models/{model}/infer", "POST", 422, 2.0)
    one.answered("/predict", "POST", 503, 1.0)
    one.answered("/predict", "GET", 405, 64.0)
    one.answered("/livez", "GET", 200, 64.0)
    one.model_ran(run_of([3, 1]), 0.125)
    two.model_ran(run_of([0]), 0.25)
    assert one.model_totals() == two.model_totals() == ModelTotals(3, 2, 0.375, 2, 0.75, 2, 3.0)


def test_one_process_tells_its_own_numbers_and_several_do_not(predictor: Predictor) -> None:
    [alone] = SharedCounters.of(1)
    assert b"process_resident_memory_bytes" in Metrics(alone, predictor).exposition()
    assert b"process_resident_memory_bytes" not in Metrics(SharedCounters.of(2)[0], predictor).exposition()


def test_counters_that_nobody_has_any_more_give_their_memory_back() -> None:
    process = psutil.Process()
    gc.collect()
    before = process.num_fds()
    counters = SharedCounters.of(2)
    assert process.num_fds() > before
    del counters
    gc.collect()
    assert process.num_fds() == before
