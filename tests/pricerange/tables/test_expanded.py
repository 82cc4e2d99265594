"""What rows take once spelled out, by whatever they are stored; and blocks of no more than that."""

from itertools import accumulate, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.tables import expanded
from pricerange.tables.errors import BrokenBlockError

TEXTS = st.lists(st.none() | st.text("ab", max_size=40), min_size=1, max_size=60)
LIST = pa.list_(pa.string())


def as_views(texts: pa.Array) -> pa.Array:
    return texts.cast(pa.string_view())


def as_shared_views(texts: pa.Array) -> pa.Array:
    """Return list views of which each is on the one text that its row holds."""
    places = np.arange(len(texts), dtype=np.int32)
    return pa.ListViewArray.from_arrays(places, np.ones(len(texts), np.int32), texts)


def as_lists(texts: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(np.arange(len(texts) + 1, dtype=np.int32), texts)


@pytest.mark.parametrize(
    ("stored", "plain"),
    [
        pytest.param(lambda texts: texts.dictionary_encode(), lambda texts: texts, id="dictionary"),
        pytest.param(pc.run_end_encode, lambda texts: texts, id="runs"),
        pytest.param(as_views, lambda texts: texts, id="views"),
        pytest.param(lambda texts: texts.cast(pa.large_binary()), lambda texts: texts, id="large binary"),
        pytest.param(as_shared_views, as_lists, id="list views"),
        pytest.param(
            lambda texts: as_lists(texts).cast(pa.large_list(pa.string())), as_lists, id="large lists"
        ),
        pytest.param(lambda texts: pa.FixedSizeListArray.from_arrays(texts, 1), as_lists, id="lists of one"),
        pytest.param(lambda texts: as_lists(texts.dictionary_encode()), as_lists, id="lists of a dictionary"),
        pytest.param(
            lambda texts: pa.StructArray.from_arrays([texts.dictionary_encode()], ["a"]),
            as_lists,
            id="structs",
        ),
    ],
)
@given(texts=TEXTS, drawn=st.data())
def test_a_column_has_the_size_of_its_cells_however_they_are_stored(stored, plain, texts, drawn):
    start = drawn.draw(st.integers(0, len(texts) - 1))
    length = drawn.draw(st.integers(0, len(texts) - start))
    column = pa.array(texts, pa.string())
    batches = [
        pa.RecordBatch.from_arrays([make(column).slice(start, length)], names=["a"])
        for make in (stored, plain)
    ]
    assert expanded.size(batches[0]) == expanded.size(batches[1])
    assert expanded.size(batches[1]) >= sum(len(text or "") for text in texts[start : start + length])


def test_a_list_view_counts_what_it_shows_and_not_what_is_stored():
    texts = pa.array(["x" * 1_000] * 3)
    shared = pa.ListViewArray.from_arrays([0] * 50, [3] * 50, texts)
    assert expanded.size(pa.RecordBatch.from_arrays([shared], names=["a"])) > 50 * 3 * 1_000


def test_numbers_truth_values_and_nulls_have_their_width_or_that_of_their_text():
    for column, width in (
        (pa.nulls(3), 8),
        (pa.array([True] * 3), 8),
        (pa.array([b"x" * 99] * 3, pa.binary(99)), 99),
    ):
        assert expanded.size(pa.RecordBatch.from_arrays([column], names=["a"])) == 3 * width


@given(lengths=st.lists(st.integers(0, 90), max_size=60), rows=st.integers(1, 20))
def test_blocks_are_all_rows_in_order_and_none_is_too_long(lengths, rows):
    batch = pa.RecordBatch.from_pydict({"a": pa.array(["x" * length for length in lengths], pa.string())})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expanded, "BLOCK_BYTES", 100)
        blocks = list(expanded.cut(batch, rows))
        assert pa.Table.from_batches(blocks).equals(pa.Table.from_batches([batch]))
        assert all(expanded.size(block) <= 100 and block.num_rows <= rows for block in blocks)
        # each is as long as it may be
        ends = accumulate(block.num_rows for block in blocks)
        for (block, after), end in zip(pairwise(blocks), ends, strict=False):
            full = block.num_rows == rows or expanded.size(block) + expanded.size(after.slice(0, 1)) > 100
            assert full or end % rows == 0


def test_a_row_that_is_too_long_comes_after_those_before_it(monkeypatch):
    monkeypatch.setattr(expanded, "BLOCK_BYTES", 100)
    blocks = expanded.cut(pa.RecordBatch.from_pydict({"a": ["x", "y" * 200, "z"]}), 16)
    assert next(blocks).to_pydict() == {"a": ["x"]}
    with pytest.raises(BrokenBlockError, match="the row has 208 bytes, expected at most 100"):
        next(blocks)
