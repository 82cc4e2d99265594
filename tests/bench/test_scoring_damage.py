"""What counts as a fault of the scoring job on a damaged file."""

import pytest

from bench.damage.changes import Damaged
from bench.damage.forms import ROWS, Form, Written
from bench.damage.scorer import Outcome, Way
from bench.scoring_damage import Case, fault_of

WAY = Way("csv", beside=False, all_columns=True)
FILE = Written("a", b"0123456789", covered=(range(5, 10),))
WHOLE = Outcome("answered", rows=ROWS, answers=b"all")
OTHER = Outcome("answered", rows=ROWS, answers=b"other")
FEWER = Outcome("answered", rows=ROWS - 1, answers=b"fewer")
CUT, COVERED, UNCOVERED = Damaged(b"0123"), Damaged(b"012345678X", (9,)), Damaged(b"X123456789", (0,))


@pytest.mark.parametrize(
    ("damaged", "counts_rows", "outcome", "words"),
    [
        pytest.param(CUT, False, Outcome("refused", "a cannot be read"), "", id="refused"),
        pytest.param(CUT, False, WHOLE, "", id="cut, and all is there"),
        pytest.param(CUT, False, FEWER, "39 rows are answered", id="cut, and rows are lost"),
        pytest.param(CUT, False, OTHER, "the answers differ", id="cut, and other answers"),
        pytest.param(COVERED, False, WHOLE, "", id="what a checksum covers, unchanged"),
        pytest.param(COVERED, False, OTHER, "the answers differ", id="what a checksum covers, changed"),
        pytest.param(UNCOVERED, True, OTHER, "", id="what nothing covers, changed"),
        pytest.param(UNCOVERED, True, FEWER, "39 rows are answered", id="what nothing covers, rows lost"),
        pytest.param(UNCOVERED, False, FEWER, "", id="what nothing covers and nobody counts"),
        pytest.param(CUT, True, Outcome("fault", "ended with -11"), "ended with -11", id="a crash"),
    ],
)
def test_only_answers_to_all_rows_or_a_refusal_are_right(damaged, counts_rows, outcome, words):
    form = Form("CSV", ".csv", counts_rows, (FILE,))
    assert fault_of(form, Case(0, FILE, damaged, WAY), outcome, WHOLE).startswith(words)
    assert bool(fault_of(form, Case(0, FILE, damaged, WAY), outcome, WHOLE)) == bool(words)
