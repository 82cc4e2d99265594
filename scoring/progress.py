"""What a job of scoring says: how far it is, with rows a second and the time left, and lines beside that."""

import time
from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TimeRemainingColumn
from rich.text import Text

from pricerange import progress
from pricerange.progress import Advance

SECONDS_BETWEEN_LINES = 10.0


def of_rows(about: int | None, console: Console, done: int = 0) -> AbstractContextManager[Advance]:
    """Lend a function to be told, by any thread, how many more rows are done, of about `about`.

    That is None where nobody knows. `done` of them were, before this run.
    """
    columns = (BarColumn(), MofNCompleteColumn(), _Speed(), TimeRemainingColumn(compact=True))
    return progress.progress(about, console, columns, _Lines(about, done).line, done=done, transient=True)


def tell(console: Console, line: str) -> None:
    """Print a line as it is."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return rows a second, as rich measures them."""
        return Text(f"rows, {task.speed or 0:,.0f}/s")


class _Lines:
    """A line every few seconds."""

    def __init__(self, about: int | None, before: int) -> None:
        self._about = about
        self._before = before
        self._started = self._last = time.monotonic()

    def line(self, done: int, what: str) -> str | None:
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return None
        self._last = now
        speed = (done - self._before) / (now - self._started)
        if self._about is None:
            return f"{done:,} rows, {speed:,.0f} rows/s"
        left = f", about {max(self._about - done, 0) / speed:,.0f} s left" if speed else ""
        return f"{done:,} of about {self._about:,} rows, {speed:,.0f} rows/s{left}"
