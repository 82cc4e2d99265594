"""What a file is by its first bytes, where its name says something else."""

_UTF_16 = "text in UTF-16, which has to be saved as UTF-8"
_BEGINNINGS = {
    b"\xff\xfe": _UTF_16,
    b"\xfe\xff": _UTF_16,
    b"\x1f\x8b": "gzip, whose name has to end in .csv.gz",
    b"\x28\xb5\x2f\xfd": "Zstandard, whose name has to end in .csv.zst",
    b"PK\x03\x04": "an Excel workbook or a zip archive, which has to be saved as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook, which has to be saved as CSV",
    b"PAR1\x15": "Parquet, whose name has to end in .parquet",
    b"ARROW1\x00": "an Arrow file, whose name has to end in .arrow",
    b"\xff\xff\xff\xff": "an Arrow stream, whose name has to end in .arrow",
    b"FEA1\x00": "Feather version 1, which has to be written as version 2",
    b"BZh91AY&SY": "bzip2, which has to be unpacked",
    b"\xfd7zXZ\x00": "xz, which has to be unpacked",
    b"SQLite format 3\x00": "an SQLite database, of which a table has to be saved as CSV",
}
"""By what a file begins, such as no header of CSV does: what it is, and what to do with it."""
_LOOKED_AT = 64


def content_of(beginning: bytes) -> str | None:
    """Return what a file is that begins so, and what to do with it; None where it may be CSV."""
    for mark, content in _BEGINNINGS.items():
        if beginning.startswith(mark):
            return content
    looked_at = beginning[:_LOOKED_AT]
    for side in (looked_at[::2], looked_at[1::2]):
        # ASCII in two bytes a character
        if len(side) > 1 and not any(side):
            return _UTF_16
    return None
