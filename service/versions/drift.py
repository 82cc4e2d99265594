"""How what the stable version is asked differs from what it learned: `GET /drift`, and for Prometheus."""

import math
from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from pricerange.phone import LABELS
from service.errors import NoDriftReferenceError
from service.http.openapi import problem_responses
from service.http.reply import Reply
from service.telemetry.drift.document import DriftDocument
from service.versions.live import Versions


def add_drift(router: APIRouter, versions: Versions) -> None:
    """Tell what is in the windows; a version without any, which keeps no reference, cannot tell."""

    @router.get(
        "/drift",
        summary="How what is asked differs from what was learned",
        response_model=DriftDocument,
        responses=problem_responses(404, 503),
    )
    async def drift(request: Request) -> Response:
        stable = versions.live.stable
        if stable.windows is None:
            raise NoDriftReferenceError(stable.version)
        return Reply(DriftDocument.of(stable.bundle, stable.windows).model_dump_json().encode())


class DriftMetrics(Collector):
    """Tells what windows hold; before one is full, values are NaN and no alarm is raised."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    def collect(self) -> Iterator[Metric]:
        """Describe every number for prometheus-client: none where the version keeps no reference."""
        windows = self._versions.live.stable.windows if self._versions.is_loaded else None
        if windows is None:
            return
        reference, counted = windows.reference, windows.counted()
        drift = reference.drift(counted.last_window)
        rows = reference.rows(counted.since_start)
        yield Counter("pricerange_drift_rows", "Phones of the sample that drift is told by", rows)
        yield Counter("pricerange_drift_windows", "Windows of such phones that are full", counted.windows)
        psi, limit, alarm = (
            Gauge(f"pricerange_drift_{name}", about, labels=["feature"])
            for name, about in (
                ("psi", "Population stability index of a feature, or of the answers (price_range)"),
                ("psi_limit", "What chance alone exceeds in a hundredth of the windows"),
                ("alarm", "1 where the index is above its limit"),
            )
        )
        for shift in drift.shifts:
            psi.add_metric([shift.name], shift.psi.value if shift.psi else math.nan)
            limit.add_metric([shift.name], shift.psi.limit if shift.psi else math.nan)
            alarm.add_metric([shift.name], shift.alarm)
        yield from (psi, limit, alarm)
        answers = Gauge(
            "pricerange_drift_answer_ratio", "Share of each answer in the window", labels=["price_range"]
        )
        for price_range in range(len(LABELS)):
            share = drift.answers.found[price_range] if drift.rows else math.nan
            answers.add_metric([str(price_range)], share)
        yield answers
        for name, about, value in (
            ("mean_confidence", "Mean confidence of the answers", drift.mean_confidence),
            ("expected_accuracy", "Accuracy to expect by the answers' confidence", drift.expected_accuracy),
            ("reference_accuracy", "Accuracy of answers out of fold in training", reference.accuracy),
        ):
            yield Gauge(f"pricerange_drift_{name}", about, math.nan if value is None else value)
