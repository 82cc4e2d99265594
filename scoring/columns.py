"""What columns a result has: those of the input, and beside them the model's answers or a row's reason."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pricerange import cells
from pricerange.phone import FEATURES, LABELS
from pricerange.predictor import Prediction

PROBABILITIES: tuple[str, ...] = tuple(f"probability_{k}" for k in range(len(LABELS)))
ANSWERS = pa.schema(
    [
        ("price_range", pa.int64()),
        ("label", pa.string()),
        *((name, pa.float32()) for name in PROBABILITIES),
    ]
)
REJECTION = pa.schema([("row", pa.int64()), ("reason", pa.string())])


def with_answers(batch: pa.RecordBatch, prediction: Prediction) -> pa.RecordBatch:
    """Append the answers to n rows; an input column of an answer's name stays as `input_<name>`."""
    labels = pa.array(LABELS).take(pa.array(prediction.price_range))
    answers = [prediction.price_range, labels, *prediction.probabilities.T]
    columns = [pa.array(answer) for answer in answers]
    return _joined(_renamed(batch.schema, ANSWERS.names), ANSWERS, [*batch.columns, *columns])


def with_reasons(batch: pa.RecordBatch, first_row: int, reasons: Mapping[int, str]) -> pa.RecordBatch:
    """Take the rows that are no phones and put their numbers and reasons before their columns.

    `reasons` are by rows, which count from 0 in the batch; `first_row` is the number of the batch's first
    row. An input column called `row` or `reason` stays as `input_row` or `input_reason`.
    """
    places = np.array([*reasons])
    rejection = [places + first_row, [*reasons.values()]]
    columns = [pa.array(values, field.type) for values, field in zip(rejection, REJECTION, strict=True)]
    return _joined(
        REJECTION, _renamed(batch.schema, REJECTION.names), [*columns, *batch.take(places).columns]
    )


def with_numbers(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Turn the features of phones, given as text, into doubles."""
    for feature in FEATURES:
        place = batch.schema.get_field_index(feature.name)
        doubles: npt.NDArray[np.float64] = cells.numbers(feature, batch.column(place))
        batch = batch.set_column(place, feature.name, pa.array(doubles))
    return batch


def _renamed(schema: pa.Schema, taken: Sequence[str]) -> pa.Schema:
    """Return the schema with other names for the columns whose names are taken."""
    known = {*taken, *schema.names}
    for place, name in enumerate(schema.names):
        if name in taken:
            free = f"input_{name}"
            while free in known:
                free = f"input_{free}"
            schema = schema.set(place, schema.field(place).with_name(free))
    return schema


def _joined(left: pa.Schema, right: pa.Schema, columns: list[pa.Array]) -> pa.RecordBatch:
    schema = pa.schema([*left, *right], left.metadata or right.metadata)
    return pa.RecordBatch.from_arrays(columns, schema=schema)
