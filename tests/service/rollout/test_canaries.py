"""The controller judges a canary, and what it has come to is kept."""

from pathlib import Path

import pytest
from rollout_world import BROKEN, INTERVAL, World, deliver

from pricerange.rollout import history
from pricerange.rollout.state import STATE_FILE
from service.rollout.plan import CanaryPlan

STABLE = "stable = {}\n"
CANARY = "stable = 1\n[canary]\nversion = 2\nweight = 10\n"
STEPS = "stable = 1\n[canary]\nversion = 2\nsteps = [10, 100]\npause = {}\n"
ANALYSIS = CANARY + "[analysis]\ninterval = 1e-6\nmin_rows = 10\n"
ANALYSIS += '[[analysis.metrics]]\nname = "error_ratio"\nsuccess_condition = "result < 0.1"\n'


def test_what_is_refused_leaves_the_progress_that_is_kept(tmp_path: Path) -> None:
    world = World.begun(tmp_path, STEPS.format(3600))
    kept = (world.file.parent / STATE_FILE).read_bytes()
    world.breaks(3)
    world.want(CANARY.replace("version = 2", "version = 3"))
    assert world.answer(1, "reload") == f"version 3: {BROKEN}"
    assert (world.file.parent / STATE_FILE).read_bytes() == kept
    world.breaks()
    assert world.answer(1, "reload") is None
    assert (world.file.parent / STATE_FILE).read_bytes() != kept


def test_a_canary_that_fails_answers_nobody_from_the_next_look_on_and_after_a_restart(tmp_path: Path) -> None:
    world = World.begun(tmp_path, ANALYSIS)
    world.canary_fails(100)
    world.passes(1.2)
    assert world.plans() == [(1, 0), (1, 0)]
    assert world.workers[1].loaded == {1, 2}
    document = world.controller.document()
    assert document.canary is not None
    assert document.canary.status == "failed"
    assert document.canary.why.startswith("error_ratio = 1, expected result < 0.1")
    assert document.valid
    assert (world.metric("rollbacks_total"), world.metric("canary_weight_ratio")) == (1, 0)
    again = World.begun(tmp_path, ANALYSIS)
    assert again.plans() == [(1, 0), (1, 0)]
    assert again.metric("rollbacks_total") == 0


def test_a_worker_that_hears_nothing_does_not_stop_the_analysis(tmp_path: Path) -> None:
    world = World.begun(tmp_path, ANALYSIS)
    world.want(STABLE.format(3))
    world.workers[1].ask("reload")
    deliver(world.controller, world.workers[1])
    world.canary_fails(100)
    for _ in range(20):
        world.now += 0.1
        world.controller.tick(world.now)
    document = world.controller.document()
    assert document.loading == ["3"]
    assert document.canary is not None
    assert document.canary.status == "failed"


def test_steps_go_on_after_a_restart_where_they_stood(tmp_path: Path) -> None:
    world = World.begun(tmp_path, STEPS.format(0.0))
    assert world.controller.plan.canary == CanaryPlan(2, 1.0, None)
    again = World.begun(tmp_path, STEPS.format(0.0))
    document = again.controller.document()
    assert document.canary is not None
    assert (document.canary.status, document.canary.step) == ("successful", 1)
    assert again.join().plan.canary == CanaryPlan(2, 1.0, None)
    again.want(STEPS.format(3600))
    again.passes(INTERVAL + 0.4)
    assert [share for _, share in again.plans()] == [0.1] * 3


def test_a_folder_that_nothing_can_be_kept_in_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    world = World.begun(tmp_path, ANALYSIS, rollout_state=tmp_path / "file")
    assert world.metric("state_kept") == 0
    world.canary_fails(100)
    world.passes(1.2)
    assert world.plans() == [(1, 0), (1, 0)]
    document = world.controller.document()
    assert not document.state_kept
    assert str(tmp_path / "file") in str(document.state_problem)
    assert sum("nothing can be kept" in line for line in caplog.messages) == 1


def test_a_failure_that_cannot_be_kept_is_kept_as_soon_as_it_can_be(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    world = World.begun(tmp_path, ANALYSIS, rollout_state=folder)
    assert world.metric("state_kept") == 1
    # as on a disk that is full, where a line finds room and a file does not
    (folder / STATE_FILE).unlink()
    (folder / STATE_FILE).mkdir()
    world.canary_fails(100)
    world.passes(2.2)
    assert world.plans() == [(1, 0), (1, 0)]
    assert world.metric("state_kept") == 0
    assert "failed" in [event.what for event in history.read(folder)]
    (folder / STATE_FILE).rmdir()
    world.passes(1.2)
    assert world.metric("state_kept") == 1
    assert World.begun(tmp_path, ANALYSIS, rollout_state=folder).plans() == [(1, 0), (1, 0)]
