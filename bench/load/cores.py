"""Which core runs what: a load that shares its core with the server measures itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """Keep this process, and what it starts meanwhile, on one core, counted round those there are."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[number % len(before)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
