"""Which columns of a file are hashed: only an id is of use so."""

from collections.abc import Collection

from pricerange.prediction_log.pseudonyms import fingerprint_of
from pricerange.tables.errors import UnreadableTableError
from pricerange.tables.source.blocks import naming
from pricerange.tables.source.files import InputFile
from pricerange.tables.source.parquet_file import ParquetFile


def hashed_columns(file: InputFile, needed: Collection[str] = ()) -> dict[str, str]:
    """Return by the key of which fingerprint each hashed column is hashed: none but in Parquet.

    Raises `UnreadableTableError`, also where one of the columns is `needed`: nobody can tell its values.
    """
    if file.format != "parquet":
        return {}
    with naming(file), ParquetFile(file) as table:
        found = {field.name: fingerprint_of(field.metadata) for field in table.schema}
    hashed = {name: key for name, key in found.items() if key is not None}
    for name in hashed:
        if name in needed:
            raise UnreadableTableError(file.name, f"{name} is hashed, its values cannot be told")
    return hashed
