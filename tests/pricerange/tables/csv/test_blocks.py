"""CSV bytes in parts, as blocks, as rows."""

import csv
import io
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
from corpus import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from pricerange.phone import FEATURE_NAMES, FEATURES
from pricerange.tables.csv import blocks as csv_blocks
from pricerange.tables.csv import file as csv_file
from pricerange.tables.csv.blocks import BlockCutter, Rows, lines
from pricerange.tables.csv.dialect import DELIMITERS, Dialect
from pricerange.tables.csv.header import split_header
from pricerange.tables.csv.rows import doubles, parse
from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.table import judge, judge_csv


def rows_of(content: bytes, block_bytes: int, cuts: Sequence[int] = ()) -> list[Rows]:
    """Cut content that comes in parts."""
    cutter = BlockCutter(block_bytes, Dialect(delimiter_of(content)))
    ends = [*sorted(cuts), len(content)]
    parts = [content[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    return [*(rows for part in parts for rows in cutter.feed(part)), *cutter.end()]


def cells_of(blocks: Sequence[Rows], delimiter: str) -> list[tuple[str, ...]]:
    dialect = Dialect(delimiter)
    return [
        tuple(row.values())
        for rows in blocks
        for row in (parse(rows.text, "kl", dialect).to_pylist() if rows.text else [])
    ]


def delimiter_of(content: bytes) -> str:
    """Return what stands between the two names, `k` and `l`."""
    return chr(content[content.index(b"k") + 1])


CELLS = st.text(st.sampled_from('ab1,;|\t"\n\r é'), max_size=6)
STRAY_QUOTES = st.sampled_from(['5" screen', 'a"', 'a""b', '"ab"c', '"a"b"c'])
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\n\n", "\r", "\r\r\n"])
DELIMITER = st.sampled_from(list(DELIMITERS))
EMPTY = ("", "")


def written(cell: str) -> str:
    quoted = any(character in cell for character in ',;|\t"\r\n')
    return '"' + cell.replace('"', '""') + '"' if quoted else cell


ROW = st.tuples(CELLS.map(written) | STRAY_QUOTES, CELLS.map(written), LINE_ENDS)
EMPTY_ROW = st.tuples(st.just(""), st.just(""), LINE_ENDS)
ROWS = st.lists(ROW, max_size=12)
PATCHY_ROWS = st.lists(ROW | st.lists(EMPTY_ROW, min_size=1, max_size=99), max_size=12).map(
    lambda rows: [row for some in rows for row in (some if isinstance(some, list) else [some])]
)
"""Rows among which there are runs of empty ones, longer than a block."""


def text_of(rows: Sequence[tuple[str, str, str]], delimiter: str) -> str:
    return "".join(f"{first}{delimiter}{second}{end}" for first, second, end in rows)


def without_end(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return rows without the empty ones that none follows."""
    return rows[: max((place for place, row in enumerate(rows, 1) if row != EMPTY), default=0)]


@settings(max_examples=examples(150), deadline=None)
@given(
    rows=PATCHY_ROWS,
    cuts=st.lists(st.integers(0, 300), max_size=6),
    mark=st.booleans(),
    final=st.booleans(),
    delimiter=DELIMITER,
)
def test_however_the_bytes_come_the_rows_are_those_of_the_whole(rows, cuts, mark, final, delimiter):
    text = f"k{delimiter}l\n{text_of(rows, delimiter)}"
    content = (b"\xef\xbb\xbf" if mark else b"") + (text if final else text.rstrip("\r\n")).encode()
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    expected = without_end([tuple(cells) for cells in lines if cells][1:])
    blocks = rows_of(content, 64, [min(cut, len(content)) for cut in cuts])
    whole = rows_of(content, 10_000)
    assert cells_of(whole, delimiter) == expected
    is_cut = bool(rows) and rows[-1][:2] == EMPTY and bool(expected)
    assert [rows.end_before_empty for rows in whole] == [is_cut] * len(whole)
    assert cells_of(blocks, delimiter) == expected
    assert is_cut or not any(rows.end_before_empty for rows in blocks)
    assert blocks == rows_of(content, 64)
    assert all(len(rows.text) <= 64 for rows in blocks)


def test_a_million_empty_lines_behind_the_rows_are_no_rows_and_take_no_memory():
    cutter = BlockCutter(1 << 16)
    part = b"," * 19 + b"\r\n"
    header = ",".join(FEATURE_NAMES).encode()
    tracemalloc.start()
    assert [*cutter.feed(header + b"\n" + b"1," * 19 + b"1\n")] == []
    found = [rows for _ in range(1_000) for rows in cutter.feed(part * 1_000)]
    assert [*found, *cutter.end()] == [(b"1," * 19 + b"1\n", len(header) + 1 + 40, True)]
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_very_many_blank_lines_before_the_header_are_passed_over_at_once(line_end):
    # else it would take minutes
    cutter = BlockCutter(1 << 16)
    assert list(cutter.feed(line_end * (1 << 25))) == []
    assert [rows.text for rows in [*cutter.feed(b"a;b\n1;2"), *cutter.end()]] == [b"1;2"]
    assert cutter.position == len(line_end) * (1 << 25) + 7


def test_empty_lines_before_a_row_that_is_too_long_are_counted():
    feeding = BlockCutter(64).feed(b"a,b,c\n1,2,3\n" + b",,\n" * 100 + b"x" * 100)
    rows = 0
    while rows < 101:
        rows += len(lines(next(feeding).text))
    with pytest.raises(BrokenBlockError, match="the row is longer"):
        next(feeding)


def test_empty_lines_that_a_row_follows_are_rows():
    cutter = BlockCutter(64)
    found = [*cutter.feed(b"a,b,c\n1,2,3\n" + b",,\n" * 1_000 + b"4,5,6"), *cutter.end()]
    assert sum(rows.text.count(b",,\n") for rows in found) == 1_000
    assert found[-1].text.endswith(b"4,5,6")


@pytest.mark.parametrize(
    ("end", "rows"),
    [
        pytest.param(b",,\n", 1, id="one"),
        pytest.param(b",,", 1, id="without a line end"),
        pytest.param(b"\n\n,,\r\n\r\n,,\n\n", 1, id="blank lines among them"),
        pytest.param(b",\n", 2, id="a cell too few, which may have been cut short"),
        pytest.param(b",,,\n", 2, id="a cell too many"),
        pytest.param(b" ,,\n", 2, id="a blank"),
        pytest.param(b'4,5,"\n,,\n', 2, id="in an open quote"),
        pytest.param(b'4,5,"\n,,\n"\n', 2, id="in quotes"),
        pytest.param(b",,\n,\n,,\n", 3, id="a short one among them"),
        pytest.param(b"4,,\n", 2, id="a row that has a cell"),
    ],
)
def test_only_whole_lines_of_empty_cells_at_the_end_are_no_rows(end, rows):
    cutter = BlockCutter(1_000)
    assert [*cutter.feed(b"a,b,c\n1,2,3\n" + end)] == []
    (found,) = cutter.end()
    assert len(lines(found.text)) == rows
    assert found.end_before_empty == (rows == 1 or end == b",,\n,\n,,\n")


def test_a_row_longer_than_a_block_is_refused():
    cutter = BlockCutter(64)
    parts = cutter.feed(b"a,b\n1,2\n" + b"x" * 100)
    assert next(parts) == (b"1,2\n", 8, False)
    with pytest.raises(BrokenBlockError, match="row is longer than 64 bytes; is a closing quote") as broken:
        next(parts)
    assert broken.value.row == 0


def test_a_header_longer_than_a_block_is_called_so():
    with pytest.raises(BrokenBlockError, match=r"^the header is longer than 64 bytes") as broken:
        list(BlockCutter(64).feed(b"\n" + b"x" * 100))
    assert broken.value.row is None


@pytest.mark.parametrize(
    ("block", "row", "reason"),
    [
        pytest.param(b"1,2\n3\n", 1, "expected 2 cells, found 1", id="cell too few"),
        pytest.param(b"1,2,3\n", 0, "expected 2 cells, found 3", id="cell too many"),
        pytest.param(b"1,2\n\n3,\xe9\n", 1, "not valid UTF-8: byte 0xe9", id="Latin-1"),
        pytest.param(b'1,2\n3,"4\n5,6\n', 1, "a quote is not closed", id="open quote"),
        pytest.param(b'1,2\n3,"4', 1, "a quote is not closed", id="open quote, no line end"),
        pytest.param(b'1,"2""\n', 0, "a quote is not closed", id="open quote after a pair"),
        pytest.param(b'1,2\n"3,4\n5,6\n', 1, "a quote is not closed", id="open quote before the last cell"),
        pytest.param(b"1,2\r3,4\n5\r6,7", 2, "expected 2 cells, found 1", id="CR alone"),
    ],
)
def test_a_broken_row_is_named(block, row, reason):
    with pytest.raises(BrokenBlockError) as broken:
        parse(block, ["a", "b"])
    assert (broken.value.row, broken.value.reason) == (row, reason)
    assert doubles(block, 2, [0, 1]) is None


def test_a_header_of_blank_lines_is_none_yet():
    assert split_header(b"\n\r\n") == ([], b"")


def test_a_header_may_hold_line_ends():
    assert split_header(b'\n"a\nb",c\n1,2\n') == (["a\nb", "c"], b"1,2\n")


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        pytest.param(b'"a,b\n1,2\n', "the header: a quote is not closed", id="open quote"),
        pytest.param(
            b'"' + b"a" * 200_000, "the header: a cell has more than 131072 characters", id="long cell"
        ),
    ],
)
def test_a_header_that_is_none_is_refused_with_the_reason(block, reason):
    with pytest.raises(BrokenBlockError, match=reason) as broken:
        split_header(block)
    assert broken.value.row is None


# numbers


PHONE = {feature.name: str(feature.example) for feature in FEATURES}
TEXTS = st.one_of(
    st.text(st.sampled_from("0123456789.eE+-_x nIiaftr \t"), max_size=8),
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.floats().map(repr),
    st.sampled_from(["", " 5", "5\t", "+5", "5.", ".5", "0x10", "true", "False", "NaN", "-Infinity", "1_0"]),
)


@settings(max_examples=examples(200), deadline=None)
@given(
    cells=st.lists(st.tuples(st.sampled_from(FEATURE_NAMES), TEXTS), min_size=1, max_size=4),
    quoted=st.booleans(),
)
def test_straight_to_numbers_is_as_good_as_by_way_of_text(cells, quoted):
    file = io.StringIO()
    writer = csv.DictWriter(file, FEATURE_NAMES, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows(PHONE | {name: text} for name, text in cells)
    block = file.getvalue().encode()
    fast, slow = judge_csv(block, FEATURE_NAMES), judge(parse(block, FEATURE_NAMES))
    np.testing.assert_array_equal(fast.rows, slow.rows)
    np.testing.assert_array_equal(fast.valid, slow.valid)
    for row in np.flatnonzero(~slow.valid).tolist():
        assert fast.detail(row) == slow.detail(row)


@given(
    texts=st.lists(
        st.from_regex(r"(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?", fullmatch=True),
        min_size=1,
    )
)
def test_a_number_is_the_nearest_double(texts):
    block = "".join(f"x,{text}\n" for text in texts).encode()
    values = doubles(block, 2, [1])
    assert values is not None
    assert values[:, 0].tolist() == [float(text) for text in texts]


def test_other_columns_are_ignored_but_must_be_text():
    phone = ",".join(PHONE.values())
    header = ["shop", *FEATURE_NAMES]
    assert judge_csv(f"é,{phone}\n".encode(), header).valid.all()
    with pytest.raises(BrokenBlockError, match="not valid UTF-8"):
        judge_csv(b"\xe9," + phone.encode(), header)


@settings(max_examples=examples(150), deadline=None)
@given(rows=ROWS, delimiter=DELIMITER)
def test_lines_are_the_rows_as_they_stand_there(rows, delimiter):
    dialect = Dialect(delimiter)
    text = text_of(rows, delimiter).encode()
    alone = [parse(line.encode(), "kl", dialect).to_pylist() for line in lines(text, dialect).to_pylist()]
    assert alone == [[row] for row in parse(text, "kl", dialect).to_pylist()]


@settings(max_examples=examples(100), deadline=None)
@given(rows=PATCHY_ROWS, mark=st.booleans(), delimiter=DELIMITER, most_held=st.sampled_from([1, 2, 1_000]))
def test_blocks_from_a_position_are_those_that_follow_it(rows, mark, delimiter, most_held):
    text = f"k{delimiter}l\n{text_of(rows, delimiter)}"
    content = (b"\xef\xbb\xbf" if mark else b"") + text.encode()
    asked = Dialect(delimiter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_file, "BLOCK_BYTES", 64)
        patch.setattr(csv_blocks, "MOST_HELD", most_held)
        whole = list(csv_file.blocks(lambda: io.BytesIO(content), asked=asked))
        for place, block in enumerate(whole):
            assert list(csv_file.blocks(lambda: io.BytesIO(content), block.stop, asked)) == whole[place + 1 :]
