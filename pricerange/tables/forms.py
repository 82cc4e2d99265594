"""What form a table is in: by the end of its name, or by its first bytes where it has no name."""

from dataclasses import dataclass
from typing import Literal

Format = Literal["csv", "ndjson", "parquet", "arrow"]
Compression = Literal["gzip", "zstd", "bz2", "xz"]


@dataclass(frozen=True, slots=True)
class Form:
    """A format, how it is compressed, and what separates the cells where something tells it."""

    format: Format
    compression: Compression | None = None
    delimiter: str | None = None


_TEXTS: dict[str, Form] = {
    ".csv": Form("csv"),
    ".tsv": Form("csv", delimiter="\t"),
    ".ndjson": Form("ndjson"),
    ".jsonl": Form("ndjson"),
}
"""Ends of names of text, which that of a codec may follow."""
_CODECS: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}
_COLUMNAR: dict[str, Form] = {
    **dict.fromkeys((".parquet", ".parq", ".pq"), Form("parquet")),
    **dict.fromkeys((".arrow", ".arrows", ".feather", ".ipc"), Form("arrow")),
}
ENDINGS = (*(f"{text}[{'|'.join(_CODECS)}]" for text in _TEXTS), *_COLUMNAR)
"""How names of tables end, as a usage line has it."""

_PACKED: dict[Compression, tuple[bytes, ...]] = {
    "gzip": (b"\x1f\x8b",),
    "zstd": (b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"),
    # of a block, and of an end without any
    "bz2": tuple(
        b"BZh%d%b" % (level, mark) for level in range(1, 10) for mark in (b"1AY&SY", b"\x17rE8P\x90")
    ),
    "xz": (b"\xfd7zXZ\0",),
}
_PLAIN: dict[Format, tuple[bytes, ...]] = {
    "parquet": (b"PAR1",),
    "arrow": (b"ARROW1", b"\xff\xff\xff\xff"),
    "csv": (b"",),
    "ndjson": (b"",),
}
"""How a file begins that is what its name says; text may begin in any way, so it comes last."""


def of_name(name: str) -> Form | None:
    """Return the form that a file's name tells by its end, in capitals or not, None where it tells none."""
    lower = name.lower()
    for ending, form in _COLUMNAR.items():
        if lower.endswith(ending):
            return form
    for ending, form in _TEXTS.items():
        if lower.endswith(ending):
            return form
        for codec, compression in _CODECS.items():
            if lower.endswith(ending + codec):
                return Form(form.format, compression, form.delimiter)
    return None


def of_bytes(beginning: bytes) -> Form:
    """Return the form of what begins so; CSV where it begins like no other, and where it is compressed."""
    for compression, marks in _PACKED.items():
        if beginning.startswith(marks):
            return Form("csv", compression)
    plain = next(plain for plain, marks in _PLAIN.items() if beginning.startswith(marks))
    return Form(of_text(beginning) if plain == "csv" else plain)


def of_text(beginning: bytes) -> Format:
    """Return the format of text that begins so: NDJSON where it begins with an object, else CSV."""
    is_object = beginning.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    return "ndjson" if is_object else "csv"


def begins(beginning: bytes, plain: Format, compression: Compression | None) -> bool:
    """Whether a file of a form may begin so."""
    return beginning.startswith(_PACKED[compression] if compression else _PLAIN[plain])
