"""A body's content coding is undone whatever the parts in which it comes, and never makes much of little."""

import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phone_tables import COMPRESS, zstd

from service.errors import CONTENT_CODINGS, BrokenEncodingError, ContentEncodingError, ExpansionError
from service.http.framing.encoding import FREE_BYTES, PIECE_BYTES, TIMES, Decoder, decoder_of

CODINGS = list(CONTENT_CODINGS)
SKIPPED = b"\x50\x2a\x4d\x18\x03\0\0\0abc"


def undone(coding: str, *parts: bytes) -> bytes:
    decoder = Decoder(coding)
    pieces = []
    for part in parts:
        decoder.put(part)
        while (piece := decoder.take()) is not None:
            assert len(piece) <= PIECE_BYTES
            pieces.append(piece)
    decoder.end()
    return b"".join(pieces)


def cut(body: bytes, places: list[int]) -> list[bytes]:
    ends = sorted(place % (len(body) + 1) for place in places)
    return [body[begin:end] for begin, end in zip([0, *ends], [*ends, len(body)], strict=True)]


@given(
    coding=st.sampled_from(CODINGS),
    members=st.lists(st.binary(max_size=300) | st.integers(0, 200_000).map(lambda n: b"ab" * n), min_size=1),
    places=st.lists(st.integers(0), max_size=6),
)
def test_what_was_compressed_comes_back_from_any_parts(
    coding: str, members: list[bytes], places: list[int]
) -> None:
    members = members[:1] if coding == "deflate" else members[:4]
    body = b"".join(map(COMPRESS[coding], members))
    if sum(map(len, members)) <= FREE_BYTES:
        assert undone(coding, *cut(body, places)) == b"".join(members)


def test_frames_that_zstd_skips_are_skipped() -> None:
    assert undone("zstd", SKIPPED + zstd.compress(b"a") + SKIPPED + zstd.compress(b"b")) == b"ab"


@pytest.mark.parametrize("coding", CODINGS)
def test_data_that_is_broken_or_cut_or_followed_by_more_is_named(coding: str) -> None:
    body = COMPRESS[coding](b"phones " * 1_000)
    for end in range(len(body)):
        with pytest.raises(BrokenEncodingError, match=f"expected {coding} data, found truncated data"):
            undone(coding, body[:end])
    for more in (b"x", b"\0", b"\n"):
        with pytest.raises(BrokenEncodingError, match="found extra data after its end"):
            undone(coding, body, more)
    with pytest.raises(BrokenEncodingError, match=f"expected {coding} data, found"):
        undone(coding, b"battery_power,blue")


@given(coding=st.sampled_from(CODINGS), noise=st.lists(st.tuples(st.integers(0), st.integers(0, 255))))
def test_noise_is_read_or_named(coding: str, noise: list[tuple[int, int]]) -> None:
    body = bytearray(COMPRESS[coding](b"phones " * 50))
    for place, value in noise:
        body[place % len(body)] = value
    with contextlib.suppress(BrokenEncodingError):
        undone(coding, bytes(body))


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_is_stopped_where_its_bytes_no_longer_justify_it(coding: str) -> None:
    bomb = COMPRESS[coding](bytes(50 << 20))
    most = FREE_BYTES + TIMES * len(bomb)
    with pytest.raises(ExpansionError, match=f"decompress to more than {most}"):
        undone(coding, bomb)


def test_a_window_beyond_that_of_the_content_coding_is_refused() -> None:
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 24})
    with pytest.raises(BrokenEncodingError, match="too much memory"):
        undone("zstd", compressor.compress(b"a" * 100) + compressor.flush())


@pytest.mark.parametrize(
    ("found", "coding"),
    [
        (b"gzip", "gzip"),
        (b" GZIP ", "gzip"),
        (b"x-gzip", "gzip"),
        (b"identity", None),
        (b"", None),
    ],
)
def test_codings_are_known_by_their_names_in_any_case(found: bytes, coding: str | None) -> None:
    decoder = decoder_of({b"content-encoding": found})
    body = gzip.compress(b"a")
    assert (decoder is None) == (coding is None)
    if decoder is not None:
        decoder.put(body)
        assert decoder.take() == b"a"


@pytest.mark.parametrize("found", [b"br", b"gzip, gzip", b"gzip,", b"compress", b"x-zstd-x", b"\xff"])
def test_other_codings_are_refused_with_those_that_are_taken(found: bytes) -> None:
    with pytest.raises(ContentEncodingError) as refused:
        decoder_of({b"content-encoding": found})
    assert refused.value.headers == (("Accept-Encoding", "gzip, deflate, zstd"),)


def test_deflate_is_what_http_calls_so() -> None:
    raw = zlib.compressobj(wbits=-15)
    with pytest.raises(BrokenEncodingError):
        undone("deflate", raw.compress(b"a" * 100) + raw.flush())
