"""Write generated phones, for tests, benches and trials."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.console import Console

from pricerange import synthetic
from pricerange.in_order import in_order
from pricerange.machine.cores import usable_cores
from pricerange.phone import FEATURE_NAMES
from pricerange.signals import ended_by_signals
from pricerange.tables.errors import TableFormatError
from pricerange.tables.source import uri
from scoring.progress import of_rows
from scoring.target.out import place_of
from scoring.target.sink import FILES, Encoded, Form, encoded, file_form, sink

_BLOCK_ROWS = 1 << 16
_DECIMAL = {"clock_speed", "m_dep"}
"""Features that the public data gives with a decimal; the others are whole there."""


def synth(rows: int, target: str | Path) -> int:
    """Write phones by the rule of `pricerange.synthetic` with their `price_range`; return the bytes written.

    The same number of rows gives the same bytes. Target is a path or a URI, whose end tells the form, as for
    `pricerange score`.

    Raises `TableFormatError` or `TargetError`.
    """
    place = place_of(target, uri.SECONDS)
    named = file_form(place.name)
    if named is None:
        raise TableFormatError(str(place), tuple(FILES))
    place.require_parent()
    form, compression = named
    cores = usable_cores()
    with (
        ended_by_signals(),
        place.locked() as held,
        of_rows(rows, Console(stderr=True)) as advance,
        ThreadPoolExecutor(cores) as threads,
        place.staged() as (draft,),
    ):
        with sink(draft.open, form, compression) as file:
            made = in_order(threads, lambda block: _made(*block, form), _blocks(rows), 2 * cores)
            for written, count in made:
                file.write(written)
                advance(count)
                held()
        return draft.size


def _blocks(rows: int) -> Iterator[tuple[int, int]]:
    """Yield the number and the rows of each block; one without rows for a table that has none."""
    for number, start in enumerate(range(0, max(rows, 1), _BLOCK_ROWS)):
        yield number, min(rows - start, _BLOCK_ROWS)


def _made(number: int, rows: int, form: Form) -> tuple[Encoded, int]:
    features, price_range = synthetic.phones(rows, number)
    columns = {
        name: values if name in _DECIMAL else values.astype(np.int64)
        for name, values in zip(FEATURE_NAMES, features.T, strict=True)
    }
    arrays = {name: pa.array(np.ascontiguousarray(values)) for name, values in columns.items()}
    batch = pa.RecordBatch.from_pydict({**arrays, "price_range": pa.array(price_range)})
    return encoded(batch, form), rows
