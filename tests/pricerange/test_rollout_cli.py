"""`pricerange rollout`: what it shows, what it changes, and what it refuses to."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from live_server import PRICERANGE

from pricerange import errors
from pricerange.approval import Approval
from pricerange.rollout.document import Rollout
from pricerange.rollout.progress import Measurement, Progress
from pricerange.rollout.state import RolloutState


@pytest.fixture
def models(model_repository: Path, tmp_path: Path) -> Path:
    """Two versions that may serve, and one that a person has rejected."""
    models = shutil.copytree(model_repository, tmp_path / "models")
    for number in ("2", "3"):
        shutil.copytree(models / "phone_price_range" / "1", models / "phone_price_range" / number)
    Approval.now("rejected", "it is worse").write(models / "phone_price_range" / "3")
    return models


def run(models: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [PRICERANGE, "rollout", *arguments, "--models", models]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def file_of(models: Path) -> Path:
    return models / "phone_price_range" / "rollout.toml"


def test_a_rollout_from_the_first_step_to_the_end(models: Path) -> None:
    shown = run(models, "show")
    assert shown.stdout.splitlines() == [
        f"no {file_of(models)}: the newest promotable version is taken",
        "taken   2",
    ]
    begun = run(models, "set", "--stable", "1", "--canary", "2", "--steps", "1,10,100", "--pause", "60")
    assert begun.stdout == "stable 1; canary 2 at 1, 10, 100 %, at least 60 s each, by phone\n", begun.stderr
    again = run(models, "set", "--canary", "2", "--pause", "60")
    assert again.stdout == f"unchanged: {begun.stdout}"
    taken = subprocess.run(
        [PRICERANGE, "models", "--models", models], capture_output=True, text=True, timeout=60, check=True
    )
    assert "(taken)" in taken.stdout.splitlines()[0]
    assert run(models, "abort").stdout == "stable 1; canary 2 at 0 %, by phone\n"
    assert run(models, "promote").stdout == "stable 2\n"
    assert file_of(models).read_text() == "stable = 2\n"
    told = run(models, "history")
    assert [line.split("  ")[1] for line in told.stdout.splitlines()] == ["set", "abort", "promote"]
    events = json.loads(run(models, "history", "--json").stdout)
    assert [event["what"] for event in events] == ["set", "abort", "promote"]
    assert events[-1]["digest"] == Rollout.read(file_of(models)).digest


def test_it_shows_how_far_a_canary_has_come(models: Path, tmp_path: Path) -> None:
    file_of(models).write_text(
        "stable = 1\n[canary]\nversion = 2\nsteps = [1, 10]\nsticky = 'x-who'\n"
        "[[shadow]]\nversion = 3\nshare = 0.25\n[analysis]\n"
        "[[analysis.metrics]]\nname = 'error_ratio'\nfailure_condition = 'result > 0'"
    )
    rollout = Rollout.read(file_of(models))
    lines = run(models, "show").stdout.splitlines()
    assert lines[1:4] == [
        "stable  1",
        "canary  2  1, 10 %, by the header x-who",
        "shadow  3  25 % of the phones",
    ]
    assert lines[4].startswith("state   nothing is kept of this rollout")
    assert lines[5] == "taken   1"
    measurement = Measurement(when=6, metric="error_ratio", value=0.5, phase="failed")
    failed = Progress.begin(rollout, 5).at_step(1, 6).measured(measurement).turned("failed", "errors")
    assert RolloutState(tmp_path / "state").keep(failed) is None
    shown = run(models, "show", "--rollout-state", tmp_path / "state").stdout.splitlines()
    assert shown[4:6] == [
        "state   failed: errors; 0 % at step 2 of 2, since 1970-01-01 00:00:06 UTC",
        "        error_ratio  0.5  0 successful, 1 failed, 0 inconclusive, 0 error",
    ]
    stored = json.loads(run(models, "show", "--json", "--rollout-state", tmp_path / "state").stdout)
    assert (stored["taken"], stored["weight"], stored["digest"]) == ("1", 0, rollout.digest)
    assert stored["progress"] == json.loads(failed.model_dump_json())
    assert stored["rollout"]["analysis"]["metrics"][0]["failure_condition"] == "result > 0.0"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(
            ["--stable", "3"], 72, "stable: expected a promotable version, found version 3", id="bad"
        ),
        pytest.param(
            ["--canary", "3", "--weight", "1"], 72, "canary.version: expected a promotable", id="canary"
        ),
        pytest.param(["--shadow", "9=1"], 72, "shadow.0.version: expected a folder", id="no such version"),
        pytest.param(
            ["--canary", "2"], 72, "canary: expected either weight or steps, found none", id="no weight"
        ),
        pytest.param(["--weight", "10"], 72, "canary.version: expected a value, found none", id="no canary"),
        pytest.param(
            ["--shadow", "2"], 22, "--shadow: expected N=SHARE, such as 5=0.5, found '2'", id="share"
        ),
        pytest.param(["--steps", "1,x"], 22, "--steps: expected numbers separated by commas", id="steps"),
    ],
)
def test_what_may_not_serve_is_refused_and_the_file_stays(
    models: Path, arguments: list[str], code: int, words: str
) -> None:
    file_of(models).write_text("stable = 1  # since May\n")
    ended = run(models, "set", *arguments)
    assert ended.returncode == code
    assert words in ended.stderr
    assert file_of(models).read_text() == "stable = 1  # since May\n"


def test_a_version_that_is_broken_is_refused_but_does_not_stand_in_the_way_of_an_end(models: Path) -> None:
    file_of(models).write_text("stable = 1\n[canary]\nversion = 2\nweight = 50\n")
    graph = models / "phone_price_range" / "2" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    refused = run(models, "promote")
    assert refused.returncode == errors.TruncatedModelError.exit_code
    assert Rollout.read(file_of(models)).stable == 1
    assert run(models, "abort").returncode == 0
    assert "weight = 0" in file_of(models).read_text()


def test_a_file_that_is_wrong_is_one_line_and_exit_code_72(models: Path) -> None:
    file_of(models).write_text("stabel = 1\n")
    for command in (["show"], ["show", "--json"], ["set", "--stable", "1"], ["promote"], ["abort"]):
        ended = run(models, *command)
        assert ended.returncode == errors.RolloutFileError.exit_code
        assert len(ended.stderr.splitlines()) == 1
    listed = subprocess.run(
        [PRICERANGE, "models", "--models", models], capture_output=True, text=True, timeout=60, check=False
    )
    assert listed.returncode == errors.RolloutFileError.exit_code
    assert len(listed.stdout.splitlines()) == 3
    assert "stabel: expected one of the known keys" in listed.stderr
