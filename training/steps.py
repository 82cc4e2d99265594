"""How far a job of many steps is: a bar on a terminal, a line now and then elsewhere."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINES = 20
"""Plain lines of a whole job, at most."""


@contextmanager
def shown(steps: int, console: Console) -> Iterator[Callable[[str], None]]:
    """Lend a function to be told, after each of up to `steps` steps, what it was."""
    if not console.is_terminal:
        yield _lines(steps, console)
        return
    columns = (MofNCompleteColumn(), BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=steps)
        yield lambda what: bar.update(task, advance=1, description=what)


def _lines(steps: int, console: Console) -> Callable[[str], None]:
    done = 0

    def say(what: str) -> None:
        nonlocal done
        done += 1
        if done % math.ceil(steps / _LINES) == 0 or done == steps:
            console.print(f"{done}/{steps} {what}", highlight=False, soft_wrap=True)

    return say
