"""Files with a bit or two flipped: what points anywhere is refused before it is followed."""

import io
import struct

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet
from scoring_tables import EXAMPLE, read

from pricerange.tables.errors import UnreadableTableError
from scoring.order import Options
from scoring.score import score

TEXTS = ["zero", "one", "three"]


def table(note: pa.Array) -> pa.Table:
    return pa.table({**{name: [float(value)] * len(note) for name, value in EXAMPLE.items()}, "note": note})


def as_arrow(note: pa.Array, new=ipc.new_stream) -> bytes:
    with io.BytesIO() as file:
        with new(file, table(note).schema) as writer:
            writer.write_table(table(note))
        return file.getvalue()


def as_parquet(note: pa.Array) -> bytes:
    with io.BytesIO() as file:
        parquet.write_table(table(note), file)
        return file.getvalue()


def changed(content: bytes, found: bytes, other: bytes) -> bytes:
    assert found in content
    assert len(found) == len(other)
    return content.replace(found, other)


def runs() -> pa.Array:
    return pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["one", "another"]))


def words(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}i", *numbers)


VIEWED = "a text that is longer than a view"
ARROW = [
    pytest.param(pa.array(TEXTS), words(4, 7, 12), words(4, 1 << 30 | 7, 12), id="an offset past the text"),
    pytest.param(pa.array(TEXTS), words(4, 7, 12), words(4, 7, 1 << 24 | 12), id="a last offset past it"),
    pytest.param(pa.array(TEXTS), words(4, 7, 12), words(4, 7 - (1 << 31), 12), id="a negative offset"),
    pytest.param(pa.array(TEXTS), b"three", b"thr\xe5e", id="text that is not UTF-8"),
    pytest.param(
        pa.array(["one", "two"] * 2).dictionary_encode(),
        words(0, 1, 0, 1),
        words(0, 1, 1 << 20, 1),
        id="an index",
    ),
    pytest.param(
        pa.array([["a"], ["b", "c"]]), words(0, 1, 3), words(0, 1 << 28 | 1, 3), id="an offset of a list"
    ),
    pytest.param(runs(), words(2, 3), words(1 << 30 | 2, 3), id="a run's end"),
    pytest.param(
        pa.array([VIEWED], pa.string_view()),
        words(len(VIEWED)) + b"a te" + words(0, 0),
        words(len(VIEWED)) + b"a te" + words(0, 1 << 26),
        id="a view of what is not there",
    ),
    pytest.param(
        pa.array([VIEWED], pa.string_view()),
        words(len(VIEWED)) + b"a te" + words(0, 0),
        words(len(VIEWED)) + b"a te" + words(1 << 12, 0),
        id="a view of another buffer",
    ),
    pytest.param(pa.array(TEXTS), b"note", b"n\xefte", id="a name that is not UTF-8"),
]


@pytest.mark.parametrize("new", [ipc.new_file, ipc.new_stream])
@pytest.mark.parametrize("target", ["out.parquet", "out.csv"])
@pytest.mark.parametrize(("note", "found", "other"), ARROW)
def test_arrow_that_points_elsewhere_is_refused(tmp_path, model_repository, new, target, note, found, other):
    source = tmp_path / "a.arrow"
    source.write_bytes(changed(as_arrow(note, new), found, other))
    with pytest.raises(UnreadableTableError) as refused:
        score([str(source)], tmp_path / target, model_repository)
    assert refused.value.path == str(source)


@pytest.mark.parametrize("new", [ipc.new_file, ipc.new_stream])
def test_what_is_wrong_in_a_column_that_is_not_read_does_not_matter(tmp_path, model_repository, new):
    source = tmp_path / "a.arrow"
    source.write_bytes(changed(as_arrow(pa.array(TEXTS), new), words(4, 7, 12), words(4, 1 << 30, 12)))
    options = Options(columns=("ram",))
    assert score([str(source)], tmp_path / "out.parquet", model_repository, options=options).rows == 3


def test_dates_between_days_are_read_as_javascript_writes_them(tmp_path, model_repository):
    noon = pa.array([43_200_000], pa.int64()).view(pa.date64())
    (tmp_path / "a.arrow").write_bytes(as_arrow(noon))
    score([str(tmp_path / "a.arrow")], tmp_path / "out.parquet", model_repository)
    assert len(read(tmp_path / "out.parquet")) == 1


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside another"])
def test_parquet_statistics_that_do_not_fit_their_column_do_not_end_the_process(
    tmp_path, model_repository, beside
):
    whole = as_parquet(pa.array(TEXTS))
    source = tmp_path / "b.parquet"
    # a column that may have nulls becomes one that may not, and has as many counts of levels as before
    source.write_bytes(changed(whole, b"\x25\x02\x18\x04note", b"\x25\x00\x18\x04note"))
    if beside:
        (tmp_path / "a.parquet").write_bytes(whole)
    with pytest.raises(UnreadableTableError, match="histogram") as refused:
        score(sorted(map(str, tmp_path.glob("*.parquet"))), tmp_path / "out.csv", model_repository)
    assert refused.value.path == str(source)
