"""What the service tells about itself and its model: health, metadata, configuration, statistics."""

from importlib.metadata import version
from typing import Any

from pricerange.answer.columns import DECISION
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.triton_config import triton_config
from service.errors import UnknownModelError
from service.http.lifecycle import Lifecycle
from service.model.decisions import NOTHING, Deciding
from service.open_inference.statistics import Statistics
from service.versions.live import Versions
from service.versions.served import Served

_EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "statistics")

Described = dict[str, Any]
"""A message of the protocol: the names and values of its fields."""


class Description:
    """The server and its model, in the protocol's words; where a `version` is None, of the stable one."""

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

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._versions.name

    def require_model(self, name: str) -> None:
        """Raise `UnknownModelError` for any other name than the model's."""
        if name != self._versions.name:
            raise UnknownModelError(self._versions.name, name)

    def require_ready(self) -> None:
        """Raise `NotReadyError` and `ModelUnloadedError` where requests are not answered."""
        self._lifecycle.require_ready()
        self._versions.require_loaded()

    def require_version_ready(self, name: str, version: str | None) -> None:
        """Raise `NotReadyError`, `UnknownModelError`, `ModelUnloadedError` and `UnknownVersionError`."""
        self._lifecycle.require_ready()
        self.require_model(name)
        self._served(version)

    def server(self) -> Described:
        """Describe the server."""
        return {"name": "pricerange", "version": version("pricerange"), "extensions": _EXTENSIONS}

    def metadata(self, version: str | None) -> Described:
        """Describe what the model takes and gives. Raises `ModelUnloadedError` and `UnknownVersionError`."""
        served = self._served(version)
        loaded = sorted(self._versions.live.loaded, key=int) if version is None else [served.version]
        return {
            "name": self._versions.name,
            "versions": loaded,
            "platform": "onnxruntime_onnx",
            "inputs": [_tensor(tensor) for tensor in self._config["input"]],
            "outputs": [*(_tensor(tensor) for tensor in self._config["output"]), *self._extra(served)],
        }

    def config(self, version: str | None) -> Described:
        """Return the configuration. Raises `ModelUnloadedError` and `UnknownVersionError`."""
        self._served(version)
        return self._config

    def statistics(self, version: str | None) -> Described:
        """Return what was counted. Raises `ModelUnloadedError` and `UnknownVersionError`."""
        live = self._versions.live
        loaded = live.loaded.values() if version is None else [self._served(version)]
        return {"model_stats": [self._statistics.of(live, each) for each in loaded]}

    def all_statistics(self) -> Described:
        """Return what was counted of all models: nothing is loaded where the model was unloaded."""
        return self.statistics(None) if self._versions.is_loaded else {"model_stats": []}

    def _served(self, version: str | None) -> Served:
        live = self._versions.live
        return live.stable if version is None else live.named(version)

    def _extra(self, served: Served) -> list[Described]:
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


def _tensor(configured: Described) -> Described:
    datatype = configured["data_type"].removeprefix("TYPE_")
    return {"name": configured["name"], "datatype": datatype, "shape": [-1, *configured["dims"]]}
