"""Valid requests of every kind that the service answers, as bytes to be changed."""

import gzip
import io

import orjson
import pyarrow as pa
from pyarrow import ipc

from bench.load.client import message
from bench.load.formats import ARROW, BATCHES, CSV, HEADER_LENGTH, INFER, JSON, SINGLE, Request
from bench.load.phones import Rows, as_objects
from pricerange.bundle import MODEL_NAME

READ = (
    *("/livez", "/readyz", "/metrics", "/model", "/docs", "/openapi.json", "/v2", "/v2/health/live"),
    *("/v2/health/ready", "/v2/models/stats", f"/v2/models/{MODEL_NAME}"),
    *(f"/v2/models/{MODEL_NAME}/{what}" for what in ("ready", "config", "stats")),
)
"""What is asked with GET."""


def http(rows: Rows) -> list[bytes]:
    """Write whole requests: every route, form and framing, alone and several on one connection."""
    posts = [SINGLE.request(rows[:1]), *(form.request(rows) for form in BATCHES)]
    posts.append(Request("/v2/repository/index", {"Content-Type": JSON}, b"{}"))
    posts += [
        Request("/predict/batch?on_bad_row=null", {"Content-Type": CSV, "Accept": ARROW}, _csv(rows)),
        Request(INFER, {"Content-Encoding": "gzip"}, gzip.compress(_infer(rows), mtime=0)),
    ]
    reads = [message("GET", path) for path in READ]
    extras: tuple[dict[str, str], ...] = (
        {"Connection": "close"},
        {"Connection": "keep-alive"},
        {"Expect": "100-continue"},
        {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"},
        {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
        {"X-Request-Id": "5f2c-1", "X-Request-Timeout-Ms": "60000"},
    )
    written = [post.message() for post in posts]
    single = posts[0]
    return [
        *reads,
        *written,
        *(chunked(post) for post in posts),
        *(single._replace(headers=single.headers | extra).message() for extra in extras),
        *(message("GET", "/livez", extra) for extra in extras),
        *(message("HEAD", path).replace(b"Content-Length: 0\r\n", b"") for path in READ[:4]),
        single.message().replace(b"HTTP/1.1", b"HTTP/1.0"),
        b"".join(reads[:4]),
        written[0] * 3,
        chunked(single) + reads[0] + written[1],
    ]


def chunked(request: Request) -> bytes:
    """Write a request whose body comes in chunks, with an extension and a trailer."""
    head = [f"POST {request.path} HTTP/1.1", "Host: bench", "Transfer-Encoding: chunked", "Trailer: X-Sum"]
    head += [f"{name}: {value}" for name, value in request.headers.items()]
    pieces = [request.body[place : place + 200] for place in range(0, len(request.body), 200)]
    body = b"".join(b"%x;part=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return "\r\n".join([*head, "", ""]).encode() + body + b"0\r\nX-Sum: 1\r\n\r\n"


def arrow(rows: Rows) -> list[bytes]:
    """Write streams of phones in the ways that Arrow has: types, batches, compression, dictionaries."""
    objects = as_objects(rows)
    table = pa.Table.from_pylist(objects)
    narrow = pa.table({name: pa.array(rows[:, place]) for place, name in enumerate(table.column_names)})
    tags = pa.array(["new", None, *["used"] * (len(rows) - 2)])
    words = table.append_column("tag", tags).append_column("word", tags.dictionary_encode())
    nested = table.append_column("list", pa.array([[1, None, 3]] * len(rows)))
    nested = nested.append_column("deep", pa.array([{"a": 1, "b": [{"c": "x"}]}] * len(rows)))
    first = table.column_names[0]
    encoded = table.set_column(0, first, table[first].combine_chunks().dictionary_encode())
    return [
        _stream(table),
        _stream(table, rows_each=2),
        _stream(narrow),
        _stream(table, compression="zstd"),
        _stream(table, compression="lz4"),
        _stream(words, rows_each=3),
        _stream(nested),
        _stream(encoded),
        _stream(table.slice(0, 0)),
    ]


def v2(rows: Rows) -> list[bytes]:
    """Write bodies of inference requests, as JSON alone and with bytes behind it.

    The first line is how long the JSON is, empty where there is nothing behind it.
    """
    bodies = [form.request(rows) for form in BATCHES if form.name.startswith("V2")]
    options = orjson.loads(_infer(rows)) | {
        "id": "7",
        "parameters": {"binary_data_output": False},
        "outputs": [{"name": "price_range"}, {"name": "probabilities"}],
    }
    bodies.append(Request(INFER, {"Content-Type": JSON}, orjson.dumps(options)))
    return [b"%b\n%b" % (request.headers.get(HEADER_LENGTH, "").encode(), request.body) for request in bodies]


def as_arrow(body: bytes) -> bytes:
    """Put an Arrow stream into a well-formed request."""
    return Request("/predict/batch", {"Content-Type": ARROW}, body).message()


def as_v2(text: bytes) -> bytes:
    """Put the first line into the header that says how long the JSON is, the rest into a request."""
    length, _, body = text.partition(b"\n")
    kept = bytes(byte for byte in length if 32 < byte < 127).decode()
    return Request(INFER, {HEADER_LENGTH: kept[:5_000]} if kept else {}, body).message()


def _infer(rows: Rows) -> bytes:
    return next(form.request(rows).body for form in BATCHES if form.name == "V2 JSON, flat")


def _csv(rows: Rows) -> bytes:
    return next(form.request(rows).body for form in BATCHES if form.name == "CSV")


def _stream(table: pa.Table, rows_each: int | None = None, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(compression=compression)) as stream:
        stream.write_table(table, max_chunksize=rows_each)
    return sink.getvalue()
