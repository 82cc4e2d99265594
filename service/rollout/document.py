"""What `GET /rollout` tells: which versions serve whom, how they agree, and where every worker stands."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field

from pricerange.rollout.document import Rollout
from pricerange.rollout.progress import Measurement, Progress, Status
from pricerange.rollout.sums import VersionSums
from service.rollout.plan import Plan
from service.telemetry.seats import Seats, SeatSums

log = logging.getLogger(__name__)


@dataclass
class Worker:
    """What is known of a worker: the plan that it follows and, if it cannot follow the one in force, why."""

    pid: int
    generation: int
    problem: str | None = None

    def cannot(self, why: str) -> None:
        """Note why it does not follow the others, and say so once."""
        problem = f"worker {self.pid} does not follow: {why}"
        if problem != self.problem:
            log.error("%s", problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Standing:
    """How a rollout stands.

    `problem` says why something that is wanted is not done, `refused` why versions could not be loaded,
    `trouble` why nothing is kept on the disk, and `loading` is the plan that workers prepare for.
    """

    path: Path
    rollout: Rollout
    plan: Plan
    progress: Progress | None
    problem: str | None
    refused: Mapping[int, str]
    trouble: str | None
    workers: Sequence[Worker]
    loading: Plan | None


class CanaryTold(BaseModel):
    """The canary of the file, and what its analysis has come to."""

    version: str
    loaded: bool
    weight: float = Field(description="Per cent of the phones that it answers now")
    sticky: str = Field(description="What decides who is answered by it: row, or the name of a header")
    status: Status
    why: str
    step: int = Field(description="Of `steps`, counted from 0")
    steps: list[float] = Field(description="Per cent, step by step")
    since: float = Field(description="When the step began, in Unix seconds")
    measurements: list[Measurement]

    @classmethod
    def of(cls, standing: Standing) -> Self | None:
        """Tell it, if there is one."""
        wanted, plan, progress = standing.rollout.canary, standing.plan.canary, standing.progress
        if wanted is None or progress is None:
            return None
        return cls(
            version=str(wanted.version),
            loaded=plan is not None,
            weight=100 * plan.share if plan else 0.0,
            sticky=wanted.sticky,
            status=progress.status,
            why=progress.why,
            step=progress.step,
            steps=list(wanted.weights),
            since=progress.since,
            measurements=list(progress.measurements),
        )


class ShadowTold(BaseModel):
    """A version that is compared, and answers nobody."""

    version: str
    share: float = Field(description="Of the phones that the stable version has answered")


class Compared(BaseModel):
    """How a version agrees with the stable one, on phones that both were asked about."""

    rows: int
    agreed: int = Field(description="Phones with the same price range")
    agreement: float | None
    mean_distance: float | None = Field(description="Total variation distance of the probabilities")
    confusion: list[list[int]] = Field(description="By the stable version's answer (row) and its own")
    dropped: int = Field(description="Phones that found no room while it was behind")
    failed_rows: int


class VersionTold(BaseModel):
    """What all workers have counted of a version that is loaded."""

    rows: int = Field(description="Phones that it has answered")
    answers: list[int] = Field(description="By price range")
    failed_rows: int
    runs: int
    run_seconds: float
    mean_confidence_in_range: float | None = Field(description="Counted while there is a canary")
    compared_with_stable: Compared | None

    @classmethod
    def of(cls, sums: SeatSums, *, is_stable: bool) -> Self:
        """Tell it."""
        rows, confidence = sums.confident
        return cls(
            rows=int(sums.answers.sum()),
            answers=[int(count) for count in sums.answers],
            failed_rows=int(sums.errors),
            runs=int(sums.run_duration.sum()),
            run_seconds=sums.run_seconds,
            mean_confidence_in_range=confidence / rows if rows else None,
            compared_with_stable=None if is_stable else _compared(sums),
        )


class WorkerTold(BaseModel):
    """A worker, and whether it follows the plan in force."""

    pid: int
    generation: int
    current: bool
    problem: str | None = Field(description="Why it does not")


class RolloutDocument(BaseModel):
    """How the versions of the model serve."""

    file: str | None = Field(description="The file that says so; null where the newest promotable one serves")
    digest: str | None = Field(description="The sha256 of its bytes")
    valid: bool = Field(description="Whether what is wanted is what serves")
    problem: str | None = Field(description="Why it is not")
    refused: dict[str, str] = Field(description="Versions that could not be loaded, and why")
    generation: int = Field(description="Number of the plan in force")
    loading: list[str] = Field(description="Versions that are being loaded")
    stable: str | None = Field(description="Null where the model was unloaded")
    canary: CanaryTold | None
    shadows: list[ShadowTold]
    state_kept: bool = Field(description="Whether the canary's progress is kept on the disk")
    state_problem: str | None
    versions: dict[str, VersionTold]
    workers: list[WorkerTold]

    @classmethod
    def of(cls, standing: Standing, seats: Seats) -> Self:
        """Tell all of it."""
        plan, digest = standing.plan, standing.rollout.digest
        loading = standing.loading.versions if standing.loading else ()
        return cls(
            file=str(standing.path) if digest else None,
            digest=digest or None,
            valid=standing.problem is None,
            problem=standing.problem,
            refused={str(version): reason for version, reason in standing.refused.items()},
            generation=plan.generation,
            loading=[str(version) for version in loading if version not in plan.versions],
            stable=None if plan.stable is None else str(plan.stable),
            canary=CanaryTold.of(standing),
            shadows=[ShadowTold(version=str(version), share=share) for version, share in plan.shadows],
            state_kept=standing.trouble is None,
            state_problem=standing.trouble,
            versions={
                str(version): VersionTold.of(seats.of(version), is_stable=version == plan.stable)
                for version in plan.versions
            },
            workers=[
                WorkerTold(
                    pid=worker.pid,
                    generation=worker.generation,
                    current=worker.generation == plan.generation,
                    problem=worker.problem,
                )
                for worker in standing.workers
            ],
        )


def sums_of(sums: SeatSums) -> VersionSums:
    """Return what a version did, as an analysis wants it."""
    first, second, third, fourth = sums.answers.tolist()
    rows, confidence = sums.confident
    runs, log_nanoseconds = sums.pace
    agreement = sums.agreement
    return VersionSums(
        (first, second, third, fourth),
        sums.errors,
        runs,
        log_nanoseconds,
        tuple(sums.run_duration.tolist()),
        rows,
        confidence,
        float(agreement.rows),
        float(agreement.agreed),
        agreement.distance_sum,
    )


def _compared(sums: SeatSums) -> Compared:
    found = sums.agreement.as_dict()
    del found["max_distance"]  # workers do not keep it
    return Compared(**found, dropped=int(sums.dropped), failed_rows=int(sums.not_compared))
