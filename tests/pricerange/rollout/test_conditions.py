"""Conditions: true where Python's own expression is, written as they are read, and nothing else is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.rollout.conditions import MOST_CHARACTERS, Condition

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=16)
COMPARISONS = st.builds(
    "result {} {}".format, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS.map(repr)
)
TEXTS = st.lists(st.tuples(st.sampled_from([" && ", " || ", " and ", " or "]), COMPARISONS), max_size=4)


@given(COMPARISONS, TEXTS, NUMBERS)
def test_it_holds_where_the_expression_is_true_and_is_written_as_it_is_read(
    first: str, others: list[tuple[str, str]], result: float
) -> None:
    text = first + "".join(word + comparison for word, comparison in others)
    condition = Condition.parse(text)
    expression = text.replace("&&", "and").replace("||", "or")
    assert condition.holds(result) == eval(expression, {"result": result})
    assert Condition.parse(str(condition)) == condition


@pytest.mark.parametrize(
    "text",
    ["result<=0.01", "  result  <=  1e-2 ", "result <= .01 && result>-1", "result <= 0.01 and result < 1"],
)
def test_blanks_and_ways_to_write_a_number_do_not_matter(text: str) -> None:
    condition = Condition.parse(text)
    assert condition.holds(0.01)
    assert not condition.holds(0.011)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("result", id="no comparison"),
        pytest.param("result = 1", id="one sign of equality"),
        pytest.param("result < nan", id="no number"),
        pytest.param("result < 1e999", id="infinite"),
        pytest.param("result < 1 &&", id="half a conjunction"),
        pytest.param("result < 1 & result > 0", id="another operator"),
        pytest.param("(result < 1)", id="parentheses"),
        pytest.param("other < 1", id="another name"),
        pytest.param("result < \u0661", id="digits of another script"),
        pytest.param("__import__('os')", id="code"),
    ],
)
def test_what_is_no_condition_is_an_error_that_says_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="comparisons such as result <=") as error:
        Condition.parse(text)
    assert error.value.args[0].endswith("joined by && and ||")


def test_a_condition_is_short() -> None:
    longest = "result < 1".ljust(MOST_CHARACTERS)
    assert Condition.parse(longest).holds(0)
    with pytest.raises(ValueError, match="at most 200 characters"):
        Condition.parse(longest + " ")
