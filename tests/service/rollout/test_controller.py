"""The controller: what all workers follow when files change, and what becomes of requests."""

from pathlib import Path

import pytest
from rollout_world import BROKEN, INTERVAL, World, add_version, deliver

from pricerange.approval import Approval
from pricerange.errors import RolloutFileError
from pricerange.rollout.state import STATE_FILE
from service.rollout.messages import Prepared, Reply

STABLE = "stable = {}\n"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Version 1 serves from two workers."""
    return World.begun(tmp_path, STABLE.format(1))


def test_a_file_is_followed_by_all_within_two_looks(world: World) -> None:
    world.want(STABLE.format(2))
    world.passes(INTERVAL + 0.4)
    assert world.plans() == [(2, 0), (2, 0)]
    assert world.controller.plan.stable == 2
    assert world.metric("valid") == 1
    assert world.metric("generation") == world.controller.plan.generation == 2


def test_without_a_file_the_newest_promotable_version_serves(tmp_path: Path) -> None:
    world = World.begun(tmp_path, None)
    assert world.plans() == [(4, 0), (4, 0)]
    add_version(world.models, 5)
    world.passes(INTERVAL + 0.4)
    assert world.plans() == [(5, 0), (5, 0)]
    Approval.now("rejected", "for tests").write(world.file.parent / "5")
    world.passes(INTERVAL + 0.4)
    assert world.plans() == [(4, 0), (4, 0)]
    world.want(STABLE.format(2))
    world.passes(INTERVAL + 0.4)
    assert world.plans() == [(2, 0), (2, 0)]
    world.file.unlink()
    world.passes(INTERVAL + 0.4)
    assert world.plans() == [(4, 0), (4, 0)]
    assert not (world.file.parent / STATE_FILE).exists()


def test_nobody_switches_before_all_have_loaded_it(world: World) -> None:
    first, second = world.workers.values()
    world.want(STABLE.format(2))
    first.ask("reload")
    deliver(world.controller, first)
    first.work()
    deliver(world.controller, first)
    assert world.controller.plan.stable == 1
    assert not first.inbox
    second.work()
    deliver(world.controller, second)
    assert world.controller.plan.stable == 2
    for worker in (first, second):
        assert not any(isinstance(message, Reply) for message in first.inbox)
        worker.work()
        deliver(world.controller, worker)
    assert world.plans() == [(2, 0), (2, 0)]
    world.settle()
    assert [reply.problem for reply in first.replies] == [None]
    assert all(worker.current for worker in first.replies[0].document.workers)


def test_what_one_worker_cannot_load_nobody_follows(world: World) -> None:
    world.workers[1].broken = frozenset({2})
    world.want(STABLE.format(2))
    assert world.answer(2, "reload") == f"version 2: {BROKEN}"
    assert world.plans() == [(1, 0), (1, 0)]
    document = world.controller.document()
    assert (document.valid, document.problem) == (False, f"version 2: {BROKEN}")
    assert document.refused == {"2": BROKEN}
    assert (world.metric("valid"), world.metric("failures_total")) == (0, 1)
    world.passes(20)
    assert world.plans() == [(1, 0), (1, 0)]
    world.breaks()
    world.passes(15)
    assert world.plans() == [(2, 0), (2, 0)]
    assert world.controller.document().refused == {}


def test_what_is_unloaded_no_new_worker_loads(world: World) -> None:
    assert world.answer(1, "unload") is None
    assert world.plans() == [(None, 0), (None, 0)]
    assert world.join().loaded == set()
    world.want(STABLE.format(2))
    world.passes(10)
    assert world.plans() == [(None, 0)] * 3
    assert world.answer(1, "reload") is None
    assert world.plans() == [(None, 0)] * 3
    assert world.answer(3, "load") is None
    assert world.plans() == [(2, 0)] * 3


def test_a_wrong_file_hinders_neither_unloading_nor_loading_what_served(world: World) -> None:
    world.want("stabel = 1\n")
    assert "stabel" in str(world.answer(1, "reload"))
    assert world.answer(1, "unload") is None
    assert world.plans() == [(None, 0), (None, 0)]
    assert world.answer(1, "load") is None
    assert world.plans() == [(1, 0), (1, 0)]
    assert not world.controller.document().valid


def test_what_cannot_be_loaded_stays_unloaded(world: World) -> None:
    assert world.answer(1, "unload") is None
    world.breaks(1)
    assert world.answer(1, "load") == f"version 1: {BROKEN}"
    world.breaks()
    world.passes(40)
    assert world.plans() == [(None, 0), (None, 0)]
    assert world.answer(1, "load") is None
    assert world.plans() == [(1, 0), (1, 0)]


def test_requests_wait_for_what_is_under_way_and_the_last_word_counts(world: World) -> None:
    first, second = world.workers.values()
    for kind in ("reload", "unload", "load", "reload", "status"):
        first.ask(kind)
    second.ask("unload")
    world.settle()
    assert sorted(reply.number for reply in first.replies) == [0, 1, 2, 3, 4]
    assert [reply.problem for reply in (*first.replies, *second.replies)] == [None] * 6
    assert world.plans() == [(None, 0), (None, 0)]


def test_a_version_that_settings_name_serves_whatever_the_file_says(tmp_path: Path) -> None:
    world = World.begun(tmp_path, STABLE.format(2), model_version=1)
    world.want(STABLE.format(3))
    world.passes(10)
    assert world.plans() == [(1, 0), (1, 0)]
    assert world.answer(1, "reload") is None
    assert world.answer(1, "unload") is None
    assert world.answer(1, "load") is None
    assert world.plans() == [(1, 0), (1, 0)]


def test_a_wrong_file_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(RolloutFileError, match="stabel"):
        World(tmp_path, "stabel = 1\n")


def test_what_is_said_of_a_plan_that_is_over_changes_nothing(world: World) -> None:
    world.want(STABLE.format(2))
    assert world.answer(1, "reload") is None
    world.workers[1].outbox.append(Prepared(1))
    world.settle()
    assert world.plans() == [(2, 0), (2, 0)]
    assert world.controller.plan.stable == 2
