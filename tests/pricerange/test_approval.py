"""A person's word on a version: read as it was written, or an error; never a guess."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pricerange.approval import APPROVAL_FILE, Approval
from pricerange.errors import ApprovalError, SettingsError, TargetError, UnreadableFileError

WHOLE = {"decision": "approved", "by": "ada", "when": "2026-01-02T03:04:05Z", "why": "seen by eye"}


def test_a_decision_says_who_when_and_why_and_the_last_one_counts(tmp_path: Path) -> None:
    assert Approval.read(tmp_path) is None
    before = datetime.now(UTC).replace(microsecond=0)
    for decision in ("approved", "rejected"):
        written = Approval.now(decision, "  looked at\n each answer ")
        assert written.write(tmp_path) == tmp_path / APPROVAL_FILE
        found = Approval.read(tmp_path)
        assert found == written
        assert (found.decision, found.why) == (decision, "looked at each answer")
        assert found.by
        assert before <= found.when <= datetime.now(UTC)
    assert [path.name for path in tmp_path.iterdir()] == [APPROVAL_FILE]


def test_whoever_has_no_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert Approval.now("approved", "why not").by == f"user {os.getuid()}"


@pytest.mark.parametrize("why", ["", " \n", "\x1b[2J"], ids=["empty", "blank", "for a terminal"])
def test_a_reason_has_words(why: str) -> None:
    with pytest.raises(SettingsError, match="--why: expected the reason, in words"):
        Approval.now("approved", why)


def text(**changes: object) -> Callable[[Path], object]:
    return lambda path: path.write_text(json.dumps(WHOLE | changes))


def a_terabyte(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        pytest.param(lambda path: path.write_text(""), ApprovalError, "Invalid JSON", id="empty"),
        pytest.param(lambda path: path.write_text("[]"), ApprovalError, "object", id="a list"),
        pytest.param(lambda path: path.write_bytes(b"\xff"), ApprovalError, "Invalid JSON", id="not text"),
        pytest.param(text(decision="maybe"), ApprovalError, "decision: .*'approved'", id="undecided"),
        pytest.param(text(by=" "), ApprovalError, "by: .*a line of text", id="by nobody"),
        pytest.param(text(why="a\nb"), ApprovalError, "why: .*a line of text", id="two lines"),
        pytest.param(text(when="2026-01-02T03:04:05"), ApprovalError, "when: .*timezone", id="no time zone"),
        pytest.param(text(until="2027"), ApprovalError, "until: Extra inputs", id="an unknown field"),
        pytest.param(text(**{"a\nb": 1}), ApprovalError, r"'a\\nb': Extra inputs", id="a field of two lines"),
        pytest.param(a_terabyte, ApprovalError, "at most 65536 bytes, found 1099511627776", id="a terabyte"),
        pytest.param(os.mkfifo, UnreadableFileError, "not a regular file", id="a pipe"),
    ],
)
def test_what_is_no_decision_is_an_error(
    tmp_path: Path, make: Callable[[Path], object], error: type[Exception], words: str
) -> None:
    make(tmp_path / APPROVAL_FILE)
    with pytest.raises(error, match=words):
        Approval.read(tmp_path)


def test_what_cannot_be_written_is_an_error_and_leaves_the_earlier_decision(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="cannot be written: No such file"):
        Approval.now("approved", "x").write(tmp_path / "nowhere")
