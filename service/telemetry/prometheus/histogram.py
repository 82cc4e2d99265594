"""Histograms of what all workers have counted, and the bounds that seconds are counted by."""

from collections.abc import Sequence
from itertools import accumulate, zip_longest

import numpy as np
import numpy.typing as npt
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

SECONDS = (
    *(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Upper bounds, in seconds, from a quarter of a millisecond to beyond the deadline that is set by default."""


def histogram(counts: npt.NDArray[np.float64], bounds: Sequence[float]) -> list[tuple[str, float]]:
    """Return buckets as Prometheus has them: the count of what is at most a bound, by bound."""
    return list(zip([*map(floatToGoString, bounds), "+Inf"], accumulate(counts.tolist()), strict=True))


def with_exemplars(
    buckets: Sequence[tuple[str, float]], exemplars: Sequence[Exemplar | None]
) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
    """Return buckets, with the exemplar of each that has one."""
    return [
        bucket if exemplar is None else (*bucket, exemplar)
        for bucket, exemplar in zip_longest(buckets, exemplars)
    ]
