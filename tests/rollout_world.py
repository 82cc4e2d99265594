"""A controller whose workers are no processes: they hear and say what they do a message at a time."""

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pricerange.approval import Approval
from pricerange.bundle import MODEL_FILE, MODEL_NAME, PASSPORT_FILE
from pricerange.rollout.document import ROLLOUT_FILE
from pricerange.rollout.state import RolloutState
from service.rollout.controller import Controller
from service.rollout.counts import Counted
from service.rollout.desired import Desired
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
from service.settings import Settings
from service.telemetry.shared_counters import SharedCounters

BROKEN = "it is broken"
INTERVAL = 2.0
VERSIONS = (1, 2, 3, 4)


@dataclass(eq=False)
class FakeWorker:
    """Both ends of a pipe, and what a member does at its own; `broken` are versions that cannot be loaded."""

    pid: int
    plan: Plan
    broken: frozenset[int] = frozenset()
    inbox: deque[object] = field(default_factory=deque)
    outbox: deque[object] = field(default_factory=deque)
    replies: list[Reply] = field(default_factory=list)
    asked: int = 0
    is_gone: bool = False
    loaded: set[int] = field(default_factory=set)
    prepared: Plan | None = None
    committed: list[int] = field(default_factory=list)

    @classmethod
    def start(cls, pid: int, plan: Plan, broken: frozenset[int] = frozenset()) -> "FakeWorker | None":
        """Load the plan in force as a process does when it starts; without its stable version it ends."""
        if plan.stable in broken:
            return None
        failures = {version: BROKEN for version in plan.versions if version in broken}
        worker = cls(pid, plan.without(frozenset(failures)), broken)
        worker.loaded = set(worker.plan.versions)
        worker.outbox.append(Joined(pid, plan.generation, failures))
        return worker

    def send(self, message: Any, /) -> None:
        """Take what the controller says."""
        if self.is_gone:
            raise BrokenPipeError
        self.inbox.append(message)

    def ask(self, kind: Kind) -> None:
        """Have the controller do something."""
        self.outbox.append(Request(self.asked, kind))
        self.asked += 1

    def work(self) -> None:
        """Do what the next message says."""
        match self.inbox.popleft():
            case Prepare(plan):
                self.prepared = None
                failing = [version for version in plan.versions if version in self.broken - self.loaded]
                if failing:
                    self.outbox.append(Failed(plan.generation, failing[0], BROKEN))
                else:
                    self.prepared = plan
                    self.outbox.append(Prepared(plan.generation))
            case Commit(generation):
                if self.prepared is not None and self.prepared.generation == generation:
                    self.plan, self.prepared = self.prepared, None
                    self.loaded = set(self.plan.versions)
                    self.committed.append(generation)
                    self.outbox.append(Committed(generation))
            case Drop():
                self.prepared = None
            case Reply() as reply:
                self.replies.append(reply)

    def end(self) -> None:
        """End; what was said before is still heard."""
        self.is_gone = True
        self.inbox.clear()


def deliver(controller: Controller, worker: FakeWorker) -> None:
    """Have the controller hear the next thing that a worker says, and at last of its end."""
    if worker.outbox:
        controller.heard(worker, worker.outbox.popleft())
    elif worker.is_gone:
        controller.left(worker)


def add_version(models: Path, number: int) -> None:
    """Write what a look at a version sees; workers here load nothing."""
    folder = models / MODEL_NAME / str(number)
    folder.mkdir(parents=True)
    (folder / MODEL_FILE).write_bytes(b"graph")
    (folder / PASSPORT_FILE).write_text("{}")
    (folder / "approval.json").write_text(Approval.now("approved", "for tests").model_dump_json())


class World:
    """A model repository, a controller that looks at it, and workers."""

    def __init__(self, folder: Path, content: str | None = "stable = 1\n", **others: object) -> None:
        self.models = folder / "models"
        self.file = self.models / MODEL_NAME / ROLLOUT_FILE
        if not self.models.exists():
            for number in VERSIONS:
                add_version(self.models, number)
            if content is not None:
                self.want(content)
        self.settings = Settings(models=self.models, rollout_interval=INTERVAL, **others)
        [counters] = SharedCounters.of(1)
        self.counted = Counted(counters)
        self.workers: dict[int, FakeWorker] = {}
        self.broken: frozenset[int] = frozenset()
        self.now = 100.0
        self.state = RolloutState(self.settings.rollout_state or self.file.parent)
        self.controller = Controller(
            Desired(self.settings), self.state, self.counted.seats, self.counted.rollout, INTERVAL
        )

    @classmethod
    def begun(cls, folder: Path, content: str | None, **settings: object) -> "World":
        """Have two workers serve."""
        world = cls(folder, content, **settings)
        world.join()
        world.join()
        world.passes(1)
        return world

    def plans(self) -> list[tuple[int | None, float]]:
        """The stable version of each worker, and the share of its canary."""
        return [
            (worker.plan.stable, worker.plan.canary.share if worker.plan.canary else 0.0)
            for worker in self.workers.values()
        ]

    def answer(self, number: int, kind: Kind) -> str | None:
        """The problem that a request of a worker is answered with."""
        asker = self.workers[number]
        asker.ask(kind)
        self.settle()
        reply = asker.replies.pop()
        assert reply.number == asker.asked - 1
        return reply.problem

    def loses(self, number: int) -> None:
        """A worker ends, and the controller hears of it."""
        worker = self.workers.pop(number)
        worker.end()
        while worker.outbox:
            deliver(self.controller, worker)
        deliver(self.controller, worker)

    def canary_fails(self, rows: int) -> None:
        """Count phones for which the run of the canary failed."""
        plan = self.controller.plan
        assert plan.canary is not None
        assert plan.seats is not None
        version = plan.canary.version
        self.counted.seats.take(plan.seats[version], version).failed(rows)

    def want(self, content: str) -> None:
        draft = self.file.with_suffix(".draft")
        draft.write_text(content)
        draft.replace(self.file)

    def join(self, broken: frozenset[int] = frozenset()) -> FakeWorker:
        pid = len(self.workers) + 1
        worker = FakeWorker.start(pid, self.controller.plan, broken)
        assert worker is not None
        self.workers[pid] = worker
        return worker

    def breaks(self, *versions: int) -> None:
        self.broken = frozenset(versions)
        for worker in self.workers.values():
            worker.broken = self.broken

    def settle(self) -> None:
        """Have all say and hear everything."""
        workers = self.workers.values()
        while any(worker.inbox or worker.outbox for worker in workers):
            for worker in workers:
                while worker.inbox:
                    worker.work()
                while worker.outbox:
                    deliver(self.controller, worker)

    def passes(self, seconds: float, step: float = 0.1) -> None:
        """Let time pass, and all be said and heard meanwhile."""
        until = self.now + seconds
        while self.now < until:
            self.now += step
            self.controller.tick(self.now)
            self.settle()

    def metric(self, name: str) -> float:
        [sample] = [
            sample
            for family in self.counted.rollout.collect()
            for sample in family.samples
            if sample.name == f"pricerange_rollout_{name}"
        ]
        return sample.value
