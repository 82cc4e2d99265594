"""How far two models agree: what a plain count says, whatever blocks the rows come in."""

import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pricerange.agreement import Agreement
from pricerange.phone import LABELS


def probabilities(rows: int) -> st.SearchStrategy[npt.NDArray[np.float32]]:
    weights = arrays(np.float32, (rows, len(LABELS)), elements=st.floats(0.0625, 16, width=32))
    return weights.map(lambda weights: weights / weights.sum(axis=1, keepdims=True))


pairs = st.integers(0, 20).flatmap(lambda rows: st.tuples(probabilities(rows), probabilities(rows)))


@given(pairs, st.integers(0, 20))
def test_blocks_add_up_to_the_whole(
    pair: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]], cut: int
) -> None:
    ours, theirs = pair
    whole = Agreement.of(ours, theirs)
    added = Agreement() + Agreement.of(ours[:cut], theirs[:cut]) + Agreement.of(ours[cut:], theirs[cut:])
    assert (added.confusion == whole.confusion).all()
    assert added.rows == whole.rows == len(ours)
    assert added.distance_sum == pytest.approx(whole.distance_sum)
    assert added.distance_max == whole.distance_max


@given(pairs)
def test_it_is_what_a_count_row_by_row_says(
    pair: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]],
) -> None:
    told = Agreement.of(*pair)
    confusion, distances = np.zeros((4, 4), int), [0.0]
    for p, q in zip(*pair, strict=True):
        confusion[p.argmax(), q.argmax()] += 1
        distances.append(min(1.0, sum(abs(float(a) - float(b)) for a, b in zip(p, q, strict=True)) / 2))
    assert (told.confusion == confusion).all()
    assert told.distance_sum == pytest.approx(sum(distances))
    assert told.distance_max == pytest.approx(max(distances))


def test_the_same_answers_agree_wholly_and_opposite_ones_not_at_all() -> None:
    sure = np.eye(4, dtype=np.float32)
    assert Agreement.of(sure, sure).as_dict() == {
        "rows": 4,
        "agreed": 4,
        "agreement": 1.0,
        "mean_distance": 0.0,
        "max_distance": 0.0,
        "confusion": np.eye(4, dtype=int).tolist(),
    }
    apart = Agreement.of(sure, sure[::-1])
    assert (apart.agreed, apart.distance_sum, apart.distance_max) == (0, 4.0, 1.0)


def test_what_is_no_number_is_as_far_away_as_can_be() -> None:
    ours = np.full((1, 4), 0.25, np.float32)
    told = Agreement.of(ours, np.full((1, 4), np.nan, np.float32))
    assert (told.rows, told.distance_sum, told.distance_max) == (1, 1.0, 1.0)


def test_no_rows_have_neither_shares_nor_means() -> None:
    told = json.loads(json.dumps(Agreement().as_dict()))
    assert (told["rows"], told["agreement"], told["mean_distance"], told["max_distance"]) == (0, *[None] * 3)
