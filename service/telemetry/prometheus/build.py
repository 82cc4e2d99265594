"""Which build answers: a change of versions, or one replica that has another, is seen in the metrics."""

import platform
from collections.abc import Iterator
from importlib.metadata import version

import onnxruntime
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector


class BuildInfo(Collector):
    """Tells the versions of the service and of what its answers depend on."""

    def __init__(self) -> None:
        self._versions = {
            "version": version("pricerange"),
            "python": platform.python_version(),
            "onnxruntime": str(onnxruntime.__version__),  # of either wheel that installs it
            "numpy": version("numpy"),
        }

    def collect(self) -> Iterator[Metric]:
        """Describe it for prometheus-client."""
        info = Gauge(
            "pricerange_build_info", "Versions of the service and its parts", labels=list(self._versions)
        )
        info.add_metric(list(self._versions.values()), 1)
        yield info
