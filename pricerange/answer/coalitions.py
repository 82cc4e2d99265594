"""Which coalitions of k players are asked what they are worth, and what each player's share in that is.

A player's Shapley value is what coalitions gain by him on average, over all orders in which all of them could
come together (Shapley, "A Value for n-Person Games", 1953). Few players are asked for all 2^k coalitions. Of
more, some orders are drawn, and with each its reverse, which cancels much of the error (Mitchell et al.,
"Sampling Permutations for Shapley Value Estimation", 2022).
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

MOST_EXACT = 10
"""Players that are asked for all their coalitions."""
_PAIRS = 8
"""Pairs of orders that are drawn for more: of 20 players, 306 coalitions."""

Floats = npt.NDArray[np.float64]
Members = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Coalitions:
    """What is to be asked, and how the answers count.

    `members` bool [c, k] are the coalitions, first the empty one, last that of all. `weights` float64
    [s, k, c] make of their worths the players' shares, in each of s samples: 1 where the shares are exact.
    """

    members: Members
    weights: Floats

    @property
    def exact(self) -> bool:
        """Whether all coalitions are there."""
        return len(self.weights) == 1

    def shares(self, worth: Floats) -> tuple[Floats, Floats]:
        """Return each player's share in q quantities, float64 [k, q], and the shares' standard errors.

        `worth` float64 [c, q] is what each coalition is worth. The shares of all add up to what the last is
        worth more than the first, to the last digits, whether they are exact or not.
        """
        # einsum adds in one order whatever the machine; BLAS may not
        samples = np.einsum("skc,cq->skq", self.weights, worth)
        shares: Floats = samples.mean(axis=0)
        if self.exact:
            return shares, np.zeros_like(shares)
        errors: Floats = samples.std(axis=0, ddof=1) / math.sqrt(len(samples))
        return shares, errors


@cache
def coalitions_of(players: int) -> Coalitions:
    """Return the coalitions of so many players; the same each time."""
    return _all(players) if players <= MOST_EXACT else _drawn(players)


def _all(players: int) -> Coalitions:
    members = (np.arange(1 << players)[:, np.newaxis] >> np.arange(players) & 1).astype(np.bool_)
    sizes = members.sum(axis=1)
    # share of the orders in which the others of a coalition come before one of its players, by its size
    joined = np.array([0.0, *(1 / (players * math.comb(players - 1, size)) for size in range(players))])
    left_out = np.append(joined[1:], 0.0)
    weights = np.where(members, joined[sizes, np.newaxis], -left_out[sizes, np.newaxis])
    return Coalitions(members, weights.T[np.newaxis])


def _drawn(players: int) -> Coalitions:
    members = [np.zeros(players, np.bool_)]
    steps = list[tuple[int, int, int, int]]()
    whole = 2 * _PAIRS * (players - 1) + 1
    for sample, order in enumerate(_orders(players)):
        for before in (order, order[::-1]):
            last = 0
            for size, player in enumerate(before, 1):
                place = whole if size == players else len(members)
                if size < players:
                    members.append(np.isin(np.arange(players), before[:size]))
                steps.append((sample, player, last, place))
                last = place
    members.append(np.ones(players, np.bool_))
    weights = np.zeros((_PAIRS, players, len(members)))
    for sample, player, last, place in steps:
        weights[sample, player, place] += 0.5
        weights[sample, player, last] -= 0.5
    return Coalitions(np.array(members), weights)


def _orders(players: int) -> Iterator[list[int]]:
    """Draw orders, the same each time: `random()` is what Python promises to leave as it is."""
    draw = random.Random(players)
    for _ in range(_PAIRS):
        yield sorted(range(players), key=lambda _: draw.random())
