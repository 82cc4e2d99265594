"""Rows of which those that are unlike the training rows are taken for bad ones."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pricerange.answer.applicability import TrainingRegion
from pricerange.tables.table import Reason, sentence


class Judged(Protocol):
    """Which rows are phones, and why the others are none; `pricerange.tables.table.Verdict` is one."""

    @property
    def rows(self) -> npt.NDArray[np.float32]:
        """All rows, float32 [n, 20], 0 throughout where one is no phone."""

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Which of them are phones."""

    def explained(self, rows: Sequence[int]) -> Iterable[Reason]:
        """Yield why each of some rows is none."""


class WithinRange:
    """Judged rows, of which those that are not in range are no valid phones either."""

    def __init__(self, judged: Judged, region: TrainingRegion) -> None:
        self._judged = judged
        self._region = region
        self._found = region.of(judged.rows)
        self.rows = judged.rows
        self.valid: npt.NDArray[np.bool_] = judged.valid & self._found.in_range

    def explained(self, rows: Sequence[int]) -> Iterator[Reason]:
        """Yield why each of some rows is none."""
        others = iter(self._judged.explained([row for row in rows if not self._judged.valid[row]]))
        for row in rows:
            yield self._refused(row) if self._judged.valid[row] else next(others)

    def _refused(self, row: int) -> Reason:
        problems = [problem.detail for problem in self._region.problems(self._found, row, self.rows[row])]
        return Reason(sentence(problems, len(problems)), self._region.cause(self._found, row))
