"""The columns of answers in a table, over HTTP and in files: names, types and order."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pricerange.answer.applicability import Applicability
from pricerange.answer.decisions import Decisions
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Prediction

if TYPE_CHECKING:
    import pyarrow as pa

PROBABILITIES: tuple[str, ...] = tuple(f"probability_{price_range}" for price_range in range(len(LABELS)))
NAMES: tuple[str, ...] = ("price_range", "label", *PROBABILITIES)
APPLICABILITY: tuple[str, ...] = ("in_range", "outside")
PREDICTION_SET = "prediction_set"
ABSTAIN = "abstain"
DECISION: tuple[str, ...] = ("decision", "expected_cost")
ERROR = "error"
"""Name of the column that says why a row has no answer; it follows the others where there is one."""
BETWEEN = "|"
"""Between the features that are outside, and between the price ranges of a set, as text."""

_Flags = npt.NDArray[np.bool_]
_BITS = 2 ** np.arange(len(LABELS))
SETS: tuple[tuple[int, ...], ...] = tuple(
    tuple(one for one in range(len(LABELS)) if code >> one & 1) for code in range(1 << len(LABELS))
)
"""All sets that there are, by the sum of 2 to the power of their price ranges."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Which columns tell what answers are worth: how phones lie to the training rows, and prediction sets.

    With the sets goes whether to abstain; and a decision may be beside them.
    """

    applicability: bool = False
    sets: bool = False
    abstain: bool = False
    decision: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in order."""
        return (
            *(APPLICABILITY if self.applicability else ()),
            *((PREDICTION_SET,) if self.sets else ()),
            *((ABSTAIN,) if self.abstain else ()),
            *(DECISION if self.decision else ()),
        )


NOTHING = Beside()


@dataclass(frozen=True, slots=True)
class Worth:
    """What n answers are worth, as far as it is asked for; `sets` bool [n, 4] are the prediction sets.

    `abstain` bool [n] says whether those leave open which price range it is.
    """

    applicability: Applicability | None = None
    sets: _Flags | None = None
    abstain: _Flags | None = None
    decisions: Decisions | None = None


def names(beside: Beside) -> tuple[str, ...]:
    """Return the names of an answer's columns."""
    return (*NAMES, *beside.names)


def schema(beside: Beside = NOTHING, *, with_error: bool = False) -> "pa.Schema":
    """Return names and types."""
    import pyarrow as pa

    types = {
        **{"price_range": pa.int64(), "label": pa.string(), **dict.fromkeys(PROBABILITIES, pa.float32())},
        **{"in_range": pa.bool_(), "outside": pa.string(), PREDICTION_SET: pa.list_(pa.int8())},
        **{ABSTAIN: pa.bool_(), "decision": pa.int64(), "expected_cost": pa.float32()},
        ERROR: pa.string(),
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
    if found is not None:
        texts, places = _distinct(found.outside)
        columns.append(pa.array(found.in_range, mask=missing))
        columns.append(pa.array(texts, pa.string()).take(pa.array(places, mask=missing)))
    if sets is not None:
        known = set_texts() if as_text else pa.array(SETS, pa.list_(pa.int8()))
        columns.append(pa.array(known).take(pa.array(sets @ _BITS, mask=missing)))
    if worth.abstain is not None:
        columns.append(pa.array(worth.abstain, mask=missing))
    if worth.decisions is not None:
        columns.append(pa.array(worth.decisions.price_range, mask=missing))
        columns.append(pa.array(worth.decisions.expected_cost, mask=missing))
    beside = Beside(
        found is not None, sets is not None, worth.abstain is not None, worth.decisions is not None
    )
    return pa.RecordBatch.from_arrays(columns, names=list(names(beside)))


def set_texts() -> list[str]:
    """Return the text of each of `SETS`."""
    return [BETWEEN.join(map(str, one)) for one in SETS]


def codes(sets: _Flags) -> list[int]:
    """Return where sets bool [n, 4] stand in `SETS`."""
    found: list[int] = (sets @ _BITS).tolist()
    return found


def outside_texts(outside: _Flags) -> list[str]:
    """Return the text that names the features in each row of bool [n, 20]."""
    texts, places = _distinct(outside)
    return [texts[place] for place in places.tolist()]


def _distinct(outside: _Flags) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Return the texts that occur, the empty one first, and which of them each row has."""
    places = np.zeros(len(outside), np.intp)
    # of many rows few have any, and to sort all would take as long as to answer them
    some = np.flatnonzero(outside.any(axis=1))
    rows, found = np.unique(outside[some], axis=0, return_inverse=True)
    places[some] = found.reshape(-1) + 1
    texts = [BETWEEN.join(FEATURE_NAMES[k] for k in np.flatnonzero(row)) for row in rows]
    return ["", *texts], places
