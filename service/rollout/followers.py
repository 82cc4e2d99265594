"""All workers follow one plan, and change to the next in two phases.

Each of them loads what it lacks and says so; then all are told to switch. Where one of them cannot, nobody
switches, and what served goes on.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from service.rollout.document import Worker
from service.rollout.messages import Commit, Drop, Prepare
from service.rollout.plan import Plan

log = logging.getLogger(__name__)

_ALL_ENDED = "each worker that was loading it has ended"


class Link(Protocol):
    """The way to a worker."""

    def send(self, message: Any, /) -> None:
        """Send a message."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a plan is not carried out, and because of which version, if that is known.

    It `is_deadly` where whoever loads it ends.
    """

    version: int | None
    reason: str
    is_deadly: bool = False

    def __str__(self) -> str:
        return self.reason if self.version is None else f"version {self.version}: {self.reason}"


@dataclass(frozen=True, slots=True)
class End:
    """What became of a plan: all follow it, unless there is a refusal."""

    refusal: Refusal | None


class Followers:
    """The workers, the plan in force, and the `next` one while they prepare for it.

    A worker that does not follow the plan in force, since it started with another one and cannot load this,
    hinders nobody. A plan that nobody has loaded does not come into force: whoever starts by it may end, too.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.next: Plan | None = None
        self._workers: dict[Link, Worker] = {}
        self._waiting: set[Link] = set()
        self._switching: set[Link] = set()
        self._loaded: set[Link] = set()
        self._refusal: Refusal | None = None

    @property
    def have_switched(self) -> bool:
        """Whether all answer by the plan in force that were told to."""
        return not self._switching

    @property
    def workers(self) -> Sequence[Worker]:
        """All of them, the oldest first."""
        return tuple(self._workers.values())

    def begin(self, plan: Plan) -> None:
        """Have all prepare for a plan; there is no other that they prepare for."""
        self.next = plan
        self._waiting = set(self._workers)
        self._loaded, self._refusal = set(), None
        self._tell(Prepare(plan), self._workers)

    def joined(self, link: Link, worker: Worker) -> None:
        """Take a worker in, which may follow an older plan."""
        self._workers[link] = worker
        if self.next is not None:
            self._waiting.add(link)
            self._tell(Prepare(self.next), [link])
        elif worker.generation != self.plan.generation:
            self._tell(Prepare(self.plan), [link])

    def left(self, link: Link) -> End | None:
        """Go on without a worker that is gone."""
        self._workers.pop(link, None)
        self._switching.discard(link)
        if link not in self._waiting:
            return None
        self._waiting.discard(link)
        return self._ended()

    def prepared(self, link: Link, generation: int) -> End | None:
        """Hear that a worker has loaded a plan."""
        if self.next is not None and generation == self.next.generation:
            self._loaded.add(link)
            self._waiting.discard(link)
            return self._ended()
        if generation == self.plan.generation:  # of one that was late
            self._tell(Commit(generation), [link])
        return None

    def failed(self, link: Link, generation: int, refusal: Refusal) -> End | None:
        """Hear that a worker could not load a plan."""
        worker = self._workers[link]
        if self.next is None or generation != self.next.generation:
            if generation == self.plan.generation:
                worker.cannot(str(refusal))
            return None
        self._refusal = refusal
        if worker.generation == self.plan.generation:
            return self._gave_up(refusal)
        worker.cannot(str(refusal))
        self._waiting.discard(link)
        return self._ended()

    def committed(self, link: Link, generation: int) -> None:
        """Hear that a worker follows a plan."""
        worker = self._workers[link]
        worker.generation, worker.problem = generation, None
        self._switching.discard(link)

    def retry(self) -> None:
        """Have those prepare for the plan in force that do not follow it."""
        late = [link for link, worker in self._workers.items() if worker.generation != self.plan.generation]
        self._tell(Prepare(self.plan), late)

    def _ended(self) -> End | None:
        """Switch once all have answered."""
        if self.next is None or self._waiting:
            return None
        if not self._loaded:
            return self._gave_up(self._refusal or Refusal(None, _ALL_ENDED, is_deadly=True))
        self.plan, self.next = self.next, None
        self._switching = self._loaded & self._workers.keys()
        self._tell(Commit(self.plan.generation), self._workers)
        return End(None)

    def _gave_up(self, refusal: Refusal) -> End:
        assert self.next is not None
        given_up, self.next, self._waiting = self.next, None, set()
        self._tell(Drop(given_up.generation), self._workers)
        self.retry()
        return End(refusal)

    def _tell(self, message: object, links: Iterable[Link]) -> None:
        for link in links:
            tell(link, message)


def tell(link: Link, message: object) -> None:
    """Send a message to a worker that may be gone."""
    try:
        link.send(message)
    except OSError:  # its end is heard of next
        log.debug("a worker that is gone does not hear of %s", message)
