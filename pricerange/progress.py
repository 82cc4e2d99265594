"""How far a job is: a bar on a terminal, a line now and then elsewhere."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import Progress, ProgressColumn


class Advance(Protocol):
    """Is told, by any thread, that more steps are done, and in words what the last one came to."""

    def __call__(self, steps: int = 1, what: str = "") -> None:
        """Take note of it."""


@contextmanager
def progress(  # noqa: PLR0913
    total: int | None,
    console: Console,
    columns: Sequence[ProgressColumn],
    line: Callable[[int, str], str | None],
    *,
    done: int = 0,
    transient: bool = False,
) -> Iterator[Advance]:
    """Lend a function to be called with each step of `total`, if that is known, of which `done` were before.

    A terminal shows a bar of these columns, which is gone at the end where it is `transient`. Elsewhere
    `line` is asked after each step for what to print: of the steps done so far and what the last one came to.
    """
    if console.is_terminal:
        with Progress(*columns, console=console, transient=transient) as bar:
            task = bar.add_task("", total=total, completed=done)
            yield lambda steps=1, what="": bar.update(task, advance=steps, description=what)
        return
    lock = threading.Lock()

    def advance(steps: int = 1, what: str = "") -> None:
        nonlocal done
        with lock:
            done += steps
            text = line(done, what)
            if text is not None:
                console.print(text, highlight=False, markup=False, soft_wrap=True)

    yield advance
