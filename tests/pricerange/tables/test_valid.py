"""Arrow that points elsewhere is refused, in a time that its bytes bound."""

import struct
from collections.abc import Callable

import pyarrow as pa
import pytest

from pricerange.tables.valid import require_valid

SHORT = pa.array(["a", None, "long enough to lie elsewhere"], pa.string_view())
VIEWS, TEXT_BYTES = 500_000, 10_000_000


def of_one_text() -> pa.Array:
    """Return views of 18 MB that show five terabytes."""
    views = struct.pack("<i4sii", TEXT_BYTES, b"aaaa", 0, 0) * VIEWS
    buffers = [None, pa.py_buffer(views), pa.py_buffer(b"a" * TEXT_BYTES)]
    return pa.Array.from_buffers(pa.string_view(), VIEWS, buffers)


def elsewhere() -> pa.Array:
    """Return a view of bytes that are not there."""
    buffers = [None, pa.py_buffer(struct.pack("<i4sii", 100, b"aaaa", 0, 0)), pa.py_buffer(b"a" * 99)]
    return pa.Array.from_buffers(pa.string_view(), 1, buffers)


HOLDERS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "alone": lambda views: views,
    "struct": lambda views: pa.StructArray.from_arrays([views], ["text"]),
    "list": lambda views: pa.ListArray.from_arrays(pa.array([0, len(views)], pa.int32()), views),
    "large list": lambda views: pa.LargeListArray.from_arrays(pa.array([0, len(views)]), views),
    "fixed-size list": lambda views: pa.FixedSizeListArray.from_arrays(views, len(views)),
    "list view": lambda views: pa.ListViewArray.from_arrays(
        pa.array([0], pa.int32()), pa.array([len(views)], pa.int32()), views
    ),
    "map": lambda views: pa.MapArray.from_arrays(
        pa.array([0, len(views)], pa.int32()), pa.array(range(len(views))), views
    ),
    "dictionary": lambda views: pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), views, safe=False),
    "runs": lambda views: pa.RunEndEncodedArray.from_arrays(
        pa.array(range(1, len(views) + 1), pa.int32()), views
    ),
    "union": lambda views: pa.UnionArray.from_sparse(pa.array([0] * len(views), pa.int8()), [views]),
    "list in a struct": lambda views: HOLDERS["struct"](HOLDERS["list"](views)),
}
"""Each type that may hold views."""


IN_EACH = pytest.mark.parametrize("held", HOLDERS.values(), ids=HOLDERS.keys())


@IN_EACH
def test_views_in_any_column_are_valid(held: Callable[[pa.Array], pa.Array]) -> None:
    require_valid(pa.record_batch({"x": held(SHORT)}))


@IN_EACH
def test_a_view_of_what_is_not_there_is_refused(held: Callable[[pa.Array], pa.Array]) -> None:
    with pytest.raises(pa.ArrowException):
        require_valid(pa.record_batch({"x": held(elsewhere())}))


@pytest.mark.parametrize("holder", ["alone", "struct", "list", "dictionary", "list in a struct"])
def test_a_long_text_is_not_read_again_for_each_view_that_shares_it(holder: str) -> None:
    # else it would take minutes
    require_valid(pa.record_batch({"x": HOLDERS[holder](of_one_text())}))
