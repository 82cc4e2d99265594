"""The waits in the queue beside prometheus-client's own histogram, and the most that waited."""

import pytest
from exposition import samples_of, value
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from service.telemetry.metrics import Metrics
from service.telemetry.prometheus.queue import WAIT_SECONDS
from service.telemetry.shared_counters import SharedCounters

runs = st.tuples(st.integers(0, 1), st.integers(1, 5), st.sampled_from(WAIT_SECONDS) | st.floats(0, 100))


@settings(max_examples=30, deadline=None)
@given(taken=st.lists(runs, max_size=30))
def test_two_workers_tell_the_waits_that_one_histogram_of_prometheus_client_would(taken: list) -> None:
    both = [Metrics(counters, "cpu") for counters in SharedCounters.of(2)[:2]]
    registry = CollectorRegistry()
    reference = Histogram("pricerange_queue_wait_seconds", "-", buckets=WAIT_SECONDS, registry=registry)
    for worker, callers, seconds in taken:
        both[worker].queue.taken(callers, callers, seconds)
        for _ in range(callers):
            reference.observe(seconds)
    expected = samples_of(generate_latest(registry))
    for metrics in both:
        told = samples_of(metrics.exposition())
        assert {key: told[key] for key in expected} == pytest.approx(expected, rel=1e-12)


def test_the_most_that_waited_since_the_last_look_is_told_once() -> None:
    ours, other, _ = SharedCounters.of(2)
    metrics, witness = Metrics(ours, "cpu"), Metrics(other, "cpu")
    for rows in (3, 9, 4):
        metrics.queue.taken(rows, 1, 0.0)
    witness.queue.look(2)
    metrics.queue.look(5)
    assert value(witness, "pricerange_queue_rows") == 9 + 2
    metrics.queue.look(5)
    assert value(witness, "pricerange_queue_rows") == 5 + 2


def test_the_limits_of_all_workers_add_up_and_leave_with_them() -> None:
    ours, other, _ = SharedCounters.of(2)
    metrics, witness = Metrics(ours, "cpu"), Metrics(other, "cpu")
    metrics.queue.limit(100)
    witness.queue.limit(100)
    assert value(witness, "pricerange_queue_limit_rows") == 200
    ours.end()
    assert value(witness, "pricerange_queue_limit_rows") == 100
