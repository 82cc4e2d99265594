"""What lies in the folder of a log: rows in parts that can be read, and what is none of them."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet


@dataclass(frozen=True)
class Found:
    """Parts and their rows and ids; `broken` parts cannot be read, `drafts` were left half written."""

    parts: int
    rows: int
    ids: int
    broken: int
    drafts: int

    @classmethod
    def of(cls, folder: Path) -> "Found":
        """Read all parts."""
        rows, broken, ids = 0, 0, set[str]()
        parts = sorted(folder.glob("predictions-*.parquet"))
        for part in parts:
            try:
                found = parquet.read_table(part)["request_id"].to_pylist()
            except (OSError, pa.ArrowException):
                broken += 1
            else:
                rows += len(found)
                ids.update(found)
        return cls(len(parts), rows, len(ids), broken, len(list(folder.glob(".writing-*"))))
