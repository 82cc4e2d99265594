"""Whom a canary answered is counted request by request, on every worker."""

import numpy as np

from bench.load.known_answers import NOBODY
from bench.rollout.canary import Case

STABLE, CANARY = 3, 4


def case(first: list[int], second: list[int], wanted: list[int]) -> Case:
    return Case("10%", np.array([first, second]), np.array(wanted, bool), 0.1, CANARY)


def test_a_canary_that_answers_by_the_hash_alone_has_no_fault() -> None:
    by_both = [STABLE] * 9 + [CANARY]
    found = case(by_both, by_both, [0] * 9 + [1])
    assert (found.apart, found.astray, found.wrong) == (0, 0, 0)
    assert found.row()[1:4] == ("10", "1", "0.1000")
    assert found.target().row()[-1] == "met"


def test_each_kind_of_fault_is_counted() -> None:
    first, second = [STABLE, CANARY, STABLE, NOBODY], [STABLE, STABLE, STABLE, STABLE]
    found = case(first, second, [0, 1, 1, 0])
    assert (found.apart, found.astray, found.wrong) == (2, 1, 1)


def test_a_share_that_chance_hardly_gives_misses_the_target() -> None:
    of_thousand = [CANARY] * 140 + [STABLE] * 860
    assert case(of_thousand, of_thousand, [0] * 1000).target().row()[-1] == "missed"
