"""Tables of pandas, polars and Arrow as bodies of requests, and answers as tables of the same kind.

They travel as Arrow streams, which are smallest and soonest read; of pandas as CSV where pyarrow is missing.
"""

import io
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pricerange_client.phone import FEATURE_NAMES

ARROW, CSV = "application/vnd.apache.arrow.stream", "text/csv"
_FLOAT32 = ("probability_", "score", "reason_", "expected_cost")
"""How the names of an answer's columns begin that are float32."""
_LISTED = ("outside", "unknown")


class ArrowTable(Protocol):
    """A table: a `DataFrame` of pandas or polars, or a `Table` or `RecordBatch` of pyarrow."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return it as the Arrow PyCapsule interface has it."""


@dataclass(frozen=True, slots=True)
class Body:
    """A table as it travels."""

    content: bytes
    media_type: str


class TableKind(Protocol):
    """What is done to tables of one kind."""

    def names(self, table: Any) -> Collection[Any]:
        """Return the names of its columns."""

    def slices(self, table: Any, rows: int) -> Iterator[Any]:
        """Yield a table in pieces of at most so many rows, at least one, be it empty."""

    def body(self, piece: Any) -> Body:
        """Write the features of a piece."""

    def answers(self, content: bytes, media_type: str, piece: Any, columns: Sequence[str]) -> Any:
        """Read the answers to a piece, and put columns of the piece in front."""

    def joined(self, pieces: list[Any]) -> Any:
        """Return the answers to all pieces, of which there is at least one, as one table."""


def kind_of(table: object) -> TableKind | None:
    """Return what kind of table this is, None where it is none; nobody has one of a module never imported."""
    if isinstance(table, dict):
        return None
    if (pandas := sys.modules.get("pandas")) and isinstance(table, pandas.DataFrame):
        return _Pandas()
    if (polars := sys.modules.get("polars")) and isinstance(table, polars.DataFrame):
        return _Polars()
    if (pyarrow := sys.modules.get("pyarrow")) and isinstance(table, pyarrow.Table | pyarrow.RecordBatch):
        return _Arrow()
    return None


def _sent(names: Sequence[Any]) -> list[Any]:
    """Return which columns are sent: all, unless each feature is there under its very name."""
    return list(FEATURE_NAMES if set(FEATURE_NAMES) <= set(names) else names)


def _renamed(columns: Sequence[str], answered: Sequence[str]) -> list[str]:
    """Return what columns of the phones are called beside those of the answers, as the service would."""
    return [f"input_{name}" if name in answered else name for name in columns]


class _Arrow:
    def names(self, table: Any) -> Collection[Any]:
        names: list[str] = table.schema.names
        return names

    def slices(self, table: Any, rows: int) -> Iterator[Any]:
        for start in range(0, max(len(table), 1), rows):
            yield table.slice(start, rows)

    def body(self, piece: Any) -> Body:
        from pyarrow import ipc

        sent = piece.select(_sent(piece.schema.names))
        sink = io.BytesIO()
        with ipc.new_stream(sink, sent.schema) as stream:
            stream.write(sent)
        return Body(sink.getvalue(), ARROW)

    def answers(self, content: bytes, media_type: str, piece: Any, columns: Sequence[str]) -> Any:
        import pyarrow as pa

        answers = pa.ipc.open_stream(content).read_all()
        names = _renamed(columns, answers.column_names)
        for place, (name, column) in enumerate(zip(names, columns, strict=True)):
            answers = answers.add_column(place, name, pa.chunked_array(piece[column]))
        return _batch_of(answers) if isinstance(piece, pa.RecordBatch) else answers

    def joined(self, pieces: list[Any]) -> Any:
        import pyarrow as pa

        if isinstance(pieces[0], pa.RecordBatch):
            return _batch_of(pa.Table.from_batches(pieces))
        return pa.concat_tables(pieces)


class _Pandas:
    """The index of the answers is that of the phones."""

    def names(self, table: Any) -> Collection[Any]:
        return list(table.columns)

    def slices(self, table: Any, rows: int) -> Iterator[Any]:
        for start in range(0, max(len(table), 1), rows):
            yield table.iloc[start : start + rows]

    def body(self, piece: Any) -> Body:
        sent = piece[_sent(piece.columns)]
        try:
            import pyarrow as pa
        except ImportError:
            return _csv(sent)
        try:
            table = pa.Table.from_pandas(sent, preserve_index=False).replace_schema_metadata(None)
        except pa.ArrowException:
            # a column of this and that has no type: of CSV the service says which cell is wrong
            return _csv(sent)
        return _Arrow().body(table)

    def answers(self, content: bytes, media_type: str, piece: Any, columns: Sequence[str]) -> Any:
        import pandas as pd

        answers = (_from_arrow if media_type == ARROW else _from_csv)(content).set_index(piece.index)
        kept = piece[list(columns)].set_axis(_renamed(columns, list(answers.columns)), axis=1)
        return pd.concat([kept, answers], axis=1)

    def joined(self, pieces: list[Any]) -> Any:
        import pandas as pd

        return pd.concat(pieces)


class _Polars:
    def names(self, table: Any) -> Collection[Any]:
        names: list[str] = table.columns
        return names

    def slices(self, table: Any, rows: int) -> Iterator[Any]:
        for start in range(0, max(table.height, 1), rows):
            yield table.slice(start, rows)

    def body(self, piece: Any) -> Body:
        import polars as pl

        sink = io.BytesIO()
        piece.select(_sent(piece.columns)).write_ipc_stream(sink, compat_level=pl.CompatLevel.oldest())
        return Body(sink.getvalue(), ARROW)

    def answers(self, content: bytes, media_type: str, piece: Any, columns: Sequence[str]) -> Any:
        import polars as pl

        answers = pl.read_ipc_stream(io.BytesIO(content))
        names = _renamed(columns, answers.columns)
        kept = piece.select(pl.col(column).alias(name) for column, name in zip(columns, names, strict=True))
        return pl.concat([kept, answers], how="horizontal")

    def joined(self, pieces: list[Any]) -> Any:
        import polars as pl

        return pl.concat(pieces)


def _batch_of(table: Any) -> Any:
    import pyarrow as pa

    columns = [
        column.combine_chunks() if column.num_chunks != 1 else column.chunk(0) for column in table.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def _from_arrow(content: bytes) -> Any:
    import pyarrow as pa

    return pa.ipc.open_stream(content).read_all().to_pandas()


def _csv(table: Any) -> Body:
    return Body(table.to_csv(index=False).encode(), CSV)


def _from_csv(content: bytes) -> Any:
    """Read answers as they are in Arrow: numbers of 32 bits, sets as lists, no features as no text."""
    import pandas as pd

    # as text: pandas' own reading of numbers may be off in the last digit
    texts = ("label", *_LISTED, "error", "prediction_set")
    names = pd.read_csv(io.BytesIO(content), nrows=0).columns
    numbers = [name for name in names if name.startswith(_FLOAT32)]
    found = pd.read_csv(io.BytesIO(content), dtype=dict.fromkeys((*texts, *numbers), str))
    found = found.astype(dict.fromkeys(numbers, "float32"))
    for name in found.columns.intersection(_LISTED):
        # an empty cell says that there are none, or with an error that there is no answer
        found[name] = found[name].mask(found["label"].notna() & found[name].isna(), "")
    if "prediction_set" in found:
        found["prediction_set"] = found["prediction_set"].map(
            lambda text: [int(one) for one in text.split("|")], na_action="ignore"
        )
    return found
