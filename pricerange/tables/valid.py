"""Whether rows in Arrow are what they say, found in a time that the bytes they came in bound."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def require_valid(batch: "pa.RecordBatch") -> None:
    """Raise `ArrowException` where what a batch says points outside of it, or text is not UTF-8.

    Arrow believes the offsets, indices and ends of runs that it reads, and so does what works on them.
    """
    from pyarrow import types

    batch.validate()
    for column in batch.columns:
        if types.is_date64(column.type):
            continue  # its days need not be whole where JavaScript wrote them
        kind = _without_texts_in_views(column.type)
        (column if kind == column.type else column.view(kind)).validate(full=True)


def _without_texts_in_views(kind: "pa.DataType") -> "pa.DataType":  # noqa: PLR0911 - one for each nested type
    """Return a type with bytes in the place of texts in views: any number of views may share a long text.

    Each view is looked at, but what it shows is not read again for each.
    """
    import pyarrow as pa
    from pyarrow import types

    def field(place: int) -> "pa.Field":
        inner = kind.field(place)
        return inner.with_type(_without_texts_in_views(inner.type))

    if types.is_string_view(kind):
        return pa.binary_view()
    if types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _without_texts_in_views(kind.value_type), kind.ordered)
    if types.is_run_end_encoded(kind):
        return pa.run_end_encoded(kind.run_end_type, _without_texts_in_views(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([field(place) for place in range(kind.num_fields)])
    if types.is_union(kind):
        fields = [field(place) for place in range(kind.num_fields)]
        return pa.union(fields, kind.mode, kind.type_codes)
    if types.is_map(kind):
        entries = kind.field(0).type
        key, item = (_without_texts_in_views(entries.field(place).type) for place in (0, 1))
        return pa.map_(entries.field(0).with_type(key), entries.field(1).with_type(item), kind.keys_sorted)
    if types.is_fixed_size_list(kind):
        return pa.list_(field(0), kind.list_size)
    lists = {
        types.is_list: pa.list_,
        types.is_large_list: pa.large_list,
        types.is_list_view: pa.list_view,
        types.is_large_list_view: pa.large_list_view,
    }
    return next((new(field(0)) for is_one, new in lists.items() if is_one(kind)), kind)
