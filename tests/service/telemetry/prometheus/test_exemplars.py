"""Exemplars of several workers: the last of each bucket, whole, whoever saw it."""

import secrets

from hypothesis import given, settings
from hypothesis import strategies as st

from service.telemetry.prometheus import exemplars as module
from service.telemetry.prometheus.exemplars import Exemplars
from service.telemetry.shared_counters import SharedCounters

BUCKETS = 3
ids = st.binary(min_size=16, max_size=16).map(lambda raw: raw.hex().encode())


@settings(max_examples=50, deadline=None)
@given(seen=st.lists(st.tuples(st.integers(0, 1), st.integers(0, BUCKETS - 1), ids, st.floats(0, 60))))
def test_the_last_of_each_bucket_is_told_by_every_worker(
    seen: list[tuple[int, int, bytes, float]],
) -> None:
    both = [Exemplars(counters, BUCKETS) for counters in SharedCounters.of(2)[:2]]
    expected: list[tuple[str, float] | None] = [None] * BUCKETS
    with_time = iter(range(1, len(seen) + 1))
    original, module.time = module.time, lambda: float(next(with_time))
    try:
        for worker, bucket, trace_id, value in seen:
            both[worker].put(bucket, trace_id, value)
            expected[bucket] = trace_id.decode(), value
    finally:
        module.time = original
    for exemplars in both:
        told = exemplars.newest()
        assert [one and (one.labels["trace_id"], one.value) for one in told] == expected


def test_one_that_is_being_written_is_not_told() -> None:
    [counters] = SharedCounters.of(1)
    exemplars = Exemplars(counters, 1)
    exemplars.put(0, secrets.token_hex(16).encode(), 0.5)
    assert exemplars.newest() != [None]
    counters.own[:] = counters.own * (counters.own < 1e9)  # as when its time is not there yet
    assert exemplars.newest() == [None]
