"""Hashes of phones: of equal numbers equal, of others not, and back from text."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training import data
from training.row_hashes import as_text, of_text, row_hashes

ROWS = arrays(np.float32, st.tuples(st.integers(0, 5), st.just(20)), elements=st.floats(0, 4, width=32))


@given(ROWS)
def test_text_brings_them_back_sorted(rows: npt.NDArray[np.float32]) -> None:
    hashes = row_hashes(rows)
    np.testing.assert_array_equal(of_text(as_text(hashes)), np.sort(hashes))
    assert len(as_text(hashes)) == 8 * len(rows)


@given(ROWS)
def test_rows_of_equal_numbers_have_equal_hashes_however_they_lie_in_memory(
    rows: npt.NDArray[np.float32],
) -> None:
    hashes = row_hashes(rows)
    for same in (np.asfortranarray(rows), rows.astype(">f4"), np.where(rows == 0, np.float32(-0.0), rows)):
        np.testing.assert_array_equal(row_hashes(same), hashes)
    assert len(np.unique(hashes)) == len(np.unique(rows, axis=0))


def test_a_phone_that_differs_in_one_feature_has_another_hash() -> None:
    rows = data.generate(50).features
    hashes = row_hashes(rows)
    for place in range(20):
        other = rows.copy()
        other[:, place] += 1
        assert not np.isin(row_hashes(other), hashes).any()


def test_a_hash_stays_what_it_is() -> None:
    # a version that is written now is compared with phones for years
    assert row_hashes(np.zeros((1, 20), np.float32)).tolist() == [273_365_460_722_380]
