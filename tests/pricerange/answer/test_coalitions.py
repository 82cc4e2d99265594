import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.answer.coalitions import MOST_EXACT, Coalitions, coalitions_of


def worth_of(coalitions: Coalitions, seed: int, quantities: int = 2) -> np.ndarray:
    """A game: what a player adds depends on who is there, in part by chance."""
    draw = np.random.default_rng(seed)
    size = coalitions.members.shape[1]
    alone, pairs = draw.normal(size=(size, quantities)), draw.normal(size=(size, size, quantities))
    there = coalitions.members.astype(float)
    return there @ alone + np.einsum("ci,cj,ijq->cq", there, there, pairs)


def by_definition(coalitions: Coalitions, worth: np.ndarray) -> np.ndarray:
    """The mean of what each player adds, over all orders."""
    players = coalitions.members.shape[1]
    place = {tuple(members): at for at, members in enumerate(coalitions.members.tolist())}
    shares = np.zeros((players, worth.shape[1]))
    for order in itertools.permutations(range(players)):
        there = [False] * players
        for player in order:
            before = worth[place[tuple(there)]]
            there[player] = True
            shares[player] += worth[place[tuple(there)]] - before
    return shares / math.factorial(players)


@pytest.mark.parametrize("players", range(7))
def test_shares_are_those_of_the_definition(players: int) -> None:
    coalitions = coalitions_of(players)
    worth = np.random.default_rng(players).normal(size=(1 << players, 3))
    shares, errors = coalitions.shares(worth)
    assert coalitions.exact
    assert np.allclose(shares, by_definition(coalitions, worth), rtol=0, atol=1e-12)
    assert not errors.any()


@given(st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_shares_add_up_whether_exact_or_not(players: int, seed: int) -> None:
    coalitions = coalitions_of(players)
    assert not coalitions.members[0].any()
    assert coalitions.members[-1].all()
    assert len(coalitions.members) <= 1 << MOST_EXACT
    worth = worth_of(coalitions, seed)
    shares, _ = coalitions.shares(worth)
    assert np.allclose(shares.sum(axis=0), worth[-1] - worth[0], rtol=0, atol=1e-10)


def test_orders_that_are_drawn_give_shares_within_their_error() -> None:
    coalitions = coalitions_of(MOST_EXACT + 1)
    assert not coalitions.exact
    beyond = []
    for seed in range(200):
        draw = np.random.default_rng(seed)
        # three players together are worth something: pairs of orders get what two are worth exactly
        trios = draw.integers(0, MOST_EXACT + 1, (30, 3))
        worth = coalitions.members[:, trios].all(axis=2).sum(axis=1, keepdims=True).astype(float)
        exact = np.zeros(MOST_EXACT + 1)
        for trio in map(set, trios.tolist()):
            exact[list(trio)] += 1 / len(trio)
        shares, errors = coalitions.shares(worth)
        beyond.append(np.abs(shares[:, 0] - exact) / np.maximum(errors[:, 0], 1e-9))
    assert np.mean(np.concatenate(beyond) < 3) > 0.95


def test_pairs_of_orders_are_exact_where_no_more_than_two_players_play_together() -> None:
    coalitions = coalitions_of(20)
    shares, errors = coalitions.shares(worth_of(coalitions, 5))
    assert np.abs(errors).max() < 1e-12
    draw = np.random.default_rng(5)
    alone, pairs = draw.normal(size=(20, 2)), draw.normal(size=(20, 20, 2))
    assert np.allclose(shares, alone + (pairs.sum(axis=0) + pairs.sum(axis=1)) / 2, atol=1e-10)


def test_the_same_coalitions_are_drawn_each_time() -> None:
    again = coalitions_of.__wrapped__(15)
    assert (coalitions_of(15).members == again.members).all()
    assert (coalitions_of(15).weights == again.weights).all()
