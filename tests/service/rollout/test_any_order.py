"""Workers, files, requests and time in any order: what must never happen does not, and all ends well."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import example, given
from hypothesis import settings as profile
from rollout_world import VERSIONS, FakeWorker, World, deliver

from pricerange.bundle import MODEL_NAME
from pricerange.rollout.document import Rollout
from service.rollout.messages import Commit, Failed, Kind, Reply
from service.rollout.plan import Plan

FILES = (
    "stable = 1\n",
    "stable = 2\n",
    "stable = 3\n[canary]\nversion = 4\nweight = 10\n",
    "stable = 1\n[canary]\nversion = 2\nsteps = [10, 100]\n[[shadow]]\nversion = 3\nshare = 0.5\n",
    "stable = 2\n[[shadow]]\nversion = 4\nshare = 1.0\n",
)
LAST = FILES[3] + "# a file that was not there before\n"
WRONG = ("stable = 9\n", "stabel = 1\n", "stable = 1\n[canary]\nversion = 1\nweight = 1\n", "[")
BREAKAGES: tuple[tuple[int, ...], ...] = ((), (1,), (2,), (3,), (4,), (2, 4))
KINDS: tuple[Kind, ...] = ("reload", "load", "unload", "status")


class AnyOrder:
    """Each event is a method, which takes a number that says which of all workers, files or versions."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, FILES[0])
        self.starting = [self.world.controller.plan] * 2
        self.started = 0

    @property
    def workers(self) -> list[FakeWorker]:
        return list(self.world.workers.values())

    @property
    def living(self) -> list[FakeWorker]:
        return [worker for worker in self.workers if not worker.is_gone]

    def works(self, number: int) -> None:
        for worker in some([worker for worker in self.living if worker.inbox], number):
            worker.work()

    def is_heard(self, number: int) -> None:
        heard = [worker for worker in self.workers if worker.outbox or worker.is_gone]
        for worker in some(heard, number):
            self.hears(worker)

    def time_passes(self, number: int) -> None:
        self.world.now += (0.1, 0.3, 1.0, 2.0, 40.0)[number % 5]
        self.world.controller.tick(self.world.now)

    def starts(self, number: int) -> None:
        """A process starts; what it is to load is what is in force now."""
        if len(self.living) + len(self.starting) < 4:
            self.starting.append(self.world.controller.plan)

    def is_ready(self, number: int) -> None:
        """It has loaded that, or ends since it cannot."""
        if self.starting:
            self.started += 1
            worker = FakeWorker.start(self.started, self.starting.pop(0), self.world.broken)
            if worker is not None:
                self.world.workers[self.started] = worker

    def is_killed(self, number: int) -> None:
        for worker in some(self.living, number):
            worker.end()

    def asks(self, number: int) -> None:
        for worker in some(self.living, number):
            worker.ask(KINDS[number % len(KINDS)])

    def wants(self, number: int) -> None:
        self.world.want(FILES[number % len(FILES)])

    def wants_what_is_wrong(self, number: int) -> None:
        self.world.want(WRONG[number % len(WRONG)])

    def loses_the_file(self, number: int) -> None:
        self.world.file.unlink(missing_ok=True)

    def breaks(self, number: int) -> None:
        self.world.breaks(*BREAKAGES[number % len(BREAKAGES)])

    def loses_a_version_or_finds_it(self, number: int) -> None:
        here = self.world.models / MODEL_NAME / str(VERSIONS[number % len(VERSIONS)])
        gone = here.with_suffix(".gone")
        if gone.exists():
            gone.rename(here)
        else:
            here.rename(gone)

    def hears(self, worker: FakeWorker) -> None:
        """Have the controller hear a message, and check what it does about it."""
        controller = self.world.controller
        before, is_last = controller.plan, not worker.outbox
        told = worker.outbox[0] if worker.outbox else None
        deliver(controller, worker)
        if is_last:
            del self.world.workers[worker.pid]
        if controller.plan is not before:
            assert not isinstance(told, Failed) or worker.plan.generation != before.generation
            for one in self.living:
                switches = Commit(controller.plan.generation) in one.inbox
                if switches and one.plan.generation == before.generation:
                    assert one.prepared is not None
                    assert one.prepared.generation == controller.plan.generation
        for one in self.living:
            numbers = [reply.number for reply in (*one.replies, *one.inbox) if isinstance(reply, Reply)]
            assert len(numbers) == len(set(numbers))

    def ends_well(self) -> None:
        """Mend everything: all that lives follows the file soon, and every request is answered."""
        world = self.world
        for path in (world.models / MODEL_NAME).glob("*.gone"):
            path.rename(path.with_suffix(""))
        world.breaks()
        world.want(LAST)
        self.starts(0)
        late = self.starting
        if self.living:
            self.starting = []
        while self.starting:
            self.is_ready(0)
        while gone := [worker for worker in self.workers if worker.is_gone]:
            self.hears(gone[0])
        world.passes(7, step=0.2)
        self.starting = late
        while self.starting:
            self.is_ready(0)
        world.passes(5, step=0.5)
        if world.controller.plan.stable is None:
            self.living[0].ask("load")
            world.passes(7, step=0.2)
        assert world.controller.plan.wants_what(Plan.of(Rollout.parse(LAST.encode(), world.file), 100))
        for worker in self.living:
            assert worker.plan == world.controller.plan
            assert sorted(reply.number for reply in worker.replies) == list(range(worker.asked))
        document = world.controller.document()
        assert document.valid, document.problem
        assert all(worker.current for worker in document.workers)


def some(workers: Sequence[FakeWorker], number: int) -> Sequence[FakeWorker]:
    """Choose one, if there is any."""
    return [workers[number % len(workers)]] if workers else []


EVENTS = {
    AnyOrder.works: 12,
    AnyOrder.is_heard: 14,
    AnyOrder.time_passes: 8,
    AnyOrder.starts: 3,
    AnyOrder.is_ready: 4,
    AnyOrder.is_killed: 1,
    AnyOrder.asks: 2,
    AnyOrder.wants: 4,
    AnyOrder.wants_what_is_wrong: 1,
    AnyOrder.loses_the_file: 1,
    AnyOrder.breaks: 3,
    AnyOrder.loses_a_version_or_finds_it: 1,
}
"""What may happen, and how often it does beside the others."""
STEPS = st.tuples(
    st.sampled_from([event for event, times in EVENTS.items() for _ in range(times)]), st.integers(0, 59)
)


AN_END_BEFORE_IT_IS_LEFT_OUT = (
    (AnyOrder.is_ready, 0),
    (AnyOrder.breaks, 1),
    (AnyOrder.is_heard, 0),
    (AnyOrder.is_ready, 0),
    (AnyOrder.wants, 3),
    (AnyOrder.time_passes, 0),
    (AnyOrder.time_passes, 1),
    (AnyOrder.starts, 0),
    (AnyOrder.works, 0),
    (AnyOrder.is_heard, 0),
    (AnyOrder.time_passes, 3),
    (AnyOrder.starts, 0),
    (AnyOrder.is_ready, 0),
    (AnyOrder.is_killed, 0),
    (AnyOrder.breaks, 2),
    (AnyOrder.is_ready, 0),
    (AnyOrder.is_killed, 0),
)
"""The only worker that could not load the canary ends before all do without it."""


@example(AN_END_BEFORE_IT_IS_LEFT_OUT)
@given(st.lists(STEPS, min_size=50, max_size=150))
@profile(max_examples=40)
def test_any_order_of_events_ends_well(steps: Sequence[tuple[Callable[[AnyOrder, int], None], int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        anything = AnyOrder(Path(folder))
        for event, number in steps:
            event(anything, number)
        anything.ends_well()
