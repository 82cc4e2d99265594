"""How many phones of a body may be answered by averages: each costs as much as a hundred others."""

import numpy as np
import numpy.typing as npt

from pricerange.answer.unknown import Averages
from pricerange.tables.errors import BrokenBlockError

FREE_PHONES = 1_000
BYTES_A_PHONE = 8
"""Bytes of the body, beyond the free phones, that must have come for each: a line of empty cells has 20, but
columns of nulls, and what compresses to nothing, hold any number of phones."""


class AveragedPhones:
    """Counts them, block by block."""

    def __init__(self, averages: Averages | None) -> None:
        """Count those that these average, none where they are None."""
        self._averages = averages
        self._count = 0

    def count(self, rows: npt.NDArray[np.float32], received: int) -> None:
        """Bound them by the bytes of the body that have come. Raises `BrokenBlockError`."""
        if self._averages is None:
            return
        self._count += int(np.count_nonzero(self._averages.averaged(rows)))
        most = FREE_PHONES + received // BYTES_A_PHONE
        if self._count > most:
            raise BrokenBlockError(
                None,
                f"the first {received} bytes of the body hold {self._count} phones of which features are "
                f"unknown, at most {most} may: send them less compressed, or in several requests",
            )
