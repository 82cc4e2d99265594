"""Token buckets that processes share: the rate holds over all of them, and none can stop the others."""

import fcntl
import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection

import pytest
from corpus import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from service.http.keys import rate_limit
from service.http.keys.rate_limit import RateLimits

SLOT = 7


@settings(max_examples=examples(100), deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 5_000)), max_size=40),
    st.sampled_from([0.5, 10.0, 1_000.0]),
)
def test_a_bucket_is_one_of_tokens(steps: list[tuple[float, int]], rate: float) -> None:
    """Beside the textbook's: a second's rows deep, filled at the rate, taken from while it is not below 0."""
    limits, now, tokens = RateLimits(), 1_000.0, rate
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rate_limit, "monotonic", lambda: now)
        for pause, rows in steps:
            now += pause
            tokens = min(rate, tokens + rate * pause)
            wait = limits.take(SLOT, rows, rate)
            if abs(tokens) < 1e-6 * rate:
                return  # either is right
            assert wait == pytest.approx(max(0.0, -tokens / rate), abs=1e-6)
            if not wait:
                tokens -= rows
    assert limits.take(SLOT + 1, 1, rate) == 0


def test_a_filled_bucket_has_no_debt() -> None:
    limits = RateLimits()
    assert limits.take(SLOT, 100, 1.0) == 0
    assert limits.take(SLOT, 1, 1.0) == pytest.approx(99, abs=1)
    limits.fill(SLOT)
    assert limits.take(SLOT, 1, 1.0) == 0


def take_all(limits: RateLimits, seconds: float, told: Connection) -> None:
    taken, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        taken += not limits.take(SLOT, 1, 5_000.0)
    told.send(taken)


def test_processes_together_get_the_rate() -> None:
    limits, seconds, context = RateLimits(), 0.5, multiprocessing.get_context("spawn")
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    began = time.monotonic()
    processes = [context.Process(target=take_all, args=(limits, seconds, end)) for _, end in pipes]
    for process in processes:
        process.start()
    taken = sum(receiver.recv() for receiver, _ in pipes)
    lasted = time.monotonic() - began
    for process in processes:
        process.join()
    # the bucket was full
    assert 0.8 * 5_000 * (1 + seconds) <= taken <= 1.01 * 5_000 * (1 + lasted)


def hold(limits: RateLimits, told: Connection) -> None:
    fcntl.lockf(limits._memory.descriptor, fcntl.LOCK_EX, 1, SLOT)
    told.send("locked")
    signal.pause()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_ends_or_stops_with_the_lock_blocks_nobody(number: signal.Signals) -> None:
    limits, context = RateLimits(), multiprocessing.get_context("spawn")
    receiver, end = context.Pipe(duplex=False)
    holder = context.Process(target=hold, args=(limits, end))
    holder.start()
    assert receiver.recv() == "locked"
    assert holder.pid is not None
    os.kill(holder.pid, number)
    if number == signal.SIGKILL:
        holder.join()
        assert limits._lock(SLOT)
    else:
        assert not limits._lock(SLOT)
    began = time.monotonic()
    assert limits.take(SLOT, 100, 1.0) == 0
    assert limits.take(SLOT, 1, 1.0) > 0
    assert time.monotonic() - began < 0.1
    holder.kill()
    holder.join()
