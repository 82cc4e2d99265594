"""What is kept of a rollout: it comes back for the same file only, and trouble with a disk stops nobody."""

import shutil
from pathlib import Path

import pytest

from pricerange.rollout import history
from pricerange.rollout.document import ROLLOUT_FILE, Rollout
from pricerange.rollout.history import Event
from pricerange.rollout.progress import Measurement, Progress
from pricerange.rollout.state import STATE_FILE, RolloutState


def rollout(steps: str = "1, 10, 100") -> Rollout:
    return Rollout.parse(f"stable = 3\n[canary]\nversion = 4\nsteps = [{steps}]".encode(), Path(ROLLOUT_FILE))


MEASUREMENT = Measurement(when=6, metric="error_ratio", value=0.5, phase="failed")
FAILED = Progress.begin(rollout(), 5).at_step(1, 6).measured(MEASUREMENT).turned("failed", "it is worse")


def test_it_comes_back_after_a_restart_for_the_same_file_only(tmp_path: Path) -> None:
    state = RolloutState(tmp_path / "made" / "where it lacks")
    assert state.load(rollout()) is None
    assert state.keep(FAILED) is None
    again = RolloutState(state.folder)
    assert again.load(rollout()) == FAILED
    assert again.load(rollout("1, 10, 50")) is None
    assert [path.name for path in state.folder.iterdir()] == [STATE_FILE]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("", "Invalid JSON", id="empty"),
        pytest.param(FAILED.model_dump_json()[:-20], "Invalid JSON", id="cut short"),
        pytest.param("[]", "object", id="a list"),
        pytest.param(FAILED.model_dump_json().replace("failed", "fine"), "status", id="an unknown status"),
        pytest.param(FAILED.model_dump_json().replace('"step":1', '"step":3'), "step", id="beyond the last"),
        pytest.param(" " * (2 << 20), "Invalid JSON", id="megabytes"),
    ],
)
def test_what_is_damaged_begins_anew_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str, words: str
) -> None:
    (tmp_path / STATE_FILE).write_text(content)
    assert RolloutState(tmp_path).load(rollout()) is None
    assert "the analysis begins anew" in caplog.text
    assert words in caplog.text


def test_what_cannot_be_read_begins_anew_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / STATE_FILE).mkdir()
    assert RolloutState(tmp_path).load(rollout()) is None
    assert "Is a directory; the analysis begins anew" in caplog.text


def test_where_nothing_can_be_written_it_is_said_once_and_again_when_it_comes_back(tmp_path: Path) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("a file where a folder is wanted")
    state = RolloutState(blocked)
    said = state.keep(FAILED)
    assert said is not None
    assert said.startswith(f"nothing can be kept of a rollout in {blocked}: ")
    assert state.keep(FAILED) is None
    assert state.record(Event.now("failed", FAILED.digest, "service")) is None
    assert state.trouble == said
    blocked.unlink()
    assert state.record(Event.now("failed", FAILED.digest, "service", FAILED.why)) is None
    assert state.trouble == said
    assert state.keep(FAILED) is None
    assert state.trouble is None
    assert [event.why for event in history.read(blocked)] == ["it is worse"]
    shutil.rmtree(blocked)
    blocked.touch()
    assert state.keep(FAILED) == said
