"""Decides what all workers answer by: the file's wish, the canary's analysis, an admin's word."""

import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pricerange.rollout.state import RolloutState
from service.rollout.counts import Counted, RolloutCounts
from service.rollout.desired import Desired, Look, Watch
from service.rollout.document import RolloutDocument, Standing, Worker, sums_of
from service.rollout.followers import End, Followers, Link, Refusal, tell
from service.rollout.messages import Committed, Failed, Joined, Kind, Prepared, Reply, Request
from service.rollout.plan import Plan
from service.rollout.seating import Seating
from service.rollout.wish import Wish, Wishes
from service.settings import Settings
from service.telemetry.seats import Seats

log = logging.getLogger(__name__)

_AGAIN = 30.0
"""Seconds after which a version that could not be loaded is tried again, though its files are the same."""
_LONGEST_PAUSE = 3600.0
"""Seconds after which at the latest one is that ended whoever loaded it; each time it is twice as long."""
_ANALYSIS_SECONDS = 1.0
_NONE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who waits for what is done."""

    link: Link
    number: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Intent:
    """What a plan is carried out for: the wish, less versions that are `left_out`.

    `problem` says what is wanted and not done even so, and `askers` wait for the end.
    """

    wish: Wish
    left_out: frozenset[int]
    problem: str | None
    askers: Sequence[_Asked]


class Controller:
    """Hears of workers, looks at files and the clock, and tells the workers. Of one thread only."""

    def __init__(
        self, desired: Desired, state: RolloutState, seats: Seats, counts: RolloutCounts, seconds: float
    ) -> None:
        """Look every so many seconds. Raises what `Desired.require` raises."""
        self._desired = desired
        self._watch = Watch(desired, seconds)
        self._wishes = Wishes(state)
        self._seats = seats
        self._counts = counts
        self._seating = Seating()
        self._generations = itertools.count(1)
        self._intent: _Intent | None = None
        self._askers: list[_Asked] = []
        self._switching: Sequence[_Asked] = ()
        self._problem: str | None = None
        self._left_out = _NONE
        self._refused: dict[int, str] = {}
        self._now = self._analyse_at = 0.0
        self._again_at: float | None = None
        self._pause = _AGAIN
        self._wish = self._wishes.of(desired.require())
        self._followers = Followers(self._numbered(self._wish.plan(), in_use=()))
        self._wishes.keep(self._wish)
        self._wishes.record(self._wish, "starts", str(self.plan))
        self._stands()

    @property
    def plan(self) -> Plan:
        """What workers answer by, and one that starts is to load."""
        return self._followers.plan

    # What workers say

    def left(self, link: Link) -> None:
        """Go on without a worker that is gone."""
        self._ended(self._followers.left(link))
        self._reply_switched()

    def heard(self, link: Link, message: object) -> None:
        """Take what a worker says."""
        match message:
            case Joined(pid, generation, failures):
                self._followers.joined(link, Worker(pid, generation))
                if generation == self.plan.generation:
                    self._leave_out(failures)
            case Prepared(generation):
                self._ended(self._followers.prepared(link, generation))
            case Failed(generation, version, reason):
                self._failed(link, generation, Refusal(version, reason))
            case Committed(generation):
                self._followers.committed(link, generation)
                self._reply_switched()
                self._stands()
            case Request(number, kind):
                self._asked(_Asked(link, number, kind))

    def _failed(self, link: Link, generation: int, refusal: Refusal) -> None:
        is_late = generation == self.plan.generation
        self._ended(self._followers.failed(link, generation, refusal))
        if is_late:
            self._again_at = self._now + _AGAIN
            if refusal.version is not None and refusal.version != self.plan.stable:
                self._leave_out({refusal.version: refusal.reason})
            self._stands()

    def _leave_out(self, failures: Mapping[int, str]) -> None:
        """Have all do without versions that a worker cannot load: no two answer by different plans."""
        if self._left_out.issuperset(failures):
            return
        self._left_out |= frozenset(failures)
        self._refused |= failures
        self._fails("; ".join(f"version {version}: {why}" for version, why in failures.items()), self._wish)
        self._catch_up()

    def _ended(self, end: End | None) -> None:
        """Take note of what has become of a plan."""
        if end is None:
            return
        intent, self._intent = self._intent, None
        assert intent is not None
        if end.refusal is None:
            self._left_out, self._pause = intent.left_out, _AGAIN
            self._take(intent.wish, intent.problem)
            log.info("now serving %s", self.plan)
            self._wishes.record(self._wish, "serves", str(self.plan))
            self._reply_switched(intent.askers)
        else:
            if end.refusal.version is not None:
                self._refused[end.refusal.version] = end.refusal.reason
            self._fails(str(end.refusal), intent.wish)
            if end.refusal.is_deadly:
                self._again_at, self._pause = self._now + self._pause, min(2 * self._pause, _LONGEST_PAUSE)
            self._reply(intent.askers, str(end.refusal))
        self._serve_askers()

    def _reply_switched(self, askers: Sequence[_Asked] = ()) -> None:
        """Answer who waits for the plan in force, these too, once every worker does answer by it."""
        self._switching = (*self._switching, *askers)
        if self._followers.have_switched:
            switching, self._switching = self._switching, ()
            self._reply(switching, None)

    # What is asked for

    def _asked(self, asked: _Asked) -> None:
        if asked.kind == "status":
            self._reply([asked], None)
        else:
            self._askers.append(asked)
            self._serve_askers()

    def _serve_askers(self) -> None:
        """Do what is asked for, as soon as nothing else is under way."""
        if self._askers and self._intent is None:
            askers, self._askers = self._askers, []
            loads = [asked.kind == "load" for asked in askers if asked.kind != "reload"]
            self._follow(self._watch.now(), loads[-1] if loads else self._is_loaded, askers)

    def _reply(self, askers: Sequence[_Asked], problem: str | None) -> None:
        if askers:
            document = self.document()
            for asked in askers:
                tell(asked.link, Reply(asked.number, problem, document))

    def document(self) -> RolloutDocument:
        """Return what `GET /rollout` tells."""
        return RolloutDocument.of(
            Standing(
                path=self._desired.path,
                rollout=self._wish.rollout,
                plan=self.plan,
                progress=self._wish.progress,
                problem=self._any_problem,
                refused=self._refused,
                trouble=self._wishes.trouble,
                workers=self._followers.workers,
                loading=self._followers.next,
            ),
            self._seats,
        )

    # What time brings

    def tick(self, now: float) -> None:
        """Do what is due on the monotonic clock."""
        self._now = now
        if now >= self._analyse_at:
            self._analyse_at = now + _ANALYSIS_SECONDS
            self._analyse()
            self._catch_up()
        if self._intent is not None:
            return
        if self._again_at is not None and now >= self._again_at:
            self._again_at = None
            self._followers.retry()
            self._watch.again()
        look = self._watch.settled(now)
        if look is not None:
            self._follow(look, self._is_loaded, [])

    def _analyse(self) -> None:
        """Judge the canary by what all workers have counted."""
        analysis, canary = self._wish.analysis, self._wish.rollout.canary
        if analysis is None or canary is None or not self._is_loaded or canary.version in self._left_out:
            return
        before = analysis.progress
        sums = (sums_of(self._seats.of(version)) for version in (canary.version, self._wish.rollout.stable))
        after = analysis.advance(time.time(), *sums)
        if after is before and self._wishes.trouble is None:
            return
        self._wishes.keep(self._wish)
        if after.status != before.status:
            level = logging.ERROR if after.status == "failed" else logging.INFO
            log.log(level, "the canary, version %d, is %s: %s", canary.version, after.status, after.why)
            self._wishes.record(self._wish, after.status, after.why)
        if after.status == "failed" != before.status:
            self._counts.rolled_back()
        self._stands()

    def _catch_up(self) -> None:
        """Have workers follow what the wish that is followed has become."""
        if self._intent is None and self._is_loaded:
            plan = self._wish.plan(self._left_out)
            if not plan.wants_what(self.plan):
                self._begin(plan, _Intent(self._wish, self._left_out, self._problem, ()))

    # What all of them need

    @property
    def _is_loaded(self) -> bool:
        return self.plan.stable is not None

    def _follow(self, look: Look, loads: bool, askers: Sequence[_Asked]) -> None:
        """Carry out what was found, or have all unloaded; where it is no good, what serves goes on."""
        if look.problem is not None:
            self._fails(look.problem, self._wish)
        if look.rollout is None or not loads:
            wish, left_out = self._wish, self._left_out
        else:
            same = look.rollout == self._wish.rollout and look.rollout.digest == self._wish.rollout.digest
            wish, left_out = self._wish if same else self._wishes.of(look.rollout), _NONE
        plan = wish.plan(left_out) if loads else Plan(0, None)
        # a version that was to be left out may still be in force: who could not load it is to try again
        if not plan.wants_what(self.plan) or not left_out.issuperset(self._left_out):
            self._begin(plan, _Intent(wish, left_out, look.problem, askers))
            return
        self._take(wish, look.problem)
        if look.problem is not None and loads:
            self._reply(askers, look.problem)
        else:
            self._reply_switched(askers)

    def _begin(self, plan: Plan, intent: _Intent) -> None:
        self._followers.begin(self._numbered(plan, in_use=self.plan.versions))
        self._intent = intent

    def _take(self, wish: Wish, problem: str | None) -> None:
        """Follow a wish from now on, all of whose versions are loaded."""
        is_new, self._wish = wish is not self._wish, wish
        if is_new:
            self._wishes.keep(wish)
        self._problem = problem
        for version in self.plan.versions if problem is not None else list(self._refused):
            self._refused.pop(version, None)
        self._stands()

    def _numbered(self, plan: Plan, in_use: Sequence[int]) -> Plan:
        seats = self._seating.of(plan.versions, in_use)
        return replace(plan, generation=next(self._generations), seats=seats)

    def _fails(self, problem: str, wish: Wish) -> None:
        """Note why something is not done, and say so once; what serves goes on."""
        if problem != self._problem:
            log.error("the versions that serve go on, since the new ones cannot: %s", problem)
            self._counts.failed()
            self._wishes.record(wish, "refused", problem)
        self._problem = problem
        self._again_at = self._now + _AGAIN
        self._stands()

    @property
    def _any_problem(self) -> str | None:
        """Why what is wanted is not done, by all or by a worker."""
        of_workers = (worker.problem for worker in self._followers.workers if worker.problem)
        return self._problem or next(of_workers, None)

    def _stands(self) -> None:
        share = self.plan.canary.share if self.plan.canary else 0.0
        valid, kept = self._any_problem is None, self._wishes.trouble is None
        self._counts.stands(self.plan.generation, share, valid=valid, kept=kept)


def controller_of(settings: Settings, counted: Counted) -> Controller:
    """Make the controller that settings want. Raises what `Desired.require` raises."""
    desired = Desired(settings)
    state = RolloutState(settings.rollout_state or desired.path.parent)
    return Controller(desired, state, counted.seats, counted.rollout, settings.rollout_interval)
