"""The file of a rollout: read as it was meant, or an error that names key, expectation and finding."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.errors import MissingFileError, RolloutFileError, UnreadableFileError
from pricerange.rollout.document import DEFAULT_METRICS, ROLLOUT_FILE, MetricName, Rollout

WHOLE = """
stable = 3
[canary]
version = 4
steps = [1, 10, 50, 100]
pause = 300
sticky = "X-Customer"
[[shadow]]
version = 5
share = 0.5
[analysis]
interval = 60
count = 5
failure_limit = 1
inconclusive_limit = 2
min_rows = 50
[[analysis.metrics]]
name = "error_ratio"
success_condition = "result <= 0.01"
failure_condition = "result > 0.05"
[[analysis.metrics]]
name = "latency_p99"
success_condition = "result <= 0.1"
"""


def parse(text: str) -> Rollout:
    return Rollout.parse(text.encode(), Path(ROLLOUT_FILE))


def test_a_whole_file_is_read_as_it_was_meant(tmp_path: Path) -> None:
    path = tmp_path / ROLLOUT_FILE
    path.write_text(WHOLE)
    rollout = Rollout.read(path)
    assert rollout.versions == (3, 4, 5)
    assert rollout.canary is not None
    assert (rollout.canary.weights, rollout.canary.pause) == ((1, 10, 50, 100), 300)
    assert rollout.canary.sticky == "x-customer"
    assert [(shadow.version, shadow.share) for shadow in rollout.shadow] == [(5, 0.5)]
    analysis = rollout.analysis
    assert analysis is not None
    assert (analysis.interval, analysis.count, analysis.min_rows) == (60, 5, 50)
    assert (analysis.failure_limit, analysis.inconclusive_limit) == (1, 2)
    assert [metric.name for metric in analysis.metrics] == ["error_ratio", "latency_p99"]
    assert str(analysis.metrics[0].failure_condition) == "result > 0.05"
    assert analysis.metrics[1].failure_condition is None
    assert rollout.digest == hashlib.sha256(WHOLE.encode()).hexdigest()


def test_the_documented_file_and_defaults_are_real() -> None:
    document = (Path(__file__).parents[3] / "docs" / "rollout.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```toml\n(.*?)```", document, re.DOTALL)
    assert parse(example).versions == (3, 4, 2)
    [listed] = re.findall(r"^\| `metrics` \| .* \| (.*) \|$", document, re.MULTILINE)
    assert listed == "; ".join(
        f"`{metric.name}` {metric.success_condition}, failed {metric.failure_condition}".replace(
            "result ", ""
        ).replace("failed >", "failed above")
        for metric in DEFAULT_METRICS
    ).replace("2.0", "2")
    for name in get_args(MetricName):
        assert f"| `{name}` |" in document


def test_what_is_left_out_has_a_default() -> None:
    assert parse("stable = 3").versions == (3,)
    rollout = parse("stable = 3\n[canary]\nversion = 4\nweight = 12.5\n[analysis]")
    assert rollout.canary is not None
    assert rollout.analysis is not None
    assert (rollout.canary.weights, rollout.canary.sticky) == ((12.5,), "row")
    assert rollout.analysis.metrics == DEFAULT_METRICS
    assert rollout.shadow == ()


def test_of_other_bytes_the_digest_is_another_though_they_mean_the_same() -> None:
    assert parse("stable = 3").digest != parse("stable = 3 # since May").digest


CANARY = "stable = 3\n[canary]\nversion = 4\n"
ANALYSIS = "stable = 3\n[analysis]\n"


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        pytest.param("", "stable", "a value, found none", id="nothing"),
        pytest.param("stable = ", "", "TOML, found Invalid value", id="not TOML"),
        pytest.param("[" * 30_000, "", "TOML, found", id="brackets"),
        pytest.param("stable = 0", "stable", "greater than or equal to 1, found 0", id="version 0"),
        pytest.param(f"stable = {10**30}", "stable", "less than 9223372036854775808", id="a huge version"),
        pytest.param("stable = 3.0", "stable", "a valid integer, found 3.0", id="a version with a point"),
        pytest.param("stable = '3'", "stable", "a valid integer, found '3'", id="a version as text"),
        pytest.param("stable = true", "stable", "a valid integer, found True", id="a version as truth"),
        pytest.param("stabel = 3", "stabel", "one of the known keys: stable, canary, shadow,", id="misspelt"),
        pytest.param("stable = 3\n_digest = '0'", "_digest", "one of the known keys", id="its own digest"),
        pytest.param("stable = 3\ncanary = 4", "canary", "a valid dictionary", id="a canary as a number"),
        pytest.param(
            "stable = 3\n[canary]\nversion = 3\nweight = 1", "", "that differ.* found 3, 3", id="same"
        ),
        pytest.param(CANARY, "canary", "either weight or steps, found none", id="no weight"),
        pytest.param(
            f"{CANARY}weight = 1\nsteps = [1]", "canary", "either weight or steps, .*both", id="both"
        ),
        pytest.param(f"{CANARY}weight = 101", "canary.weight", "less than or equal to 100", id="over 100"),
        pytest.param(f"{CANARY}weight = -1", "canary.weight", "greater than or equal to 0", id="below 0"),
        pytest.param(f"{CANARY}weight = nan", "canary.weight", "found nan", id="no number"),
        pytest.param(f"{CANARY}weight = '10'", "canary.weight", "a valid number, found '10'", id="text"),
        pytest.param(f"{CANARY}steps = []", "canary.steps", "at least 1 item", id="no steps"),
        pytest.param(
            f"{CANARY}steps = [5, 5]", "canary.steps", "per cent above 0 that rise", id="not rising"
        ),
        pytest.param(f"{CANARY}steps = [0, 5]", "canary.steps", "per cent above 0 that rise", id="from 0"),
        pytest.param(f"{CANARY}steps = [1, '5']", "canary.steps.1", "a valid number", id="a step as text"),
        pytest.param(f"{CANARY}steps = [1, true]", "canary.steps.1", "a valid number", id="a step as truth"),
        pytest.param(f"{CANARY}weight = 1\npause = 9", "canary.pause", "steps beside it", id="a pause alone"),
        pytest.param(f"{CANARY}steps = [1]\npause = inf", "canary.pause", "found inf", id="for ever"),
        pytest.param(f"{CANARY}weight = 1\nsticky = 'a b'", "canary.sticky", "name of a header", id="sticky"),
        pytest.param(f"{CANARY}weight = 1\nsticky = ''", "canary.sticky", "name of a header", id="unsticky"),
        pytest.param(
            "stable = 3\n[[shadow]]\nversion = 4\nshare = 0",
            "shadow.0.share",
            "greater than 0",
            id="no share",
        ),
        pytest.param(
            "stable = 3\n" + "[[shadow]]\nversion = 4\nshare = 1\n" * 2, "", "3, 4, 4", id="a shadow twice"
        ),
        pytest.param(
            "stable = 3\n" + "".join(f"[[shadow]]\nversion = {n}\nshare = 1\n" for n in range(4, 9)),
            "shadow",
            "at most 4",
            id="five shadows",
        ),
        pytest.param(f"{ANALYSIS}interval = 0", "analysis.interval", "greater than 0", id="no interval"),
        pytest.param(f"{ANALYSIS}count = 0", "analysis.count", "greater than or equal to 1", id="no count"),
        pytest.param(f"{ANALYSIS}metrics = []", "analysis.metrics", "at least 1 item", id="no metrics"),
        pytest.param(
            f"{ANALYSIS}[[analysis.metrics]]\nname = 'errors'",
            "analysis.metrics.0.name",
            "one of",
            id="metric",
        ),
        pytest.param(
            f"{ANALYSIS}[[analysis.metrics]]\nname = 'error_ratio'",
            "analysis.metrics.0",
            "success_condition or failure_condition of error_ratio, found none",
            id="no condition",
        ),
        pytest.param(
            f"{ANALYSIS}[[analysis.metrics]]\nname = 'error_ratio'\nfailure_condition = 'x > 1'",
            "analysis.metrics.0.failure_condition",
            "comparisons such as result <= 0.01",
            id="a condition on another name",
        ),
        pytest.param(
            f"{ANALYSIS}[[analysis.metrics]]\nname = 'error_ratio'\nfailure_condition = 1",
            "analysis.metrics.0.failure_condition",
            "a condition such as",
            id="a condition as a number",
        ),
        pytest.param(
            ANALYSIS + "[[analysis.metrics]]\nname = 'error_ratio'\nfailure_condition = 'result > 1'\n" * 2,
            "analysis.metrics",
            "each name once",
            id="a metric twice",
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_was_expected_and_found(text: str, key: str, words: str) -> None:
    with pytest.raises(RolloutFileError, match=words) as error:
        parse(text)
    assert error.value.key == key
    assert str(error.value).startswith("rollout.toml: ")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_a_file_holds_there_is_no_other_error(content: bytes) -> None:
    try:
        rollout = Rollout.parse(content, Path(ROLLOUT_FILE))
    except RolloutFileError:
        return
    assert rollout.stable >= 1


def a_terabyte(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        pytest.param(lambda path: None, MissingFileError, "missing", id="missing"),
        pytest.param(Path.mkdir, UnreadableFileError, "Is a directory", id="a folder"),
        pytest.param(os.mkfifo, UnreadableFileError, "not a regular file", id="a pipe"),
        pytest.param(
            a_terabyte, RolloutFileError, "at most 65536 bytes, found 1099511627776", id="a terabyte"
        ),
        pytest.param(lambda path: path.write_bytes(b"\xff"), RolloutFileError, "utf-8", id="not text"),
    ],
)
def test_what_cannot_be_read_is_an_error(
    tmp_path: Path, make: Callable[[Path], object], error: type[Exception], words: str
) -> None:
    make(tmp_path / ROLLOUT_FILE)
    with pytest.raises(error, match=words):
        Rollout.read(tmp_path / ROLLOUT_FILE)
