"""Progress of a job of many steps: a bar on a terminal, a bounded number of lines elsewhere."""

import io

import pytest
from rich.console import Console

from training.steps import shown


def run(steps: int, console: Console) -> None:
    with shown(steps, console) as on_step:
        for number in range(steps):
            on_step(f"step {number}")


@pytest.mark.parametrize(("steps", "lines"), [(3, 3), (20, 20), (21, 11), (160, 20)])
def test_says_at_most_twenty_lines_and_always_the_last(steps: int, lines: int) -> None:
    said = io.StringIO()
    run(steps, Console(file=said))
    assert len(said.getvalue().splitlines()) == lines
    assert said.getvalue().splitlines()[-1] == f"{steps}/{steps} step {steps - 1}"


def test_shows_a_bar_on_a_terminal() -> None:
    said = io.StringIO()
    run(30, Console(file=said, force_terminal=True, width=100))
    assert "30/30" in said.getvalue()
    assert "step 29" in said.getvalue()
    assert "━" in said.getvalue()
