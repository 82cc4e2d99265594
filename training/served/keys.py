"""What a prediction and its label have in common: the id of a request, and the row where it had several."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pricerange.prediction_log.columns import ROW
from pricerange.prediction_log.pseudonyms import Pseudonyms
from training.served.columns import Columns

_BETWEEN = "\n"
"""Between an id and a row: no id of a request has it."""


def keys_of(block: Columns, id_column: str, pseudonyms: Pseudonyms | None = None) -> pa.Array:
    """Return the key of each row as text, null where it has no id; ids are hashed where that is wanted.

    Raises `UnreadableTableError`.
    """
    ids = block.as_text(id_column)
    if pseudonyms is not None:
        ids = pseudonyms.of(id_column, ids)
    if ROW not in block.columns:
        return ids
    rows = block.as_type(ROW, pa.int64()).cast(pa.string())
    return pc.coalesce(pc.binary_join_element_wise(ids, rows, _BETWEEN), ids)


def joined(keys: Sequence[pa.Array]) -> pa.Array:
    """Put keys behind each other."""
    return pa.concat_arrays([pa.array([], pa.string()), *keys])
