"""Columns as the values that they stand for: Arrow can neither filter nor write all that it can read."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import types

from pricerange.tables import expanded


def settled(array: pa.Array) -> pa.Array:  # noqa: PLR0911 - one for each way to hold values
    """Turn views into texts and runs into cells, at any depth; what has neither stays as it is."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        storage = settled(array.storage)
        return array if storage.type == kind.storage_type else storage
    if types.is_string_view(kind):
        return array.cast(pa.large_string())
    if types.is_binary_view(kind):
        return array.cast(pa.large_binary())
    if types.is_run_end_encoded(kind):
        return _spelled_out(array)
    if types.is_dictionary(kind):
        return _looked_up(array)
    if types.is_struct(kind):
        return _struct(array)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_map(kind):
        return _list(array)
    if types.is_fixed_size_list(kind):
        return _fixed_size_list(array)
    return array


def empty(schema: pa.Schema) -> pa.RecordBatch:
    """Return no rows of a table."""
    columns = [settled(pa.nulls(0, kind)) for kind in schema.types]
    fields = [field.with_type(column.type) for field, column in zip(schema, columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields, schema.metadata))


def settled_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Settle each column of n rows."""
    for place, kind in enumerate(batch.schema.types):
        if kind.id in expanded.FIXED_BYTES:
            continue
        before = batch.column(place)
        column = settled(before)
        if column is not before:
            batch = batch.set_column(place, batch.schema.field(place).with_type(column.type), column)
    return batch


def _spelled_out(array: pa.RunEndEncodedArray) -> pa.Array:
    begin, count = array.find_physical_offset(), array.find_physical_length()
    ends = array.run_ends.to_numpy()[begin : begin + count].astype(np.int64) - array.offset
    runs = np.repeat(np.arange(count), np.diff(ends.clip(max=len(array)), prepend=0))
    return settled(array.values.slice(begin, count)).take(pa.array(runs))


def _looked_up(array: pa.DictionaryArray) -> pa.DictionaryArray:
    """Settle those values of a dictionary that are used: the others may be any number.

    A dictionary longer than a block keeps those alone too: rows that wait to be written would each hold one.
    """
    values, index = array.dictionary, pa.int32()
    if settled(pa.nulls(0, values.type)).type == values.type:
        index = array.type.index_type
        if values.get_total_buffer_size() <= expanded.BLOCK_BYTES:
            return array
    valid = array.indices.is_valid().to_numpy(zero_copy_only=False)
    found = array.indices.fill_null(0).to_numpy()
    used, places = np.unique(found[valid], return_inverse=True)
    indices = np.zeros(len(found), np.int32)
    indices[valid] = places
    kept = settled(_picked(values, used))
    codes = pa.array(indices, mask=~valid).cast(index)
    return pa.DictionaryArray.from_arrays(codes, kept, ordered=array.type.ordered)


def _picked(values: pa.Array, places: npt.NDArray[np.intp]) -> pa.Array:
    """Return some values; of views, which Arrow cannot pick from, the 16 bytes that stand for each."""
    if not (types.is_string_view(values.type) or types.is_binary_view(values.type)):
        return settled(values).take(pa.array(places))
    _, views, *texts = values.buffers()
    picked = np.frombuffer(views, "V16", len(values), 16 * values.offset)[places]
    valid = pa.array(values.is_valid().to_numpy(zero_copy_only=False)[places])
    buffers = [valid.buffers()[1], pa.py_buffer(picked.tobytes()), *texts]
    return pa.Array.from_buffers(values.type, len(places), buffers)


def _struct(array: pa.StructArray) -> pa.StructArray:
    kind = array.type
    before = [array.field(place) for place in range(kind.num_fields)]
    columns = [settled(column) for column in before]
    if all(column is same for column, same in zip(columns, before, strict=True)):
        return array
    fields = [kind.field(place).with_type(column.type) for place, column in enumerate(columns)]
    return pa.StructArray.from_arrays(columns, fields=fields, mask=array.is_null())


def _list(array: pa.Array) -> pa.Array:
    kind = array.type
    offsets = array.offsets
    begin, stop = offsets[0].as_py(), offsets[-1].as_py()
    # of a map, these are structs of a key and an item
    before = array.values.slice(begin, stop - begin)
    values = settled(before)
    if values is before:
        return array
    ends = pa.array(offsets.to_numpy() - begin, offsets.type)
    if types.is_map(kind):
        new = pa.map_(
            kind.key_field.with_type(values.type.field(0).type),
            kind.item_field.with_type(values.type.field(1).type),
            kind.keys_sorted,
        )
        return pa.MapArray.from_arrays(ends, values.field(0), values.field(1), new, mask=array.is_null())
    field = kind.value_field.with_type(values.type)
    if types.is_list(kind):
        return pa.ListArray.from_arrays(ends, values, type=pa.list_(field), mask=array.is_null())
    return pa.LargeListArray.from_arrays(ends, values, type=pa.large_list(field), mask=array.is_null())


def _fixed_size_list(array: pa.FixedSizeListArray) -> pa.FixedSizeListArray:
    width = array.type.list_size
    before = array.values.slice(array.offset * width, len(array) * width)
    values = settled(before)
    if values is before:
        return array
    kind = pa.list_(array.type.value_field.with_type(values.type), width)
    return pa.FixedSizeListArray.from_arrays(values, type=kind, mask=array.is_null())
