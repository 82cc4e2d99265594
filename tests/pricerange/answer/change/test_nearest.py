"""A scan looks at every value where those are few, and at near ones side by side."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pricerange.answer.change.nearest import scanned


@given(count=st.integers(1, 200_000), points=st.integers(2, 80))
def test_a_scan_goes_from_the_nearest_value_to_the_farthest(count: int, points: int) -> None:
    (offsets,) = scanned(np.array([count]), points)
    steps = np.diff(offsets)
    assert (offsets[0], offsets[-1]) == (0, count - 1)
    assert (steps >= 0).all()
    if count <= points:
        assert set(offsets.tolist()) == set(range(count))
    else:
        assert steps[0] == steps.min()
