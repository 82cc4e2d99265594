"""What a file wants, how far that has come, and what is kept of it on the disk."""

import logging
import time
from dataclasses import dataclass

from pricerange.rollout.analysis import Analysis
from pricerange.rollout.document import Rollout
from pricerange.rollout.history import Event
from pricerange.rollout.progress import Progress, weight
from pricerange.rollout.state import RolloutState
from service.rollout.plan import Plan
from service.telemetry.seats import RUN_SECONDS

log = logging.getLogger(__name__)

_WHO = "service"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a file wants, and the analysis of its canary, if it has one."""

    rollout: Rollout
    analysis: Analysis | None

    @property
    def progress(self) -> Progress | None:
        """How far the canary has come."""
        return None if self.analysis is None else self.analysis.progress

    def plan(self, left_out: frozenset[int] = frozenset()) -> Plan:
        """Plan it as far as the canary has come, without some of the versions."""
        weight_now = weight(self.progress, self.rollout) if self.progress else 0.0
        return Plan.of(self.rollout, weight_now).without(left_out)


class Wishes:
    """Takes wishes up where they stood, and keeps how far they come."""

    def __init__(self, state: RolloutState) -> None:
        self._state = state

    @property
    def trouble(self) -> str | None:
        """Why nothing can be kept at the moment, None where it can."""
        return self._state.trouble

    def of(self, rollout: Rollout) -> Wish:
        """Take up a rollout where it stood, or begin it; what is kept is not changed by that."""
        if rollout.canary is None:
            return Wish(rollout, None)
        progress = self._state.load(rollout) or Progress.begin(rollout, time.time())
        return Wish(rollout, Analysis(rollout, progress, RUN_SECONDS))

    def keep(self, wish: Wish) -> None:
        """Keep how far the canary of a wish has come, if it has one, in place of what was kept."""
        if wish.progress is not None:
            _say(self._state.keep(wish.progress))

    def record(self, wish: Wish, what: str, why: str) -> None:
        """Add to the history of what a file wants; where there is none, nothing is written beside it."""
        if wish.rollout.digest:
            _say(self._state.record(Event.now(what, wish.rollout.digest, _WHO, why)))


def _say(trouble: str | None) -> None:
    if trouble is not None:
        log.warning("%s", trouble)
