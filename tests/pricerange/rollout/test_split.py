"""Who answers whom: exact, the same everywhere, and a larger share keeps all whom a smaller one had."""

import math

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pricerange import synthetic
from pricerange.rollout.split import PLACES, in_share, limit, points, text_in_share

ROWS = arrays(np.float32, st.tuples(st.integers(0, 5), st.just(20)), elements=st.floats(0, 4, width=32))
SHARES = st.floats(0, 1)
VERSIONS = st.integers(1, 2**63 - 1)


@given(ROWS, VERSIONS, SHARES, SHARES)
def test_a_larger_share_keeps_all_whom_a_smaller_one_had(
    rows: npt.NDArray[np.float32], version: int, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    assert not (in_share(rows, version, small) & ~in_share(rows, version, large)).any()
    for row in rows:
        assert text_in_share(row.tobytes(), version, small) <= text_in_share(row.tobytes(), version, large)


@given(ROWS, VERSIONS, SHARES)
def test_a_share_has_exactly_the_places_below_its_limit(
    rows: npt.NDArray[np.float32], version: int, share: float
) -> None:
    places = points(rows, version).tolist()
    assert in_share(rows, version, share).tolist() == [place < limit(share) for place in places]
    assert (limit(share) - 1) / PLACES <= share <= limit(share) / PLACES
    assert not in_share(rows, version, 0).any()
    assert in_share(rows, version, 1).all()


@given(ROWS, VERSIONS)
def test_a_phone_has_its_place_however_it_lies_in_memory_and_whoever_is_beside_it(
    rows: npt.NDArray[np.float32], version: int
) -> None:
    places = points(rows, version).tolist()
    for same in (np.asfortranarray(rows), rows.astype(">f4"), np.where(rows == 0, np.float32(-0.0), rows)):
        assert points(same, version).tolist() == places
    assert [points(row[None], version).tolist() for row in rows] == [[place] for place in places]


def test_the_ends_are_exact_for_values_of_a_header_too() -> None:
    values = [str(number).encode() for number in range(100)]
    assert not any(text_in_share(value, 4, 0) for value in values)
    assert all(text_in_share(value, 4, 1) for value in values)


def test_shares_are_met_within_what_chance_allows_and_versions_split_independently() -> None:
    rows = synthetic.phones(20_000)[0].astype(np.float32)
    for share in (0.01, 0.1, 0.5):
        error = 4 * math.sqrt(share * (1 - share) / len(rows))
        assert abs(in_share(rows, 4, share).mean() - share) < error
        assert abs(np.mean([text_in_share(b"%d" % one, 4, share) for one in range(20_000)]) - share) < error
    both = in_share(rows, 4, 0.5) & in_share(rows, 5, 0.5)
    assert abs(both.mean() - 0.25) < 4 * math.sqrt(0.25 * 0.75 / len(rows))


def test_a_place_stays_what_it_is() -> None:
    # replicas of other releases answer the same phone by the same version
    assert points(np.zeros((1, 20), np.float32), 4).tolist() == [16_139_074_653_288_347_995]
