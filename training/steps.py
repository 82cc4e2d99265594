"""How far a job of many steps is, as the folds of a comparison or the trials of a search."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from pricerange.progress import progress

_LINES = 20
"""Plain lines of a whole job, at most."""


@contextmanager
def shown(steps: int, console: Console) -> Iterator[Callable[[str], None]]:
    """Lend a function to be told, after each of up to `steps` steps, what it was."""
    columns = (MofNCompleteColumn(), BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))

    def line(done: int, what: str) -> str | None:
        due = done % math.ceil(steps / _LINES) == 0 or done == steps
        return f"{done}/{steps} {what}" if due else None

    with progress(steps, console, columns, line) as advance:
        yield lambda what: advance(what=what)
