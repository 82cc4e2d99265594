"""What had to be guessed to read a table, in words."""

from collections.abc import Sequence

from pricerange.phone import FEATURE_NAMES
from pricerange.tables.csv.dialect import PLAIN, Dialect
from pricerange.tables.names import read_as

EMPTY_END = "empty lines at the end are skipped"


def guessed(
    names: Sequence[str],
    dialect: Dialect = PLAIN,
    asked: Dialect = PLAIN,
    wanted: Sequence[str] = FEATURE_NAMES,
) -> str:
    """Say in one line, in ASCII, how a table with these columns is read; empty where nothing was guessed.

    `dialect` is that of its text, `asked` what of it was known before, `wanted` the columns that are read.
    """
    found = list(read_as(names, wanted))
    if not asked.delimiter and dialect.delimiter != PLAIN.delimiter:
        found.insert(0, f"columns are separated by {dialect.separated_by}")
    return "; ".join(found)
