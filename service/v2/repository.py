"""What the service tells about itself and its model: health, metadata, configuration, statistics, index."""

from importlib.metadata import version
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from pricerange.answer.columns import DECISION
from pricerange.bundle import Bundle
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.triton_config import triton_config
from service.errors import InferenceInputError, NotReadyError, UnknownModelError, UnknownVersionError
from service.http.body import read
from service.http.lifecycle import Lifecycle
from service.http.reply import Reply
from service.model.decisions import NOTHING, Deciding
from service.telemetry.metrics import Metrics
from service.v2.messages import IndexRequest

EXTENSIONS = ("binary_tensor_data", "model_configuration", "statistics")
"""Only those that work whole: of Triton's model_repository the index alone does."""

_MOST_INDEX_BYTES = 65_536


class RepositoryEndpoints:
    """The endpoints that describe; the server's own and those of the one model version."""

    def __init__(
        self,
        served: Bundle,
        lifecycle: Lifecycle,
        metrics: Metrics,
        max_rows: int,
        deciding: Deciding = NOTHING,
    ) -> None:
        self._served = served
        self._lifecycle = lifecycle
        self._metrics = metrics
        # as in config.pbtxt, but for what this service takes in one request
        self._config = {**triton_config(served.name), "max_batch_size": max_rows}
        sets = [{"name": "prediction_set", "datatype": "BOOL", "shape": [-1, len(LABELS)]}]
        unknown = [{"name": "unknown", "datatype": "BOOL", "shape": [-1, len(FEATURE_NAMES)]}]
        types = zip(DECISION, ("INT64", "FP32"), strict=True)
        decision = [{"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in types]
        # what an answer is worth is not the graph's, so config.pbtxt has none of it
        self._extra = [
            {"name": "in_range", "datatype": "BOOL", "shape": [-1]},
            *(sets if served.passport.prediction_sets else []),
            *(decision if deciding.costs else []),
            *(unknown if served.passport.background else []),
        ]

    async def live(self, request: Request) -> Response:
        """Answer `GET /v2/health/live`."""
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        """Answer `GET /v2/health/ready`. Raises `NotReadyError`."""
        self._lifecycle.require_ready()
        return _json({"ready": True})

    async def server(self, request: Request) -> Response:
        """Answer `GET /v2`."""
        return _json({"name": "pricerange", "version": version("pricerange"), "extensions": EXTENSIONS})

    async def index(self, request: Request) -> Response:
        """Answer `POST /v2/repository/index`, where an empty body asks for all."""
        body = await read(request, _MOST_INDEX_BYTES)
        try:
            only_ready = bool(body) and IndexRequest.model_validate_json(body).ready
        except ValidationError as error:
            raise InferenceInputError.of(error) from None
        state = self._lifecycle.state
        entry = {"name": self._served.name, "version": self._served.version}
        if state == "ready":
            return _json([{**entry, "state": "READY", "reason": ""}])
        unavailable = {**entry, "state": "UNAVAILABLE", "reason": str(NotReadyError(state))}
        return _json([] if only_ready else [unavailable])

    async def model_ready(self, request: Request) -> Response:
        """Answer `GET .../ready` of the model. Raises `NotReadyError`."""
        self._lifecycle.require_ready()
        return _json({"name": self._served.name, "ready": True})

    async def metadata(self, request: Request) -> Response:
        """Answer `GET` of the model itself."""
        return _json(
            {
                "name": self._served.name,
                "versions": [self._served.version],
                "platform": "onnxruntime_onnx",
                "inputs": [_tensor(tensor) for tensor in self._config["input"]],
                "outputs": [*(_tensor(tensor) for tensor in self._config["output"]), *self._extra],
            }
        )

    async def config(self, request: Request) -> Response:
        """Answer `GET .../config`."""
        return _json(self._config)

    async def statistics(self, request: Request) -> Response:
        """Answer `GET .../stats`. What Triton measures and this service does not has a count of 0."""
        totals = self._metrics.model_totals()
        unmeasured = _duration(0, 0.0)
        of_requests = {
            "success": _duration(totals.requests_ok, totals.requests_ok_seconds),
            "fail": _duration(totals.requests_failed, totals.requests_failed_seconds),
            "queue": unmeasured,
            "compute_input": unmeasured,
            "compute_infer": _duration(totals.runs, totals.run_seconds),
            "compute_output": unmeasured,
            "cache_hit": unmeasured,
            "cache_miss": unmeasured,
        }
        of_model = {
            "name": self._served.name,
            "version": self._served.version,
            "inference_count": totals.rows,
            "execution_count": totals.runs,
            "inference_stats": of_requests,
            "batch_stats": [],
        }
        return _json({"model_stats": [of_model]})

    async def other_model(self, request: Request) -> Response:
        """Refuse what is asked of any other model or version.

        Raises `UnknownModelError` or `UnknownVersionError`.
        """
        name = request.path_params["model_name"]
        if name == self._served.name:
            raise UnknownVersionError(self._served.version, request.path_params["model_version"])
        raise UnknownModelError(self._served.name, name)


def _tensor(configured: dict[str, Any]) -> dict[str, object]:
    dims = configured.get("reshape", {}).get("shape", configured["dims"])
    datatype = configured["data_type"].removeprefix("TYPE_")
    return {"name": configured["name"], "datatype": datatype, "shape": [-1, *dims]}


def _duration(count: float, seconds: float) -> dict[str, int]:
    return {"count": round(count), "ns": round(seconds * 1e9)}


def _json(content: object) -> Response:
    return Reply(orjson.dumps(content))
