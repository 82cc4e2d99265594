"""Decisions of least expected cost, and matrices that are none."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.answer.decisions import CostMatrix
from pricerange.answer.prediction_sets import abstains
from pricerange.errors import SettingsError

SAME = CostMatrix(tuple(tuple(float(i != j) for j in range(4)) for i in range(4)))
TEXT = "[[0,1,2,3],[2,0,1,2],[4,2,0,1],[6,4,2,0]]"
ROWS = ((0, 1, 2, 3), (2, 0, 1, 2), (4, 2, 0, 1), (6, 4, 2, 0))


def answers(seed: int, rows: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).dirichlet([0.5] * 4, rows).astype(np.float32)


@given(seed=st.integers(0, 10_000), rows=st.integers(1, 60))
def test_where_all_mistakes_cost_the_same_it_is_the_most_probable_one(seed: int, rows: int) -> None:
    probabilities = answers(seed, rows)
    decided = SAME.decide(probabilities)
    assert (decided.price_range == probabilities.argmax(axis=1)).all()
    assert decided.expected_cost == pytest.approx(1 - probabilities.max(axis=1), abs=1e-6)


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 60),
    costs=st.lists(st.floats(0, 1e3), min_size=16, max_size=16).filter(any),
)
def test_no_other_decision_costs_less_and_bits_do_not_depend_on_company(
    seed: int, rows: int, costs: list[float]
) -> None:
    matrix = CostMatrix(tuple(tuple(costs[k : k + 4]) for k in range(0, 16, 4)))
    probabilities = answers(seed, rows)
    together = matrix.decide(probabilities)
    assert (together.price_range.dtype, together.expected_cost.dtype) == (np.int64, np.float32)
    expected = probabilities.astype(float) @ np.array(matrix.costs).T
    least = expected.min(axis=1)
    assert together.expected_cost == pytest.approx(least, rel=1e-6)
    assert expected[np.arange(rows), together.price_range] == pytest.approx(least, rel=1e-9)
    for row in range(rows):
        alone = matrix.decide(probabilities[row : row + 1])
        assert alone.price_range[0] == together.price_range[row]
        assert alone.expected_cost.tobytes() == together.expected_cost[row : row + 1].tobytes()


def test_of_equal_costs_the_lower_price_range_is_decided() -> None:
    probabilities = np.array([[0, 0.5, 0.5, 0], [0.25, 0.25, 0.25, 0.25]], np.float32)
    assert SAME.decide(probabilities).price_range.tolist() == [1, 0]


def test_a_dear_mistake_moves_the_decision() -> None:
    matrix = CostMatrix.read("[[0,9,9,9],[1,0,9,9],[1,1,0,9],[1,1,1,0]]")
    decided = matrix.decide(np.array([[0.1, 0.55, 0.3, 0.05]], np.float32))
    assert decided.price_range.tolist() == [3]
    assert decided.expected_cost == pytest.approx([0.1 + 0.55 + 0.3])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TEXT, id="JSON"),
        pytest.param("\n " + TEXT.replace(",", " ,\n"), id="JSON on lines"),
        pytest.param("0,1,2,3\n2,0,1,2\n4,2,0,1\n6,4,2,0\n", id="CSV"),
        pytest.param("\ufeff0, 1,2,3.0\r\n2,0,1,2\r\n\r\n4,2,0,1\r\n6,4,2,0", id="CSV of a spreadsheet"),
    ],
)
def test_a_matrix_is_read_from_a_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "costs").write_text(text, encoding="utf-8")
    assert CostMatrix.read(str(tmp_path / "costs")).costs == ROWS


def test_a_matrix_may_be_the_text_itself() -> None:
    assert CostMatrix.read(TEXT).costs == ROWS


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("[[0,1],[1,0]]", "rows of [2, 2] numbers", id="too small"),
        pytest.param(TEXT.replace("[2,0,1,2]", "[2,0,1]"), "rows of [4, 3, 4, 4] numbers", id="ragged"),
        pytest.param(TEXT.replace("3", "-3"), "-3 in", id="negative"),
        pytest.param(TEXT.replace("3", "NaN"), "nan in", id="NaN"),
        pytest.param(TEXT.replace("3", "1e400"), "inf in", id="infinite"),
        pytest.param(TEXT.replace("3", "1e31"), "1e+31 in", id="too large"),
        pytest.param(TEXT.replace("3", "1" + "0" * 400), "a number that is too large", id="huge"),
        pytest.param(TEXT.replace("3", "true"), "true in", id="a truth value"),
        pytest.param(TEXT.replace("3", '"3"'), '"3" in', id="text in JSON"),
        pytest.param(TEXT.replace("[0,1,2,3]", "5"), "a row that is no list", id="no rows"),
        pytest.param(TEXT[:-1], "Expecting ',' delimiter", id="cut short"),
        pytest.param("[" * 3_000, "in", id="nested without end"),
        pytest.param("[[0,0,0,0],[0,0,0,0],[0,0,0,0],[0,0,0,0]]", "nothing but 0", id="all 0"),
        pytest.param("0,1,2,3\n2,0,one,2\n", "could not convert string to float: 'one'", id="text in CSV"),
        pytest.param("", "rows of [] numbers", id="empty"),
        pytest.param("0," * 5_000, "more than 4096 bytes", id="too long"),
        pytest.param("0\x000,1", "in", id="a null byte"),
    ],
)
def test_what_is_no_matrix_is_refused_by_what_was_found(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "costs").write_text(text)
    with pytest.raises(SettingsError, match="cost_matrix: expected 4 rows of 4 numbers") as error:
        CostMatrix.read(str(tmp_path / "costs"))
    assert found in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        CostMatrix.read(str(tmp_path / "costs.csv"))


def test_a_set_of_one_price_range_leaves_nothing_open() -> None:
    sets = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 1]], np.bool_)
    assert abstains(sets).tolist() == [False, True, True, False]
