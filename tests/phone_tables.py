"""Phones as bodies of `/predict/batch` in each of its forms."""

import csv
import gzip
import io
import json
import math
import sys
import zlib
from collections.abc import Mapping, Sequence

import pyarrow as pa
from hypothesis import strategies as st
from pyarrow import ipc

from pricerange.phone import FEATURES, Feature

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
NDJSON = "application/x-ndjson"

Phones = Sequence[Mapping[str, object]]


def as_json(phones: Phones) -> bytes:
    return json.dumps({"phones": phones}).encode()


def as_csv(phones: Phones) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, phones[0].keys())
    writer.writeheader()
    writer.writerows(phones)
    return file.getvalue().encode()


def as_arrow(phones: pa.Table | Phones, rows: int = 300, **options: object) -> bytes:
    table = phones if isinstance(phones, pa.Table) else pa.Table.from_pylist(list(phones))
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


def as_ndjson(phones: Phones) -> bytes:
    return "".join(json.dumps(phone) + "\n" for phone in phones).encode()


WRITE = {JSON: as_json, CSV: as_csv, NDJSON: as_ndjson, ARROW: as_arrow}
COMPRESS = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd.compress}


def _values(feature: Feature) -> st.SearchStrategy[float]:
    if feature.kind == "number":
        return st.floats(feature.low, feature.high)
    return st.integers(math.ceil(feature.low), math.floor(feature.high))


PHONES = st.lists(
    st.fixed_dictionaries({feature.name: _values(feature) for feature in FEATURES}), min_size=1, max_size=3
)
