"""A file of lines as blocks: the same from wherever it is read, with the columns of its first lines."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.json import file as json_file
from pricerange.tables.json.file import LineBlock, blocks, columns_of

LINES = ['{"a":1}', '{"b":"x"}', '{"a":1,"c":[2]}', "[1]", "", " ", '{"é":1}\r']


def read(content: bytes, start: int = 0) -> list[LineBlock]:
    return list(blocks(lambda: io.BytesIO(content), start))


@given(
    lines=st.lists(st.sampled_from(LINES), max_size=12),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    end=st.sampled_from(["", "\n"]),
)
def test_a_file_gives_the_same_blocks_from_wherever_it_is_read(
    lines: list[str], mark: bytes, end: str
) -> None:
    content = mark + ("\n".join(lines) + end).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_file, "BLOCK_BYTES", 20)
        whole = read(content)
        assert [text.decode() for block in whole for text in block.texts] == [
            line for line in lines if line.strip()
        ]
        assert {block.columns for block in whole} == {columns_of(lambda: io.BytesIO(content))}
        for place, block in enumerate(whole):
            if block.stop:
                assert read(content, block.stop) == whole[place + 1 :]


def test_columns_are_the_fields_of_the_first_block_with_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_file, "BLOCK_BYTES", 40)
    content = b"\n" * 82 + b'[1]\n{"b":1}\n{"a":1}\n' + b'{"late":"xxxxxxxxxxxxxxxxxxxx"}\n'
    assert {block.columns for block in read(content) if block.texts} == {("b", "a")}


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n"], ids=["empty", "a mark", "blank"])
def test_a_file_without_lines_has_neither_rows_nor_columns(content: bytes) -> None:
    assert [(block.columns, block.texts) for block in read(content)] == [((), [])]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("a,b\n1,2\n".encode("utf-16"), "it is no NDJSON: it is text in UTF-16", id="UTF-16"),
        pytest.param(b"PK\x03\x04...", "it is no NDJSON: it is a zip archive", id="zip"),
        pytest.param(
            b"{%b}" % b",".join(b'"%d":1' % k for k in range(5_000)), "more than 4096 fields", id="wide"
        ),
        pytest.param(b'{"a":"' + b"x" * (1 << 20), "line 1 is longer than 1048576 bytes", id="long"),
    ],
)
def test_what_cannot_be_read_is_named(content: bytes, said: str) -> None:
    with pytest.raises(BrokenBlockError, match=said):
        read(content)
