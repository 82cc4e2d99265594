"""What columns a result has: those of the input, and beside them the model's answers or a row's reason."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pricerange.answer.columns import ERROR
from pricerange.phone import FEATURES
from pricerange.tables import cells
from pricerange.tables.csv.dialect import PLAIN, Dialect
from pricerange.tables.names import by_place
from pricerange.tables.renamed import renamed

REJECTION = pa.schema([("file", pa.string()), ("row", pa.int64()), ("reason", pa.string())])


def with_errors(
    answered: pa.RecordBatch, valid: npt.NDArray[np.bool_], reasons: Sequence[str]
) -> pa.RecordBatch:
    """Spread the answers to the `valid` of n rows among all: nulls for invalid rows, and the reason."""
    places = [pa.array(np.cumsum(side) - 1, mask=~side) for side in (valid, ~valid)]
    errors = pa.array(reasons, pa.string()).take(places[1])
    return answered.take(places[0]).append_column(ERROR, errors)


def beside(batch: pa.RecordBatch, answered: pa.RecordBatch) -> pa.RecordBatch:
    """Append the answers to n rows; an input column of an answer's name stays as `input_<name>`."""
    schema = _renamed(batch.schema, answered.schema.names)
    return _joined(schema, answered.schema, [*batch.columns, *answered.columns])


def names_beside(names: Sequence[str], answered: pa.RecordBatch) -> list[str]:
    """Return the columns' names that `beside` gives, of a table with columns called `names`."""
    schema = pa.schema([pa.field(name, pa.string()) for name in names])
    return [*_renamed(schema, answered.schema.names).names, *answered.schema.names]


def with_reasons(
    batch: pa.RecordBatch, file: str, rows: Sequence[int], reasons: Sequence[str]
) -> pa.RecordBatch:
    """Put `reasons_of` n rejected rows before their columns.

    An input column called `file`, `row` or `reason` stays as `input_<name>`.
    """
    said = reasons_of(file, rows, reasons)
    return _joined(REJECTION, _renamed(batch.schema, REJECTION.names), [*said.columns, *batch.columns])


def reasons_of(file: str, rows: Sequence[int], reasons: Sequence[str]) -> pa.RecordBatch:
    """Return the columns that say of n rejected rows their file, their numbers in it, from 1, and why."""
    values = [[file] * len(rows), rows, reasons]
    columns = [pa.array(column, field.type) for column, field in zip(values, REJECTION, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=REJECTION)


def with_numbers(batch: pa.RecordBatch, dialect: Dialect = PLAIN) -> pa.RecordBatch:
    """Turn the features, given as text, into doubles; null where a cell is not a number."""
    features = {feature.name: feature for feature in FEATURES}
    names = batch.schema.names
    for place, name in by_place(names).items():
        doubles: npt.NDArray[np.float64] = cells.numbers(features[name], batch.column(place), dialect)
        batch = batch.set_column(place, names[place], pa.array(doubles, from_pandas=True))
    return batch


def with_whole_numbers(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Turn doubles of features that are whole numbers into such, where all of a column are."""
    kinds = {feature.name: feature.kind for feature in FEATURES}
    names = batch.schema.names
    for place, name in by_place(names).items():
        if kinds[name] != "number":
            with suppress(pa.ArrowInvalid):
                batch = batch.set_column(place, names[place], batch.column(place).cast(pa.int64()))
    return batch


def _renamed(schema: pa.Schema, taken: Sequence[str]) -> pa.Schema:
    """Return the schema with other names for the columns whose names are taken."""
    names = renamed(schema.names, taken)
    fields = [field.with_name(name) for field, name in zip(schema, names, strict=True)]
    return pa.schema(fields, schema.metadata)


def _joined(left: pa.Schema, right: pa.Schema, columns: list[pa.Array]) -> pa.RecordBatch:
    schema = pa.schema([*left, *right], left.metadata or right.metadata)
    return pa.RecordBatch.from_arrays(columns, schema=schema)
