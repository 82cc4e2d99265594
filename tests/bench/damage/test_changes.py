"""Damage: the same for the same seed, anywhere in a file, and what is said of it is so."""

from random import Random

import pytest

from bench.damage.changes import CHANGES, MOST_FLIPS, flipped, truncated

CONTENT = bytes(range(256)) * 4


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_seed_does_the_same_damage_again_and_another_seed_other(change):
    drawn = [[change(CONTENT, Random(f"{seed} {number}")) for number in range(50)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_what_is_cut_short_is_a_beginning_of_any_length():
    lengths = set()
    for seed in range(500):
        damaged = truncated(CONTENT, Random(seed))
        assert CONTENT.startswith(damaged.content)
        assert not damaged.places
        lengths.add(len(damaged.content))
    assert {0, 1, len(CONTENT) - 1} < lengths < set(range(len(CONTENT)))


def test_flips_are_few_and_their_places_are_told():
    for seed in range(500):
        damaged = flipped(CONTENT, Random(seed))
        pairs = enumerate(zip(damaged.content, CONTENT, strict=True))
        assert damaged.places == tuple(place for place, (now, before) in pairs if now != before)
        assert len(damaged.places) <= MOST_FLIPS
