"""What every form of a batch is read into: blocks of rows, each checked when it is its turn."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from pricerange.phone import Problem
from service.batch.kept import Cells

OnBadRow = Literal["fail", "null"]

MOST_COLUMNS = 1_000
"""Columns of a table, the 20 features among them."""


class CheckedRows(Protocol):
    """The n rows of a block after the check; `pricerange.tables.table.Verdict` is one.

    `rows` float32 [n, 20], 0 throughout where a row is not a valid phone; `valid` bool [n].
    """

    @property
    def rows(self) -> npt.NDArray[np.float32]:
        """All rows, also those that are not valid phones."""

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Which of them are phones."""

    def problems(self, row: int) -> Iterator[Problem]:
        """Yield what is wrong with a row, value by value; the pointers begin at the row."""

    def detail(self, row: int) -> str:
        """Say what is wrong with a row in one sentence."""


def of_row(row: int, problems: Iterable[Problem], place: str = "") -> list[Problem]:
    """Return problems of a row, which counts from 0, as those of the list of rows at `place` in the body."""
    return [
        Problem(f"row {row + 1}: {problem.detail}", f"{place}/{row}{problem.pointer}") for problem in problems
    ]


class Block(NamedTuple):
    """The n rows of a block, and their cells in the columns that are kept, if any."""

    checked: CheckedRows
    cells: Cells | None = None


BlockWork = Callable[[], Block]
"""Reads and checks one block."""
