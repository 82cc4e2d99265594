"""Files for browsers: their tags, and their codings."""

import gzip

import pytest

from service.http.reply import Reply
from service.web.asset import Asset

CONTENT = b"body { margin: 0 }" * 20


@pytest.fixture
def asset() -> Asset:
    return Asset.of(CONTENT, "text/css", "default-src 'none'")


def header_of(reply: Reply, name: str) -> str | None:
    lines = reply.header_lines.decode().split("\r\n")
    return dict(line.split(": ", 1) for line in lines if line).get(name)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (b"gzip, deflate, br", "gzip"),
        (b"br;q=1, gzip;q=0.2", "gzip"),
        (b"gzip;q=0", None),
        (b"br", None),
        (b"", None),
    ],
)
def test_a_file_is_compressed_for_those_who_take_that(
    asset: Asset, accepted: bytes, coding: str | None
) -> None:
    reply = asset.answer({b"accept-encoding": accepted})
    assert header_of(reply, "content-encoding") == coding
    assert (gzip.decompress(reply.body) if coding else reply.body) == CONTENT
    assert header_of(reply, "content-length") == str(len(reply.body))
    assert header_of(reply, "vary") == "Accept-Encoding"


def test_what_is_kept_compressed_is_the_same_file() -> None:
    kept = Asset.of(gzip.compress(CONTENT), "text/css", compressed=True)
    assert kept.answer({}).body == CONTENT
    assert kept.answer({b"accept-encoding": b"gzip"}).body == gzip.compress(CONTENT)


@pytest.mark.parametrize("tags", ["{}", 'W/"other", {}', '"other",{}', "*"])
def test_who_has_the_file_is_sent_none(asset: Asset, tags: str) -> None:
    tag = header_of(asset.answer({}), "etag")
    assert tag is not None
    for spelled in (tag, tag.removeprefix("W/")):
        reply = asset.answer({b"if-none-match": tags.format(spelled).encode()})
        assert (reply.status_code, reply.body) == (304, b"")
        assert header_of(reply, "etag") == tag
        assert header_of(reply, "cache-control") == "no-cache"
        assert header_of(reply, "content-length") is None


def test_another_file_is_sent(asset: Asset) -> None:
    other = Asset.of(CONTENT + b" ", "text/css")
    tag = header_of(other.answer({}), "etag")
    assert tag is not None
    assert asset.answer({b"if-none-match": tag.encode()}).body == CONTENT
