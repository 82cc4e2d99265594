"""Labels that came later, by the request that they are about."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pricerange.prediction_log.columns import ROW
from pricerange.prediction_log.pseudonyms import Pseudonyms
from pricerange.tables.source.files import InputFile
from training import label
from training.served.columns import Columns, read
from training.served.keys import joined, keys_of

CONTRADICTED = -1


@dataclass(frozen=True, slots=True)
class Labels:
    """The true price ranges int64 [n] of n keys, `CONTRADICTED` where labels say different ones.

    `hashed` are the same keys as the prediction log has them under a key, if one is given. `rows` labels
    were read: `repeated` say what an earlier one says, `contradicted` what another one denies, `without_id`
    are about nothing, and the others are one a key.
    """

    keys: pa.Array
    hashed: pa.Array | None
    price_range: npt.NDArray[np.int64]
    rows: int
    repeated: int
    contradicted: int
    without_id: int


def load(files: Sequence[InputFile], id_column: str, pseudonyms: Pseudonyms | None = None) -> Labels:
    """Read the id, perhaps `row`, and `price_range` of each label.

    Raises what `columns.read` raises, and `InvalidLabelError`.
    """
    keys, hashed, found = list[pa.Array](), list[pa.Array](), list[npt.NDArray[np.int64]]()
    for file in files:
        for block in read(file, (id_column, label.LABEL.name), (ROW,)):
            keys.append(keys_of(block, id_column))
            if pseudonyms:
                hashed.append(keys_of(block, id_column, pseudonyms))
            found.append(_price_ranges(block))
    rows = joined(keys)
    first, of_row = _first(rows)
    price_range = np.concatenate([np.empty(0, np.int64), *found])
    own, said, truth = of_row[of_row >= 0], price_range[of_row >= 0], price_range[first]
    truth[np.unique(own[said != truth[own]])] = CONTRADICTED
    denied = int(np.count_nonzero(truth[own] == CONTRADICTED))
    agreed = int(np.count_nonzero(truth != CONTRADICTED))
    return Labels(
        rows.take(pa.array(first)),
        joined(hashed).take(pa.array(first)) if pseudonyms else None,
        truth,
        len(rows),
        len(own) - denied - agreed,
        denied,
        len(rows) - len(own),
    )


def _price_ranges(block: Columns) -> npt.NDArray[np.int64]:
    return label.price_ranges(block.file.name, block.row, block.columns[label.LABEL.name], block.dialect)


def _first(keys: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where each key stands first, and for each row which of these it has, -1 where it has none."""
    coded = keys.dictionary_encode()
    of_row = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
    known = np.flatnonzero(of_row >= 0)
    _, first = np.unique(of_row[known], return_index=True)
    return known[first], of_row


def of_rows(values: pa.Array, keys: pa.Array) -> npt.NDArray[np.int64]:
    """Return which of some values each key is, -1 where it is none of them."""
    found: npt.NDArray[np.int64] = pc.index_in(keys, values).fill_null(-1).to_numpy().astype(np.int64)
    return found
