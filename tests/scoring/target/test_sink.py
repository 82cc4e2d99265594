"""Files as they are begun, filled and ended: whole, or so that nobody takes them for whole."""

import gzip
from contextlib import suppress
from functools import partial

import pyarrow as pa
import pytest
from pyarrow import parquet

from scoring.target import sink


def test_a_row_group_ends_after_so_many_rows_or_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(sink, "ROW_GROUP_ROWS", 10)
    monkeypatch.setattr(sink, "ROW_GROUP_BYTES", 1_000)
    short, long = (pa.RecordBatch.from_pydict({"a": [text] * 4}) for text in ("x", "x" * 200))
    # what is stored once for many counts as often as it is looked up
    shared = long.column(0).dictionary_encode()
    with sink.sink(partial(pa.OSFile, str(tmp_path / "a.parquet"), "wb"), "parquet") as file:
        for batch in (short, short, short, long, short, long, long):
            file.write(batch)
    with sink.sink(partial(pa.OSFile, str(tmp_path / "b.parquet"), "wb"), "parquet") as file:
        for _ in range(3):
            file.write(pa.RecordBatch.from_arrays([shared], names=["a"]))
    rows = {}
    for name in ("a", "b"):
        metadata = parquet.ParquetFile(tmp_path / f"{name}.parquet").metadata
        rows[name] = [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)]
    assert rows == {"a": [12, 12, 4], "b": [8, 4]}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["a", "b"], ["a", "b"], id="as they are"),
        pytest.param(["note", "note", "note"], ["note", "note_2", "note_3"], id="twice"),
        pytest.param(["a", "", ""], ["a", "column_2", "column_3"], id="empty"),
        pytest.param(["a", "a", "a_2", "a"], ["a", "a_3", "a_2", "a_4"], id="the other name is taken"),
        pytest.param(
            ["", "column_1", "column_2"], ["column_3", "column_1", "column_2"], id="a number is taken"
        ),
    ],
)
def test_columns_of_parquet_have_names_of_their_own(tmp_path, names, expected):
    schema = pa.schema([pa.field(name, pa.int64(), metadata={"k": "v"}) for name in names], {"m": "n"})
    batch = pa.RecordBatch.from_arrays([pa.array([place]) for place in range(len(names))], schema=schema)
    said = [place for place, name in enumerate(names) if name != expected[place]]
    with sink.sink(partial(pa.OSFile, str(tmp_path / "a.parquet"), "wb"), "parquet") as file:
        if said:
            with pytest.warns(UserWarning, match="Parquet needs a name of its own for each column") as warned:
                file.write(batch)
            for place in said:
                assert f"column {place + 1} ({names[place]!r}) as {expected[place]}" in str(warned[0].message)
        file.write(batch)  # which is said once
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.schema.names == expected
    assert table.schema.metadata[b"m"] == b"n"
    assert [column.to_pylist()[0] for column in table.columns] == list(range(len(names)))
    assert len(table) == 1 + bool(said)


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_gzip_is_the_same_bytes_each_time_and_quick(tmp_path, form):
    written = []
    for name in ("a", "b"):
        with sink.sink(partial(pa.OSFile, str(tmp_path / name), "wb"), form, "gzip") as file:
            for start in range(3):
                batch = pa.RecordBatch.from_pydict({"a": range(start, start + 20_000)})
                file.write(sink.encoded(batch, form))
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert gzip.decompress(written[0]).count(b"\n") == 60_000 + (form == "csv")
    # neither a name nor a time, and not the highest level, which takes twenty times as long
    assert written[0][3:9] == bytes(6)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_what_an_error_cuts_short_lacks_its_end(tmp_path, compression):
    """A pipe's reader would take it for whole."""

    def write(name: str, error: type[Exception] | None) -> bytes:
        rows = sink.encoded(pa.RecordBatch.from_pydict({"a": range(20_000)}), "csv")
        begin = partial(pa.OSFile, str(tmp_path / name), "wb")
        with suppress(KeyError), sink.sink(begin, "csv", compression) as file:
            file.write(rows)
            if error:
                raise error
        return (tmp_path / name).read_bytes()

    whole, cut = write("whole", None), write("cut", KeyError)
    assert whole.startswith(cut)
    assert len(cut) < len(whole)
