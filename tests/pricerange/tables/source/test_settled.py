"""Values that Arrow can read, and could neither filter nor write."""

import pyarrow as pa
import pytest
from pyarrow import ipc
from scoring_tables import EXAMPLE, read

from pricerange.errors import ColumnTypeError
from pricerange.tables import expanded
from pricerange.tables.source.settled import empty, settled, settled_batch
from scoring.order import Options
from scoring.score import score

VIEWS = pa.array(["a", None, "long enough to lie elsewhere"], pa.string_view())
CATEGORIES = pa.DictionaryArray.from_arrays(pa.array([2, 0, None], pa.uint32()), VIEWS)
COLUMNS = [
    pytest.param(VIEWS, id="views"),
    pytest.param(CATEGORIES, id="categories"),
    pytest.param(
        pa.DictionaryArray.from_arrays(
            pa.array([1, None, 0], pa.uint8()), pa.array([b"x", b"y"], pa.binary_view())
        ),
        id="categories of bytes",
    ),
    pytest.param(pa.nulls(3, CATEGORIES.type), id="no category"),
    pytest.param(pa.array([["a", None], None, []], pa.list_(pa.string_view())), id="lists"),
    pytest.param(pa.array([["a"], None, []], pa.large_list(pa.string_view())), id="large lists"),
    pytest.param(
        pa.array([["a", "b"], None, ["c", None]], pa.list_(pa.string_view(), 2)), id="fixed-size lists"
    ),
    pytest.param(
        pa.array([{"x": "a"}, None, {"x": None}], pa.struct([("x", pa.string_view())])), id="structs"
    ),
    pytest.param(pa.array([[("a", "b")], None, []], pa.map_(pa.string_view(), pa.string_view())), id="maps"),
    pytest.param(pa.ListArray.from_arrays(pa.array([0, 1, 3, 3]), CATEGORIES), id="lists of categories"),
    pytest.param(
        pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), VIEWS[:2]), id="runs of views"
    ),
    pytest.param(
        pa.RunEndEncodedArray.from_arrays(pa.array([1, 3], pa.int32()), CATEGORIES[:2]),
        id="runs of categories",
    ),
]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_settled_column_has_the_same_values_and_can_be_filtered(column):
    for part in (column, column.slice(1), column.slice(1, 1), column.slice(3)):
        found = settled(part)
        found.validate(full=True)
        assert found.to_pylist() == part.to_pylist()
        assert found.filter(pa.array([True] * len(part), pa.bool_())).to_pylist() == part.to_pylist()
        assert settled(found) is found
    none = empty(pa.schema([pa.field("a", column.type)]))
    assert none.schema.field("a").type == settled(column).type


@pytest.mark.parametrize("index", [pa.int8(), pa.uint8(), pa.int32(), pa.uint64()])
def test_of_a_dictionary_longer_than_a_block_what_is_used_is_kept(monkeypatch, index):
    values = pa.array([f"{k} {'x' * 1_000}" for k in range(100)])
    column = pa.DictionaryArray.from_arrays(pa.array([99, 5, None, 99], index), values, ordered=True)
    assert settled(column) is column
    monkeypatch.setattr(expanded, "BLOCK_BYTES", 10_000)
    found = settled(column)
    assert found.type == column.type
    assert found.to_pylist() == column.to_pylist()
    assert found.dictionary.to_pylist() == [values[5].as_py(), values[99].as_py()]
    (kept,) = settled_batch(pa.record_batch({"a": column})).columns
    assert kept.get_total_buffer_size() < 10_000
    for nested in (
        pa.StructArray.from_arrays([column], ["x"]),
        pa.ListArray.from_arrays(pa.array([0, 1, 4]), column),
        pa.FixedSizeListArray.from_arrays(column, 2),
    ):
        found = settled(nested)
        assert (found.type, found.to_pylist()) == (nested.type, nested.to_pylist())
        assert found.get_total_buffer_size() < 10_000


def scored(column: pa.Array, path, model_repository, target: str):
    columns = {name: pa.array([float(value)] * 3) for name, value in EXAMPLE.items()}
    batch = pa.record_batch({**columns, "ram": pa.array([2000.0, -1.0, 3000.0]), "note": column})
    with ipc.new_stream(path / "in.arrow", batch.schema) as writer:
        writer.write_batch(batch)
    score([str(path / "in.arrow")], path / target, model_repository, options=Options("reject"))
    return [row["note"] for name in (target, f"{target}.rejected") for row in read(path / name)]


@pytest.mark.parametrize("column", COLUMNS)
def test_such_a_column_is_kept_in_parquet(tmp_path, model_repository, column):
    first, second, third = column.to_pylist()
    assert scored(column, tmp_path, model_repository, "out.parquet") == [first, third, second]


def test_a_category_is_text_in_csv(tmp_path, model_repository):
    assert scored(CATEGORIES, tmp_path, model_repository, "out.csv") == [
        "long enough to lie elsewhere",
        None,
        "a",
    ]


@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
@pytest.mark.parametrize(
    "column",
    [
        pytest.param(
            pa.UnionArray.from_sparse(
                pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["x", "y", "z"])]
            ),
            id="sparse union",
        ),
        pytest.param(
            pa.UnionArray.from_dense(
                pa.array([0, 1, 0], pa.int8()),
                pa.array([0, 0, 1], pa.int32()),
                [pa.array([1, 2]), pa.array(["x"])],
            ),
            id="dense union",
        ),
        pytest.param(pa.array([(1, 2, 3), None, None], pa.month_day_nano_interval()), id="interval"),
        pytest.param(pa.array([{}, {}, None], pa.struct([])), id="struct without fields"),
    ],
)
def test_what_no_file_can_hold_is_rejected_in_a_sentence(tmp_path, model_repository, column, target):
    with pytest.raises(
        ColumnTypeError, match=r"the column note has type .* cannot store; `--columns` leaves it out"
    ):
        scored(column, tmp_path, model_repository, target)
    assert not (tmp_path / target).exists()
