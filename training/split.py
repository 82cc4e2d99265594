"""Which rows are learned from, which stop the training, which judge it."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from pricerange.phone import LABELS
from training.errors import OneSidedSplitError, TooFewRowsError
from training.recipe import sections

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SplitRows:
    """Row numbers of the three parts: together all rows, each in one part."""

    training: Indices
    validation: Indices
    test: Indices


def three_ways(price_range: npt.NDArray[np.int64], shares: sections.Split, seed: int) -> SplitRows:
    """Split n rows, by chance, so that every part has the price ranges in the same proportion.

    Where the recipe does not shuffle, in their order: the training part comes first, the test part last.
    Raises `TooFewRowsError` where a price range has too few rows to be in every part, `OneSidedSplitError`
    where it is not in every part.
    """
    rows: Indices = np.arange(len(price_range))
    rest, test = two_ways(rows, price_range, shares.test, seed, shuffle=shares.shuffle)
    share = shares.validation / (1 - shares.test)
    training, validation = two_ways(rest, price_range, share, seed, shuffle=shares.shuffle)
    return SplitRows(training, validation, test)


def two_ways(
    rows: Indices, price_range: npt.NDArray[np.int64], share: float, seed: int, *, shuffle: bool = True
) -> tuple[Indices, Indices]:
    """Split `rows` into those that stay and a stratified share of them; `price_range` is of all n rows.

    Without `shuffle` the share is that of the last rows. Raises `TooFewRowsError` or `OneSidedSplitError`.
    """
    counts = np.bincount(price_range[rows], minlength=len(LABELS))
    needed = math.ceil(1 / min(share, 1 - share))
    if counts.min() < needed:
        raise TooFewRowsError(int(counts.argmin()), needed, int(counts.min()))
    if not shuffle:
        return _in_order(rows, price_range, share)
    stay, taken = train_test_split(rows, test_size=share, stratify=price_range[rows], random_state=seed)
    return np.sort(stay), np.sort(taken)


def _in_order(rows: Indices, price_range: npt.NDArray[np.int64], share: float) -> tuple[Indices, Indices]:
    stay, taken = np.split(rows, [len(rows) - round(len(rows) * share)])
    for part in (stay, taken):
        counts = np.bincount(price_range[part], minlength=len(LABELS))
        if not counts.min():
            raise OneSidedSplitError(int(counts.argmin()), int(part[0]) + 1, int(part[-1]) + 1)
    return stay, taken
