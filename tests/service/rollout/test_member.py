"""A worker's part at a real pipe, with versions that are really loaded."""

import asyncio
import gc
import multiprocessing
import os
import shutil
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from in_process import InProcess
from rollout_server import RAISING, SHUFFLED

from bench.load.broken_versions import add_truncated
from pricerange.rollout.document import Rollout
from service.errors import DeadlineError, NotReadyError, RolloutError
from service.http import deadline
from service.http.deadline import Deadline
from service.rollout.document import RolloutDocument, Standing
from service.rollout.loading import Loader
from service.rollout.member import Member
from service.rollout.messages import (
    Commit,
    Committed,
    Drop,
    Failed,
    Joined,
    Prepare,
    Prepared,
    Reply,
    Request,
)
from service.rollout.plan import CanaryPlan, Plan
from service.telemetry.seats import Seats

FIRST = Plan(1, 1, seats={1: 1})
"""What is served when the test begins."""


def plan(generation: int, stable: int | None, canary: int | None = None) -> Plan:
    versions = [version for version in (stable, canary) if version is not None]
    told = None if canary is None else CanaryPlan(canary, 0.5, None)
    return Plan(generation, stable, told, seats={version: version for version in versions})


class Controlled:
    """A member, and the controller's end of its pipe."""

    def __init__(self, models: Path) -> None:
        self.process = InProcess(models, 1)
        self.versions = self.process.versions
        self.link, theirs = multiprocessing.Pipe()
        loader = Loader(self.process.settings, None, self.process.seats, self.process.counters)
        self.member = Member(theirs, self.versions, loader)

    def say(self, message: object) -> None:
        self.link.send(message)

    async def hear(self) -> Any:
        """Return what the member says next."""
        return await asyncio.wait_for(asyncio.to_thread(self.link.recv), 10)

    def loaded(self) -> list[str]:
        return list(self.versions.live.loaded) if self.versions.is_loaded else []


@asynccontextmanager
async def begun(models: Path) -> AsyncIterator[Controlled]:
    controlled = Controlled(models)
    controlled.member.begin(FIRST, {})
    assert await controlled.hear() == Joined(os.getpid(), 1, {})
    yield controlled
    controlled.link.close()
    await asyncio.sleep(0.01)  # the member hears of it


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in an event loop."""

    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return run


@in_a_loop
async def test_it_switches_when_it_is_told_to_and_not_before(many_versions: Path) -> None:
    async with begun(many_versions) as controlled:
        stable = controlled.versions.live.stable
        controlled.say(Prepare(plan(2, 2, canary=1)))
        assert await controlled.hear() == Prepared(2)
        assert controlled.loaded() == ["1"]
        controlled.say(Commit(2))
        assert await controlled.hear() == Committed(2)
        assert controlled.loaded() == ["2", "1"]
        canary = controlled.versions.live.canary
        assert canary is not None
        assert (canary.served, canary.share) == (stable, 0.5)


@in_a_loop
async def test_what_cannot_be_loaded_is_said_and_changes_nothing(many_versions: Path, tmp_path: Path) -> None:
    shutil.copytree(many_versions, tmp_path / "models")
    truncated = int(add_truncated(tmp_path / "models", 1).name)
    async with begun(tmp_path / "models") as controlled:
        live = controlled.versions.live
        for generation, version, words in ((2, truncated, "is truncated"), (3, 99, "version 99")):
            controlled.say(Prepare(plan(generation, 2, canary=version)))
            told = await controlled.hear()
            assert isinstance(told, Failed)
            assert (told.generation, told.version) == (generation, version)
            assert words in told.reason
            controlled.say(Commit(generation))
        controlled.say(Prepare(plan(4, 2)))
        assert await controlled.hear() == Prepared(4)
        assert controlled.versions.live is live


@in_a_loop
async def test_only_the_latest_plan_counts(many_versions: Path) -> None:
    async with begun(many_versions) as controlled:
        for generation, stable in ((2, 2), (3, RAISING), (4, SHUFFLED)):
            controlled.say(Prepare(plan(generation, stable)))
        assert await controlled.hear() == Prepared(4)
        for generation in (2, 3):
            controlled.say(Commit(generation))
        controlled.say(Commit(4))
        assert await controlled.hear() == Committed(4)
        assert controlled.loaded() == [str(SHUFFLED)]


@in_a_loop
async def test_a_plan_that_is_dropped_is_not_followed(many_versions: Path) -> None:
    async with begun(many_versions) as controlled:
        controlled.say(Prepare(plan(2, 2)))
        assert await controlled.hear() == Prepared(2)
        controlled.say(Drop(2))
        controlled.say(Commit(2))
        controlled.say(Prepare(plan(3, 2)))
        controlled.say(Drop(3))
        controlled.say(Prepare(plan(4, 1)))
        assert await controlled.hear() == Prepared(4)
        assert controlled.loaded() == ["1"]


@in_a_loop
async def test_what_is_no_longer_needed_is_freed_once_nobody_is_answered_by_it(many_versions: Path) -> None:
    async with begun(many_versions) as controlled:
        controlled.process.served.clear()
        in_flight = controlled.versions.live.stable
        gone = weakref.ref(in_flight.predictor)
        controlled.say(Prepare(plan(2, 2)))
        assert await controlled.hear() == Prepared(2)
        controlled.say(Commit(2))
        assert await controlled.hear() == Committed(2)
        assert gone() is not None
        del in_flight
        for _ in range(100):  # the thread that loads may still be about to let go
            gc.collect()
            if gone() is None:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(gc.get_referrers(gone()))


@in_a_loop
async def test_all_of_it_is_unloaded_and_loaded_again(many_versions: Path) -> None:
    async with begun(many_versions) as controlled:
        for generation, stable in ((2, None), (3, 1)):
            controlled.say(Prepare(plan(generation, stable)))
            assert await controlled.hear() == Prepared(generation)
            controlled.say(Commit(generation))
            assert await controlled.hear() == Committed(generation)
            assert controlled.versions.is_loaded == (stable is not None)


def reply(number: int, problem: str | None, seats: Seats) -> Reply:
    rollout = Rollout(stable=1)
    standing = Standing(Path("rollout.toml"), rollout, FIRST, None, problem, {}, None, (), None)
    return Reply(number, problem, RolloutDocument.of(standing, seats))


@in_a_loop
async def test_who_asks_is_answered_with_the_state_or_the_problem(many_versions: Path) -> None:
    async with begun(many_versions) as controlled:
        deadline.begin(Deadline(10, monotonic() + 10, asked=False))
        asking = [asyncio.create_task(controlled.member.ask(kind)) for kind in ("status", "reload")]
        assert [await controlled.hear() for _ in asking] == [Request(0, "status"), Request(1, "reload")]
        controlled.say(reply(1, "version 2: it is broken", controlled.process.seats))
        controlled.say(reply(7, None, controlled.process.seats))  # of one who has gone
        controlled.say(reply(0, None, controlled.process.seats))
        assert (await asking[0]).stable == "1"
        with pytest.raises(RolloutError, match="version 2: it is broken"):
            await asking[1]


@in_a_loop
async def test_who_asks_waits_no_longer_than_his_request_may_take(many_versions: Path) -> None:
    async with begun(many_versions) as controlled:
        deadline.begin(Deadline(0.05, monotonic() + 0.05, asked=True))
        with pytest.raises(DeadlineError):
            await controlled.member.ask("reload")
        controlled.say(reply(0, None, controlled.process.seats))
        controlled.say(Prepare(plan(2, 1)))
        assert await controlled.hear() == Request(0, "reload")
        assert await controlled.hear() == Prepared(2)


@in_a_loop
async def test_who_asks_before_it_begins_or_when_nobody_answers_is_told_so(many_versions: Path) -> None:
    with pytest.raises(NotReadyError, match="starting"):
        await Controlled(many_versions).member.ask("status")
    async with begun(many_versions) as controlled:
        deadline.begin(Deadline(10, monotonic() + 10, asked=False))
        asking = asyncio.create_task(controlled.member.ask("status"))
        assert await controlled.hear() == Request(0, "status")
        controlled.link.close()
        with pytest.raises(NotReadyError, match="draining"):
            await asking
        assert controlled.loaded() == ["1"]
