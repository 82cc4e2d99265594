"""The columns of answers in a table, over HTTP and in files: names, types and order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pricerange.answer.applicability import Applicability
from pricerange.answer.coalitions import MOST_EXACT
from pricerange.answer.decisions import Decisions
from pricerange.answer.reasons import Explanations
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
SCORES: tuple[str, ...] = ("score", "score_base")
"""The expected price range, and that of phones in general."""
REASON_ERROR = "reason_error"
UNKNOWN = "unknown"
ERROR = "error"
"""Name of the column that says why a row has no answer; it follows the others where there is one."""
BETWEEN = "|"
"""Between names of features, and between the price ranges of a set, as text."""

_Flags = npt.NDArray[np.bool_]
_Scores = npt.NDArray[np.float32]
SETS: tuple[tuple[int, ...], ...] = tuple(
    tuple(one for one in range(len(LABELS)) if code >> one & 1) for code in range(1 << len(LABELS))
)
"""All sets that there are, by the sum of 2 to the power of their price ranges."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Which columns tell what answers are worth: how phones lie to the training rows, and prediction sets.

    With the sets goes whether to abstain; a decision may be beside them. `explained` are the features of
    which is told what they add to the score, none where that is not told; and some may have been `unknown`.
    """

    applicability: bool = False
    sets: bool = False
    abstain: bool = False
    decision: bool = False
    explained: tuple[str, ...] = ()
    unknown: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in order."""
        return (
            *(APPLICABILITY if self.applicability else ()),
            *((PREDICTION_SET,) if self.sets else ()),
            *((ABSTAIN,) if self.abstain else ()),
            *(DECISION if self.decision else ()),
            *(reason_names(self.explained) if self.explained else ()),
            *((UNKNOWN,) if self.unknown else ()),
        )


NOTHING = Beside()


@dataclass(frozen=True, slots=True)
class Worth:
    """What n answers are worth, as far as it is asked for; `sets` bool [n, 4] are the prediction sets.

    `abstain` bool [n] says whether those leave open which price range it is, and `unknown` bool [n, 20] which
    features were not known.
    """

    applicability: Applicability | None = None
    sets: _Flags | None = None
    abstain: _Flags | None = None
    decisions: Decisions | None = None
    explanations: Explanations | None = None
    unknown: _Flags | None = None

    @property
    def beside(self) -> Beside:
        """The columns that tell it."""
        return Beside(
            self.applicability is not None,
            self.sets is not None,
            self.abstain is not None,
            self.decisions is not None,
            self.explanations.features if self.explanations else (),
            self.unknown is not None,
        )


def reason_names(features: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that explain the score: what it is, its base, what each of the features adds.

    Where there are too many features to ask for all coalitions, the largest standard error follows.
    """
    error = (REASON_ERROR,) if len(features) > MOST_EXACT else ()
    return (*SCORES, *(f"reason_{name}" for name in features), *error)


def reason_values(found: Explanations) -> list[_Scores]:
    """Return the values of those columns for n phones, each float32 [n]."""
    whole = [found.value[:, 0], found.base[:, 0]]
    each = found.contributions[:, :, 0].T
    error = [found.errors[:, :, 0].max(axis=1)] if len(found.features) > MOST_EXACT else []
    return [np.ascontiguousarray(column) for column in (*whole, *each, *error)]


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
        **dict.fromkeys(reason_names(beside.explained), pa.float32()),
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
        columns.append(pa.array(known).take(pa.array(_codes(sets), mask=missing)))
    if worth.abstain is not None:
        columns.append(pa.array(worth.abstain, mask=missing))
    if worth.decisions is not None:
        columns.append(pa.array(worth.decisions.price_range, mask=missing))
        columns.append(pa.array(worth.decisions.expected_cost, mask=missing))
    if worth.explanations is not None:
        columns += [pa.array(column, mask=missing) for column in reason_values(worth.explanations)]
    if worth.unknown is not None:
        columns.append(named(worth.unknown))
    return pa.RecordBatch.from_arrays(columns, names=list(names(worth.beside)))


def set_texts() -> list[str]:
    """Return the text of each of `SETS`."""
    return [BETWEEN.join(map(str, one)) for one in SETS]


def codes(sets: _Flags) -> list[int]:
    """Return where sets bool [n, 4] stand in `SETS`."""
    found: list[int] = _codes(sets).tolist()
    return found


def _codes(sets: _Flags) -> npt.NDArray[np.uint8]:
    return np.packbits(sets, axis=1, bitorder="little")[:, 0]


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
