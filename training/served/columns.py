"""Some columns of files in any form that tables have, block by block."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from pricerange.tables.csv import rows as csv_rows
from pricerange.tables.csv.dialect import PLAIN, Dialect
from pricerange.tables.csv.file import TextBlock, located
from pricerange.tables.errors import (
    BrokenBlockError,
    DuplicateColumnError,
    MissingColumnError,
    UnreadableTableError,
)
from pricerange.tables.json import columns as json_columns
from pricerange.tables.json.file import LineBlock
from pricerange.tables.names import by_place, feature_places
from pricerange.tables.source import blocks, hive
from pricerange.tables.source.blocks import Content, Shard
from pricerange.tables.source.files import InputFile


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows of a file that follow each other: `row` is the number of the first, from 1.

    The columns are there by the names that they were asked for by; text where the file is one, of a dialect.
    """

    file: InputFile
    row: int
    columns: Mapping[str, pa.Array]
    dialect: Dialect

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def as_text(self, name: str) -> pa.Array:
        """Return a column as text, null where a text is empty: so CSV writes nothing.

        Raises `UnreadableTableError`.
        """
        import pyarrow.compute as pc

        texts = self._cast(name, self.columns[name], pa.string())
        return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)

    def as_type(self, name: str, kind: pa.DataType) -> pa.Array:
        """Return a column as of a type, which text is read as. Raises `UnreadableTableError`."""
        column = self.columns[name]
        return self._cast(name, self.as_text(name) if pa.types.is_string(column.type) else column, kind)

    def _cast(self, name: str, column: pa.Array, kind: pa.DataType) -> pa.Array:
        # pandas has times in nanoseconds, of which what is finer than `kind` counts for nothing
        is_fine = pa.types.is_timestamp(column.type) and column.type.unit == "ns"
        try:
            return column.cast(kind, safe=not is_fine)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise UnreadableTableError(self.file.name, f"{name}: {error}") from error


def read(file: InputFile, wanted: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Columns]:
    """Stream columns of a file: the wanted ones, and of the optional ones those that it has.

    Raises what `blocks.read` raises, `BrokenRowError`, `MissingColumnError` or `DuplicateColumnError`.
    """
    row = 1
    try:
        names = blocks.columns_of(file)
        names += [column.name for column in hive.missing(file.from_folders, names)]
        if not names and file.format == "ndjson":
            return  # without lines it has no columns either
        places = dict(zip(wanted, feature_places(names, wanted), strict=True))
        places |= {name: place for place, name in by_place(names, optional).items()} if optional else {}
        for block in blocks.read(file, Shard(0), [names[place] for place in places.values()]):
            content = block.content
            dialect = content.dialect if isinstance(content, TextBlock) else PLAIN
            found = _taken(content, {name: names[place] for name, place in places.items()})
            columns = Columns(file, row, found, dialect)
            yield columns
            row += len(columns)
    except BrokenBlockError as error:
        raise located(error, file.name, row - 1) from error
    except (MissingColumnError, DuplicateColumnError) as error:
        raise replace(error, table=file.name) from error
    except pa.ArrowException as error:
        raise UnreadableTableError(file.name, str(error)) from error


def _taken(content: Content, names: Mapping[str, str]) -> dict[str, pa.Array]:
    match content:
        case TextBlock():
            batch = csv_rows.parse(content.text, content.header, content.dialect)
        case LineBlock():
            batch = json_columns.rejected(content.texts, list(names.values()), with_lines=False)
        case _:
            batch = content
    return {name: batch.column(batch.schema.names.index(own)) for name, own in names.items()}
