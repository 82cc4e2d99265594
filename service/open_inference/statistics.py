"""Statistics of a model version, as Triton has them."""

from typing import Any

from service.telemetry.metrics import Metrics
from service.telemetry.seats import Seats
from service.versions.live import Live
from service.versions.served import Served


class Statistics:
    """Tells what all workers have counted; what Triton measures, and nobody does here, has a count of 0."""

    def __init__(self, metrics: Metrics, seats: Seats) -> None:
        self._metrics = metrics
        self._seats = seats

    def of(self, live: Live, served: Served) -> dict[str, Any]:
        """Return the statistics of a version: of the stable one also requests that got to no version."""
        sums = self._seats.of(served.seat.version)
        ok, ok_seconds, failed, failed_seconds = sums.requests
        if served is live.stable:
            others = [each.requests for each in self._seats.all() if each.version != sums.version]
            count, seconds = self._metrics.requests.failed_inferences()
            failed = count - sum(one[2] for one in others)
            failed_seconds = seconds - sum(one[3] for one in others)
        unmeasured = _duration(0, 0.0)
        return {
            "name": served.bundle.name,
            "version": served.version,
            "inference_count": int(sums.answers.sum()),
            "execution_count": int(sums.run_duration.sum()),
            "inference_stats": {
                "success": _duration(ok, ok_seconds),
                "fail": _duration(failed, failed_seconds),
                "queue": unmeasured,
                "compute_input": unmeasured,
                "compute_infer": _duration(sums.run_duration.sum(), sums.run_seconds),
                "compute_output": unmeasured,
                "cache_hit": unmeasured,
                "cache_miss": unmeasured,
            },
            "batch_stats": [],
        }


def _duration(count: float, seconds: float) -> dict[str, int]:
    return {"count": round(count), "ns": round(seconds * 1e9)}
