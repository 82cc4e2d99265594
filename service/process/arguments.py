"""What a worker is started with."""

from dataclasses import dataclass
from multiprocessing.connection import Connection

from service.rollout.plan import Plan
from service.telemetry.shared_counters import SharedCounters


@dataclass(frozen=True, slots=True)
class WorkerArguments:
    """A row of counters, the way to the controller, and what it is to load.

    `parent` hears of readiness, and its end is the worker's; there is none where the process is alone.
    """

    counters: SharedCounters
    controller: Connection
    plan: Plan
    parent: Connection | None = None
