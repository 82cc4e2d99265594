"""The columns of answers in a table, over HTTP and in files: names, types and order."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pricerange.phone import LABELS
from pricerange.predictor import Prediction

if TYPE_CHECKING:
    import pyarrow as pa

PROBABILITIES: tuple[str, ...] = tuple(f"probability_{price_range}" for price_range in range(len(LABELS)))
NAMES: tuple[str, ...] = ("price_range", "label", *PROBABILITIES)
ERROR = "error"
"""Name of the column that says why a row has no answer; it follows the others where there is one."""


def schema(*, with_error: bool = False) -> "pa.Schema":
    """Return names and types."""
    import pyarrow as pa

    types = [pa.int64(), pa.string(), *(pa.float32() for _ in PROBABILITIES)]
    fields = list(zip(NAMES, types, strict=True))
    return pa.schema([*fields, (ERROR, pa.string())] if with_error else fields)


def answers(prediction: Prediction, missing: npt.NDArray[np.bool_] | None = None) -> "pa.RecordBatch":
    """Return the answers to n rows as columns, null where `missing` bool [n] says that there is none."""
    import pyarrow as pa

    price_range = pa.array(prediction.price_range, mask=missing)
    # a column of its own memory, not every fourth number of the rows
    probabilities = np.ascontiguousarray(prediction.probabilities.T)
    columns = [
        price_range,
        pa.array(LABELS).take(price_range),
        *(pa.array(column, mask=missing) for column in probabilities),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema())
