"""The columns of answers in a table, over HTTP and in files: names, types and order."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pricerange.answer.applicability import Applicability
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Prediction

if TYPE_CHECKING:
    import pyarrow as pa

PROBABILITIES: tuple[str, ...] = tuple(f"probability_{price_range}" for price_range in range(len(LABELS)))
NAMES: tuple[str, ...] = ("price_range", "label", *PROBABILITIES)
APPLICABILITY: tuple[str, ...] = ("in_range", "outside")
PREDICTION_SET = "prediction_set"
UNKNOWN = "unknown"
ERROR = "error"
"""Name of the column that says why a row has no answer; it follows the others where there is one."""
BETWEEN = "|"
"""Between names of features, and between the price ranges of a set, as text."""

_Flags = npt.NDArray[np.bool_]
_BITS = 2 ** np.arange(len(LABELS))
SETS: tuple[tuple[int, ...], ...] = tuple(
    tuple(one for one in range(len(LABELS)) if code >> one & 1) for code in range(1 << len(LABELS))
)
"""All sets that there are, by the sum of 2 to the power of their price ranges."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Which columns tell what answers are worth: how phones lie to the training rows, and prediction sets.

    And which features were `unknown`.
    """

    applicability: bool = False
    sets: bool = False
    unknown: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in order."""
        told = (*(APPLICABILITY if self.applicability else ()), *((PREDICTION_SET,) if self.sets else ()))
        return (*told, *((UNKNOWN,) if self.unknown else ()))


NOTHING = Beside()


@dataclass(frozen=True, slots=True)
class Worth:
    """What n answers are worth, as far as it is asked for.

    `sets` bool [n, 4] are the prediction sets, `unknown` bool [n, 20] says which features were not known.
    """

    applicability: Applicability | None = None
    sets: _Flags | None = None
    unknown: _Flags | None = None


def names(beside: Beside) -> tuple[str, ...]:
    """Return the names of an answer's columns."""
    return (*NAMES, *beside.names)


def schema(beside: Beside = NOTHING, *, with_error: bool = False) -> "pa.Schema":
    """Return names and types."""
    import pyarrow as pa

    types = {
        **{"price_range": pa.int64(), "label": pa.string(), **dict.fromkeys(PROBABILITIES, pa.float32())},
        **{"in_range": pa.bool_(), "outside": pa.string(), PREDICTION_SET: pa.list_(pa.int8())},
        **{UNKNOWN: pa.string(), ERROR: pa.string()},
    }
    return pa.schema([(name, types[name]) for name in (*names(beside), *([ERROR] if with_error else []))])


def answers(
    prediction: Prediction, missing: _Flags | None = None, worth: Worth = Worth(), *, as_text: bool = False
) -> "pa.RecordBatch":
    """Return the answers to n rows as columns, null where `missing` bool [n] says that there is none.

    Sets are lists of int8, or text such as `2|3` where that is asked for.
    """
    import pyarrow as pa

    price_range = pa.array(prediction.price_range, mask=missing)
    # a column of its own memory, not every fourth number of the rows
    probabilities = np.ascontiguousarray(prediction.probabilities.T)
    columns = [
        price_range,
        pa.array(LABELS).take(price_range),
        *(pa.array(column, mask=missing) for column in probabilities),
    ]
    found, sets = worth.applicability, worth.sets

    def named(features: _Flags) -> "pa.Array":
        texts, places = _distinct(features)
        return pa.array(texts, pa.string()).take(pa.array(places, mask=missing))

    if found is not None:
        columns += [pa.array(found.in_range, mask=missing), named(found.outside)]
    if sets is not None:
        known = set_texts() if as_text else pa.array(SETS, pa.list_(pa.int8()))
        columns.append(pa.array(known).take(pa.array(sets @ _BITS, mask=missing)))
    if worth.unknown is not None:
        columns.append(named(worth.unknown))
    beside = Beside(found is not None, sets is not None, worth.unknown is not None)
    return pa.RecordBatch.from_arrays(columns, names=list(names(beside)))


def set_texts() -> list[str]:
    """Return the text of each of `SETS`."""
    return [BETWEEN.join(map(str, one)) for one in SETS]


def codes(sets: _Flags) -> list[int]:
    """Return where sets bool [n, 4] stand in `SETS`."""
    found: list[int] = (sets @ _BITS).tolist()
    return found


def feature_texts(features: _Flags) -> list[str]:
    """Return the text that names the features in each row of bool [n, 20]."""
    texts, places = _distinct(features)
    return [texts[place] for place in places.tolist()]


def _distinct(features: _Flags) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Return the texts that occur, the empty one first, and which of them each row has."""
    places = np.zeros(len(features), np.intp)
    # of many rows few have any, and to sort all would take as long as to answer them
    some = np.flatnonzero(features.any(axis=1))
    rows, found = np.unique(features[some], axis=0, return_inverse=True)
    places[some] = found.reshape(-1) + 1
    texts = [BETWEEN.join(FEATURE_NAMES[k] for k in np.flatnonzero(row)) for row in rows]
    return ["", *texts], places
