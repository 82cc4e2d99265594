"""Many phones: they travel in pieces, each of which is a call of its own that can be tried again."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from pricerange_client.answers import RowAnswer
from pricerange_client.call import BatchOptions, Call, as_json, common, names_of, parameters_of
from pricerange_client.phone import PhoneLike, fields_of, is_infinite
from pricerange_client.reading import reader_of
from pricerange_client.tables import TableKind, kind_of

_PATH = "predict/batch"
_NDJSON = "application/x-ndjson"
_ROWS_OF_TABLES = 50_000
"""A dozen megabytes at most, and a fraction of a second."""
_ROWS = 10_000
_EXPLAINED_ROWS = 500
"""Reasons take the service a millisecond each, and it gives a thousand of them in a request at most."""
_ANSWER = reader_of(RowAnswer)
_FIELDS = frozenset(RowAnswer.__dataclass_fields__)

Group = list[PhoneLike] | Any
"""Phones that travel together, or one table."""


def of_table(kind: TableKind, table: Any, options: BatchOptions, before: int = 0) -> Iterator[Call[Any]]:
    """Yield the calls about a table, whose results are tables; so many rows were asked about before."""
    columns = names_of(options.get("columns", ()), "columns")
    for name in columns:
        if name not in kind.names(table):
            raise ValueError(f"columns: the table has no column {name!r}")
    for piece in kind.slices(table, _rows(options, _ROWS_OF_TABLES)):
        body = kind.body(piece)

        def read(content: bytes, media_type: str = body.media_type, piece: Any = piece) -> Any:
            return kind.answers(content, media_type, piece, columns)

        yield _call(body.content, body.media_type, read, options, _parameters(options), before)
        before += len(piece)


def of_phones(phones: list[PhoneLike], options: BatchOptions, before: int = 0) -> Call[list[RowAnswer]]:
    """Return the call about a few phones, each a line of JSON."""
    parameters, columns = _parameters(options), names_of(options.get("columns", ()), "columns")
    if columns:
        parameters["columns"] = ",".join(columns)

    def read(content: bytes) -> list[RowAnswer]:
        answers = [_row(row, kept=bool(columns)) for row in rows_of(content)]
        if len(answers) != len(phones):
            raise ValueError(f"expected {len(phones)} answers, got {len(answers)}")
        return answers

    content = b"\n".join([_line(phone, before + place) for place, phone in enumerate(phones, 1)])
    return _call(content, _NDJSON, read, options, parameters, before)


def _line(phone: PhoneLike, row: int) -> bytes:
    fields = fields_of(phone)
    try:
        return as_json(fields)
    except ValueError:
        infinite = [name for name, value in fields.items() if is_infinite(value)]
        if not infinite:
            raise
        raise ValueError(f"row {row}: {infinite[0]} is infinite, for which JSON has no word") from None


def rows_of(content: bytes) -> list[dict[str, Any]]:
    """Read lines of JSON, at once: in a third of the time of one by one."""
    rows: list[dict[str, Any]] = json.loads(b"[%b]" % b",".join(content.splitlines()))
    return rows


def require_phones(phones: object) -> None:
    """Raise `TypeError` for what is not many phones, such as one."""
    if isinstance(phones, Mapping) or not isinstance(phones, Iterable | AsyncIterable):
        raise TypeError(
            f"expected phones as a list, a table or another iterable, got {type(phones).__name__}; "
            "predict is for one phone"
        )


def groups(phones: Iterable[Any], options: BatchOptions) -> Iterator[Group]:
    """Yield phones in lists of as many as travel together; tables among them by themselves."""
    group: list[PhoneLike] = []
    for one in phones:
        yield from _grown(group, one, options)
    if group:
        yield group


async def groups_of_stream(phones: AsyncIterable[Any], options: BatchOptions) -> AsyncIterator[Group]:
    """Yield them as `groups` does."""
    group: list[PhoneLike] = []
    async for one in phones:
        for full in _grown(group, one, options):
            yield full
    if group:
        yield group


def _grown(group: list[PhoneLike], one: Any, options: BatchOptions) -> Iterator[Group]:
    """Add one to a group, and yield what is complete by that."""
    is_table = kind_of(one) is not None
    if not is_table:
        group.append(one)
    if group and (is_table or len(group) >= _rows(options, _ROWS)):
        yield group[:]
        group.clear()
    if is_table:
        yield one


def _row(found: dict[str, Any], *, kept: bool) -> RowAnswer:
    if kept:
        found["kept"] = {name: found.pop(name) for name in list(found) if name not in _FIELDS}
    return _ANSWER(found)


def _rows(options: BatchOptions, usual: int) -> int:
    rows = options.get("rows_a_request", _EXPLAINED_ROWS if options.get("explain") else usual)
    if rows < 1:
        raise ValueError(f"rows_a_request: expected at least 1, got {rows}")
    return rows


def _parameters(options: BatchOptions) -> dict[str, str]:
    parameters = parameters_of(options)
    if "on_bad_row" in options:
        parameters["on_bad_row"] = options["on_bad_row"]
    return parameters


def _call(  # noqa: PLR0913, PLR0917
    content: bytes, media_type: str, read: Any, options: BatchOptions, parameters: dict[str, str], before: int
) -> Call[Any]:
    how = common(options, BatchOptions)
    return Call("POST", _PATH, read, content, media_type, parameters, first_row=before, **how)
