"""What workers are to load, and who of it answers whom."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from pricerange.rollout.document import ROW, Rollout


@dataclass(frozen=True, slots=True)
class CanaryPlan:
    """A version that answers a share of the phones, from 0 to 1, told by their hash or that of a header."""

    version: int
    share: float
    header: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The versions to be loaded, each with the number of its seat among the counters, if that is known.

    There is none where `stable` is None: an admin had the model unloaded. `generation` counts the plans.
    """

    generation: int
    stable: int | None
    canary: CanaryPlan | None = None
    shadows: tuple[tuple[int, float], ...] = ()
    seats: Mapping[int, int] | None = None

    @classmethod
    def of(cls, rollout: Rollout, weight: float) -> Self:
        """Plan what a file wants, with a canary that answers so many per cent."""
        canary = None
        if rollout.canary is not None:
            header = None if rollout.canary.sticky == ROW else rollout.canary.sticky
            canary = CanaryPlan(rollout.canary.version, weight / 100, header)
        shadows = tuple((shadow.version, shadow.share) for shadow in rollout.shadow)
        return cls(0, rollout.stable, canary, shadows)

    @property
    def versions(self) -> tuple[int, ...]:
        """All versions, the stable one first."""
        if self.stable is None:
            return ()
        canary = (self.canary.version,) if self.canary else ()
        return (self.stable, *canary, *(version for version, _ in self.shadows))

    def without(self, versions: frozenset[int]) -> Self:
        """Return the plan without those of the versions that are not the stable one."""
        canary = None if self.canary is None or self.canary.version in versions else self.canary
        shadows = tuple(shadow for shadow in self.shadows if shadow[0] not in versions)
        return replace(self, canary=canary, shadows=shadows)

    def wants_what(self, other: Self) -> bool:
        """Return whether another plan is the same but for its number and its seats."""
        return replace(self, generation=0, seats=None) == replace(other, generation=0, seats=None)

    def __str__(self) -> str:
        if self.stable is None:
            return "no version"
        canary, shadows = self.canary, ", ".join(str(version) for version, _ in self.shadows)
        told = f", canary {canary.version} at {100 * canary.share:g} %" if canary else ""
        return f"stable {self.stable}{told}{f', shadows {shadows}' if shadows else ''}"
