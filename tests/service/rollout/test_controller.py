"""The controller: who is told what, when files, workers or canaries go wrong."""

from itertools import pairwise
from pathlib import Path

import pytest
from rollout_world import BROKEN, INTERVAL, FakeWorker, World, add_version, deliver

from pricerange.approval import Approval
from pricerange.errors import RolloutFileError
from pricerange.rollout import history
from pricerange.rollout.state import STATE_FILE
from service.rollout.messages import Prepare, Prepared, Reply
from service.rollout.plan import CanaryPlan, Plan

STABLE = "stable = {}\n"
CANARY = "stable = 1\n[canary]\nversion = 2\nweight = 10\n"
STEPS = "stable = 1\n[canary]\nversion = 2\nsteps = [10, 100]\npause = {}\n"
ANALYSIS = CANARY + "[analysis]\ninterval = 1e-6\nmin_rows = 10\n"
ANALYSIS += '[[analysis.metrics]]\nname = "error_ratio"\nsuccess_condition = "result < 0.1"\n'


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Version 1 serves from two workers."""
    return begun(tmp_path, STABLE.format(1))


def begun(folder: Path, content: str | None, **settings: object) -> World:
    world = World(folder, content, **settings)
    world.join()
    world.join()
    world.passes(1)
    return world


def plans(world: World) -> list[tuple[int | None, float]]:
    """The stable version of each worker that lives, and the share of its canary."""
    return [
        (worker.plan.stable, worker.plan.canary.share if worker.plan.canary else 0.0)
        for worker in world.workers.values()
        if not worker.is_gone
    ]


def answer(world: World, worker: int, kind: str) -> str | None:
    """The problem that a request is answered with."""
    asker = world.workers[worker]
    asker.ask(kind)
    world.settle()
    reply = asker.replies.pop()
    assert reply.number == asker.asked - 1
    return reply.problem


def ends(world: World, number: int) -> None:
    """A worker ends, and the controller hears of it."""
    worker = world.workers.pop(number)
    worker.end()
    while worker.outbox:
        deliver(world.controller, worker)
    deliver(world.controller, worker)


def test_a_file_is_followed_by_all_within_two_looks(world: World) -> None:
    world.want(STABLE.format(2))
    world.passes(INTERVAL + 0.4)
    assert plans(world) == [(2, 0), (2, 0)]
    assert world.controller.plan.stable == 2
    assert world.metric("valid") == 1
    assert world.metric("generation") == world.controller.plan.generation == 2


def test_without_a_file_the_newest_promotable_version_serves(tmp_path: Path) -> None:
    world = begun(tmp_path, None)
    assert plans(world) == [(4, 0), (4, 0)]
    add_version(world.models, 5)
    world.passes(INTERVAL + 0.4)
    assert plans(world) == [(5, 0), (5, 0)]
    Approval.now("rejected", "for tests").write(world.file.parent / "5")
    world.passes(INTERVAL + 0.4)
    assert plans(world) == [(4, 0), (4, 0)]
    world.want(STABLE.format(2))
    world.passes(INTERVAL + 0.4)
    assert plans(world) == [(2, 0), (2, 0)]
    world.file.unlink()
    world.passes(INTERVAL + 0.4)
    assert plans(world) == [(4, 0), (4, 0)]
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
    assert plans(world) == [(2, 0), (2, 0)]
    world.settle()
    assert [reply.problem for reply in first.replies] == [None]
    assert all(worker.current for worker in first.replies[0].document.workers)


def test_what_one_worker_cannot_load_nobody_follows(world: World) -> None:
    world.workers[1].broken = frozenset({2})
    world.want(STABLE.format(2))
    assert answer(world, 2, "reload") == f"version 2: {BROKEN}"
    assert plans(world) == [(1, 0), (1, 0)]
    document = world.controller.document()
    assert (document.valid, document.problem) == (False, f"version 2: {BROKEN}")
    assert document.refused == {"2": BROKEN}
    assert (world.metric("valid"), world.metric("failures_total")) == (0, 1)
    world.passes(20)
    assert plans(world) == [(1, 0), (1, 0)]
    world.breaks()
    world.passes(15)
    assert plans(world) == [(2, 0), (2, 0)]
    assert world.controller.document().refused == {}


def test_what_is_refused_leaves_the_progress_that_is_kept(tmp_path: Path) -> None:
    world = begun(tmp_path, STEPS.format(3600))
    kept = (world.file.parent / STATE_FILE).read_bytes()
    world.breaks(3)
    world.want(CANARY.replace("version = 2", "version = 3"))
    assert answer(world, 1, "reload") == f"version 3: {BROKEN}"
    assert (world.file.parent / STATE_FILE).read_bytes() == kept
    world.breaks()
    assert answer(world, 1, "reload") is None
    assert (world.file.parent / STATE_FILE).read_bytes() != kept


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
                ends(world, number)
            assert world.controller.plan.stable == 1
            assert "has ended" in str(world.controller.document().problem)
            world.join()
            world.join()
            world.settle()
            assert plans(world) == [(1, 0), (1, 0)]
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert pauses == pytest.approx([30, 60, 120], abs=INTERVAL)
    assert answer(world, 1, "reload") is None
    assert plans(world) == [(2, 0), (2, 0)]


def test_one_worker_that_ends_while_it_loads_hinders_nobody(world: World) -> None:
    first, second = world.workers.values()
    world.want(STABLE.format(2))
    first.ask("reload")
    deliver(world.controller, first)
    second.work()
    deliver(world.controller, second)
    ends(world, 1)
    world.settle()
    assert plans(world) == [(2, 0)]
    assert world.join().plan.stable == 2


def test_a_worker_that_starts_meanwhile_follows_the_others(world: World) -> None:
    late = FakeWorker.start(3, world.controller.plan)
    assert late is not None
    world.want(STABLE.format(2))
    assert answer(world, 1, "reload") is None
    world.workers[3] = late
    world.settle()
    assert plans(world) == [(2, 0)] * 3


def test_a_late_worker_that_cannot_follow_is_told_of_and_tried_again(world: World) -> None:
    late = FakeWorker.start(3, world.controller.plan, broken=frozenset({2}))
    assert late is not None
    world.want(STABLE.format(2))
    assert answer(world, 1, "reload") is None
    world.workers[3] = late
    world.settle()
    assert plans(world) == [(2, 0), (2, 0), (1, 0)]
    document = world.controller.document()
    why = f"worker 3 does not follow: version 2: {BROKEN}"
    assert [worker.problem for worker in document.workers] == [None, None, why]
    assert (document.problem, document.valid, world.metric("valid")) == (why, False, 0)
    world.want(STABLE.format(3))
    assert answer(world, 1, "reload") is None
    assert plans(world) == [(3, 0)] * 3
    assert world.controller.document().valid
    world.want(STABLE.format(2))
    assert answer(world, 1, "reload") == f"version 2: {BROKEN}"


def test_a_late_worker_follows_once_it_can(world: World) -> None:
    late = FakeWorker.start(3, world.controller.plan, broken=frozenset({2}))
    assert late is not None
    world.want(STABLE.format(2))
    assert answer(world, 1, "reload") is None
    world.workers[3] = late
    world.settle()
    world.breaks()
    world.passes(31)
    assert plans(world) == [(2, 0)] * 3
    assert world.controller.document().valid
    assert world.metric("valid") == 1


def test_all_do_without_a_canary_that_a_worker_could_not_load_when_it_started(tmp_path: Path) -> None:
    world = begun(tmp_path, CANARY)
    assert plans(world) == [(1, 0.1), (1, 0.1)]
    world.join(broken=frozenset({2}))
    world.settle()
    assert plans(world) == [(1, 0)] * 3
    document = world.controller.document()
    assert document.canary is not None
    assert not document.canary.loaded
    assert document.problem == f"version 2: {BROKEN}"
    world.passes(20)
    assert plans(world) == [(1, 0)] * 3
    world.breaks()
    world.passes(15)
    assert plans(world) == [(1, 0.1)] * 3
    assert world.controller.document().valid


def test_a_canary_that_a_worker_cannot_load_is_tried_again_in_vain(tmp_path: Path) -> None:
    world = begun(tmp_path, CANARY)
    world.join(broken=frozenset({2}))
    world.passes(100)
    assert plans(world) == [(1, 0)] * 3
    assert world.metric("failures_total") == 1


def test_nothing_comes_into_force_before_a_worker_has_loaded_it(tmp_path: Path) -> None:
    world = World(tmp_path, STABLE.format(1))
    world.want(STABLE.format(2))
    world.passes(10)
    assert world.controller.plan.stable == 1
    world.join()
    world.settle()
    assert plans(world) == [(2, 0)]


def test_what_is_unloaded_no_new_worker_loads(world: World) -> None:
    assert answer(world, 1, "unload") is None
    assert plans(world) == [(None, 0), (None, 0)]
    assert world.join().loaded == set()
    world.want(STABLE.format(2))
    world.passes(10)
    assert plans(world) == [(None, 0)] * 3
    assert answer(world, 1, "reload") is None
    assert plans(world) == [(None, 0)] * 3
    assert answer(world, 3, "load") is None
    assert plans(world) == [(2, 0)] * 3


def test_a_wrong_file_hinders_neither_unloading_nor_loading_what_served(world: World) -> None:
    world.want("stabel = 1\n")
    assert "stabel" in str(answer(world, 1, "reload"))
    assert answer(world, 1, "unload") is None
    assert plans(world) == [(None, 0), (None, 0)]
    assert answer(world, 1, "load") is None
    assert plans(world) == [(1, 0), (1, 0)]
    assert not world.controller.document().valid


def test_what_cannot_be_loaded_stays_unloaded(world: World) -> None:
    assert answer(world, 1, "unload") is None
    world.breaks(1)
    assert answer(world, 1, "load") == f"version 1: {BROKEN}"
    world.breaks()
    world.passes(40)
    assert plans(world) == [(None, 0), (None, 0)]
    assert answer(world, 1, "load") is None
    assert plans(world) == [(1, 0), (1, 0)]


def test_requests_wait_for_what_is_under_way_and_the_last_word_counts(world: World) -> None:
    first, second = world.workers.values()
    for kind in ("reload", "unload", "load", "reload", "status"):
        first.ask(kind)
    second.ask("unload")
    world.settle()
    assert sorted(reply.number for reply in first.replies) == [0, 1, 2, 3, 4]
    assert [reply.problem for reply in (*first.replies, *second.replies)] == [None] * 6
    assert plans(world) == [(None, 0), (None, 0)]


def failing(world: World, rows: int) -> None:
    """Have the canary fail."""
    world.counted.seats.take(world.controller.plan.seats[2], 2).failed(rows)


def test_a_canary_that_fails_answers_nobody_from_the_next_look_on_and_after_a_restart(tmp_path: Path) -> None:
    world = begun(tmp_path, ANALYSIS)
    failing(world, 100)
    world.passes(1.2)
    assert plans(world) == [(1, 0), (1, 0)]
    assert world.workers[1].loaded == {1, 2}
    document = world.controller.document()
    assert document.canary is not None
    assert document.canary.status == "failed"
    assert document.canary.why.startswith("error_ratio = 1, expected result < 0.1")
    assert document.valid
    assert (world.metric("rollbacks_total"), world.metric("canary_weight_ratio")) == (1, 0)
    again = begun(tmp_path, ANALYSIS)
    assert plans(again) == [(1, 0), (1, 0)]
    assert again.metric("rollbacks_total") == 0


def test_a_late_worker_that_cannot_load_the_canary_does_not_keep_it_in_force(tmp_path: Path) -> None:
    world = begun(tmp_path, ANALYSIS)
    late = FakeWorker.start(3, Plan(0, 1), broken=frozenset({2}))
    assert late is not None
    world.workers[3] = late
    failing(world, 100)
    world.passes(1.2)
    assert [share for _, share in plans(world)] == [0, 0, 0]


def test_a_worker_that_hears_nothing_does_not_stop_the_analysis(tmp_path: Path) -> None:
    world = begun(tmp_path, ANALYSIS)
    world.want(STABLE.format(3))
    world.workers[1].ask("reload")
    deliver(world.controller, world.workers[1])
    failing(world, 100)
    for _ in range(20):
        world.now += 0.1
        world.controller.tick(world.now)
    document = world.controller.document()
    assert document.loading == ["3"]
    assert document.canary is not None
    assert document.canary.status == "failed"


def test_steps_go_on_after_a_restart_where_they_stood(tmp_path: Path) -> None:
    world = begun(tmp_path, STEPS.format(0.0))
    assert world.controller.plan.canary == CanaryPlan(2, 1.0, None)
    again = begun(tmp_path, STEPS.format(0.0))
    document = again.controller.document()
    assert document.canary is not None
    assert (document.canary.status, document.canary.step) == ("successful", 1)
    assert again.join().plan.canary == CanaryPlan(2, 1.0, None)
    again.want(STEPS.format(3600))
    again.passes(INTERVAL + 0.4)
    assert [share for _, share in plans(again)] == [0.1] * 3


def test_a_folder_that_nothing_can_be_kept_in_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    world = begun(tmp_path, ANALYSIS, rollout_state=tmp_path / "file")
    assert world.metric("state_kept") == 0
    failing(world, 100)
    world.passes(1.2)
    assert plans(world) == [(1, 0), (1, 0)]
    document = world.controller.document()
    assert not document.state_kept
    assert str(tmp_path / "file") in str(document.state_problem)
    assert sum("nothing can be kept" in line for line in caplog.messages) == 1


def test_a_failure_that_cannot_be_kept_is_kept_as_soon_as_it_can_be(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    world = begun(tmp_path, ANALYSIS, rollout_state=folder)
    assert world.metric("state_kept") == 1
    # as on a disk that is full, where a line finds room and a file does not
    (folder / STATE_FILE).unlink()
    (folder / STATE_FILE).mkdir()
    failing(world, 100)
    world.passes(2.2)
    assert plans(world) == [(1, 0), (1, 0)]
    assert world.metric("state_kept") == 0
    assert "failed" in [event.what for event in history.read(folder)]
    (folder / STATE_FILE).rmdir()
    world.passes(1.2)
    assert world.metric("state_kept") == 1
    assert plans(begun(tmp_path, ANALYSIS, rollout_state=folder)) == [(1, 0), (1, 0)]


def test_a_version_that_settings_name_serves_whatever_the_file_says(tmp_path: Path) -> None:
    world = begun(tmp_path, STABLE.format(2), model_version=1)
    world.want(STABLE.format(3))
    world.passes(10)
    assert plans(world) == [(1, 0), (1, 0)]
    assert answer(world, 1, "reload") is None
    assert answer(world, 1, "unload") is None
    assert answer(world, 1, "load") is None
    assert plans(world) == [(1, 0), (1, 0)]


def test_a_wrong_file_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(RolloutFileError, match="stabel"):
        World(tmp_path, "stabel = 1\n")


def test_what_is_said_of_a_plan_that_is_over_changes_nothing(world: World) -> None:
    world.want(STABLE.format(2))
    assert answer(world, 1, "reload") is None
    world.workers[1].outbox.append(Prepared(1))
    world.settle()
    assert plans(world) == [(2, 0), (2, 0)]
    assert world.controller.plan.stable == 2
