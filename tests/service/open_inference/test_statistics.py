"""Statistics of versions, as Triton has them: what all workers have counted, and no request is lost."""

from pathlib import Path

import numpy as np
import pytest
from in_process import InProcess

from pricerange.predictor import Prediction
from service.open_inference.statistics import Statistics
from service.telemetry.metrics import Metrics
from service.telemetry.seats import Seats
from service.telemetry.shared_counters import SharedCounters
from service.versions.live import Canary, Live

ROUTES = ["/predict", "/predict/batch", "/v2/models/{model}/infer", "/livez"]


@pytest.fixture(scope="module")
def live(two_versions: Path) -> Live:
    process = InProcess(two_versions, 1, 2)
    return Live(process.served[1], Canary(process.served[2], 0.5, None))


def run_of(price_ranges: list[int]) -> Prediction:
    return Prediction(np.zeros((len(price_ranges), 4), np.float32), np.array(price_ranges, np.int64))


def test_versions_share_the_requests_for_predictions_and_those_that_nobody_answered(live: Live) -> None:
    both = SharedCounters.of(2)[:2]
    seats = [Seats(counters) for counters in both]
    one, two = (Metrics(counters, "cpu") for counters in both)
    for metrics in (one, two):
        metrics.requests.add_routes(ROUTES)
    stable, canary = seats[0].take(1, 1), seats[1].take(2, 2)
    for metrics, route, method, status, seconds, answerer in (
        (one, "/predict", "POST", 200, 0.5, stable),
        (two, "/predict/batch", "POST", 200, 0.25, canary),
        (two, "/v2/models/{model}/infer", "POST", 422, 2.0, None),
        (one, "/predict", "POST", 503, 1.0, None),
        (two, "/predict", "POST", 500, 4.0, canary),
        (one, "/predict", "GET", 405, 64.0, None),
        (one, "/livez", "GET", 200, 64.0, None),
    ):
        metrics.requests.answered(route, method, status, seconds)
        if answerer is not None:
            answerer.answered(status, seconds)
    stable.ran(run_of([3, 1]), 0.125)
    stable.ran(run_of([0]), 0.25)
    canary.ran(run_of([2, 2]), 0.5)
    of_stable = {
        "success": {"count": 1, "ns": 500_000_000},
        "fail": {"count": 2, "ns": 3_000_000_000},
        "compute_infer": {"count": 2, "ns": 375_000_000},
    }
    of_canary = {
        "success": {"count": 1, "ns": 250_000_000},
        "fail": {"count": 1, "ns": 4_000_000_000},
        "compute_infer": {"count": 1, "ns": 500_000_000},
    }
    unmeasured = ("queue", "compute_input", "compute_output", "cache_hit", "cache_miss")
    nothing = {name: {"count": 0, "ns": 0} for name in unmeasured}
    assert live.canary is not None
    for statistics in (Statistics(one, seats[0]), Statistics(two, seats[1])):
        told = statistics.of(live, live.stable)
        assert (told["name"], told["version"]) == ("phone_price_range", "1")
        assert (told["inference_count"], told["execution_count"]) == (3, 2)
        assert told["inference_stats"] == of_stable | nothing
        told = statistics.of(live, live.canary.served)
        assert (told["version"], told["inference_count"], told["execution_count"]) == ("2", 2, 1)
        assert told["inference_stats"] == of_canary | nothing
