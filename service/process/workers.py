"""Several processes on one port: a parent that starts them, replaces the fallen and ends them all."""

import logging
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from time import monotonic

from pricerange.errors import PriceRangeError
from service.process import logs
from service.process.arguments import WorkerArguments
from service.process.server import LOG_LEVEL_SIGNALS
from service.rollout.thread import ControllerThread
from service.settings import Settings
from service.telemetry.log_level import LogLevel
from service.telemetry.log_queue import LogQueue
from service.telemetry.shared_counters import WORKER_RESTARTS, Gauge, SharedCounters

log = logging.getLogger(__name__)

Serve = Callable[[Settings, socket.socket, WorkerArguments, LogQueue], int]

_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_UNREADY = 0.1, 1.0, 5.0
"""Seconds before a worker that did not last is replaced; each time twice as long, up to a bound that is
higher for one that was never ready."""
_LASTING_SECONDS = 10.0
"""Seconds that a worker has to be ready for to count as one that lasts."""
_LOOK_SECONDS = 0.5
"""Seconds between two looks at the workers' signs of life."""
_PAUSED_SECONDS = _LONGEST_UNREADY + 2.0
"""Seconds between two looks from which on it is we who were not running."""
_MOST_SIGNALS = 64
"""Signals that are looked at together."""
_END_SECONDS = 5.0
"""Seconds beyond the drain that a worker gets to end, before it is killed."""


def supervise(  # noqa: PLR0913, PLR0917
    settings: Settings,
    listener: socket.socket,
    serve: Serve,
    of_workers: list[SharedCounters],
    own: SharedCounters,
    controller: ControllerThread,
) -> int:
    """Keep processes serving, one for each row of counters, until SIGTERM or SIGINT, then wait for all.

    Returns the exit code: a worker's own where none ever got ready (a model that fails its verification
    fails in every one), else 0, or 1 where a worker did not end in order.
    """
    return _Supervisor(settings, listener, serve, of_workers, own, controller).run()


class _WorkerProcess:
    """A child process. The pipe tells us that it is ready, and tells it that we are gone."""

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        counters: SharedCounters,
        serve: Serve,
        controller: ControllerThread,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, its_end = context.Pipe()
        link = controller.connect()
        arguments = WorkerArguments(counters, link, controller.plan, its_end)
        self.process = context.Process(target=_work, args=(serve, settings, listener, arguments))
        resource_tracker.ensure_running()  # or `start` does it, and lets the signals through again
        held_back = {signal.SIGTERM, signal.SIGINT, *LOG_LEVEL_SIGNALS}
        signal.pthread_sigmask(signal.SIG_BLOCK, held_back)  # inherited by the process
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, held_back)
            its_end.close()
            link.close()
        self.counters = counters
        self.ready_since: float | None = None

    def hangs(self, timeout: float) -> bool:
        """Return whether the worker has been ready, and silent for so many seconds."""
        if self.ready_since is None:
            return False
        sign = max(self.ready_since, self.counters.row[Gauge.HEARTBEAT])
        return monotonic() - sign > timeout

    def lasted(self) -> bool:
        """Return whether the worker was ready for long enough."""
        return self.ready_since is not None and monotonic() - self.ready_since > _LASTING_SECONDS


class _Supervisor:
    def __init__(  # noqa: PLR0913, PLR0917
        self,
        settings: Settings,
        listener: socket.socket,
        serve: Serve,
        of_workers: list[SharedCounters],
        own: SharedCounters,
        controller: ControllerThread,
    ) -> None:
        self._controller = controller
        self._settings = settings
        self._listener = listener
        self._serve = serve
        self._workers: list[_WorkerProcess] = []
        self._vacant, self._own = of_workers, own
        own.row[Gauge.PID] = os.getpid()
        self._log_level = LogLevel(own)
        self._started = 0
        self._looked_at = monotonic()
        self._ever_ready = False
        self._pause = _FIRST_PAUSE
        self._start_again_at = 0.0
        self._signals, self._signal_end = socket.socketpair()
        self._signals.setblocking(False)
        self._signal_end.setblocking(False)

    def run(self) -> int:
        resource_tracker.ensure_running()  # it ignores what is ignored now
        signal.set_wakeup_fd(self._signal_end.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, *LOG_LEVEL_SIGNALS):
            signal.signal(number, lambda *_: None)
        while True:
            self._fill_up()
            event = self._wait()
            if event is not None:
                return event

    def _fill_up(self) -> None:
        while self._vacant and monotonic() >= self._start_again_at:
            counters = self._vacant[-1]
            try:
                worker = _WorkerProcess(
                    self._settings, self._listener, counters, self._serve, self._controller
                )
            except OSError as error:  # no descriptor, process or memory is left: one may be given back
                log.error("cannot start a worker: %s", error.strerror or error)
                self._start_again_at = monotonic() + _LONGEST_UNREADY
                return
            self._vacant.pop()
            self._workers.append(worker)
            self._started += 1
            self._own.row[WORKER_RESTARTS] = max(0, self._started - self._settings.workers)

    def _wait(self) -> int | None:
        """Wait for something to happen; return the exit code when it is time to leave."""
        starting = [worker.pipe for worker in self._workers if worker.ready_since is None]
        ends = [worker.process.sentinel for worker in self._workers]
        pause = max(0.0, self._start_again_at - monotonic()) if self._vacant else _LOOK_SECONDS
        happened = wait([self._signals, *starting, *ends], pause)
        if self._signals in happened:
            numbers = self._signals.recv(_MOST_SIGNALS)
            if not LOG_LEVEL_SIGNALS.keys() >= set(numbers):
                return self._end_all()
            for number in numbers:
                self._log_level.change(LOG_LEVEL_SIGNALS[signal.Signals(number)])
        now = monotonic()
        # after a pause of the whole container nobody has had time to give a sign of life
        looks, self._looked_at = now - self._looked_at < _PAUSED_SECONDS, now
        for worker in list(self._workers):
            if worker.pipe in happened and worker.ready_since is None:
                self._heard(worker)
            if worker.process.sentinel in happened:
                self._reap(worker)
                if not self._ever_ready:
                    self._end_all()
                    return max(worker.process.exitcode or 0, 1)
            elif looks and worker.hangs(self._settings.worker_timeout):
                seconds = self._settings.worker_timeout
                log.error("worker %d has not responded for %g s: killing it", worker.process.pid, seconds)
                worker.process.kill()
        return None

    def _heard(self, worker: _WorkerProcess) -> None:
        try:
            worker.pipe.recv()
        except EOFError:
            return
        worker.ready_since = monotonic()
        self._ever_ready = True

    def _reap(self, worker: _WorkerProcess) -> None:
        worker.process.join()
        worker.pipe.close()
        worker.counters.end()
        self._workers.remove(worker)
        self._vacant.append(worker.counters)
        log.error("worker %d exited with %s", worker.process.pid, worker.process.exitcode)
        if worker.lasted():
            self._pause = _FIRST_PAUSE
        else:
            self._start_again_at = monotonic() + self._pause
            longest = _LONGEST_UNREADY if worker.ready_since is None else _LONGEST_PAUSE
            self._pause = min(2 * self._pause, longest)

    def _end_all(self) -> int:
        """Tell every worker to drain, also those that are still starting, and wait for their ends."""
        self._listener.close()
        for worker in self._workers:
            worker.pipe.close()
        until = monotonic() + self._settings.drain_delay + self._settings.drain_timeout + _END_SECONDS
        for worker in self._workers:
            worker.process.join(max(0.0, until - monotonic()))
            if worker.process.exitcode is None:
                log.error("worker %d did not end: killing it", worker.process.pid)
                worker.process.kill()
                worker.process.join()
        return int(any(worker.process.exitcode for worker in self._workers))


def _work(serve: Serve, settings: Settings, listener: socket.socket, arguments: WorkerArguments) -> None:
    with logs.to_queue(settings.log_level) as log_queue:
        try:
            code = serve(settings, listener, arguments, log_queue)
        except PriceRangeError as error:
            log.error("%s", error)
            code = error.exit_code
    raise SystemExit(code)
