"""Mutations: the same for the same seed, and all of what they are cut into."""

from random import Random

import pytest

from bench.door.mutate import CHANGES, fragments, mutated

SEEDS = [b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", b'{"shape": [2, 20], "data": [1.5]}', bytes(range(64))]


def drawn(seed: int) -> list[bytes]:
    random = Random(seed)
    return [mutated(SEEDS, random) for _ in range(200)]


def test_a_seed_draws_the_same_mutations_again_and_another_seed_others():
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_hardly_a_mutation_is_valid():
    assert sum(data in SEEDS for data in drawn(1)) < 20


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_takes_any_bytes(change):
    for data in (*SEEDS, b"\0", b"\r\n", b"7"):
        assert isinstance(change(data, SEEDS[0], Random(data)), bytes)


def test_fragments_are_the_whole():
    random = Random(0)
    for data in (*SEEDS, b"", b"x"):
        for _ in range(20):
            pieces = fragments(data, random)
            assert b"".join(pieces) == data
            assert all(pieces)
