"""Lines of JSON as the columns of a table: features and any other fields, null where a line has none."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pricerange.phone import FEATURE_NAMES
from pricerange.tables.errors import BrokenBlockError
from pricerange.tables.json.cells import text_column
from pricerange.tables.json.lines import Lines, LineVerdict, judge_lines, members
from pricerange.tables.json.phones import PhoneReader, reader_of
from pricerange.tables.renamed import renamed

if TYPE_CHECKING:
    import pyarrow as pa

LINE = "line"
"""Column of lines that do not fall into the others, with U+FFFD for what is not UTF-8."""


def judged(texts: list[bytes], *, unknown: bool = False) -> LineVerdict:
    """Judge n lines, which may have any other fields, and perhaps features that are `unknown`: null."""
    return judge_lines(Lines(texts, range(len(texts))), reader_of((), others=True, unknown=unknown))


def judged_columns(
    texts: list[bytes], names: Sequence[str], *, others: bool, numbers: bool, unknown: bool = False
) -> "tuple[LineVerdict, pa.RecordBatch]":
    """Judge n lines, and return the columns of these names.

    Columns are text: what a text says, any other value as it stands there. Where `numbers` are asked for and
    all lines are phones, features are doubles. Unless `others` is true, a line with a field of another name
    is no phone. Features may be `unknown`, null, where that is asked for.

    Raises `BrokenBlockError` for a name that no column can have.
    """
    import pyarrow as pa

    beside = [name for name in names if name not in FEATURE_NAMES] if numbers else names
    reader = _reader(beside, others=others, unknown=unknown)
    verdict = judge_lines(Lines(texts, range(len(texts))), reader)
    whole = bool(verdict.valid.all())
    if not (numbers and whole):
        reader = _reader(names, others=others)
        return verdict, _batch(names, reader.kept_columns(texts, valid=whole))
    found = _batch(beside, reader.kept_columns(texts, valid=True))
    doubles = {name: pa.array(verdict.values[:, k], from_pandas=True) for k, name in enumerate(FEATURE_NAMES)}
    columns = [doubles[name] if name in doubles else found.column(name) for name in names]
    return verdict, pa.RecordBatch.from_arrays(columns, names=list(names))


def rejected(texts: list[bytes], names: Sequence[str], *, with_lines: bool) -> "pa.RecordBatch":
    """Return n lines as columns of text, the last perhaps for lines that do not fall into the others."""
    import pyarrow as pa

    batch = _batch(names, _reader(names, others=True).kept_columns(texts, valid=False))
    if not with_lines:
        return batch
    known = set(names)
    whole = [(fields := members(text)) is not None and fields.keys() <= known for text in texts]
    lines = [None if fits else text.decode(errors="replace") for text, fits in zip(texts, whole, strict=True)]
    columns = [*batch.columns, pa.array(lines, pa.string())]
    return pa.RecordBatch.from_arrays(columns, names=[*renamed(names, [LINE]), LINE])


def _batch(names: Sequence[str], columns: Sequence[Sequence[bytes]]) -> "pa.RecordBatch":
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([text_column(column) for column in columns], names=list(names))


def _reader(names: Sequence[str], *, others: bool, unknown: bool = False) -> PhoneReader:
    for name in names:
        if not name or '"' in name or "\\" in name or min(name) < " ":
            raise BrokenBlockError(
                None,
                f"the field {json.dumps(name[:40])} cannot be a column: its name is empty, or has a quote, "
                "a backslash or a control character; OUT as NDJSON keeps it, and `--columns` leaves it out",
            )
    return reader_of(tuple(names), optional=True, others=others, unknown=unknown)
