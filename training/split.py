"""Which rows are learned from, which stop the training, which judge it."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from pricerange.phone import LABELS
from training.errors import OneSidedSplitError, TooFewRowsError
from training.recipe import sections
from training.recipe.recipe import Recipe

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


@dataclass(frozen=True, slots=True)
class Folds:
    """n rows by their numbers, and how often they are parted so that each is held out once.

    Of each part, the row numbers that are learned from, those that stop and calibrate, and the places among
    the n of those that are held out.
    """

    rows: Indices
    parts: list[tuple[Indices, Indices, Indices]]

    @classmethod
    def of(cls, rows: Indices, price_range: npt.NDArray[np.int64], choices: Recipe) -> Self:
        """Part rows as the recipe says: runs of rows that follow one another where it does not shuffle.

        Raises `TooFewRowsError` or `OneSidedSplitError`.
        """
        number, shares = choices.sets.folds, choices.split
        counts = np.bincount(price_range[rows], minlength=len(LABELS))
        if counts.min() < number:
            among = f"besides the test part, which is parted into {number} folds by sets.folds"
            raise TooFewRowsError(int(counts.argmin()), number, int(counts.min()), among)
        by_chance = StratifiedKFold(number, shuffle=True, random_state=choices.seed)
        among = f"outside of one of the {number} folds that calibrate prediction sets"
        share = shares.validation / (1 - shares.test)
        parts = [
            (
                *two_ways(rows[kept], price_range, share, choices.seed, shuffle=shares.shuffle, among=among),
                held_out,
            )
            for kept, held_out in (by_chance if shares.shuffle else KFold(number)).split(
                rows, price_range[rows]
            )
        ]
        return cls(rows, parts)


def two_ways(  # noqa: PLR0913
    rows: Indices,
    price_range: npt.NDArray[np.int64],
    share: float,
    seed: int,
    *,
    shuffle: bool = True,
    among: str = "",
) -> tuple[Indices, Indices]:
    """Split `rows` into those that stay and a stratified share of them; `price_range` is of all n rows.

    Without `shuffle` the share is that of the last rows. Raises `TooFewRowsError`, which says `among` which
    phones it counts, or `OneSidedSplitError`.
    """
    counts = np.bincount(price_range[rows], minlength=len(LABELS))
    needed = math.ceil(1 / min(share, 1 - share))
    if counts.min() < needed:
        raise TooFewRowsError(int(counts.argmin()), needed, int(counts.min()), among)
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
