"""Row groups: as many rows as are few enough to hold in memory."""

import pyarrow as pa
from pyarrow import parquet

from scoring.target import sink


def test_a_row_group_ends_after_so_many_rows_or_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(sink, "ROW_GROUP_ROWS", 10)
    monkeypatch.setattr(sink, "ROW_GROUP_BYTES", 1_000)
    short, long = (pa.RecordBatch.from_pydict({"a": [text] * 4}) for text in ("x", "x" * 200))
    # what is stored once for many counts as often as it is looked up
    shared = long.column(0).dictionary_encode()
    with sink.sink(tmp_path / "a.parquet", "parquet") as file:
        for batch in (short, short, short, long, short, long, long):
            file.write(batch)
    with sink.sink(tmp_path / "b.parquet", "parquet") as file:
        for _ in range(3):
            file.write(pa.RecordBatch.from_arrays([shared], names=["a"]))
    rows = {}
    for name in ("a", "b"):
        metadata = parquet.ParquetFile(tmp_path / f"{name}.parquet").metadata
        rows[name] = [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)]
    assert rows == {"a": [12, 12, 4], "b": [8, 4]}
