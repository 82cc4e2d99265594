"""Seats of versions beside a plain reference: any workers, in any order, and versions that replace others."""

import copy
import math
from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np
import pytest
from corpus import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from pricerange.agreement import Agreement
from pricerange.predictor import Prediction
from service.telemetry.seats import DRIFT_SLOTS, RUN_ROWS, RUN_SECONDS, SEATS, Seat, Seats, SeatSums
from service.telemetry.shared_counters import SharedCounters

WORKERS = 2
exact = st.integers(0, 4_096).map(lambda number: number / 1_024)
"""Seconds and the like, whose sums have no error."""
price_ranges = st.lists(st.integers(0, 3), max_size=40)
counted = st.one_of(
    st.tuples(st.just("ran"), price_ranges, exact),
    st.tuples(st.just("failed"), st.integers(0, 9)),
    st.tuples(st.just("answered"), st.sampled_from([0, 200, 422, 499, 500, 503]), exact),
    st.tuples(st.just("confident"), st.lists(st.tuples(exact, st.booleans()), max_size=5)),
    st.tuples(st.just("compared"), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=5)),
    st.tuples(st.just("dropped"), st.integers(0, 9)),
    st.tuples(st.just("comparison_failed"), st.integers(0, 9)),
)
NUMBERS = (0, 1, SEATS - 1)
PLACES = [(worker, number) for worker in range(WORKERS) for number in NUMBERS]
steps = st.tuples(
    st.sampled_from(PLACES),
    st.integers(0, 9).flatmap(
        lambda rare: (
            st.just(("replaced",))
            if rare == 0
            else st.tuples(st.just("take"), st.integers(1, 5))
            if rare == 1
            else counted
        )
    ),
)


def run_of(price_ranges: list[int]) -> Prediction:
    return Prediction(np.zeros((len(price_ranges), 4), np.float32), np.array(price_ranges, np.int64))


def agreement_of(pairs: list[tuple[int, int]]) -> Agreement:
    ours, theirs = (np.eye(4, dtype=np.float32)[[pair[side] for pair in pairs]] for side in (0, 1))
    return Agreement.of(ours.reshape(-1, 4), theirs.reshape(-1, 4))


class Reference(NamedTuple):
    """What one worker has counted of a version, name by name."""

    version: int
    counts: Counter[object]

    def count(self, what: str, *of: object) -> None:
        counts = self.counts
        match what, *of:
            case "ran", [*answers], float(seconds):
                counts.update(("answer", price_range) for price_range in answers)
                counts["run_seconds"] += seconds
                counts["duration", next((b for b in RUN_SECONDS if seconds <= b), math.inf)] += 1
                counts["rows", next((b for b in RUN_ROWS if len(answers) <= b), math.inf)] += 1
            case "answered", int(status), float(seconds):
                outcome = "answer" if status == 200 else "no answer"
                counts[outcome, "requests"] += 1
                counts[outcome, "seconds"] += seconds
                counts["failed"] += status == 500
            case "confident", [*phones]:
                counts["in_range"] += sum(in_range for _, in_range in phones)
                counts["confidence"] += sum(sure for sure, in_range in phones if in_range)
            case "compared", [*pairs]:
                counts.update(("met", stable, other) for stable, other in pairs)
                counts["distance"] += sum(stable != other for stable, other in pairs)
            case _, int(rows):
                counts[what] += rows


def count(seat: Seat, what: str, *of: object) -> None:
    match what, *of:
        case "ran", [*answers], seconds:
            seat.ran(run_of(answers), seconds)
        case "confident", [*phones]:
            probabilities = np.array([[sure, 0, 0, 0] for sure, _ in phones], np.float32).reshape(-1, 4)
            seat.confident(probabilities, np.array([in_range for _, in_range in phones], np.bool_))
        case "compared", [*pairs]:
            seat.compared(agreement_of(pairs))
        case _:
            getattr(seat, what)(*of)


def told(sums: SeatSums) -> Counter[object]:
    """What sums tell, by the names of the reference."""
    found = Counter[object]()
    found.update({("answer", k): each for k, each in enumerate(sums.answers.tolist())})
    found.update({"run_seconds": sums.run_seconds, "failed": sums.errors})
    requests = iter(sums.requests)
    for outcome in ("answer", "no answer"):
        found[outcome, "requests"], found[outcome, "seconds"] = next(requests), next(requests)
    bounds = zip((*RUN_SECONDS, math.inf), sums.run_duration.tolist(), strict=True)
    found.update({("duration", bound): each for bound, each in bounds})
    bounds = zip((*RUN_ROWS, math.inf), sums.run_rows.tolist(), strict=True)
    found.update({("rows", bound): each for bound, each in bounds})
    found["in_range"], found["confidence"] = sums.confident
    confusion = sums.agreement.confusion
    found.update({("met", k, j): int(confusion[k, j]) for k in range(4) for j in range(4)})
    found.update({"distance": sums.agreement.distance_sum})
    found.update({"dropped": sums.dropped, "comparison_failed": sums.not_compared})
    return found


class Workers:
    """Some workers, and beside them what each should hold."""

    def __init__(self) -> None:
        self.counters = SharedCounters.of(WORKERS)[:WORKERS]
        self.seats = [Seats(each) for each in self.counters]
        self.held: dict[tuple[int, int], Seat] = {}
        self.expected = {place: Reference(0, Counter()) for place in PLACES}
        self.answered = self.retired = 0
        for place in PLACES:
            self.take(place, place[1] + 1)

    def take(self, place: tuple[int, int], version: int) -> None:
        worker, number = place
        self.held[place] = self.seats[worker].take(number, version)
        old = self.expected[place]
        if old.version != version:
            self.retired += sum(old.counts["answer", price_range] for price_range in range(4))
            self.expected[place] = Reference(version, Counter())

    def replaced(self, place: tuple[int, int]) -> None:
        """Have another process go on in place of a worker."""
        worker = place[0]
        self.counters[worker].end()
        self.counters[worker] = copy.copy(self.counters[worker])
        self.seats[worker] = Seats(self.counters[worker])
        for number in NUMBERS:
            self.take((worker, number), self.expected[worker, number].version)

    def count(self, place: tuple[int, int], what: str, *of: object) -> None:
        count(self.held[place], what, *of)
        self.expected[place].count(what, *of)
        if what == "ran":
            self.answered += len(of[0])


@settings(max_examples=examples(100), deadline=None)
@given(done=st.lists(steps, max_size=60))
def test_sums_by_version_are_what_the_workers_that_hold_it_have_counted(done: list) -> None:
    workers = Workers()
    for place, (what, *of) in done:
        if what in ("take", "replaced"):
            getattr(workers, what)(place, *of)
        else:
            workers.count(place, what, *of)
    of_versions = defaultdict[int, Counter[object]](Counter)
    for reference in workers.expected.values():
        of_versions[reference.version].update(reference.counts)
    for seats in workers.seats:
        known = seats.all()
        assert [sums.version for sums in known] == sorted(of_versions)
        assert seats.retired() == workers.retired
        assert seats.retired() + sum(sums.answers.sum() for sums in known) == workers.answered
        for sums in known:
            assert told(sums) == told(seats.of(sums.version)) == of_versions[sums.version]


def test_the_pace_of_all_workers_is_told_by_their_geometric_mean() -> None:
    seats = [Seats(counters) for counters in SharedCounters.of(WORKERS)[:WORKERS]]
    for worker, seconds in zip(seats, ([0.001, 0.004], [0.002, 0.0]), strict=True):
        seat = worker.take(3, 7)
        for each in seconds:
            seat.paced(each)
    runs, log_nanoseconds = seats[0].of(7).pace
    assert runs == 4
    assert log_nanoseconds == pytest.approx(math.log(1e6 * 4e6 * 2e6))


def test_a_version_without_a_seat_has_counted_nothing() -> None:
    sums = Seats(SharedCounters.of(1)[0]).of(7)
    assert sums.version == 7
    assert not any(told(sums).values())


def test_seats_lie_side_by_side_and_leave_room_for_all_else() -> None:
    [counters] = SharedCounters.of(1)
    seats = Seats(counters)
    every = [seats.take(number, number + 1) for number in range(SEATS)]
    for number, seat in enumerate(every):
        seat.ran(run_of([3] * (number + 1)), 0.001)
        counters.own[seat.drift_slots : seat.drift_slots + DRIFT_SLOTS] = number + 1
        seat.comparison_failed(number + 1)
    others = counters.take(1)
    assert counters.own[others:].sum() == 0
    for number, sums in enumerate(seats.all()):
        assert sums.answers.tolist() == [0, 0, 0, number + 1]
        assert sums.not_compared == number + 1
        drift = counters.columns(every[number].drift_slots, DRIFT_SLOTS)
        assert np.unique(drift).tolist() == [number + 1]


def test_a_version_that_takes_over_a_seat_begins_with_zeros_in_this_worker_alone() -> None:
    ours, other = (Seats(each) for each in SharedCounters.of(2)[:2])
    for seats in (ours, other):
        seats.take(4, 1).ran(run_of([0, 2, 2]), 0.5)
    taken = ours.take(4, 2)
    assert taken.held().tolist() == [True, False, False]
    assert told(ours.of(2)) == Counter()
    assert ours.of(1).answers.tolist() == [1, 0, 2, 0]
    assert ours.retired() == other.retired() == 3
    other.take(4, 2)
    assert taken.held().tolist() == [True, True, False]
    assert [sums.version for sums in other.all()] == [2]
    assert ours.retired() == 6


@pytest.mark.parametrize("rows", [1, 16, 17, 5_000])
def test_runs_of_few_and_of_many_rows_are_counted_alike(rows: int) -> None:
    seats = Seats(SharedCounters.of(1)[0])
    answers = (np.arange(rows) * 7 % 3).tolist()
    seats.take(0, 1).ran(run_of(answers), 0.25)
    assert seats.of(1).answers.tolist() == [answers.count(k) for k in range(4)]
    assert seats.of(1).run_rows.sum() == 1
