import io
import itertools
import time

import pytest
from rich.console import Console

from scoring.progress import of_rows


@pytest.fixture
def five_seconds_a_look(monkeypatch):
    clock = itertools.count(step=5)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))


def test_a_line_comes_every_ten_seconds_where_there_is_no_terminal(five_seconds_a_look):
    written = io.StringIO()
    with of_rows(40_000, Console(file=written, force_terminal=False)) as advance:
        for _ in range(4):
            advance(10_000)
    assert written.getvalue().splitlines() == [
        "20,000 of about 40,000 rows, 2,000 rows/s, about 10 s left",
        "40,000 of about 40,000 rows, 2,000 rows/s, about 0 s left",
    ]


@pytest.mark.parametrize(("done", "about"), [(10_000, 40_000), (0, 0), (12, 10)])
def test_a_terminal_shows_a_bar(done, about):
    written = io.StringIO()
    with of_rows(about, Console(file=written, force_terminal=True, width=100)) as advance:
        advance(done)
    assert f"{done}/{about}" in written.getvalue()


def test_where_nobody_knows_how_many_come_only_those_done_are_told(five_seconds_a_look):
    lines, bar = io.StringIO(), io.StringIO()
    with of_rows(None, Console(file=lines, force_terminal=False)) as advance:
        for _ in range(4):
            advance(10_000)
    assert lines.getvalue().splitlines() == ["20,000 rows, 2,000 rows/s", "40,000 rows, 2,000 rows/s"]
    with of_rows(None, Console(file=bar, force_terminal=True, width=100)) as advance:
        advance(10)
    assert "10/?" in bar.getvalue()


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "elsewhere"])
def test_an_error_inside_comes_out(terminal):
    with pytest.raises(ZeroDivisionError), of_rows(1, Console(file=io.StringIO(), force_terminal=terminal)):
        1 / 0  # noqa: B018
