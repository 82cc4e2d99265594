"""Log lines on their way out: a bounded queue, written by a thread, so that no reader can stop the service.

A pipe whose reader sleeps blocks whoever writes to it. Lines that do not fit meanwhile are dropped, counted,
and reported in the log as soon as it moves again. A pipe without a reader ends the writing, and nothing else.

Workers write to one pipe, which takes more than PIPE_BUF bytes in pieces: each locks it for what it writes,
or lines would be mixed. To write no more than PIPE_BUF at once would do too, but after each write the thread
asks for the GIL, which costs a busy event loop a tenth of its requests.
"""

import contextlib
import fcntl
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator

from service.telemetry import log_line

MOST_BYTES = 1 << 22
"""Bytes of lines that wait: a second of requests at full speed."""
_PAUSE = 0.02
"""Seconds in which lines gather for one write; a line is never later than that."""


class LogQueue:
    """Lines for a file descriptor; any thread may put some."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._turns = _in_turns if _is_pipe(descriptor) else contextlib.nullcontext
        # reentrant: the garbage collector may run, and log, while a line is queued
        self._lock = threading.RLock()
        self._lines: list[bytes] = []
        self._size = 0
        self._dropped = 0
        self._filled = threading.Event()
        self._closed = False
        self._broken = False
        self._on_drop: Callable[[], None] = _nothing
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def on_drop(self, count: Callable[[], None]) -> None:
        """Have each line that is dropped counted."""
        self._on_drop = count

    def put(self, line: bytes) -> None:
        """Queue a line, which ends with a newline, or drop it where there is no room."""
        with self._lock:
            fits = self._size + len(line) <= MOST_BYTES and not self._broken
            if fits:
                self._lines.append(line)
                self._size += len(line)
            else:
                self._dropped += 1
        if not fits:
            self._on_drop()
        elif not self._filled.is_set():
            self._filled.set()

    def _count(self, lines: int) -> None:
        with self._lock:
            self._dropped += lines
        for _ in range(lines):
            self._on_drop()

    def close(self, seconds: float) -> None:
        """Write what is queued, for so many seconds at most."""
        self._closed = True
        self._filled.set()
        self._thread.join(seconds)

    def _write(self) -> None:
        while not self._broken:
            self._filled.wait()
            if not self._closed:
                time.sleep(_PAUSE)
            self._filled.clear()
            # not before: whoever closes in between would wait for a thread that waits for him
            closed = self._closed
            with self._lock:
                lines, self._lines, self._size = self._lines, [], 0
                dropped, self._dropped = self._dropped, 0
            if dropped:
                message = f"{dropped} log lines were dropped: its reader was too slow"
                lines.append(log_line.formatted("warning", __name__, message, {}))
            try:
                with self._turns(self._descriptor):
                    _write_all(self._descriptor, b"".join(lines))
            except BrokenPipeError:
                self._broken = True
            except OSError:  # a full disk, say: later lines may find room
                self._count(len(lines))
            if closed:
                return


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:  # it is closed: each write will say so
        return False


@contextlib.contextmanager
def _in_turns(pipe: int) -> Iterator[None]:
    """Lock a pipe against other processes; the end of a process, however it comes, unlocks it.

    One that hangs meanwhile holds up the lines of the others, until the parent ends it.
    """
    with contextlib.suppress(OSError):  # a system that locks no pipes
        fcntl.lockf(pipe, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            fcntl.lockf(pipe, fcntl.LOCK_UN)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _nothing() -> None:
    """Count no dropped line."""
