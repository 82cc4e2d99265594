"""The thread that the controller lives on: it hears of every worker, and never waits for one for long."""

import logging
import multiprocessing
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection, wait

from service.rollout.controller import Controller
from service.rollout.plan import Plan

log = logging.getLogger(__name__)

_TICK = 0.1


class ControllerThread:
    """Runs a controller beside the process's own work."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._lock = threading.Lock()
        self._links: list[Connection] = []
        self._thread = threading.Thread(target=self._run, name="rollout-controller", daemon=True)

    def start(self) -> None:
        """Begin to hear and to look."""
        self._thread.start()

    @property
    def plan(self) -> Plan:
        """What a worker that starts now is to load."""
        return self._controller.plan

    def connect(self) -> Connection:
        """Return a worker's end of a new pipe."""
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        with self._lock:
            self._links.append(ours)
        return theirs

    def _run(self) -> None:
        while True:
            with self._lock:
                links = list(self._links)
            if links:
                for link in wait(links, _TICK):
                    assert isinstance(link, Connection)
                    self._hear(link)
            else:
                time.sleep(_TICK)
            self._safely(partial(self._controller.tick, time.monotonic()))

    def _hear(self, link: Connection) -> None:
        try:
            message = link.recv()
        except (EOFError, OSError):
            with self._lock:
                self._links.remove(link)
            self._safely(partial(self._controller.left, link))
            link.close()
        else:
            self._safely(partial(self._controller.heard, link, message))

    def _safely(self, work: Callable[[], None]) -> None:
        """Do some work of the controller; an error of its own does not end it."""
        try:
            work()
        except Exception:
            log.exception("the rollout goes on after an error of its own")
