"""The metrics' numbers beside those of prometheus-client's own counters, and the rows that workers share."""

import copy
import gc
import math

import psutil
import pytest
from corpus import examples
from exposition import samples_of, value
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from service.errors import ServiceError
from service.http.problems import kinds
from service.telemetry.metrics import Metrics
from service.telemetry.shared_counters import SLOTS, SharedCounters, SharedCountersFullError

ROUTES = ["/predict", "/predict/batch", "/v2/models/{model}/infer", "/livez"]
SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
SECONDS = (*SECONDS, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

durations = st.one_of(
    st.sampled_from([math.nextafter(bound, near) for bound in SECONDS for near in (0, bound, 9)]),
    st.floats(0, 10),
)
requests = st.tuples(
    st.sampled_from([*ROUTES, "unmatched"]),
    st.sampled_from(["GET", "POST", "DELETE"]),
    st.sampled_from([0, 200, 404, 422, 503]),
    durations,
)
workers = st.integers(0, 1)


def metrics_on(counters: SharedCounters) -> Metrics:
    metrics = Metrics(counters, "cpu")
    metrics.requests.add_routes(ROUTES)
    return metrics


class Reference:
    """The same metrics made of prometheus-client's own classes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = {"registry": self.registry}
        self.requests = Counter("pricerange_requests", "-", ["route", "method", "status"], **own)
        self.seconds = Histogram(
            "pricerange_request_duration_seconds", "-", ["route", "outcome"], buckets=SECONDS, **own
        )
        self.rejected = Counter("pricerange_rejected", "-", ["reason"], **own)
        for kind in ServiceError.kinds():
            self.rejected.labels(kind)
        for route in ("/predict", "/predict/batch", "/v2/models/{model}/infer"):
            for status in (0, 200, 400, 401, 413, 422, 429, 500, 503, 504, 507):
                self.requests.labels(route, "POST", str(status))
            for outcome in ("ok", "rejected", "failed"):
                self.seconds.labels(route, outcome)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self.requests.labels(route, method, str(status)).inc()
        outcome = "ok" if 200 <= status < 400 else "rejected" if 400 <= status < 500 else "failed"
        self.seconds.labels(route, outcome).observe(seconds)


@settings(max_examples=examples(60), deadline=None)
@given(
    answered=st.lists(st.tuples(workers, requests), max_size=60),
    rejected=st.lists(st.tuples(workers, st.sampled_from(kinds())), max_size=20),
)
@example(answered=[], rejected=[])
def test_two_workers_tell_what_one_counter_of_prometheus_client_would(answered: list, rejected: list) -> None:
    both = [metrics_on(counters) for counters in SharedCounters.of(2)[:2]]
    reference = Reference()
    for worker, request in answered:
        both[worker].requests.answered(*request)
        reference.answered(*request)
    for worker, reason in rejected:
        both[worker].requests.rejected(reason)
        reference.rejected.labels(reason).inc()
    expected = samples_of(generate_latest(reference.registry))
    for metrics in both:
        told = samples_of(metrics.exposition())
        assert told.keys() - expected.keys() == {
            ("pricerange_requests_in_flight", frozenset()),
            ("pricerange_workers", frozenset()),
            ("pricerange_memory_budget_bytes", frozenset()),
            ("pricerange_memory_held_bytes", frozenset()),
            ("pricerange_spool_budget_bytes", frozenset()),
            ("pricerange_spool_held_bytes", frozenset()),
            ("pricerange_worker_restarts_total", frozenset()),
            ("pricerange_log_lines_dropped_total", frozenset()),
            ("pricerange_explained_rows_total", frozenset()),
            *(key for key in told if key[0].startswith(("process_", "python_", "pricerange_queue_"))),
            *(
                key
                for key in told
                if key[0] in ("pricerange_build_info", "pricerange_out_of_range_rows_total")
            ),
            *(key for key in told if key[0] == "pricerange_unknown_features_total"),
        }
        assert {key: told[key] for key in expected} == pytest.approx(expected, rel=1e-12)


def test_a_replacement_goes_on_with_the_counts_and_not_with_the_queue() -> None:
    ours, other, _ = SharedCounters.of(2)
    metrics, witness = metrics_on(ours), metrics_on(other)
    metrics.requests.answered("/predict", "POST", 200, 0.001)
    metrics.queue.look(7)
    witness.queue.look(2)
    assert value(witness, "pricerange_queue_rows") == 9
    assert value(witness, "pricerange_workers") == 2
    ours.end()
    assert value(witness, "pricerange_queue_rows") == 2
    assert value(witness, "pricerange_workers") == 1
    # what another process gets of it: the memory and the number of the row
    replacement = metrics_on(copy.copy(ours))
    replacement.requests.answered("/predict", "POST", 200, 0.001)
    for metrics in (replacement, witness):
        ok = {"route": "/predict", "method": "POST", "status": "200"}
        assert value(metrics, "pricerange_requests_total", **ok) == 2
        assert (
            value(metrics, "pricerange_request_duration_seconds_count", route="/predict", outcome="ok") == 2
        )
        assert value(metrics, "pricerange_workers") == 2


def test_labels_of_requests_are_bounded() -> None:
    [counters] = SharedCounters.of(1)
    metrics = metrics_on(counters)
    for number in range(100):
        metrics.requests.answered(f"/nowhere/{number}", f"METHOD{number}", 700 + number, 0.001)
    unknown = {"route": "unmatched", "method": "other", "status": "other"}
    assert value(metrics, "pricerange_requests_total", **unknown) == 100


def test_a_reason_that_nobody_named_is_counted_as_other() -> None:
    [counters] = SharedCounters.of(1)
    metrics = metrics_on(counters)
    metrics.requests.rejected("whatever")
    assert value(metrics, "pricerange_rejected_total", reason="other") == 1


def test_more_routes_than_a_row_holds_are_refused() -> None:
    [counters] = SharedCounters.of(1)
    metrics = metrics_on(counters)
    with pytest.raises(SharedCountersFullError, match=f"at most {SLOTS} counters"):
        metrics.requests.add_routes(f"/{number}" for number in range(1_000))


def test_counters_that_nobody_has_any_more_give_their_memory_back() -> None:
    process = psutil.Process()
    gc.collect()
    before = process.num_fds()
    counters = SharedCounters.of(2)
    assert process.num_fds() > before
    del counters
    gc.collect()
    assert process.num_fds() == before
