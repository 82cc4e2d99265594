"""How far a job is: a bar on a terminal, a line now and then elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TimeRemainingColumn,
)
from rich.text import Text

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress(about: int, console: Console, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Lend a function to be told, by any thread, how many more rows are done, of about `about`.

    `done` of them were, before this run.
    """
    if console.is_terminal:
        yield from _bar(about, console, done)
    else:
        yield from _lines(about, console, done)


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return rows a second, as rich measures them."""
        return Text(f"rows, {task.speed or 0:,.0f}/s")


def _bar(about: int, console: Console, done: int) -> Iterator[Callable[[int], None]]:
    columns = (BarColumn(), MofNCompleteColumn(), _Speed(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=about, completed=done)
        yield lambda rows: bar.advance(task, rows)


def _lines(about: int, console: Console, done: int) -> Iterator[Callable[[int], None]]:
    before = done
    started = last = time.monotonic()
    lock = threading.Lock()

    def advance(rows: int) -> None:
        nonlocal done, last
        with lock:
            done += rows
            now = time.monotonic()
            if now - last >= SECONDS_BETWEEN_LINES:
                last = now
                speed = (done - before) / (now - started)
                left = f", about {max(about - done, 0) / speed:,.0f} s left" if speed else ""
                console.print(
                    f"{done:,} of about {about:,} rows, {speed:,.0f} rows/s{left}",
                    highlight=False,
                    soft_wrap=True,
                )

    yield advance
