"""Decides what all workers answer by: the file's wish, the canary's analysis, an admin's word.

A plan is carried out in two phases. Every worker loads what it lacks and says so; then all are told to
switch. Where one of them fails, nobody switches, and what served goes on.
"""

import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pricerange.rollout.analysis import Analysis
from pricerange.rollout.document import Rollout
from pricerange.rollout.history import Event
from pricerange.rollout.progress import Progress, weight
from pricerange.rollout.state import RolloutState
from service.rollout.counts import Counted, RolloutCounts
from service.rollout.desired import Desired, Look
from service.rollout.document import RolloutDocument, Standing, Worker, sums_of
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
from service.rollout.seating import Seating
from service.settings import Settings
from service.telemetry.seats import RUN_SECONDS, Seats

log = logging.getLogger(__name__)

_SETTLED = 0.2
"""Seconds that a file has to be the same for: it may be written in pieces."""
_AGAIN = 30.0
"""Seconds after which a version that could not be loaded is tried again, though its files are the same."""
_ANALYSIS_SECONDS = 1.0
_WHO = "service"


class Link(Protocol):
    """The way to a worker."""

    def send(self, message: Any, /) -> None:
        """Send a message."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a file wants, and the analysis of its canary, if it has one."""

    rollout: Rollout
    analysis: Analysis | None

    def plan(self) -> Plan:
        """Plan it, as far as the canary has come."""
        weight_now = weight(self.analysis.progress, self.rollout) if self.analysis else 0.0
        return Plan.of(self.rollout, weight_now)


@dataclass
class _Pending:
    """A plan that is being carried out, the wish and the look that it comes from, and who waits for what.

    `waiting` are workers that still load, `askers` wait for the end.
    """

    plan: Plan
    wish: Wish
    stamp: object
    waiting: set[Link]
    askers: list[tuple[Link, int]]


class Controller:
    """Hears of workers, looks at files and the clock, and tells the workers. Of one thread only."""

    def __init__(
        self, desired: Desired, state: RolloutState, seats: Seats, counts: RolloutCounts, seconds: float
    ) -> None:
        """Look every so many seconds. Raises what `Desired.require` raises."""
        self._desired = desired
        self._state = state
        self._seats = seats
        self._counts = counts
        self._seconds = seconds
        self._seating = Seating()
        self._generations = itertools.count(1)
        self._workers: dict[Link, Worker] = {}
        self._pending: _Pending | None = None
        self._askers: list[tuple[Link, int]] = []
        self._unloaded = False
        self._problem: str | None = None
        self._failed: tuple[object, float] | None = None
        self._broken: frozenset[int] = frozenset()
        self._refused: dict[int, str] = {}
        self._acted: object = None
        self._settling: tuple[object, float] | None = None
        self._look_at = self._analyse_at = 0.0
        self._wish = self._wished(desired.require())
        self._plan = self._numbered(self._wish.plan())
        self._record("starts", str(self._plan))
        self._stands()

    @property
    def plan(self) -> Plan:
        """What workers answer by, and one that starts is to load."""
        return self._plan

    # What workers say

    def left(self, link: Link) -> None:
        """Go on without a worker that is gone."""
        self._workers.pop(link, None)
        if self._pending is not None:
            self._pending.waiting.discard(link)
            self._commit_if_prepared()

    def heard(self, link: Link, message: object) -> None:
        """Take what a worker says."""
        match message:
            case Joined(pid, generation, failures):
                self._workers[link] = Worker(pid, generation)
                self._joined(link, generation, failures)
            case Prepared(generation):
                self._prepared(link, generation)
            case Failed(generation, version, reason):
                self._gave_up(generation, version, reason)
            case Committed(generation):
                self._workers[link].generation = generation
            case Request(number, kind):
                self._asked(link, number, kind)

    def _joined(self, link: Link, generation: int, failures: Mapping[int, str]) -> None:
        if self._pending is not None:
            self._pending.waiting.add(link)
            _tell(link, Prepare(self._pending.plan))
        elif not self._broken.issuperset(failures):
            self._broken |= frozenset(failures)
            self._refused |= failures
            self._fails("; ".join(f"version {version}: {why}" for version, why in failures.items()))
            self._failed = self._desired.look().stamp, time.monotonic()
            self._begin(self._planned(self._wish), self._wish, None, [])
        elif generation != self._plan.generation:
            _tell(link, Prepare(self._plan))

    def _prepared(self, link: Link, generation: int) -> None:
        if self._pending is not None and generation == self._pending.plan.generation:
            self._pending.waiting.discard(link)
            self._commit_if_prepared()
        elif generation == self._plan.generation:  # of one that was late
            _tell(link, Commit(generation))

    def _gave_up(self, generation: int, version: int, reason: str) -> None:
        pending = self._pending
        if pending is None or generation != pending.plan.generation:
            return
        self._pending = None
        for link in self._workers:
            _tell(link, Drop(generation))
        self._failed = pending.stamp, time.monotonic()
        self._refused[version] = reason
        problem = f"version {version}: {reason}"
        self._fails(problem)
        self._reply(pending.askers, problem)
        self._serve_askers()

    def _commit_if_prepared(self) -> None:
        pending = self._pending
        if pending is None or pending.waiting:
            return
        self._pending = None
        for link in self._workers:
            _tell(link, Commit(pending.plan.generation))
        self._plan, self._wish = pending.plan, pending.wish
        if pending.stamp is not None:
            self._problem = self._failed = None
        for version in self._plan.versions:
            self._refused.pop(version, None)
        log.info("serving %s", self._plan)
        self._record("serves", str(self._plan))
        self._stands()
        self._reply(pending.askers, None)
        self._serve_askers()

    # What is asked for

    def _asked(self, link: Link, number: int, kind: Kind) -> None:
        if kind == "status":
            self._reply([(link, number)], None)
            return
        if kind != "reload":
            self._unloaded = kind == "unload"
        self._askers.append((link, number))
        self._serve_askers()

    def _serve_askers(self) -> None:
        """Do what is asked for, as soon as nothing else is under way."""
        if self._askers and self._pending is None:
            askers, self._askers = self._askers, []
            self._broken, self._failed = frozenset(), None
            self._follow(self._desired.look(), askers)

    def _reply(self, askers: Sequence[tuple[Link, int]], problem: str | None) -> None:
        if askers:
            document = self.document()
            for link, number in askers:
                _tell(link, Reply(number, problem, document))

    def document(self) -> RolloutDocument:
        """Return what `GET /rollout` tells."""
        return RolloutDocument.of(
            Standing(
                path=self._desired.path,
                rollout=self._wish.rollout,
                plan=self._plan,
                progress=self._wish.analysis.progress if self._wish.analysis else None,
                problem=self._problem,
                refused=self._refused,
                trouble=self._state.trouble,
                workers=tuple(self._workers.values()),
                loading=None if self._pending is None else self._pending.plan,
            ),
            self._seats,
        )

    # What time brings

    def tick(self, now: float) -> None:
        """Do what is due on the monotonic clock."""
        if self._pending is None and now >= self._analyse_at:
            self._analyse_at = now + _ANALYSIS_SECONDS
            self._analyse()
        if self._pending is None and now >= self._look_at and not self._desired.is_fixed:
            self._look_at = now + self._seconds
            self._look(now)

    def _look(self, now: float) -> None:
        """Follow what is found once it has settled, and again after a while where that was in vain."""
        look = self._desired.look()
        if look.stamp == self._acted:
            self._settling = None
            if self._failed is not None and now >= self._failed[1] + _AGAIN:
                self._broken, self._failed = frozenset(), None
                self._follow(look, [])
        elif self._settling is None or self._settling[0] != look.stamp:
            self._settling = look.stamp, now
            self._look_at = now + _SETTLED
        else:
            self._settling = None
            self._broken, self._failed = frozenset(), None
            self._follow(look, [])

    def _follow(self, look: Look, askers: Sequence[tuple[Link, int]]) -> None:
        """Carry out what was found."""
        self._acted = look.stamp
        if look.rollout is None:
            self._fails(look.problem or "")
            self._reply(askers, look.problem)
            return
        same = look.rollout == self._wish.rollout and look.rollout.digest == self._wish.rollout.digest
        wish = self._wish if same else self._wished(look.rollout)
        plan = self._planned(wish)
        if plan.wants_what(self._plan):
            self._wish, self._problem = wish, None
            self._stands()
            self._reply(askers, None)
        else:
            self._begin(plan, wish, look.stamp, askers)

    def _begin(self, plan: Plan, wish: Wish, stamp: object, askers: Sequence[tuple[Link, int]]) -> None:
        """Have every worker prepare for a plan."""
        plan = self._numbered(plan)
        self._pending = _Pending(plan, wish, stamp, set(self._workers), list(askers))
        for link in self._workers:
            _tell(link, Prepare(plan))
        self._commit_if_prepared()

    def _analyse(self) -> None:
        """Judge the canary by what all workers have counted."""
        analysis, canary = self._wish.analysis, self._wish.rollout.canary
        if analysis is None or canary is None or self._unloaded or canary.version in self._broken:
            return
        before = analysis.progress
        sums = (sums_of(self._seats.of(version)) for version in (canary.version, self._wish.rollout.stable))
        after = analysis.advance(time.time(), *sums)
        if after is before:
            return
        self._keep(after)
        if after.status != before.status:
            level = logging.ERROR if after.status == "failed" else logging.INFO
            log.log(level, "the canary, version %d, is %s: %s", canary.version, after.status, after.why)
            self._record(after.status, after.why)
        if after.status == "failed" != before.status:
            self._counts.rolled_back()
        plan = self._planned(self._wish)
        if not plan.wants_what(self._plan):
            self._begin(plan, self._wish, None, [])

    # What both need

    def _planned(self, wish: Wish) -> Plan:
        return Plan(0, None) if self._unloaded else wish.plan().without(self._broken)

    def _numbered(self, plan: Plan) -> Plan:
        seats = self._seating.of(plan.versions, self._plan.versions if self._workers else ())
        return replace(plan, generation=next(self._generations), seats=seats)

    def _wished(self, rollout: Rollout) -> Wish:
        """Take up a rollout where it stood, or begin it."""
        if rollout.canary is None:
            return Wish(rollout, None)
        progress = self._state.load(rollout)
        if progress is None:
            progress = Progress.begin(rollout, time.time())
            self._keep(progress)
        return Wish(rollout, Analysis(rollout, progress, RUN_SECONDS))

    def _keep(self, progress: Progress) -> None:
        if (trouble := self._state.keep(progress)) is not None:
            log.warning("%s", trouble)

    def _record(self, what: str, why: str) -> None:
        """Add to the history of what a file wants; where there is none, nothing is written beside it."""
        if not self._wish.rollout.digest:
            return
        event = Event.now(what, self._wish.rollout.digest, _WHO, why)
        if (trouble := self._state.record(event)) is not None:
            log.warning("%s", trouble)

    def _fails(self, problem: str) -> None:
        """Note why something is not done, and say so once; what serves goes on."""
        if problem != self._problem:
            log.error("the versions that serve go on, since the new ones cannot: %s", problem)
            self._counts.failed()
            self._record("refused", problem)
        self._problem = problem
        self._stands()

    def _stands(self) -> None:
        share = self._plan.canary.share if self._plan.canary else 0.0
        valid, kept = self._problem is None, self._state.trouble is None
        self._counts.stands(self._plan.generation, share, valid=valid, kept=kept)


def _tell(link: Link, message: object) -> None:
    try:
        link.send(message)
    except OSError:  # it is gone: its end is heard of next
        log.debug("a worker that is gone does not hear of %s", message)


def controller_of(settings: Settings, counted: Counted) -> Controller:
    """Make the controller that settings want. Raises what `Desired.require` raises."""
    desired = Desired(settings)
    state = RolloutState(settings.rollout_state or desired.path.parent)
    return Controller(desired, state, counted.seats, counted.rollout, settings.rollout_interval)
