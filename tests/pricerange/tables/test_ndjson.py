"""Lines are cut the same in whatever parts they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.ndjson import LineCutter, Lines


def blocks(parts: list[bytes]) -> list[Lines]:
    cutter = LineCutter(20)
    found = [block for part in parts for block in cutter.feed(part)] + list(cutter.end())
    assert all(block.texts and sum(map(len, block.texts)) <= 20 for block in found)
    return found


def lines(parts: list[bytes]) -> list[tuple[bytes, int]]:
    return [pair for block in blocks(parts) for pair in zip(block.texts, block.numbers, strict=True)]


@given(
    texts=st.lists(st.sampled_from([b"", b" ", b"\r", b"{}", b"1\r", b"x" * 20]), max_size=12),
    places=st.lists(st.integers(0, 200), max_size=6),
    ended=st.booleans(),
)
def test_lines_do_not_depend_on_parts(texts: list[bytes], places: list[int], ended: bool) -> None:
    body = b"\n".join(texts) + b"\n" * ended
    ends = sorted(min(place, len(body)) for place in places)
    parts = [body[begin:end] for begin, end in zip([0, *ends], [*ends, len(body)], strict=True)]
    expected = [(text, number) for number, text in enumerate(texts, 1) if text.strip()]
    assert lines(parts) == expected
    assert blocks(parts) == blocks([body])


@pytest.mark.parametrize("parts", [[b"a\n" + b"x" * 21], [b"a\n" + b"x" * 21 + b"\n"], [b"a\nxx", b"x" * 19]])
def test_a_line_that_is_too_long_is_named(parts: list[bytes]) -> None:
    with pytest.raises(BrokenBlockError, match="line 2 is longer than 20 bytes"):
        lines(parts)
