"""Trouble is said when it begins and when it ends, and not a thousand times where there is no end of it."""

import logging

import pytest

from service.telemetry import trouble
from service.telemetry.trouble import Trouble


def test_it_is_said_once_at_each_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    full = Trouble(logging.getLogger("test"))
    full.ends("over before it began")
    for number in range(100):
        full.begins("begins: %d", number)
    for _ in range(100):
        full.ends("over")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "begins: 0"),
        ("INFO", "over"),
    ]


def test_what_comes_and_goes_is_said_again_after_a_while(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    now = 1_000.0
    monkeypatch.setattr(trouble, "monotonic", lambda: now)
    full = Trouble(logging.getLogger("test"))
    for _ in range(1_200):
        full.begins("begins")
        full.ends("over")
        now += 0.1
    assert [record.message for record in caplog.records] == ["begins", "over"] * 2
