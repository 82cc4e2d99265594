"""Workers that start, end or fail while others go on: they hinder nobody, and catch up."""

from itertools import pairwise
from pathlib import Path

import pytest
from rollout_world import BROKEN, INTERVAL, FakeWorker, World, deliver

from service.rollout.messages import Prepare
from service.rollout.plan import Plan

STABLE = "stable = {}\n"
CANARY = "stable = 1\n[canary]\nversion = 2\nweight = 10\n"
ANALYSIS = CANARY + "[analysis]\ninterval = 1e-6\nmin_rows = 10\n"
ANALYSIS += '[[analysis.metrics]]\nname = "error_ratio"\nsuccess_condition = "result < 0.1"\n'


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Version 1 serves from two workers."""
    return World.begun(tmp_path, STABLE.format(1))


def test_a_version_that_ends_whoever_loads_it_does_not_come_into_force(world: World) -> None:
    world.want(STABLE.format(2))
    world.workers[2].ask("reload")
    deliver(world.controller, world.workers[2])
    tried = []
    while len(tried) < 4:
        world.now += 0.1
        world.controller.tick(world.now)
        if any(isinstance(message, Prepare) for worker in world.workers.values() for message in worker.inbox):
            tried.append(round(world.now))
            for number in list(world.workers):
                world.loses(number)
            assert world.controller.plan.stable == 1
            assert "has ended" in str(world.controller.document().problem)
            world.join()
            world.join()
            world.settle()
            assert world.plans() == [(1, 0), (1, 0)]
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert pauses == pytest.approx([30, 60, 120], abs=INTERVAL)
    assert world.answer(1, "reload") is None
    assert world.plans() == [(2, 0), (2, 0)]


def test_one_worker_that_ends_while_it_loads_hinders_nobody(world: World) -> None:
    first, second = world.workers.values()
    world.want(STABLE.format(2))
    first.ask("reload")
    deliver(world.controller, first)
    second.work()
    deliver(world.controller, second)
    world.loses(1)
    world.settle()
    assert world.plans() == [(2, 0)]
    assert world.join().plan.stable == 2


def test_a_worker_that_starts_meanwhile_follows_the_others(world: World) -> None:
    late = FakeWorker.start(3, world.controller.plan)
    assert late is not None
    world.want(STABLE.format(2))
    assert world.answer(1, "reload") is None
    world.workers[3] = late
    world.settle()
    assert world.plans() == [(2, 0)] * 3


def test_a_late_worker_that_cannot_follow_is_told_of_and_tried_again(world: World) -> None:
    late = FakeWorker.start(3, world.controller.plan, broken=frozenset({2}))
    assert late is not None
    world.want(STABLE.format(2))
    assert world.answer(1, "reload") is None
    world.workers[3] = late
    world.settle()
    assert world.plans() == [(2, 0), (2, 0), (1, 0)]
    document = world.controller.document()
    why = f"worker 3 does not follow: version 2: {BROKEN}"
    assert [worker.problem for worker in document.workers] == [None, None, why]
    assert (document.problem, document.valid, world.metric("valid")) == (why, False, 0)
    world.want(STABLE.format(3))
    assert world.answer(1, "reload") is None
    assert world.plans() == [(3, 0)] * 3
    assert world.controller.document().valid
    world.want(STABLE.format(2))
    assert world.answer(1, "reload") == f"version 2: {BROKEN}"


def test_a_late_worker_follows_once_it_can(world: World) -> None:
    late = FakeWorker.start(3, world.controller.plan, broken=frozenset({2}))
    assert late is not None
    world.want(STABLE.format(2))
    assert world.answer(1, "reload") is None
    world.workers[3] = late
    world.settle()
    world.breaks()
    world.passes(31)
    assert world.plans() == [(2, 0)] * 3
    assert world.controller.document().valid
    assert world.metric("valid") == 1


def test_all_do_without_a_canary_that_a_worker_could_not_load_when_it_started(tmp_path: Path) -> None:
    world = World.begun(tmp_path, CANARY)
    assert world.plans() == [(1, 0.1), (1, 0.1)]
    world.join(broken=frozenset({2}))
    world.settle()
    assert world.plans() == [(1, 0)] * 3
    document = world.controller.document()
    assert document.canary is not None
    assert not document.canary.loaded
    assert document.problem == f"version 2: {BROKEN}"
    world.passes(20)
    assert world.plans() == [(1, 0)] * 3
    world.breaks()
    world.passes(15)
    assert world.plans() == [(1, 0.1)] * 3
    assert world.controller.document().valid


def test_a_canary_that_a_worker_cannot_load_is_tried_again_in_vain(tmp_path: Path) -> None:
    world = World.begun(tmp_path, CANARY)
    world.join(broken=frozenset({2}))
    world.passes(100)
    assert world.plans() == [(1, 0)] * 3
    assert world.metric("failures_total") == 1


def test_nothing_comes_into_force_before_a_worker_has_loaded_it(tmp_path: Path) -> None:
    world = World(tmp_path, STABLE.format(1))
    world.want(STABLE.format(2))
    world.passes(10)
    assert world.controller.plan.stable == 1
    world.join()
    world.settle()
    assert world.plans() == [(2, 0)]


def test_a_late_worker_that_cannot_load_the_canary_does_not_keep_it_in_force(tmp_path: Path) -> None:
    world = World.begun(tmp_path, ANALYSIS)
    late = FakeWorker.start(3, Plan(0, 1), broken=frozenset({2}))
    assert late is not None
    world.workers[3] = late
    world.canary_fails(100)
    world.passes(1.2)
    assert [share for _, share in world.plans()] == [0, 0, 0]
