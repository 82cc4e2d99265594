"""The history: every line comes back, damage costs a line, and it does not grow without end."""

from pathlib import Path

import pytest

from pricerange.rollout import history
from pricerange.rollout.history import HISTORY_FILE, MOST_BYTES, MOST_LINES, Event, append, read


def test_what_happened_comes_back_in_order(tmp_path: Path) -> None:
    assert read(tmp_path) == []
    events = [Event.now(what, "ab" * 32, "ada", f"why\n{what} ü") for what in ("set", "abort", "promote")]
    for event in events:
        append(tmp_path, event)
    assert read(tmp_path) == events


def test_a_damaged_line_is_left_out_and_the_next_one_is_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    event = Event.now("set", "ab" * 32, "ada")
    append(tmp_path, event)
    with (tmp_path / HISTORY_FILE).open("ab") as file:
        file.write(b'\xff not JSON\n{"when": "2026')
    append(tmp_path, event)
    assert read(tmp_path) == [event, event]
    assert "damaged lines are left out: 2" in caplog.text


def test_it_keeps_the_latest_and_stays_within_its_bounds(tmp_path: Path) -> None:
    path = tmp_path / HISTORY_FILE
    line = Event.now("set", "ab" * 32, "ada").model_dump_json() + "\n"
    path.write_text(line * MOST_LINES)
    latest = Event.now("abort", "cd" * 32, "ada")
    append(tmp_path, latest)
    assert len(path.read_text().splitlines()) == MOST_LINES // 2
    assert read(tmp_path)[-1] == latest
    path.write_text((line * 900).replace("ada", "a" * 2_000))
    append(tmp_path, latest)
    assert path.stat().st_size < MOST_BYTES
    assert read(tmp_path)[-1] == latest
    assert list(tmp_path.iterdir()) == [path]


def test_a_long_reason_is_cut(tmp_path: Path) -> None:
    append(tmp_path, Event.now("failed", "ab" * 32, "service", "x" * 100_000))
    assert read(tmp_path)[0].why == "x" * history.MOST_CHARACTERS
