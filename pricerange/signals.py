"""The end of a run by a signal: by an exception where it can come up, at once where nothing answers."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

GRACE_SECONDS = 1.5
"""How long what was begun may take to be left in order: a file system may never answer."""
_ENDING = (signal.SIGTERM, signal.SIGINT)


def _say_nothing() -> None:
    pass


@contextmanager
def ended_by_signals(say: Callable[[], None] = _say_nothing, grace: float = GRACE_SECONDS) -> Iterator[None]:
    """Make SIGTERM an exception with exit code 143, as SIGINT is one; a second changes nothing any more.

    `say` is called once, on a thread, as soon as a signal has come. Where the exception has not come out
    `grace` seconds later, since a call outside Python does not return, the process ends as if it were killed.
    """
    if threading.current_thread() is not threading.main_thread():
        # Python handles signals in the main thread alone, and only there can it be told how
        yield
        return
    # in the background a shell lets programs ignore SIGINT
    numbers = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _end) for number in numbers}
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    # the system writes there at once, whatever the main thread is doing
    outer = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    left = threading.Event()
    watcher = threading.Thread(target=_watch, args=(receiver, left, say, grace), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        left.set()
        signal.set_wakeup_fd(outer)
        sender.close()
        watcher.join()
        receiver.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(receiver: socket.socket, left: threading.Event, say: Callable[[], None], grace: float) -> None:
    while numbers := receiver.recv(1):
        if numbers[0] in _ENDING:
            say()
            if not left.wait(grace):
                os._exit(128 + numbers[0])
            return


def _end(number: int, _frame: object) -> None:
    for other in _ENDING:
        signal.signal(other, signal.SIG_IGN)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
