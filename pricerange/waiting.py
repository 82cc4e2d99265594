"""What a job waits for, said where nothing has come for a few seconds."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console

SECONDS = 5.0


class Patience:
    """Prints a line where nothing is heard of for `SECONDS`; another not before something was."""

    def __init__(self, console: Console, what: str) -> None:
        self._console = console
        self._what = what
        self._heard = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def also(self, tell: Callable[[int], None]) -> Callable[[int], None]:
        """Return a function that takes note of rows that have come, and tells of them."""

        def told(rows: int) -> None:
            self.heard()
            tell(rows)

        return told

    def heard(self) -> None:
        """Take note that something has come."""
        self._heard.set()

    def _watch(self) -> None:
        while not self._is_over:
            if not self._heard.wait(SECONDS):
                self._console.print(
                    f"waiting for {self._what}", markup=False, highlight=False, soft_wrap=True
                )
                self._heard.wait()
            self._heard.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._heard.set()
        self._thread.join()
