"""From a plan to versions that are loaded, verified, replayed and warm."""

from collections.abc import Mapping
from dataclasses import dataclass

from pricerange.errors import PriceRangeError
from pricerange.predictor import Predictor
from pricerange.signature.trust import Trust
from service.rollout.plan import Plan
from service.settings import Settings
from service.telemetry.prediction_log.sampling import Sampler
from service.telemetry.seats import Seats
from service.telemetry.shared_counters import SharedCounters
from service.versions.live import Canary, Live, Shadow
from service.versions.served import Served


@dataclass
class VersionFailedError(PriceRangeError):
    """A version that cannot be loaded, and why not."""

    version: int
    reason: str

    def __str__(self) -> str:
        return f"version {self.version}: {self.reason}"


class Loader:
    """Loads versions, also on a thread while others answer."""

    def __init__(
        self, settings: Settings, trust: Trust | None, seats: Seats, counters: SharedCounters
    ) -> None:
        self._trust = trust
        self._settings = settings
        self._seats = seats
        self._counters = counters

    def first(self, plan: Plan) -> tuple[Live | None, Mapping[int, str]]:
        """Load what a plan names at the start, and say of what else than the stable version why it failed.

        Raises of the stable version what `Predictor.load` raises.
        """
        if plan.stable is None:
            return None, {}
        loaded = {plan.stable: self._load(plan, plan.stable)}
        failures: dict[int, str] = {}
        for version in plan.versions[1:]:
            try:
                self._add(plan, version, loaded)
            except VersionFailedError as error:
                failures[version] = error.reason
        return _live(plan.without(frozenset(failures)), loaded), failures

    def next(self, plan: Plan, present: Live | None) -> Live | None:
        """Load what a plan names beyond what is `present`. Raises `VersionFailedError`."""
        if plan.stable is None:
            return None
        loaded = {int(served.version): served for _, served in present.roles()} if present else {}
        for version in plan.versions:
            self._add(plan, version, loaded)
        return _live(plan, loaded)

    def _add(self, plan: Plan, version: int, loaded: dict[int, Served]) -> None:
        """Load a version unless it is, for whatever part it has. Raises `VersionFailedError`."""
        assert plan.stable is not None
        try:
            if version not in loaded:
                loaded[version] = self._load(plan, version)
        except Exception as error:  # whatever it is, the versions that serve go on
            raise VersionFailedError(version, str(error) or type(error).__name__) from error
        if plan.canary is not None and version == plan.canary.version:
            _require_as_much(loaded[version], loaded[plan.stable])

    def _load(self, plan: Plan, version: int) -> Served:
        settings = self._settings
        predictor = Predictor.load(settings.models, version, settings.provider, self._trust)
        assert plan.seats is not None
        seat = self._seats.take(plan.seats[version], version)
        return Served.of(predictor, seat, settings.out_of_range, self._counters, settings.drift_window)


def _live(plan: Plan, loaded: Mapping[int, Served]) -> Live:
    assert plan.stable is not None
    canary = None
    if plan.canary is not None:
        header = plan.canary.header.encode() if plan.canary.header else None
        canary = Canary(loaded[plan.canary.version], plan.canary.share, header)
    shadows = tuple(Shadow(loaded[version], Sampler(share)) for version, share in plan.shadows)
    return Live(loaded[plan.stable], canary, shadows)


def _require_as_much(canary: Served, stable: Served) -> None:
    """Raise `VersionFailedError` where those whom a canary answers would be refused what others are told."""
    for what, ours, theirs in (
        ("prediction sets", canary.sets, stable.sets),
        ("explanations", canary.explainer, stable.explainer),
        ("averages over unknown features", canary.averages, stable.averages),
    ):
        if theirs is not None and ours is None:
            reason = f"it has no {what}, which the stable version has; as a shadow it can be compared"
            raise VersionFailedError(int(canary.version), reason)
