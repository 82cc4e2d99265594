"""Which rows are learned from, which stop the training, which judge it."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from pricerange.phone import LABELS
from training.errors import TooFewRowsError
from training.recipe import sections

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SplitRows:
    """Row numbers of the three parts: together all rows, each in one part."""

    training: Indices
    validation: Indices
    test: Indices


def three_ways(price_range: npt.NDArray[np.int64], shares: sections.Split, seed: int) -> SplitRows:
    """Split n rows so that every part has the price ranges in the same proportion.

    Raises `TooFewRowsError` where a price range has too few rows to be in every part.
    """
    rows: Indices = np.arange(len(price_range))
    rest, test = two_ways(rows, price_range, shares.test, seed)
    training, validation = two_ways(rest, price_range, shares.validation / (1 - shares.test), seed)
    return SplitRows(training, validation, test)


def two_ways(
    rows: Indices, price_range: npt.NDArray[np.int64], share: float, seed: int
) -> tuple[Indices, Indices]:
    """Split `rows` into those that stay and a stratified share of them; `price_range` is of all n rows.

    Raises `TooFewRowsError`.
    """
    counts = np.bincount(price_range[rows], minlength=len(LABELS))
    needed = math.ceil(1 / min(share, 1 - share))
    if counts.min() < needed:
        raise TooFewRowsError(int(counts.argmin()), needed, int(counts.min()))
    stay, taken = train_test_split(rows, test_size=share, stratify=price_range[rows], random_state=seed)
    return np.sort(stay), np.sort(taken)
