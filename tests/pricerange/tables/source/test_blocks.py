"""Blocks: what a few bytes expand to comes piece by piece, and the answers stay the same."""

import functools
import gc

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from corpus import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import ipc, parquet
from scoring_tables import EXAMPLE, read, write

from pricerange.tables import expanded
from pricerange.tables.errors import BrokenRowError, MissingColumnError, UnreadableTableError
from pricerange.tables.source import arrow_file, blocks, files, parquet_file
from pricerange.tables.source.arrow_file import Batches
from pricerange.tables.source.blocks import Shard
from pricerange.tables.source.parquet_file import ParquetFile
from scoring.order import Options
from scoring.score import score
from scoring.work.answer import Answerer

ROWS, LONG = 600, 5_000
BLOCK_BYTES, READ_BYTES = 40_000, 100_000


def one_text() -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(ROWS, np.int32)), pa.array(["x" * LONG]))


def table(note: pa.Array) -> pa.Table:
    return pa.table(
        {**{name: pa.array([float(value)] * ROWS) for name, value in EXAMPLE.items()}, "note": note}
    )


def as_parquet(note, path, **options):
    parquet.write_table(table(note), path, store_schema=False, **options)


def as_arrow(note, path, compression=None):
    options = ipc.IpcWriteOptions(compression=compression)
    with ipc.new_file(path, table(note).schema, options=options) as writer:
        writer.write_table(table(note))


def views() -> pa.Array:
    _, view, text = pa.array(["x" * LONG], pa.string_view()).buffers()
    return pa.Array.from_buffers(
        pa.string_view(), ROWS, [None, pa.py_buffer(view.to_pybytes()[:16] * ROWS), text]
    )


plain_parquet = functools.partial(as_parquet, use_dictionary=False)
ATTACKS = [
    pytest.param("parquet", as_parquet, one_text, id="a dictionary in Parquet"),
    pytest.param(
        "parquet", plain_parquet, lambda: one_text().cast("string"), id="compressed text in Parquet"
    ),
    pytest.param(
        "parquet",
        functools.partial(
            plain_parquet, column_encoding={"note": "DELTA_BYTE_ARRAY"}, data_page_size=1 << 15
        ),
        lambda: one_text().cast("string"),
        id="prefixes in Parquet",
    ),
    pytest.param(
        "parquet",
        as_parquet,
        lambda: pa.FixedSizeListArray.from_arrays(np.zeros(ROWS * 600), 600),
        id="lists in Parquet",
    ),
    pytest.param("arrow", as_arrow, one_text, id="a dictionary in Arrow"),
    pytest.param("arrow", as_arrow, views, id="views in Arrow"),
    pytest.param(
        "arrow",
        as_arrow,
        lambda: pa.RunEndEncodedArray.from_arrays(pa.array([ROWS], pa.int32()), pa.array(["x" * LONG])),
        id="a run in Arrow",
    ),
    pytest.param(
        "arrow",
        functools.partial(as_arrow, compression="zstd"),
        lambda: one_text().cast("string"),
        id="compressed text in Arrow",
    ),
]


@pytest.fixture
def small_bytes(monkeypatch):
    monkeypatch.setattr(expanded, "BLOCK_BYTES", BLOCK_BYTES)
    monkeypatch.setattr(parquet_file, "READ_BYTES", READ_BYTES)


@pytest.mark.parametrize(("form", "make", "note"), ATTACKS)
def test_what_a_file_expands_to_comes_a_few_bytes_at_a_time(
    tmp_path, model_repository, small_bytes, monkeypatch, form, make, note
):
    source = tmp_path / f"in.{form}"
    make(note(), source)
    reached, spelled_out = [], []

    def answer(self, content):
        reached.append(expanded.size(content))
        spelled_out.append(sum(pc.cast(column, column.type).nbytes for column in content.columns))
        return answered(self, content)

    def batches(self, groups, rows):
        for batch in read_batches(self, groups, rows):
            assert batch.nbytes < 3 * READ_BYTES
            yield batch

    answered, read_batches = Answerer.answer, ParquetFile.batches
    monkeypatch.setattr(Answerer, "answer", answer)
    monkeypatch.setattr(ParquetFile, "batches", batches)
    target = tmp_path / "out.parquet"
    score([str(source)], target, model_repository)
    assert max(reached) <= BLOCK_BYTES
    assert max(spelled_out) <= 2 * BLOCK_BYTES
    assert sum(reached) > ROWS * min(LONG, 600 * 8)
    assert parquet.ParquetFile(target).metadata.num_rows == ROWS


@pytest.mark.parametrize("form", ["parquet", "arrow", "feather"])
@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    notes=st.lists(st.none() | st.text('ab",', max_size=60), min_size=1, max_size=80),
    block_bytes=st.integers(400, 6_000),
    read_bytes=st.integers(1, 10_000),
    in_dictionary=st.booleans(),
)
def test_answers_are_the_same_bytes_however_long_blocks_are(
    tmp_path_factory, model_repository, form, notes, block_bytes, read_bytes, in_dictionary
):
    folder = tmp_path_factory.mktemp("sliced")
    note = pa.array(notes, pa.string())
    columns = {name: pa.array([float(value)] * len(notes)) for name, value in EXAMPLE.items()}
    phones = pa.table({**columns, "note": note.dictionary_encode() if in_dictionary else note})
    phones = phones.set_column(0, "battery_power", pa.array([500.0, 5.0] * len(notes)).slice(0, len(notes)))
    source = str(write(phones, folder / f"in.{form}", rows=50))
    options = Options(on_bad_row="reject")
    for end in ("csv", "parquet"):
        score([source], folder / f"whole.{end}", model_repository, options=options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expanded, "BLOCK_BYTES", block_bytes)
        patch.setattr(parquet_file, "READ_BYTES", read_bytes)
        for end in ("csv", "parquet"):
            score([source], folder / f"sliced.{end}", model_repository, options=options)
    for end in ("csv", "csv.rejected"):
        whole, sliced = ((folder / f"{name}.{end}") for name in ("whole", "sliced"))
        assert whole.exists() == sliced.exists()
        assert not whole.exists() or whole.read_bytes() == sliced.read_bytes()
    for end in ("parquet", "parquet.rejected"):
        assert read(folder / f"whole.{end}") == read(folder / f"sliced.{end}")


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_a_row_longer_than_a_block_ends_the_job_with_its_number(
    tmp_path, model_repository, small_bytes, form
):
    notes = pa.array(["x"] * 7 + ["y" * 2 * BLOCK_BYTES] + ["z"] * (ROWS - 8))
    (as_parquet if form == "parquet" else as_arrow)(notes, tmp_path / f"in.{form}")
    with pytest.raises(
        BrokenRowError, match=rf"row 8: the row has \d+ bytes, expected at most {BLOCK_BYTES}; "
    ):
        score([str(tmp_path / f"in.{form}")], tmp_path / "out.csv", model_repository)
    kept = Options(columns=("ram",))
    assert (
        score([str(tmp_path / f"in.{form}")], tmp_path / "out.csv", model_repository, options=kept).rows
        == ROWS
    )


def test_a_page_that_takes_too_much_is_refused_before_it_is_decompressed(
    tmp_path, model_repository, monkeypatch
):
    monkeypatch.setattr(parquet_file, "MOST_PAGES_BYTES", 1_000_000)
    plain_parquet(one_text().cast("string"), tmp_path / "in.parquet", data_page_size=1 << 30)
    with pytest.raises(
        UnreadableTableError, match=r"row group 0 has pages that take \d+ bytes at a time, expected"
    ):
        score([str(tmp_path / "in.parquet")], tmp_path / "out.csv", model_repository)
    # pages may be long where the file is
    noise = np.random.default_rng(0).bytes(ROWS * LONG)
    wide = pa.array(noise[k : k + LONG] for k in range(0, ROWS * LONG, LONG))
    plain_parquet(wide, tmp_path / "wide.parquet", data_page_size=1 << 30)
    assert score([str(tmp_path / "wide.parquet")], tmp_path / "out.parquet", model_repository).rows == ROWS


@pytest.mark.parametrize("form", ["arrow", "feather"])
@pytest.mark.parametrize("what", ["record batch", "dictionaries"])
def test_what_arrow_would_decompress_to_too_much_is_refused_before(
    tmp_path, model_repository, monkeypatch, form, what
):
    note = (
        one_text().cast("string")
        if what == "record batch"
        else pa.array(["x" * ROWS * LONG]).dictionary_encode()
    )
    phones = table(note if what == "record batch" else note.take(pa.array([0] * ROWS)))
    source = tmp_path / f"in.{form}"
    new = ipc.new_stream if form == "arrow" else ipc.new_file
    with new(source, phones.schema, options=ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(phones)
    assert source.stat().st_size < 20_000
    monkeypatch.setattr(arrow_file, "MOST_INFLATED_BYTES", ROWS * LONG - 1)
    with pytest.raises(
        UnreadableTableError, match=rf"{what} ha\w+ \d+ bytes once decompressed, expected at most"
    ):
        score([str(source)], tmp_path / "out.csv", model_repository)
    monkeypatch.setattr(arrow_file, "MOST_INFLATED_BYTES", 2 * ROWS * LONG)
    score([str(source)], tmp_path / "out.csv", model_repository, options=Options(columns=("ram",)))


def test_a_compressed_batch_may_be_long_where_its_file_is(tmp_path, model_repository, monkeypatch):
    monkeypatch.setattr(arrow_file, "MOST_INFLATED_BYTES", 1_000)
    noise = np.random.default_rng(0).bytes(ROWS * LONG)
    as_arrow(
        pa.array(noise[k : k + LONG] for k in range(0, ROWS * LONG, LONG)),
        tmp_path / "in.arrow",
        compression="zstd",
    )
    assert score([str(tmp_path / "in.arrow")], tmp_path / "out.parquet", model_repository).rows == ROWS


@pytest.mark.parametrize("form", ["csv", "parquet", "arrow"])
def test_a_table_of_too_many_columns_is_refused(tmp_path, model_repository, monkeypatch, form):
    monkeypatch.setattr(blocks, "MOST_COLUMNS", 22)
    nested = pa.array([{"a": 1, "b": 2}] * ROWS) if form != "csv" else pa.array([1] * ROWS)
    phones = table(nested).append_column("other", pa.array([1] * ROWS))
    source = str(write(phones.slice(0, 7), tmp_path / f"in.{form}"))
    allowed = 21 if form == "csv" else 22
    monkeypatch.setattr(blocks, "MOST_COLUMNS", allowed)
    with pytest.raises(
        UnreadableTableError, match=f"it has {allowed + 1} columns, expected at most {allowed}"
    ):
        score([source], tmp_path / "out.parquet", model_repository)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_block_of_csv_has_no_more_rows_than_bytes_alone_allow(tmp_path, monkeypatch, line_end):
    rows = [f'"{k}{line_end}"' for k in range(100)]
    (tmp_path / "in.csv").write_text(line_end.join(["a", *rows, ""]), newline="")
    (file,) = files.find([str(tmp_path / "in.csv")]).files
    (whole,) = blocks.read(file, Shard(0))
    monkeypatch.setattr(blocks, "TEXT_ROWS", 7)
    split = list(blocks.read(file, Shard(0)))
    assert len(split) > 100 // 7
    assert b"".join(block.content.text for block in split) == whole.content.text
    assert {(block.part, block.stop) for block in split} == {(whole.part, whole.stop)}
    assert all(block.content.text.count(b'"') <= 2 * 7 for block in split)


def test_rows_are_estimated_without_reading_what_they_hold(tmp_path, monkeypatch):
    as_arrow(one_text(), tmp_path / "in.arrow")
    monkeypatch.setattr(Batches, "since", lambda self, start: pytest.fail("a batch was read"))
    assert blocks.about_rows(files.find([str(tmp_path / "in.arrow")]).files) == ROWS


@pytest.mark.parametrize("columns", [("note",), None])
def test_a_parquet_file_without_any_of_the_columns_is_said_to_lack_them(tmp_path, model_repository, columns):
    table = pa.table({} if columns is None else {"other": [1, 2]})
    source = str(write(table, tmp_path / "in.parquet"))
    with pytest.raises(MissingColumnError, match=r"in\.parquet lacks 20 columns"):
        score([source], tmp_path / "out", model_repository, options=Options(columns=columns))


@pytest.mark.parametrize(
    "note", [pa.array([], pa.string()), pa.array([], pa.int64())], ids=["text", "numbers"]
)
def test_a_parquet_file_whose_row_group_has_no_rows_is_read(tmp_path, model_repository, note):
    columns = {name: pa.array([], pa.float64()) for name in EXAMPLE}
    source = write(pa.table({**columns, "note": note}), tmp_path / "in.parquet")
    assert parquet.ParquetFile(source).metadata.num_row_groups == 1
    assert score([str(source)], tmp_path / "out", model_repository).rows == 0


def test_what_a_long_footer_takes_is_given_back_with_its_file(tmp_path, model_repository, monkeypatch):
    monkeypatch.setattr(parquet_file, "_LONG_FOOTER", 0)
    monkeypatch.setattr(blocks, "SMALL_BYTES", 0)  # each file is read by itself
    for number in range(4):
        as_parquet(one_text(), tmp_path / f"{number}.parquet")
    gc.collect()
    gc.disable()
    try:
        score([str(tmp_path / "*.parquet")], tmp_path / "out.csv", model_repository)
        kept = [known for known in gc.get_objects() if type(known) is parquet.FileMetaData]
    finally:
        gc.enable()
    assert not kept
