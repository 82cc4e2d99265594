"""The label of a table to learn from: which column it is, what it may hold, and what is no truth at all."""

import difflib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pricerange.answer.columns import PROBABILITIES
from pricerange.phone import FEATURE_NAMES, LABELS, Feature, refusal
from pricerange.tables import cells
from pricerange.tables.csv.dialect import PLAIN, Dialect
from pricerange.tables.names import feature_places
from training.errors import AmbiguousLabelError, AnswersError, InvalidLabelError

LABEL = Feature("price_range", "whole number", "", 0, len(LABELS) - 1, 1, "Price range")

WANTED = (*FEATURE_NAMES, LABEL.name)
"""The columns to learn from."""
_TRUTH = f"input_{LABEL.name}"
"""What scoring calls the label of a table that it answers."""
_OF_ANSWERS = {*PROBABILITIES, _TRUTH}
"""Names that nobody but a model's answers give a column; a `label` may be anybody's."""
_CLOSE = 0.9
"""Likeness, from 0 to 1, of names that may be meant to be the same: a letter too many or too few, a blank for
an underscore, a `.1` at the end; `input_price_range` and `price_range_eur` are below it."""


def places(file: str, names: Sequence[str]) -> list[int]:
    """Return where the 20 features and then the label stand among a table's columns.

    Raises `MissingColumnError`, `DuplicateColumnError`, `AmbiguousLabelError`, or `AnswersError` for a table
    that a model wrote: what it calls the price range is its answer.
    """
    found = feature_places(names, WANTED)
    others = [name for place, name in enumerate(names) if place not in found]
    answered = [name for name in others if _plain(name) in _OF_ANSWERS]
    if answered:
        raise AnswersError(file, answered, _TRUTH in map(_plain, answered))
    close = [name for name in others if _is_close(name)]
    if close:
        raise AmbiguousLabelError(file, LABEL.name, close)
    return found


def price_ranges(file: str, row: int, column: pa.Array, dialect: Dialect = PLAIN) -> npt.NDArray[np.int64]:
    """Return n labels as int64 [n], of which the first is that of `row`. Raises `InvalidLabelError`."""
    numbers = cells.numbers(LABEL, column, dialect)
    wrong = ~np.isin(numbers, np.arange(len(LABELS)))
    if wrong.any():
        first = int(wrong.argmax())
        raise InvalidLabelError(file, row + first, refusal(LABEL, cells.content(LABEL, column, first)))
    return numbers.astype(np.int64)


def _is_close(name: str) -> bool:
    plain = _plain(name)
    # to compare a name that is much longer takes time
    return len(plain) < 2 * len(LABEL.name) and bool(
        difflib.get_close_matches(plain, [LABEL.name], cutoff=_CLOSE)
    )


def _plain(name: str) -> str:
    return name.strip().lower()
