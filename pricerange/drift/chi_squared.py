"""The chi-squared distribution with whole degrees of freedom, without SciPy, which serving does not need."""

import math
from functools import lru_cache


def survival(value: float, freedom: int) -> float:
    """Return the probability of more than `value` with so many degrees of freedom, of which there are some.

    By the recurrence of the incomplete gamma function in steps of two degrees of freedom (Abramowitz and
    Stegun, "Handbook of Mathematical Functions", 26.4.4 and 26.4.5).
    """
    half = max(value, 0.0) / 2
    if freedom % 2:
        tail, term = math.erfc(math.sqrt(half)), math.exp(-half) * math.sqrt(half) / math.gamma(1.5)
    else:
        tail, term = math.exp(-half), math.exp(-half) * half
    for degrees in range(freedom % 2 or 2, freedom, 2):
        tail += term
        term *= half / (degrees / 2 + 1)
    return tail


@lru_cache
def upper_quantile(probability: float, freedom: int) -> float:
    """Return what is exceeded with a probability between 0 and 1, to the last digits of a double."""
    low, high = 0.0, 1.0
    while survival(high, freedom) > probability:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if survival(middle, freedom) > probability else (low, middle)
    return high
