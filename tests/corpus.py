"""How many examples a property test generates: a few in `make test`, many in `make test-long`."""

import os

_TIMES = 20 if os.environ.get("PRICERANGE_LONG_TESTS") else 1


def examples(few: int) -> int:
    """Return `few`, or twenty times as many."""
    return few * _TIMES
