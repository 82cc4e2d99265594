"""A worker's part: it loads what the controller wants on a thread, and switches when it is told to."""

import asyncio
import itertools
import logging
import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from time import monotonic

from service.errors import NotReadyError, RolloutError
from service.http import deadline
from service.rollout.document import RolloutDocument
from service.rollout.loading import Loader, VersionFailedError
from service.rollout.messages import (
    Commit,
    Committed,
    Drop,
    Failed,
    Joined,
    Kind,
    Prepare,
    Prepared,
    Reply,
    Request,
)
from service.rollout.plan import Plan
from service.versions.live import Live, Versions

log = logging.getLogger(__name__)

_SWITCH_SECONDS = 0.0002
"""Seconds that the event loop waits for the interpreter at most while versions are loaded: 5 ms otherwise."""


class Member:
    """Follows the controller at the other end of a pipe."""

    def __init__(self, link: Connection, versions: Versions, loader: Loader) -> None:
        self._link = link
        self._versions = versions
        self._loader = loader
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rollout")
        self._prepared: tuple[int, Live | None] | None = None
        self._wanted = 0
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[Reply]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, plan: Plan, failures: Mapping[int, str]) -> None:
        """Say what is loaded, and listen from now on, in the event loop that runs."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._link.fileno(), self._hear)
        self._say(Joined(os.getpid(), plan.generation, failures))

    async def ask(self, kind: Kind) -> RolloutDocument:
        """Have the controller do something, and return the state of all once it is done.

        Raises `RolloutError` where it is not done, `DeadlineError`, and `NotReadyError` without a controller.
        """
        if self._loop is None:
            raise NotReadyError("starting")
        number, ends = next(self._numbers), deadline.current()
        answer = self._asked[number] = self._loop.create_future()
        try:
            self._say(Request(number, kind))
            async with asyncio.timeout(ends.when - monotonic()):
                reply: Reply = await answer
        except TimeoutError:
            raise ends.error() from None
        finally:
            del self._asked[number]
        if reply.problem is not None:
            raise RolloutError(reply.problem)
        return reply.document

    def _say(self, message: object) -> None:
        try:
            self._link.send(message)
        except OSError:  # the controller is gone, and with it the parent: this process ends, too
            log.debug("nobody hears of %s", message)

    def _hear(self) -> None:
        assert self._loop is not None
        try:
            while self._link.poll():
                self._take(self._link.recv())
        except (EOFError, OSError):
            self._loop.remove_reader(self._link.fileno())
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(NotReadyError("draining"))

    def _take(self, message: object) -> None:
        match message:
            case Prepare(plan):
                self._prepare(plan)
            case Commit(generation):
                self._commit(generation)
            case Drop():
                self._prepared = None
                self._wanted = 0
            case Reply(number):
                answer = self._asked.get(number)
                if answer is not None and not answer.done():
                    answer.set_result(message)

    def _prepare(self, plan: Plan) -> None:
        assert self._loop is not None
        self._prepared, self._wanted = None, plan.generation
        present = self._versions.live if self._versions.is_loaded else None
        loading = self._loop.run_in_executor(self._thread, self._load, plan, present)
        loading.add_done_callback(partial(self._loaded, plan.generation))

    def _load(self, plan: Plan, present: Live | None) -> Live | None:
        before = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            return self._loader.next(plan, present)
        finally:
            sys.setswitchinterval(before)

    def _loaded(self, generation: int, loading: "asyncio.Future[Live | None]") -> None:
        error = loading.exception()
        if generation != self._wanted:
            return
        if isinstance(error, VersionFailedError):
            self._say(Failed(generation, error.version, error.reason))
        elif error is not None:  # or nobody would ever hear of that plan again
            self._say(Failed(generation, None, repr(error)))
        else:
            self._prepared = generation, loading.result()
            self._say(Prepared(generation))

    def _commit(self, generation: int) -> None:
        if self._prepared is None or self._prepared[0] != generation:
            return
        before = self._versions.live if self._versions.is_loaded else None
        self._versions.switch(self._prepared[1])
        self._prepared = None
        # to free a model takes a millisecond, if no request holds it any more
        self._thread.submit(_let_go, before)
        self._say(Committed(generation))


def _let_go(live: Live | None) -> None:
    """Hold what is given no longer than this."""
