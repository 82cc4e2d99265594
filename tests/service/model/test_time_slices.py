"""Work that waits for its turn: in order, bounded, in time, and never in the way for long."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from service.errors import DeadlineError, OverloadedError
from service.http import deadline
from service.http.deadline import Deadline
from service.model.time_slices import TimeSlices

T = TypeVar("T")


def run(test: Callable[[TimeSlices], Awaitable[T]], rows: int = 4_000) -> T:
    async def within_a_request() -> T:
        deadline.begin(Deadline(30.0, time.monotonic() + 30, False))
        return await test(TimeSlices(rows, 1_000))

    return asyncio.run(within_a_request())


def busy(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def test_work_is_done_in_order_and_its_result_or_error_is_its_own():
    seen: list[int] = []

    async def test(slices):
        def work(number):
            seen.append(number)
            return 10 // (number - 1)

        return await asyncio.gather(
            *(slices.run(lambda number=number: work(number)) for number in range(4)), return_exceptions=True
        )

    results = run(test)
    assert seen == [0, 1, 2, 3]
    assert results[0] == -10
    assert isinstance(results[1], ZeroDivisionError)
    assert results[2:] == [10, 5]


def test_beyond_the_limit_new_work_is_refused_and_what_was_begun_goes_on():
    async def test(slices):
        waiting = [asyncio.ensure_future(slices.run(lambda: "accepted")) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await slices.run(lambda: "too many")
        begun = await slices.run(lambda: "begun", begun=True)
        return [*await asyncio.gather(*waiting), begun, await slices.run(lambda: "later")]

    assert run(test) == ["accepted"] * 4 + ["begun", "later"]


def test_work_whose_time_is_over_is_not_done():
    async def test(slices):
        deadline.begin(Deadline(0.01, time.monotonic() - 1, True))
        await slices.run(lambda: pytest.fail("done all the same"))

    with pytest.raises(DeadlineError):
        run(test)


def test_work_that_nobody_waits_for_is_not_done():
    async def test(slices):
        gone = asyncio.ensure_future(slices.run(lambda: pytest.fail("done all the same")))
        last = asyncio.ensure_future(slices.run(lambda: "next"))
        await asyncio.sleep(0)
        gone.cancel()
        return await last

    assert run(test) == "next"


def test_others_come_in_between():
    async def test(slices):
        order = []

        async def others():
            for _ in range(8):
                order.append("others")
                await asyncio.sleep(0)

        def work():
            busy(0.001)
            order.append("work")

        await asyncio.gather(others(), *(slices.run(work) for _ in range(4)))
        return order

    order = run(test)
    assert all(pair != ("work", "work") for pair in itertools.pairwise(order)), order


def test_busy_others_do_not_leave_it_a_piece_a_turn():
    async def test(slices):
        rounds = 0
        done = asyncio.gather(*(slices.run(lambda: busy(0.001)) for _ in range(16)))
        while not done.done():
            rounds += 1
            busy(0.02)
            await asyncio.sleep(0)
        return rounds

    assert run(test, rows=16_000) < 10


def test_two_queues_do_not_wind_each_other_up():
    async def test(slices):
        beside = TimeSlices(200, 1, beside=slices)
        rounds = 0
        both = (slices, beside) * 100
        done = asyncio.gather(*(queue.run(lambda: busy(0.001)) for queue in both))
        while not done.done():
            rounds += 1
            await asyncio.sleep(0)
        return rounds

    assert run(test, rows=100_000) > 50
