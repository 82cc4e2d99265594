"""Decisions: the price range whose expected cost is least, by what each mistake costs.

The most probable price range is the right one to name where all mistakes cost the same. Where to take a dear
phone for a cheap one costs more than the other way round, the decision of least expected cost is another
(Elkan, "The foundations of cost-sensitive learning", 2001).
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pricerange.errors import SettingsError
from pricerange.phone import LABELS

SETTING = "cost_matrix"
_MOST = 1e30
"""An expected cost is told as float32."""
_EXPECTED = (
    f"{len(LABELS)} rows of {len(LABELS)} numbers from 0 to {_MOST:g}, not all 0, as JSON ([[0,1,...],...]) "
    "or CSV: row i, column j is the cost of deciding for price range i where j is true"
)
_MOST_BYTES = 4_096
_MOST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions on n phones: `price_range` int64 [n], and `expected_cost` float32 [n], that of each."""

    price_range: npt.NDArray[np.int64]
    expected_cost: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CostMatrix:
    """What it costs to decide for price range i where j is true: `costs[i][j]`, numbers from 0 to 1e30."""

    costs: tuple[tuple[float, ...], ...]

    @classmethod
    def read(cls, source: str) -> "CostMatrix":
        """Read a matrix: its JSON, or else the path of a file of JSON or CSV. Raises `SettingsError`."""
        if source.lstrip().startswith("["):
            return cls._of_text(source, source[:_MOST_SHOWN])
        try:
            with Path(source).open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SettingsError(SETTING, f"a readable file ({reason})", source) from None
        if len(content) > _MOST_BYTES:
            raise SettingsError(SETTING, _EXPECTED, f"more than {_MOST_BYTES} bytes in {source}")
        return cls._of_text(content.decode("utf-8-sig", errors="replace"), source)

    @classmethod
    def _of_text(cls, text: str, source: str) -> "CostMatrix":
        try:
            rows = _json(text) if text.lstrip().startswith("[") else _csv(text)
        except (ValueError, RecursionError, csv.Error) as error:
            raise SettingsError(SETTING, _EXPECTED, f"{error} in {source}") from None
        costs = [cost for row in rows for cost in row]
        lengths = [len(row) for row in rows]
        if lengths != [len(LABELS)] * len(LABELS):
            raise SettingsError(SETTING, _EXPECTED, f"rows of {lengths} numbers in {source}")
        for cost in costs:
            # not `>`: NaN must count as wrong
            if not 0 <= cost <= _MOST:
                raise SettingsError(SETTING, _EXPECTED, f"{cost:g} in {source}")
        if not any(costs):
            raise SettingsError(SETTING, _EXPECTED, f"nothing but 0 in {source}")
        return cls(tuple(map(tuple, rows)))

    def decide(self, probabilities: npt.NDArray[np.float32]) -> Decisions:
        """Decide on n phones with the probabilities float32 [n, 4]; of equal costs the lower price range."""
        costs, given = np.array(self.costs), probabilities.astype(np.float64)
        # number by number: BLAS would give a row other bits beside other rows
        expected = given[:, :1] * costs[:, 0]
        for true in range(1, len(LABELS)):
            expected += given[:, true : true + 1] * costs[:, true]
        decided = expected.argmin(axis=1)
        return Decisions(decided.astype(np.int64), expected.min(axis=1).astype(np.float32))


def _json(text: str) -> list[list[float]]:
    """Raises `ValueError`."""
    rows = json.loads(text)
    if not all(isinstance(row, list) for row in rows):
        raise ValueError("a row that is no list")
    for row in rows:
        for cost in row:
            if isinstance(cost, bool) or not isinstance(cost, int | float):
                raise ValueError(f"{json.dumps(cost)[:_MOST_SHOWN]}")
    return [[_number(cost) for cost in row] for row in rows]


def _csv(text: str) -> list[list[float]]:
    """Raises `ValueError`."""
    return [[_number(cell) for cell in row] for row in csv.reader(text.splitlines()) if row]


def _number(value: Sequence[str] | float) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise ValueError("a number that is too large") from None
