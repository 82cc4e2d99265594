"""What a person is told of a rollout."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pricerange.rollout.document import ROW, Canary, Rollout
from pricerange.rollout.history import Event
from pricerange.rollout.progress import Progress, weight


def summary(rollout: Rollout) -> str:
    """Say on a line what a file wants."""
    parts = [f"stable {rollout.stable}"]
    if rollout.canary:
        parts.append(f"canary {rollout.canary.version} at {_plan(rollout.canary)}")
    parts += [f"shadow {shadow.version} of {100 * shadow.share:g} %" for shadow in rollout.shadow]
    return "; ".join(parts)


def lines(rollout: Rollout, progress: Progress | None) -> Iterator[str]:
    """Say on a few lines what a file wants, and how far its canary has come."""
    yield f"stable  {rollout.stable}"
    if rollout.canary:
        yield f"canary  {rollout.canary.version}  {_plan(rollout.canary)}"
    for shadow in rollout.shadow:
        yield f"shadow  {shadow.version}  {100 * shadow.share:g} % of the phones"
    if rollout.canary is None:
        return
    if progress is None:
        yield "state   nothing is kept of this rollout: no service has begun it, or its state is elsewhere"
        return
    reason = f": {progress.why}" if progress.why else ""
    yield (
        f"state   {progress.status}{reason}; {weight(progress, rollout):g} % at step {progress.step + 1} "
        f"of {len(rollout.canary.weights)}, since {_time(progress.since)}"
    )
    for metric in rollout.analysis.metrics if rollout.analysis else ():
        counts = progress.counts_of(metric.name)
        latest = [one for one in progress.measurements if one.metric == metric.name]
        value = "-" if not latest or latest[-1].value is None else f"{latest[-1].value:.4g}"
        numbers = ", ".join(f"{count} {phase}" for phase, count in counts)
        yield f"        {metric.name}  {value}  {numbers}"


def event_line(event: Event) -> str:
    """Say what happened on a line."""
    why = f"  {event.why}" if event.why else ""
    return f"{event.when:%Y-%m-%d %H:%M:%S}  {event.what}  {event.digest[:12]}  {event.who}{why}"


def _plan(canary: Canary) -> str:
    weights = ", ".join(f"{each:g}" for each in canary.weights)
    pause = f", at least {canary.pause:g} s each" if canary.pause else ""
    by = "by phone" if canary.sticky == ROW else f"by the header {canary.sticky}"
    return f"{weights} %{pause}, {by}"


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
