"""What Prometheus reads of each model version: answers, runs, durations, errors, and how versions agree."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import HistogramMetricFamily as Histogram
from prometheus_client.core import Metric
from prometheus_client.core import SummaryMetricFamily as Summary
from prometheus_client.registry import Collector

from service.telemetry.prometheus.histogram import histogram
from service.telemetry.seats import RUN_ROWS, RUN_SECONDS, Seats, SeatSums
from service.versions.live import Versions
from service.versions.served import Served

_COMPARED: tuple[tuple[str, str, Callable[[SeatSums], float]], ...] = (
    (
        "compared_rows",
        "Phones of a version that the stable one answered too",
        lambda sums: sums.agreement.rows,
    ),
    ("agreed_rows", "Of these, phones with the same answer", lambda sums: sums.agreement.agreed),
    (
        "compared_distance",
        "Of these, the sum of the total variation distances of the probabilities",
        lambda sums: sums.agreement.distance_sum,
    ),
    ("shadow_dropped", "Phones that were to be compared, and found no room", lambda sums: sums.dropped),
    (
        "compared_failed_rows",
        "Phones that were to be compared, and whose run of the model failed",
        lambda sums: sums.not_compared,
    ),
)


class VersionMetrics(Collector):
    """Tells what all workers have counted, of every version that has a seat."""

    def __init__(self, versions: Versions, seats: Seats) -> None:
        self._versions = versions
        self._seats = seats

    def collect(self) -> Iterator[Metric]:
        """Describe every number for prometheus-client."""
        known = self._seats.all()
        rows = sum(float(sums.answers.sum()) for sums in known) + self._seats.retired()
        yield Counter("pricerange_rows", "Phones answered", rows)
        yield from _of_answers(known)
        yield from _of_runs(known)
        yield from _of_agreement(known)
        yield from self._of_loaded()

    def _of_loaded(self) -> Iterator[Metric]:
        info = Gauge(
            "pricerange_model_info",
            "The model versions that are loaded, and what each is",
            labels=["name", "version", "sha256", "provider", "role"],
        )
        fallback = 0.0
        if self._versions.is_loaded:
            for role, served in self._versions.live.roles():
                info.add_metric([*_info(served), role], 1)
                predictor = served.predictor
                fallback += predictor.requested_provider == "auto" and predictor.provider == "cpu"
        yield info
        about = "1 where CUDA was preferred and the model runs on the CPU"
        yield Gauge("pricerange_provider_fallback", about, float(fallback > 0))


def _info(served: Served) -> list[str]:
    version = served.bundle
    return [version.name, version.version, version.passport.model_sha256, served.predictor.provider]


def _of_answers(known: list[SeatSums]) -> Iterator[Metric]:
    predictions = Counter(
        "pricerange_predictions",
        "Phones answered, by answer and model version",
        labels=["price_range", "version"],
    )
    failed = Counter("pricerange_failed_rows", "Phones whose run of the model failed", labels=["version"])
    requests = Summary(
        "pricerange_version_request_duration_seconds",
        "Requests by the model version that answered them, from the request's head to the end of its answer",
        labels=["version", "outcome"],
    )
    for sums in known:
        version = str(sums.version)
        for price_range, count in enumerate(sums.answers.tolist()):
            predictions.add_metric([str(price_range), version], count)
        failed.add_metric([version], sums.errors)
        ok, ok_seconds, bad, bad_seconds = sums.requests
        requests.add_metric([version, "answered"], int(ok), ok_seconds)
        requests.add_metric([version, "failed"], int(bad), bad_seconds)
    yield from (predictions, failed, requests)


def _of_runs(known: list[SeatSums]) -> Iterator[Metric]:
    duration = Histogram("pricerange_model_run_duration_seconds", "One run of the model", labels=["version"])
    rows = Histogram("pricerange_model_run_rows", "Phones in one run of the model", labels=["version"])
    for sums in known:
        version = [str(sums.version)]
        duration.add_metric(version, histogram(sums.run_duration, RUN_SECONDS), sums.run_seconds)
        rows.add_metric(version, histogram(sums.run_rows, RUN_ROWS), float(sums.answers.sum()))
    yield from (duration, rows)


def _of_agreement(known: list[SeatSums]) -> Iterator[Metric]:
    for name, about, value in _COMPARED:
        family = Counter(f"pricerange_{name}", about, labels=["version"])
        for sums in known:
            family.add_metric([str(sums.version)], value(sums))
        yield family
    confusion = Counter(
        "pricerange_compared_answers",
        "Phones of a version that the stable one answered too, by both answers",
        labels=["version", "stable", "answer"],
    )
    for sums in known:
        for stable, row in enumerate(sums.agreement.confusion.tolist()):
            for answer, count in enumerate(row):
                confusion.add_metric([str(sums.version), str(stable), str(answer)], float(count))
    yield confusion
