"""Tables of phones in every format that scoring reads, and what came of them."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, ipc, parquet

from pricerange.phone import FEATURES

EXAMPLE = {feature.name: feature.example for feature in FEATURES}
FORMATS = ["csv", "csv.gz", "csv.zst", "ndjson", "jsonl.gz", "parquet", "arrow", "feather"]
"""Name ends; `arrow` files are written as streams here and `feather` ones as files."""
TABLES = [form for form in FORMATS if "json" not in form]
"""Those that have one set of columns for all rows."""
SMALL = {"BLOCK_ROWS": 3, "PART_ROWS": 12, "PART_BYTES": 1_500, "SMALL_BYTES": 1_000, "SHARING_FILES": 9}
SMALL_BLOCK_BYTES = 400
"""Sizes by which a table of a few rows has many blocks and parts."""
SMALL_LINES_BYTES = 1_200
"""The same for NDJSON, whose rows are longer."""


def write(table: pa.Table, path: Path, rows: int = 7) -> Path:
    """Write a table as its name's end says, in record batches or row groups of so many rows."""
    if path.name.endswith(".parquet"):
        parquet.write_table(table, path, row_group_size=rows)
    elif path.suffix in {".arrow", ".feather"}:
        new = ipc.new_stream if path.suffix == ".arrow" else ipc.new_file
        with new(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=rows)
    else:
        compression = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
        with pa.output_stream(path, compression) as file:
            if ".csv" in path.suffixes:
                csv.write_csv(table, file)
            else:
                file.write(b"".join(json.dumps(row).encode() + b"\n" for row in table.to_pylist()))
    return path


def read(path: Path) -> list[dict[str, object]]:
    """Return the rows of a result: of a file, of a folder's parts in order, none where there is nothing."""
    if path.is_dir():
        return [row for part in sorted(path.glob("part-*")) for row in read(part)]
    if not path.exists() or not path.stat().st_size:
        return []
    if path.read_bytes().startswith(b"{"):
        return [json.loads(line) for line in path.read_text().splitlines()]
    return read_table(path).to_pylist()


def read_table(path: Path) -> pa.Table:
    """Return a file of a result."""
    # a name may end in `.rejected`
    if path.read_bytes().startswith(b"PAR1"):
        return parquet.ParquetFile(path).read()
    options = csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
    parsing = csv.ParseOptions(newlines_in_values=True)
    return csv.read_csv(path, parse_options=parsing, convert_options=options)


def rejects_of(target: Path) -> Path:
    """Return where the rows go that a job rejects."""
    return target.with_name(f"{target.name}.rejected")


def digests(folder: Path, leave_out: Sequence[str] = ("summary.json", "_manifest.jsonl")) -> dict[str, str]:
    """Return the sha256 of each file in a folder, by name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.name not in leave_out
    }
