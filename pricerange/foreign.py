"""What a body or a file is by its first bytes, where it is not what it is taken for, and what to do."""

from typing import NamedTuple

BEGIN_BYTES = 64
"""First bytes that tell it."""


class Foreign(NamedTuple):
    """What something is, and what to do with a file and with the body of a request that are it."""

    what: str
    file: str
    body: str


_AS_STREAM = "send it as an Arrow stream, as pyarrow.ipc.new_stream writes it"
_UNPACKED = "send it uncompressed, or with Content-Encoding: gzip or zstd"
_EXPORTED = "export the table as CSV"


def _text(coding: str) -> Foreign:
    return Foreign(f"text in {coding}", "which has to be saved as UTF-8", "send the text as UTF-8")


_BEGINNINGS: dict[bytes, Foreign] = {
    b"ARROW1\0": Foreign("an Arrow IPC file (Feather)", "whose name has to end in .arrow", _AS_STREAM),
    b"FEA1\0": Foreign("a Feather V1 file", "which has to be written as version 2", _AS_STREAM),
    b"PAR1\x15": Foreign("Parquet", "whose name has to end in .parquet", _AS_STREAM),
    b"\xff\xff\xff\xff": Foreign(
        "an Arrow stream",
        "whose name has to end in .arrow",
        "send it with Content-Type: application/vnd.apache.arrow.stream",
    ),
    b"\x1f\x8b": Foreign(
        "compressed with gzip",
        "whose name has to end in .csv.gz or .ndjson.gz",
        "send it with Content-Encoding: gzip",
    ),
    b"\x28\xb5\x2f\xfd": Foreign(
        "compressed with zstd",
        "whose name has to end in .csv.zst or .ndjson.zst",
        "send it with Content-Encoding: zstd",
    ),
    **{
        b"BZh%d1AY&" % level: Foreign(
            "compressed with bzip2", "whose name has to end in .csv.bz2 or .ndjson.bz2", _UNPACKED
        )
        for level in range(1, 10)
    },
    b"\xfd7zXZ\0": Foreign("compressed with xz", "whose name has to end in .csv.xz or .ndjson.xz", _UNPACKED),
    b"PK\x03\x04": Foreign(
        "a zip archive or an Excel workbook (xlsx)",
        "which has to be saved as CSV",
        f"unpack it, or {_EXPORTED}",
    ),
    b"\xd0\xcf\x11\xe0": Foreign("an Excel workbook (xls)", "which has to be saved as CSV", _EXPORTED),
    b"SQLite format 3\0": Foreign("an SQLite database", "of which a table has to be saved as CSV", _EXPORTED),
    b"\xff\xfe\0\0": _text("UTF-32"),
    b"\0\0\xfe\xff": _text("UTF-32"),
    b"\xff\xfe": _text("UTF-16"),
    b"\xfe\xff": _text("UTF-16"),
}
"""By what something begins, such as neither CSV nor JSON does."""


def named(begin: bytes) -> Foreign | None:
    """Return what begins so; None where it may be what it is taken for."""
    begin = begin[:BEGIN_BYTES]
    for known, foreign in _BEGINNINGS.items():
        if begin.startswith(known):
            return foreign
    # text without a mark, as far as it is ASCII: every other byte is zero
    if len(begin) >= 4 and any(begin) and not (any(begin[::2]) and any(begin[1::2])):
        return _text("UTF-16")
    return None
