"""Many phones from JSON, checked as one array: what `Phone` does one by one, a few times as fast."""

import struct
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from pricerange.phone import FEATURE_NAMES, FEATURES, admissible

_values_of = itemgetter(*FEATURE_NAMES)
_NUMBERS = [k for k, feature in enumerate(FEATURES) if feature.kind != "yes/no"]


def rows(phones: Sequence[Any], truth_values: bool) -> npt.NDArray[np.float64] | None:
    """Return the values of n phones, float64 [n, 20] in the table's order, if `Phone` would take them all.

    `truth_values` tells whether there is a true or false among them. None says that one at least is no phone;
    which and why, `Phone` knows.
    """
    try:
        if not {len(FEATURES)}.issuperset(map(len, phones)):
            return None
        values = list(chain.from_iterable(map(_values_of, phones)))
        # takes numbers and truth values, no text and no null; faster than an array or numpy
        doubles = struct.Struct(f"{len(values)}d").pack(*values)
    except (TypeError, KeyError, OverflowError, struct.error):
        return None
    if truth_values and any(bool in map(type, values[k :: len(FEATURES)]) for k in _NUMBERS):
        return None
    table = np.frombuffer(doubles, np.float64).reshape(-1, len(FEATURES))
    return table if admissible(table).all() else None
