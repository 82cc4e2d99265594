"""Bodies in chunks: read as they were written, whatever the pieces, bounded; trailers are ignored."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import MalformedRequestError
from service.http.framing.chunked import MOST_LINE_BYTES, MOST_STEPS, MOST_TRAILER_BYTES, ChunkedDecoder


def decoded(pieces: list[bytes]) -> tuple[bytes, bytes, bool]:
    """Feed pieces as a connection does; return the content, what was left over, whether the body ended."""
    decoder, content, data = ChunkedDecoder(), b"", b""
    for piece in pieces:
        data += piece
        before = None
        while len(data) != before and not decoder.done:
            before = len(data)
            found, at = decoder.feed(data, 0)
            content, data = content + found, data[at:]
    return content, data, decoder.done


def cut(body: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(body), *(place % (len(body) + 1) for place in cuts)})
    return [body[begin:end] for begin, end in itertools.pairwise(places)]


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    extension=st.sampled_from([b"", b";a", b' ; a="b c"', b";" * 30]),
    trailers=st.lists(st.sampled_from([b"x: y", b"authorization: Bearer k", b"anything at all"]), max_size=3),
    cuts=st.lists(st.integers(0, 2_000), max_size=10),
    behind=st.sampled_from([b"", b"GET / HTTP/1.1\r\n\r\n", b"0\r\n\r\n"]),
)
def test_a_body_is_read_as_it_was_written(
    chunks: list[bytes], extension: bytes, trailers: list[bytes], cuts: list[int], behind: bytes
) -> None:
    lines = [b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks]
    body = b"".join([*lines, b"0\r\n", *(b"%b\r\n" % trailer for trailer in trailers), b"\r\n"])
    content, left, done = decoded(cut(body + behind, cuts))
    assert (content, left, done) == (b"".join(chunks), behind, True)
    assert decoded([body[:-1]])[2] is False


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"zz\r\n", id="no number"),
        pytest.param(b"\r\n", id="no size"),
        pytest.param(b"-1\r\n", id="below zero"),
        pytest.param(b"0x1\r\n", id="a prefix"),
        pytest.param(b"1_0\r\n", id="an underscore"),
        pytest.param(b"+1\r\n", id="a sign"),
        pytest.param(b" 1\r\n", id="a space first"),
        pytest.param(b"1" * 17 + b"\r\n", id="beyond 64 bits"),
        pytest.param(b"1\nx\r\n", id="a line that ends with LF alone"),
        pytest.param(b"1\r\nxy\r\n", id="more than the size"),
        pytest.param(b"1\r\nx\n", id="data that end with LF alone"),
        pytest.param(b"1;a\x00\r\n", id="a zero byte in an extension"),
        pytest.param(b"0\r\nx: y\n\r\n", id="a trailer that ends with LF alone"),
    ],
)
def test_chunks_that_others_may_read_in_another_way_are_rejected(body: bytes) -> None:
    with pytest.raises(MalformedRequestError):
        decoded([body])


@pytest.mark.parametrize(
    ("begin", "more", "most"),
    [
        pytest.param(b"1;", b"a" * 100, MOST_LINE_BYTES, id="an extension"),
        pytest.param(b"0\r\n", b"x: y\r\n", MOST_TRAILER_BYTES, id="trailers"),
        pytest.param(b"0\r\nx: ", b"y" * 100, MOST_TRAILER_BYTES, id="one trailer"),
    ],
)
def test_lines_without_end_are_bounded(begin: bytes, more: bytes, most: int) -> None:
    pieces = [begin, *[more] * (most // len(more) + 2)]
    with pytest.raises(MalformedRequestError, match=f"longer than {most} bytes"):
        decoded(pieces)
    assert decoded(pieces[: most // len(more) - 1])[2] is False


def test_many_small_chunks_are_taken_apart_in_several_goes() -> None:
    decoder, body = ChunkedDecoder(), b"1\r\nx\r\n" * MOST_STEPS
    content, at = decoder.feed(body, 0)
    assert 0 < len(content) < MOST_STEPS
    assert at < len(body)
