"""Columns of three cells in the types that Arrow has, some of which hold no number in any way."""

import datetime
import decimal
import uuid
from collections.abc import Iterator

import pyarrow as pa

_NUMBERS = [
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.float16(), pa.float32(), pa.float64()),
]
_DECIMALS = [pa.decimal32(5, 1), pa.decimal64(9, 1), pa.decimal128(10, 2), pa.decimal256(40, 2)]
_TEXTS = [pa.string(), pa.large_string(), pa.string_view()]
_BYTES = [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(1)]
_LISTS = [pa.list_(pa.int64()), pa.large_list(pa.int64()), pa.list_(pa.int64(), 1), pa.list_view(pa.int64())]
_OF_INT64 = [
    *(pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC", "Mars/Phobos")),
    *(pa.duration(unit) for unit in ("s", "ms", "us", "ns")),
]


def _plain() -> Iterator[pa.Array]:
    yield pa.nulls(3)
    yield pa.array([True, None, False])
    yield from (pa.array([1, None, 0], kind) for kind in _NUMBERS)
    yield from (pa.array([decimal.Decimal(1), None, decimal.Decimal(0)], kind) for kind in _DECIMALS)
    yield from (pa.array(["1", None, "x"], kind) for kind in _TEXTS)
    yield from (pa.array([b"1", None, b"\xff"], kind) for kind in _BYTES)
    yield from (pa.array([[1], [1], [0]], kind) for kind in _LISTS)
    yield from (pa.array([2**40, None, 2**62]).view(kind) for kind in _OF_INT64)
    yield from (pa.array([datetime.date(2008, 8, 8)] * 3, kind) for kind in (pa.date32(), pa.date64()))
    yield pa.array([2**31 - 1] * 3, pa.int32()).view(pa.date32())
    yield pa.array([1, None, 2], pa.time32("s"))
    yield pa.array([1, None, 2], pa.time64("ns"))
    yield pa.array([(1, 2, 3), None, (1, 2, 3)], pa.month_day_nano_interval())
    yield pa.array([{"a": 1}, None, {}])
    yield pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64()))
    kinds, children = pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["x", "y", "z"])]
    yield pa.UnionArray.from_sparse(kinds, children)
    yield pa.UnionArray.from_dense(kinds, pa.array([0, 0, 1], pa.int32()), children)


def _runs(values: pa.Array) -> pa.Array:
    return pa.RunEndEncodedArray.from_arrays(pa.array([1, 2, 3], pa.int16()), values)


def _columns() -> Iterator[pa.Array]:
    plain = list(_plain())
    yield from plain
    yield from (_runs(column) for column in plain if not pa.types.is_union(column.type))
    of_dictionaries = [column for column in plain[1:] if not pa.types.is_union(column.type)]
    of_dictionaries += [_runs(pa.array([1, None, 0])), _runs(pa.array(["1", None, "x"]))]
    for places in (
        pa.array([0, None, 2], pa.int8()),
        pa.array([2, 0, 0], pa.uint64()),
        pa.nulls(3, pa.int32()),
    ):
        yield from (pa.DictionaryArray.from_arrays(places, column) for column in of_dictionaries)
    yield pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, None, 0], pa.int8()))
    yield pa.ExtensionArray.from_storage(pa.uuid(), pa.array([uuid.UUID(int=1).bytes] * 3, pa.binary(16)))
    yield pa.ExtensionArray.from_storage(pa.json_(), pa.array(["1", None, "{"]))
    yield pa.ExtensionArray.from_storage(pa.opaque(pa.int64(), "a", "b"), pa.array([1, None, 0]))


COLUMNS = list(_columns())
