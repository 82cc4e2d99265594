"""Heads of requests: what is read from them, whatever the pieces, and what is rejected (RFC 9112)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import HeadTooLargeError, MalformedRequestError
from service.http.framing.head import MOST_HEADERS, Head, HeadParser


def parsed(head: bytes, *cuts: int) -> Head:
    parser = HeadParser()
    places = sorted({0, len(head), *(cut % len(head) for cut in cuts)})
    for begin, end in itertools.pairwise(places):
        parser.feed(head[begin:end])
    assert parser.complete
    return parser.head()


def with_lines(*lines: str, line: str = "POST /predict HTTP/1.1") -> bytes:
    return "".join(f"{each}\r\n" for each in (line, *lines, "")).encode("latin-1")


@given(cuts=st.lists(st.integers(0, 10_000), max_size=8))
def test_a_head_is_the_same_whatever_the_pieces(cuts: list[int]) -> None:
    found = parsed(with_lines("Host: a", "X-A: 1", "x-a: 2", "Content-Length: 12"), *cuts)
    assert (found.method, found.path, found.query, found.http_version) == ("POST", "/predict", b"", "1.1")
    assert found.headers == [(b"host", b"a"), (b"x-a", b"1"), (b"x-a", b"2"), (b"content-length", b"12")]
    assert (found.length, found.keep_alive) == (12, True)


@pytest.mark.parametrize(
    ("target", "path", "raw_path", "query"),
    [
        ("/a%20b?c=%20", "/a b", b"/a%20b", b"c=%20"),
        ("/predict/batch?on_bad_row=null", "/predict/batch", b"/predict/batch", b"on_bad_row=null"),
        ("http://other/model?x", "/model", b"/model", b"x"),
        ("*", "*", b"*", b""),
        ("/%C3%A9", "/é", b"/%C3%A9", b""),
    ],
)
def test_a_target_is_taken_apart(target: str, path: str, raw_path: bytes, query: bytes) -> None:
    found = parsed(with_lines("Host: a", line=f"OPTIONS {target} HTTP/1.1"))
    assert (found.path, found.raw_path, found.query) == (path, raw_path, query)


@pytest.mark.parametrize(
    ("lines", "line", "length", "keep_alive"),
    [
        pytest.param(["Host: a", "Content-Length: 0"], "POST / HTTP/1.1", 0, True, id="no body"),
        pytest.param(["Host: a"], "POST / HTTP/1.1", 0, True, id="no length"),
        pytest.param(["Host: a", "Content-Length: 00012"], "POST / HTTP/1.1", 12, True, id="zeros first"),
        pytest.param(["Host: a", f"Content-Length: {'0' * 5_000}7"], "POST / HTTP/1.1", 7, True, id="zeros"),
        pytest.param(["Host: a", "Transfer-Encoding: Chunked"], "POST / HTTP/1.1", None, True, id="chunks"),
        pytest.param(["Host: a", "Connection: close"], "POST / HTTP/1.1", 0, False, id="close"),
        pytest.param(["Host: a", "Connection: keep-alive"], "POST / HTTP/1.0", 0, False, id="1.0"),
        pytest.param([], "POST / HTTP/1.0", 0, False, id="1.0 without Host"),
        pytest.param(
            ["Host: a", "Connection: Upgrade", "Upgrade: h2c", "Content-Length: 5"],
            "POST / HTTP/1.1",
            5,
            True,
            id="an offer to upgrade, which is ignored",
        ),
    ],
)
def test_what_follows_a_head(lines: list[str], line: str, length: int | None, keep_alive: bool) -> None:
    found = parsed(with_lines(*lines, line=line))
    assert (found.length, found.keep_alive) == (length, keep_alive)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="no Host"),
        pytest.param(["Host: a", "Host: b"], id="two Hosts"),
        pytest.param(["Host: a", "Host: a"], id="one Host twice"),
        pytest.param(["Host: a", "Transfer-Encoding: gzip, chunked"], id="another coding first"),
        pytest.param(["Host: a", "Transfer-Encoding: chunked, gzip"], id="another coding last"),
        pytest.param(["Host: a", "Transfer-Encoding: x", "Transfer-Encoding: chunked"], id="in two headers"),
        pytest.param(["Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], id="twice"),
        pytest.param(["Host: a", "Transfer-Encoding: chunked, chunked"], id="twice in one"),
        pytest.param(["Host: a", "Transfer-Encoding: identity"], id="identity"),
        pytest.param(["Host: a", "Transfer-Encoding:"], id="an empty coding"),
        pytest.param(["Host: a", "Transfer-Encoding: chunked", "Content-Length: 3"], id="length and chunks"),
        pytest.param(["Host: a", "Content-Length: 3", "Content-Length: 3"], id="one length twice"),
        pytest.param(["Host: a", "Content-Length: 3, 4"], id="two lengths"),
        pytest.param(["Host: a", "Content-Length: +3"], id="a sign"),
        pytest.param(["Host: a", "Content-Length: 0x3"], id="hexadecimal"),
        pytest.param(["Host: a", "Content-Length: "], id="an empty length"),
        pytest.param(["Host: a", f"Content-Length: {'9' * 30}"], id="beyond all numbers"),
        pytest.param(["Host: a", "X A: b"], id="a space in a name"),
        pytest.param(["Host: a", "X-A : b"], id="a space before the colon"),
        pytest.param(["Host: a", "X-A: b", " c"], id="a folded line"),
        pytest.param(["Host: a", "X-A: b\x00c"], id="a zero byte"),
        pytest.param(["Host: a", "X-A: b\rc"], id="a lone CR"),
    ],
)
def test_a_head_that_others_may_read_in_another_way_is_rejected(lines: list[str]) -> None:
    with pytest.raises(MalformedRequestError):
        parsed(with_lines(*lines))


@pytest.mark.parametrize(
    "line",
    [
        "GET / HTTP/2.0",
        "GET / HTTP/0.9",
        "GET /",
        "GET  / HTTP/1.1 x",
        "CONNECT a:80 HTTP/1.1",
        "G\x01T / HTTP/1.1",
    ],
)
def test_a_request_line_that_is_none_is_rejected(line: str) -> None:
    with pytest.raises(MalformedRequestError):
        parsed(with_lines("Host: a", line=line))


def test_chunks_are_none_of_http_1_0() -> None:
    with pytest.raises(MalformedRequestError):
        parsed(with_lines("Host: a", "Transfer-Encoding: chunked", line="POST / HTTP/1.0"))


def test_the_number_of_headers_is_bounded() -> None:
    fits = with_lines("Host: a", *(f"a: {k}" for k in range(MOST_HEADERS - 1)))
    assert len(parsed(fits).headers) == MOST_HEADERS
    with pytest.raises(HeadTooLargeError, match=f"more than {MOST_HEADERS} headers"):
        parsed(with_lines("Host: a", *(f"a: {k}" for k in range(MOST_HEADERS))))


def test_repeated_headers_are_joined_so_that_none_hides_another() -> None:
    found = parsed(with_lines("Authorization: Bearer a", "Host: h", "authorization: Bearer b"))
    assert found.by_name == {b"authorization": b"Bearer a, Bearer b", b"host": b"h"}


@pytest.mark.parametrize("space", [" ", "\t", " \t "])
def test_white_space_behind_a_value_is_no_part_of_it(space: str) -> None:
    found = parsed(with_lines(f"Host: a{space}", f"Content-Length: 0{space}", f"Expect: 100-continue{space}"))
    assert found.length == 0
    assert found.by_name == {b"host": b"a", b"content-length": b"0", b"expect": b"100-continue"}
