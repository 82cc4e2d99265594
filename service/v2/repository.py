"""What the service tells about itself and its model: health, metadata, configuration."""

from importlib.metadata import version
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from pricerange.answer.columns import DECISION
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.triton_config import triton_config
from service.errors import UnknownModelError
from service.http.lifecycle import Lifecycle
from service.http.reply import Reply
from service.model.decisions import NOTHING, Deciding
from service.v2.paths import VERSION
from service.v2.statistics import Statistics
from service.versions.live import Versions
from service.versions.served import Served

EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "statistics")


class RepositoryEndpoints:
    """The endpoints that describe; the server's own and those of the model."""

    def __init__(
        self,
        versions: Versions,
        lifecycle: Lifecycle,
        statistics: Statistics,
        max_rows: int,
        deciding: Deciding = NOTHING,
    ) -> None:
        self._versions = versions
        self._lifecycle = lifecycle
        self._statistics = statistics
        # as in config.pbtxt, but for what this service takes in one request
        self._config = {**triton_config(versions.name), "max_batch_size": max_rows}
        self._decides = deciding.costs is not None

    async def live(self, request: Request) -> Response:
        """Answer `GET /v2/health/live`."""
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        """Answer `GET /v2/health/ready`. Raises `NotReadyError` and `ModelUnloadedError`."""
        self._lifecycle.require_ready()
        self._versions.require_loaded()
        return _json({"ready": True})

    async def server(self, request: Request) -> Response:
        """Answer `GET /v2`."""
        return _json({"name": "pricerange", "version": version("pricerange"), "extensions": EXTENSIONS})

    async def model_ready(self, request: Request) -> Response:
        """Answer `GET .../ready` of the model. Raises `NotReadyError` and what `_served` raises."""
        self._lifecycle.require_ready()
        self._served(request)
        return _json({"name": self._versions.name, "ready": True})

    async def metadata(self, request: Request) -> Response:
        """Answer `GET` of the model itself, or of one of its versions. Raises what `_served` raises."""
        served = self._served(request)
        named = VERSION in request.path_params
        loaded: list[str] = [served.version] if named else list(self._versions.live.loaded)
        return _json(
            {
                "name": self._versions.name,
                "versions": sorted(loaded, key=int),
                "platform": "onnxruntime_onnx",
                "inputs": [_tensor(tensor) for tensor in self._config["input"]],
                "outputs": [*(_tensor(tensor) for tensor in self._config["output"]), *self._extra(served)],
            }
        )

    async def config(self, request: Request) -> Response:
        """Answer `GET .../config`. Raises what `_served` raises."""
        self._served(request)
        return _json(self._config)

    async def statistics(self, request: Request) -> Response:
        """Answer `GET .../stats`. Raises what `_served` raises."""
        named = request.path_params.get(VERSION)
        loaded = self._versions.live.loaded if named is None else {named: self._served(request)}
        return _json(
            {"model_stats": [self._statistics.of(self._versions.live, each) for each in loaded.values()]}
        )

    async def all_statistics(self, request: Request) -> Response:
        """Answer `GET /v2/models/stats`: nothing is loaded where the model was unloaded."""
        if not self._versions.is_loaded:
            return _json({"model_stats": []})
        return await self.statistics(request)

    async def other_model(self, request: Request) -> Response:
        """Refuse what is asked of any other model. Raises `UnknownModelError`."""
        raise UnknownModelError(self._versions.name, request.path_params["model_name"])

    def _served(self, request: Request) -> Served:
        """Return the version that a path names, else the stable one.

        Raises `ModelUnloadedError` and `UnknownVersionError`.
        """
        live, named = self._versions.live, request.path_params.get(VERSION)
        return live.stable if named is None else live.named(named)

    def _extra(self, served: Served) -> list[dict[str, object]]:
        """Describe what an answer is worth: it is not the graph's, so config.pbtxt has none of it."""
        outputs: list[tuple[str, str, list[int]]] = [("in_range", "BOOL", [-1])]
        if served.sets:
            outputs.append(("prediction_set", "BOOL", [-1, len(LABELS)]))
        if self._decides:
            outputs += (
                (name, datatype, [-1]) for name, datatype in zip(DECISION, ("INT64", "FP32"), strict=True)
            )
        if served.averages:
            outputs.append(("unknown", "BOOL", [-1, len(FEATURE_NAMES)]))
        return [{"name": name, "datatype": datatype, "shape": shape} for name, datatype, shape in outputs]


def _tensor(configured: dict[str, Any]) -> dict[str, object]:
    datatype = configured["data_type"].removeprefix("TYPE_")
    return {"name": configured["name"], "datatype": datatype, "shape": [-1, *configured["dims"]]}


def _json(content: object) -> Response:
    return Reply(orjson.dumps(content))
