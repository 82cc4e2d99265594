"""The forms that phones are asked about in: how each is written, and how its answer is read."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
from pyarrow import csv, ipc

from bench.load.client import Answer, message
from bench.load.phones import Rows, as_objects
from pricerange.answer.columns import PROBABILITIES
from pricerange.bundle import MODEL_NAME
from pricerange.predictor import Prediction

JSON = "application/json"
CSV = "text/csv"
NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
OCTETS = "application/octet-stream"
HEADER_LENGTH = "Inference-Header-Content-Length"
INFER = f"/v2/models/{MODEL_NAME}/infer"


class Request(NamedTuple):
    """A POST."""

    path: str
    headers: dict[str, str]
    body: bytes

    def message(self) -> bytes:
        """Return it as it goes over a connection."""
        return message("POST", self.path, self.headers, self.body)


@dataclass(frozen=True)
class Format:
    """A form: `request` writes float32 [n, 20], `read` reads a 200; what `streams` may have any length."""

    name: str
    request: Callable[[Rows], Request]
    read: Callable[[Answer], Prediction]
    streams: bool = False


def _single(rows: Rows) -> Request:
    [phone] = as_objects(rows)
    return Request("/predict", {"Content-Type": JSON}, orjson.dumps(phone))


def _objects(rows: Rows) -> Request:
    return Request("/predict/batch", {"Content-Type": JSON}, orjson.dumps({"phones": as_objects(rows)}))


def _list(rows: Rows) -> Request:
    return Request("/predict/batch", {"Content-Type": JSON}, orjson.dumps(as_objects(rows)))


def _csv(rows: Rows) -> Request:
    sink = io.BytesIO()
    csv.write_csv(pa.Table.from_pylist(as_objects(rows)), sink)
    return Request("/predict/batch", {"Content-Type": CSV}, sink.getvalue())


def _ndjson(rows: Rows) -> Request:
    lines = b"\n".join(map(orjson.dumps, as_objects(rows)))
    return Request("/predict/batch", {"Content-Type": NDJSON}, lines)


def _arrow(rows: Rows) -> Request:
    table, sink = pa.Table.from_pylist(as_objects(rows)), io.BytesIO()
    with ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return Request("/predict/batch", {"Content-Type": ARROW}, sink.getvalue())


def _v2(rows: Rows, data: Rows) -> Request:
    tensor = {"name": "features", "datatype": "FP32", "shape": rows.shape, "data": data}
    body = orjson.dumps({"inputs": [tensor]}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Request(INFER, {"Content-Type": JSON}, body)


def _v2_nested(rows: Rows) -> Request:
    return _v2(rows, rows)


def _v2_flat(rows: Rows) -> Request:
    return _v2(rows, rows.ravel())


def _v2_binary(rows: Rows) -> Request:
    data = rows.astype("<f4").tobytes()
    tensor = {
        "name": "features",
        "datatype": "FP32",
        "shape": rows.shape,
        "parameters": {"binary_data_size": len(data)},
    }
    # what tritonclient sends where it is told nothing else
    text = orjson.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    return Request(INFER, {"Content-Type": OCTETS, HEADER_LENGTH: str(len(text))}, text + data)


def _read_single(answer: Answer) -> Prediction:
    return _prediction([orjson.loads(answer.body)])


def _read_objects(answer: Answer) -> Prediction:
    return _prediction(orjson.loads(answer.body)["predictions"])


def _read_list(answer: Answer) -> Prediction:
    return _prediction(orjson.loads(answer.body))


def _read_ndjson(answer: Answer) -> Prediction:
    return _prediction([orjson.loads(line) for line in answer.body.splitlines()])


def _read_csv(answer: Answer) -> Prediction:
    return _of_table(csv.read_csv(io.BytesIO(answer.body)))


def _read_arrow(answer: Answer) -> Prediction:
    return _of_table(ipc.open_stream(answer.body).read_all())


def _read_v2(answer: Answer) -> Prediction:
    outputs = {output["name"]: output for output in orjson.loads(answer.body)["outputs"]}
    probabilities, price_range = outputs["probabilities"], outputs["price_range"]
    return Prediction(
        np.array(probabilities["data"], np.float32).reshape(probabilities["shape"]),
        np.array(price_range["data"], np.int64).reshape(price_range["shape"]),
    )


def _read_v2_binary(answer: Answer) -> Prediction:
    place = int(answer.headers[HEADER_LENGTH.lower()])
    arrays = {}
    for output in orjson.loads(answer.body[:place])["outputs"]:
        size = output["parameters"]["binary_data_size"]
        kind = {"FP32": "<f4", "INT64": "<i8"}[output["datatype"]]
        arrays[output["name"]] = np.frombuffer(answer.body[place : place + size], kind).reshape(
            output["shape"]
        )
        place += size
    return Prediction(arrays["probabilities"], arrays["price_range"])


def _of_table(table: Any) -> Prediction:
    columns = [np.array(table[name].to_pylist(), np.float32) for name in PROBABILITIES]
    return Prediction(np.column_stack(columns), np.array(table["price_range"].to_pylist(), np.int64))


def _prediction(answers: list[dict[str, Any]]) -> Prediction:
    return Prediction(
        np.array([answer["probabilities"] for answer in answers], np.float32),
        np.array([answer["price_range"] for answer in answers], np.int64),
    )


SINGLE = Format("one phone", _single, _read_single)
LIST = Format("JSON list", _list, _read_list)
"""What the plain FastAPI beside us takes."""
BATCHES = (
    Format("JSON objects", _objects, _read_objects),
    Format("V2 JSON, nested", _v2_nested, _read_v2),
    Format("V2 JSON, flat", _v2_flat, _read_v2),
    Format("V2 binary", _v2_binary, _read_v2_binary),
    Format("NDJSON", _ndjson, _read_ndjson, streams=True),
    Format("CSV", _csv, _read_csv, streams=True),
    Format("Arrow", _arrow, _read_arrow, streams=True),
)
