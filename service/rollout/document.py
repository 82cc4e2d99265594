"""What `GET /rollout` tells: which versions serve whom, how they agree, and where every worker stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pricerange.rollout.document import Rollout
from pricerange.rollout.progress import Progress
from pricerange.rollout.sums import VersionSums
from service.rollout.plan import Plan
from service.telemetry.seats import Seats, SeatSums


@dataclass
class Worker:
    """What is known of a worker."""

    pid: int
    generation: int


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


def told(standing: Standing, seats: Seats) -> Mapping[str, Any]:
    """Return all of it, as JSON has it."""
    plan, wanted = standing.plan, standing.rollout
    return {
        "file": str(standing.path) if wanted.digest else None,
        "digest": wanted.digest or None,
        "valid": standing.problem is None,
        "problem": standing.problem,
        "refused": {str(version): reason for version, reason in standing.refused.items()},
        "generation": plan.generation,
        "loading": None if standing.loading is None else str(standing.loading),
        "stable": None if plan.stable is None else str(plan.stable),
        "canary": _canary(standing),
        "shadows": [{"version": str(version), "share": share} for version, share in plan.shadows],
        "state_kept": standing.trouble is None,
        "state_problem": standing.trouble,
        "versions": {
            str(version): _version(seats.of(version), version != plan.stable) for version in plan.versions
        },
        "workers": [
            {
                "pid": worker.pid,
                "generation": worker.generation,
                "current": worker.generation == plan.generation,
            }
            for worker in standing.workers
        ],
    }


def sums_of(sums: SeatSums) -> VersionSums:
    """Return what a version did, as an analysis wants it."""
    first, second, third, fourth = sums.answers.tolist()
    rows, confidence = sums.confident
    agreement = sums.agreement
    return VersionSums(
        (first, second, third, fourth),
        sums.errors,
        float(sums.run_duration.sum()),
        sums.run_seconds,
        tuple(sums.run_duration.tolist()),
        rows,
        confidence,
        float(agreement.rows),
        float(agreement.agreed),
        agreement.distance_sum,
    )


def _canary(standing: Standing) -> dict[str, Any] | None:
    wanted, plan, progress = standing.rollout.canary, standing.plan.canary, standing.progress
    if wanted is None or progress is None:
        return None
    return {
        "version": str(wanted.version),
        "loaded": plan is not None,
        "weight": 100 * plan.share if plan else 0.0,
        "sticky": wanted.sticky,
        "status": progress.status,
        "why": progress.why,
        "step": progress.step,
        "steps": list(wanted.weights),
        "since": progress.since,
        "measurements": [one.model_dump(mode="json") for one in progress.measurements],
    }


def _version(sums: SeatSums, compared: bool) -> dict[str, Any]:
    """Tell what all workers have counted of a version, of one that is not the stable one how both agree."""
    rows, confidence = sums.confident
    found: dict[str, Any] = {
        "rows": int(sums.answers.sum()),
        "answers": [int(count) for count in sums.answers],
        "failed_rows": int(sums.errors),
        "runs": int(sums.run_duration.sum()),
        "run_seconds": sums.run_seconds,
        "mean_confidence_in_range": confidence / rows if rows else None,
    }
    if not compared:
        return found
    agreement = sums.agreement.as_dict()
    del agreement["max_distance"]  # it is not added up over workers
    return {
        **found,
        "compared_with_stable": {
            **agreement,
            "dropped": int(sums.dropped),
            "failed_rows": int(sums.not_compared),
        },
    }
