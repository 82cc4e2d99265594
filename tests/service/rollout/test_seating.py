"""Seats of versions: none loses its counts while it is loaded, and as late as possible afterwards."""

from hypothesis import given
from hypothesis import strategies as st

from service.rollout.seating import Seating
from service.telemetry.seats import SEATS

PLANS = st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=6, unique=True), max_size=60)


@given(PLANS)
def test_no_version_loses_its_seat_to_another_while_it_is_loaded(plans: list[list[int]]) -> None:
    seating, loaded, seats = Seating(), list[int](), dict[int, int]()
    for plan in plans:
        found = seating.of(plan, loaded)
        assert list(found) == plan
        assert len(set(found.values())) == len(plan)
        assert set(found.values()) <= set(range(SEATS))
        taken = {version: found.get(version, seats[version]) for version in loaded} | found
        assert len(set(taken.values())) == len(taken)
        assert all(taken[version] == seats[version] for version in loaded)
        seats = seats | found
        loaded = plan


@given(st.permutations(range(1, SEATS + 1)), st.permutations(range(1, SEATS + 1)))
def test_as_many_versions_as_there_are_seats_keep_theirs(first: list[int], then: list[int]) -> None:
    seating = Seating()
    seats = {version: seating.of([version], ())[version] for version in first}
    assert sorted(seats.values()) == list(range(SEATS))
    assert {version: seating.of([version], ())[version] for version in then} == seats


def test_the_seat_of_what_was_not_loaded_for_longest_is_given_away() -> None:
    seating = Seating()
    seats = {version: seating.of([version], ())[version] for version in range(1, SEATS + 1)}
    seating.of([1], ())
    assert seating.of([99], in_use=[2])[99] == seats[3]
