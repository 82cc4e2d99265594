"""Answers to phones of which features are unknown are means over background phones, to the last bit."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange import synthetic
from pricerange.answer.unknown import PIECE_ROWS, Averages
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor

ROWS = synthetic.phones(60, block=7)[0].astype(np.float32)
UNUSED = ["sc_h", "sc_w"]

Rows = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def predictor(model_repository: Path) -> Predictor:
    return Predictor.load(model_repository)


@pytest.fixture(scope="module")
def averages(predictor: Predictor) -> Averages:
    """Averages of a version as if no answer depended on two of its features."""
    background = np.array(predictor.bundle.passport.background.rows, np.float32)
    active = ~np.isin(FEATURE_NAMES, UNUSED)
    return Averages(lambda rows: predictor.predict(rows).probabilities, background, active)


def with_gaps(unknown: npt.NDArray[np.bool_]) -> Rows:
    return np.where(unknown, np.float32(np.nan), ROWS[: len(unknown)])


def gaps(seed: int, rows: int = len(ROWS)) -> npt.NDArray[np.bool_]:
    """Some phones that are known, some that are not at all, most in between."""
    draw = np.random.default_rng(seed)
    unknown = draw.random((rows, len(FEATURE_NAMES))) < draw.choice([0, 0.1, 0.5, 1], (rows, 1))
    unknown[0] = True
    return unknown


def test_an_answer_is_the_mean_over_the_background_summed_in_its_order(predictor: Predictor) -> None:
    averages = Averages.of_version(predictor)
    assert averages is not None
    background = np.array(predictor.bundle.passport.background.rows, np.float32)
    unknown = gaps(0)
    found = averages.predict(with_gaps(unknown))
    for row in np.flatnonzero(unknown.any(axis=1)):
        total = np.zeros(4)
        for lender in background:
            total += predictor.predict(np.where(unknown[row], lender, ROWS[row])[np.newaxis]).probabilities[0]
        assert found.probabilities[row].tobytes() == (total / len(background)).astype(np.float32).tobytes()
    assert (found.price_range == found.probabilities.argmax(axis=1)).all()


def test_a_phone_that_is_known_gets_the_models_own_answer(predictor: Predictor, averages: Averages) -> None:
    expected = predictor.predict(ROWS)
    found = averages.predict(ROWS)
    assert found.probabilities.tobytes() == expected.probabilities.tobytes()
    assert (found.price_range == expected.price_range).all()
    assert averages.cost(ROWS) == len(ROWS)


def test_of_a_phone_that_is_not_known_at_all_the_answer_is_that_to_phones_in_general(
    predictor: Predictor,
) -> None:
    averages = Averages.of_version(predictor)
    assert averages is not None
    background = np.array(predictor.bundle.passport.background.rows, np.float32)
    nothing = np.full((1, len(FEATURE_NAMES)), np.nan, np.float32)
    base = predictor.predict(background).probabilities.astype(np.float64).mean(axis=0)
    assert averages.predict(nothing).probabilities[0] == pytest.approx(base, abs=1e-7)


@given(seed=st.integers(0, 1_000), rows=st.integers(1, len(ROWS)))
def test_a_phone_has_the_same_answer_whatever_phones_it_is_asked_beside(
    averages: Averages, seed: int, rows: int
) -> None:
    phones = with_gaps(gaps(seed, rows))
    together = averages.predict(phones).probabilities
    order = np.random.default_rng(seed).permutation(rows)
    assert averages.predict(phones[order]).probabilities.tobytes() == together[order].tobytes()
    row = int(order[0])
    assert averages.predict(phones[row : row + 1]).probabilities[0].tobytes() == together[row].tobytes()


def test_a_feature_that_changes_no_answer_costs_nothing(averages: Averages) -> None:
    unused, ram = (np.isin(FEATURE_NAMES, names) for names in (UNUSED, ["ram"]))
    phones = with_gaps(np.stack([unused, ram | unused, np.zeros(len(FEATURE_NAMES), np.bool_)]))
    assert averages.averaged(phones).tolist() == [False, True, False]
    assert averages.cost(phones) == 1 + 100 + 1
    assert np.isfinite(averages.predict(phones).probabilities).all()


@given(seed=st.integers(0, 1_000), rows=st.integers(0, len(ROWS)))
def test_pieces_hold_every_phone_once_and_cost_no_more_than_they_may(
    averages: Averages, seed: int, rows: int
) -> None:
    phones = with_gaps(gaps(seed, rows)) if rows else ROWS[:0]
    pieces = list(averages.pieces(phones))
    assert [place for piece in pieces for place in range(piece.start, piece.stop)] == list(range(rows))
    costs = [averages.cost(phones[piece]) for piece in pieces]
    assert all(cost <= PIECE_ROWS for cost in costs)
    # and no piece could have been longer
    assert all(
        cost + averages.cost(phones[piece.stop : piece.stop + 1]) > PIECE_ROWS
        for cost, piece in zip(costs[:-1], pieces[:-1], strict=True)
    )


def test_a_version_without_background_phones_has_no_averages() -> None:
    assert Averages.of_version(Predictor.load(Path("models"), 2)) is None
