"""What a test is tried with: a little in `make test`, much in `make test-long`."""

import os
from collections.abc import Iterable
from typing import Any

import pytest

_TIMES = 20 if os.environ.get("PRICERANGE_LONG_TESTS") else 1


def examples(few: int) -> int:
    """Return `few`, or twenty times as many."""
    return few * _TIMES


def few(quick: int, parameters: Iterable[Any]) -> list[Any]:
    """Leave all parameters but the first `quick` to the long run: each takes seconds, and is of one kind."""
    marked = []
    for place, one in enumerate(parameters):
        values, name = (one.values, one.id) if hasattr(one, "values") else ((one,), None)
        marks = [pytest.mark.long] if place >= quick else []
        marked.append(pytest.param(*values, id=name, marks=marks))
    return marked
