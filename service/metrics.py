"""What Prometheus reads: counts and durations of requests, rows and model runs.

With several workers the numbers are summed over all of them, the ended ones too: prometheus-client keeps
them in files of the folder that PROMETHEUS_MULTIPROC_DIR names.
"""

import functools
import os

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from pricerange.phone import LABELS
from pricerange.predictor import Prediction, Predictor

_SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_RUN_SECONDS = (0.00001, 0.000025, 0.00005, 0.0001, *_SECONDS)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384)


class Metrics:
    """The service's metrics in one registry."""

    def __init__(self, registry: CollectorRegistry, predictor: Predictor) -> None:
        disable_created_metrics()  # a second series a counter, which no query reads
        self._registry = registry
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            ProcessCollector(registry=registry)
            PlatformCollector(registry=registry)
        self._requests = Counter(
            "pricerange_requests", "Requests answered", ["route", "method", "status"], registry=registry
        )
        self._request_duration = Histogram(
            "pricerange_request_duration_seconds",
            "From the request's head to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.rejected = Counter("pricerange_rejected", "Requests refused", ["reason"], registry=registry)
        self.queue_rows = Gauge(
            "pricerange_queue_rows",
            "Phones that wait for the model",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._rows = Counter("pricerange_rows", "Phones answered", registry=registry)
        self._run_duration = Histogram(
            "pricerange_model_run_duration_seconds",
            "One run of the model",
            buckets=_RUN_SECONDS,
            registry=registry,
        )
        self._run_rows = Histogram(
            "pricerange_model_run_rows", "Phones in one run of the model", buckets=_ROWS, registry=registry
        )
        predictions = Counter(
            "pricerange_predictions",
            "Phones answered, by answer and model version",
            ["price_range", "version"],
            registry=registry,
        )
        version = predictor.bundle.version
        self._predictions = [
            predictions.labels(str(price_range), version) for price_range in range(len(LABELS))
        ]
        self._describe(predictor)

    @functools.cache  # noqa: B019  labels are bounded, and metrics live as long as the process
    def _of_request(self, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
        return self._requests.labels(route, method, status), self._request_duration.labels(route)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request and the time it took."""
        count, duration = self._of_request(route, method, status)
        count.inc()
        duration.observe(seconds)

    def model_ran(self, prediction: Prediction, seconds: float) -> None:
        """Count one run of the model and its answers."""
        self._run_duration.observe(seconds)
        self._run_rows.observe(len(prediction.price_range))
        self._rows.inc(len(prediction.price_range))
        for counter, count in zip(
            self._predictions, np.bincount(prediction.price_range, minlength=len(LABELS)), strict=True
        ):
            counter.inc(int(count))

    def exposition(self) -> bytes:
        """Write all metrics as Prometheus text, of every worker where there are several."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        of_all_workers = CollectorRegistry()
        MultiProcessCollector(of_all_workers)
        return generate_latest(of_all_workers)

    def _describe(self, predictor: Predictor) -> None:
        Gauge(
            "pricerange_model_info",
            "The model version that answers",
            ["name", "version", "sha256", "provider"],
            multiprocess_mode="max",
            registry=self._registry,
        ).labels(
            predictor.bundle.name,
            predictor.bundle.version,
            predictor.bundle.passport.model_sha256,
            predictor.provider,
        ).set(1)
        Gauge(
            "pricerange_provider_fallback",
            "1 where CUDA was preferred and the model runs on the CPU",
            multiprocess_mode="max",
            registry=self._registry,
        ).set(predictor.requested_provider == "auto" and predictor.provider == "cpu")
