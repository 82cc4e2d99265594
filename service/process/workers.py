"""Several processes on one port: a parent that starts them, replaces the fallen and ends them all."""

import logging
import multiprocessing
import signal
import socket
from collections.abc import Callable
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from time import monotonic

from pricerange import bundle
from pricerange.errors import PriceRangeError
from service.settings import Settings
from service.telemetry.shared_counters import SharedCounters

log = logging.getLogger(__name__)

Serve = Callable[[Settings, socket.socket, SharedCounters, Connection], int]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds before a worker that never got ready is started again; each time twice as long."""


def supervise(settings: Settings, listener: socket.socket, serve: Serve) -> int:
    """Keep `settings.workers` processes serving until SIGTERM or SIGINT, then wait for all of them.

    Returns the exit code: a worker's own where none ever got ready (a model that fails its verification
    fails in every one), else 0, or 1 where a worker did not end in order. Raises `ModelNotFoundError`.
    """
    # a worker that is started later must not find a newer version than the others
    version = int(bundle.find(settings.models, settings.model_version).name)
    return _Supervisor(settings.model_copy(update={"model_version": version}), listener, serve).run()


class _WorkerProcess:
    """A child process. The pipe tells us that it is ready, and tells it that we are gone."""

    def __init__(
        self, settings: Settings, listener: socket.socket, counters: SharedCounters, serve: Serve
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, its_end = context.Pipe()
        self.process = context.Process(target=_work, args=(serve, settings, listener, counters, its_end))
        resource_tracker.ensure_running()  # or `start` does it, and lets the signals through again
        held_back = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, held_back)  # inherited by the process
        self.process.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held_back)
        its_end.close()
        self.counters = counters
        self.ready = False


class _Supervisor:
    def __init__(self, settings: Settings, listener: socket.socket, serve: Serve) -> None:
        self._settings = settings
        self._listener = listener
        self._serve = serve
        self._workers: list[_WorkerProcess] = []
        self._vacant = SharedCounters.of(settings.workers)
        self._ever_ready = False
        self._pause = _FIRST_PAUSE
        self._start_again_at = 0.0
        self._signals, self._signal_end = socket.socketpair()
        self._signals.setblocking(False)
        self._signal_end.setblocking(False)

    def run(self) -> int:
        signal.set_wakeup_fd(self._signal_end.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        while True:
            self._fill_up()
            event = self._wait()
            if event is not None:
                return event

    def _fill_up(self) -> None:
        while self._vacant and monotonic() >= self._start_again_at:
            counters = self._vacant.pop()
            self._workers.append(_WorkerProcess(self._settings, self._listener, counters, self._serve))

    def _wait(self) -> int | None:
        """Wait for something to happen; return the exit code when it is time to leave."""
        starting = [worker.pipe for worker in self._workers if not worker.ready]
        ends = [worker.process.sentinel for worker in self._workers]
        pause = max(0.0, self._start_again_at - monotonic()) if self._vacant else None
        happened = wait([self._signals, *starting, *ends], pause)
        if self._signals in happened:
            return self._end_all()
        for worker in list(self._workers):
            if worker.pipe in happened and not worker.ready:
                self._heard(worker)
            if worker.process.sentinel in happened:
                self._reap(worker)
                if not self._ever_ready:
                    self._end_all()
                    return max(worker.process.exitcode or 0, 1)
        return None

    def _heard(self, worker: _WorkerProcess) -> None:
        try:
            worker.pipe.recv()
        except EOFError:
            return
        worker.ready = self._ever_ready = True
        self._pause = _FIRST_PAUSE

    def _reap(self, worker: _WorkerProcess) -> None:
        worker.process.join()
        worker.pipe.close()
        worker.counters.end()
        self._workers.remove(worker)
        self._vacant.append(worker.counters)
        log.error("worker %d ended with %s", worker.process.pid, worker.process.exitcode)
        if not worker.ready:
            self._start_again_at = monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _end_all(self) -> int:
        """Tell every worker to drain, also those that are still starting, and wait for their ends."""
        self._listener.close()
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            worker.process.join()
        return int(any(worker.process.exitcode for worker in self._workers))


def _work(
    serve: Serve, settings: Settings, listener: socket.socket, counters: SharedCounters, parent: Connection
) -> None:
    try:
        code = serve(settings, listener, counters, parent)
    except PriceRangeError as error:
        log.error("%s", error)
        code = error.exit_code
    raise SystemExit(code)
