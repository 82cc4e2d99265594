"""Compressed files: every stream in them is read, each to its end, and few bytes buy little memory."""

import bz2
import gzip
import lzma
import random
import tracemalloc

import pyarrow as pa
import pytest

from pricerange.tables.decompressed import MOST_XZ_BYTES, decompressed

TEXT = random.Random(1).randbytes(3_000).hex().encode()
CODECS = {
    "gzip": gzip.compress,
    "zstd": lambda text: pa.Codec("zstd").compress(text, asbytes=True),
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def unpacked(packed: bytes, compression: str, size: int = 1_000) -> bytes:
    with decompressed(pa.BufferReader(packed), compression) as stream:
        return b"".join(iter(lambda: stream.read(size), b""))


@pytest.mark.parametrize("compression", CODECS)
def test_all_streams_of_a_file_are_read_in_order(compression):
    pack = CODECS[compression]
    assert unpacked(pack(TEXT) + pack(b"more") + pack(TEXT), compression) == TEXT + b"more" + TEXT


@pytest.mark.parametrize("compression", ["bz2", "xz"])
def test_streams_of_nothing_end_no_file(compression):
    pack = CODECS[compression]
    assert unpacked(pack(b"") + pack(TEXT) + pack(b"") + pack(TEXT), compression) == TEXT * 2


@pytest.mark.parametrize("compression", CODECS)
def test_a_file_that_is_cut_anywhere_is_never_read_as_a_whole_one(compression):
    pack = CODECS[compression]
    whole = pack(TEXT)
    stops = [*range(1, 40), *range(40, len(whole) - 40, 97), *range(len(whole) - 40, len(whole))]
    for stop in stops:
        for before in (b"", pack(b"before")):
            with pytest.raises(OSError, match=r"\S"):
                unpacked(before + whole[:stop], compression)


@pytest.mark.parametrize("compression", CODECS)
@pytest.mark.parametrize("junk", [b"junk", b"B", b"\xfd", b"a,b\n" * 50_000], ids=repr)
def test_what_is_no_stream_may_not_follow_one(compression, junk):
    with pytest.raises(OSError, match=r"\S"):
        unpacked(CODECS[compression](TEXT) + junk[:200_000], compression)


@pytest.mark.parametrize("compression", ["bz2", "xz"])
def test_a_byte_that_changed_is_noticed(compression):
    packed = bytearray(CODECS[compression](TEXT))
    packed[len(packed) // 2] ^= 1
    with pytest.raises(OSError, match=r"\S"):
        unpacked(bytes(packed), compression)


def test_zeros_in_fours_may_follow_a_stream_of_xz():
    packed = lzma.compress(TEXT)
    assert unpacked(packed + bytes(4 * 50_000) + packed + bytes(8), "xz") == TEXT * 2
    for padded in (
        packed + bytes(3),
        packed + bytes(5) + packed,
        bytes(4) + packed,
        packed + bytes(4) + b"x",
    ):
        with pytest.raises(OSError, match=r"\S"):
            unpacked(padded, "xz")


def test_a_decoder_of_xz_takes_no_more_than_it_may():
    assert unpacked(lzma.compress(TEXT, preset=9), "xz") == TEXT
    large = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2 * MOST_XZ_BYTES}]
    # to write such a stream takes its memory too, which is not touched
    with pytest.raises(OSError, match="Memory usage limit exceeded"):
        unpacked(lzma.compress(TEXT, filters=large), "xz")


@pytest.mark.parametrize("compression", ["bz2", "xz"])
def test_few_bytes_that_stand_for_many_come_as_few_at_a_time_as_were_asked_for(compression):
    packed = CODECS[compression](bytes(20_000_000))
    assert len(packed) < 10_000
    tracemalloc.start()
    try:
        with decompressed(pa.BufferReader(packed), compression) as stream:
            assert sum(map(len, iter(lambda: stream.read(1_000), b""))) == 20_000_000
        # xz has a dictionary of 8 MiB
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
