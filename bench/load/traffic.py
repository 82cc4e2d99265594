"""Good and bad requests of every kind, each with what must come back."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import orjson

from bench.bad_bodies import BAD, for_examples
from bench.load.client import Answer, message
from bench.load.formats import ARROW, BATCHES, CSV, HEADER_LENGTH, INFER, JSON, SINGLE, Format, Request
from bench.load.live import PHONE
from bench.load.phones import Oracle, Rows, same
from pricerange.phone import FEATURES
from pricerange.predictor import Prediction

PROBLEM_JSON = "application/problem+json"
_SIZES = (1, 7, 256, 257, 1000)
_TENSOR = {"name": "features", "datatype": "FP32", "shape": [1, len(FEATURES)], "data": [*PHONE.values()]}


@dataclass
class Good:
    """A request that is answered with 200 and with ONNX Runtime's own answers."""

    kind: str
    request: bytes
    route: str
    form: Format
    expected: Prediction
    method: str = "POST"
    _checked: bytes = field(default=b"", init=False)

    def is_right(self, answer: Answer) -> bool:
        """Whether it is answered right; a body equal to one that was read before is not read again."""
        if answer.status != 200:
            return False
        if answer.body == self._checked:
            return True
        if not same(self.form.read(answer), self.expected):
            return False
        self._checked = answer.body
        return True


@dataclass(frozen=True)
class Bad:
    """A request that is refused with one of some statuses and the one problem body."""

    kind: str
    request: bytes
    route: str
    statuses: tuple[int, ...]
    method: str = "POST"

    def is_right(self, answer: Answer) -> bool:
        """Whether it is refused as it should be."""
        if answer.status not in self.statuses or answer.headers.get("content-type") != PROBLEM_JSON:
            return False
        problem = orjson.loads(answer.body)
        return bool(problem["status"] == answer.status and problem["error"] == problem["detail"] != "")


Case = Good | Bad


def reason_of(answer: Answer) -> str:
    """Return the name of the problem that an answer tells of."""
    kind: str = orjson.loads(answer.body)["type"]
    return kind.removeprefix("urn:pricerange:problem:")


def singles(rows: Rows, oracle: Oracle) -> list[Good]:
    """Ask about one phone after the other."""
    return [_good(SINGLE, rows[place : place + 1], oracle) for place in range(len(rows))]


def batches(form: Format, rows: Rows, oracle: Oracle) -> list[Good]:
    """Ask about phones in a form, in batches of several sizes."""
    return [_good(form, rows[:size], oracle) for size in _SIZES]


def _good(form: Format, rows: Rows, oracle: Oracle) -> Good:
    request = form.request(rows)
    return Good(form.name, request.message(), request.path, form, oracle.answer(rows))


def bad(rows: Rows, drawn: int) -> list[Bad]:
    """Break every rule of the service; `drawn` bodies are hypothesis's."""
    bodies: list[bytes] = []
    for_examples(BAD, bodies.append, drawn)
    phone = json.dumps(PHONE).encode()
    found = [_bad("/predict", "drawn body", body, {"Content-Type": JSON}, 413, 422) for body in bodies]
    for body in bodies:
        batch = b'{"phones": [' + phone + b", " + body + b"]}"
        found.append(_bad("/predict/batch", "drawn batch", batch, {"Content-Type": JSON}, 413, 422))
    return [*found, *_bad_batches(rows), *_bad_tensors(rows), *_bad_requests(phone)]


def _bad_requests(phone: bytes) -> Iterator[Bad]:
    yield _bad("/predict", "media type", phone, {"Content-Type": "text/plain"}, 415)
    yield _bad("/predict", "long phone", b" " * 100_000 + phone, {"Content-Type": JSON}, 413)
    yield Bad("unknown path", message("GET", "/predictions"), "unmatched", (404,), "GET")
    yield Bad("wrong method", message("DELETE", "/predict"), "/predict", (405,), "DELETE")
    yield Bad("no HTTP", b"PREDICT\r\n\r\n", "unmatched", (400,), "other")


def _bad_batches(rows: Rows) -> Iterator[Bad]:
    forms = {form.name: form.request(rows[:8]).body for form in BATCHES}
    too_many = orjson.dumps({"phones": [PHONE] * 1001})
    objects, table, arrow = forms["JSON objects"], forms["CSV"], forms["Arrow"]
    lines = table.splitlines(keepends=True)
    first, _, others = lines[3].partition(b",")
    bad_row = b"".join((*lines[:3], b'"many",' + others, *lines[4:]))
    short_row = b"".join((*lines[:3], first + b"\n", *lines[4:]))
    for kind, body, media_type, status in (
        ("too many phones", too_many, JSON, 413),
        ("long batch", b" " * 1_100_000 + objects, JSON, 413),
        ("CSV as JSON", table, JSON, 422),
        ("CSV, bad row", bad_row, CSV, 422),
        ("CSV, short row", short_row, CSV, 422),
        ("CSV, no header", b"".join(lines[1:]), CSV, 422),
        ("CSV, empty", b"", CSV, 422),
        ("Arrow, cut off", arrow[:-200], ARROW, 422),
        ("Arrow, noise", b"\xff\xff\xff\xff" + bytes(range(256)), ARROW, 422),
        ("CSV as Arrow", table, ARROW, 422),
    ):
        yield _bad("/predict/batch", kind, body, {"Content-Type": media_type}, status)


def _bad_tensors(rows: Rows) -> Iterator[Bad]:
    for kind, change in (
        ("V2 name", {"name": "phones"}),
        ("V2 datatype", {"datatype": "FP16"}),
        ("V2 shape", {"shape": [1, 19]}),
        ("V2 count", {"shape": [2, 20]}),
        ("V2 no data", {"data": None}),
        ("V2 text", {"data": ["1"] * 20}),
        ("V2 limits", {"data": [0] * 20}),
        ("V2 ragged", {"data": [[1, 2], [3]]}),
    ):
        yield _bad(INFER, kind, orjson.dumps({"inputs": [_TENSOR | change]}), {}, 400)
    good = orjson.dumps({"inputs": [_TENSOR]})
    yield _bad(INFER, "V2 NaN", json.dumps({"inputs": [_TENSOR | {"data": [np.nan] * 20}]}).encode(), {}, 400)
    yield _bad(INFER, "V2 encoding", good, {"Content-Encoding": "br"}, 415)
    yield _bad(INFER, "V2 no gzip", good, {"Content-Encoding": "gzip"}, 400)
    bomb = gzip.compress(b" " * 50_000_000)
    yield _bad(INFER, "V2 gzip bomb", bomb, {"Content-Encoding": "gzip"}, 413)
    binary = next(form for form in BATCHES if form.name == "V2 binary").request(rows[:8])
    yield _bad(INFER, "V2 binary, cut off", binary.body[:-4], binary.headers, 400)
    for length in ("-1", "99999", "all"):
        yield _bad(INFER, "V2 header", binary.body, {HEADER_LENGTH: length}, 400)
    for path, route in (
        ("/v2/models/other/infer", "/v2/models/{model_name}/infer"),
        (
            "/v2/models/phone_price_range/versions/99/infer",
            "/v2/models/{model_name}/versions/{model_version}/infer",
        ),
    ):
        yield Bad("V2 other model", Request(path, {}, good).message(), route, (404,))


def _bad(route: str, kind: str, body: bytes, headers: dict[str, str], *statuses: int) -> Bad:
    return Bad(kind, Request(route, headers, body).message(), route, statuses)
