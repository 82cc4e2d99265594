"""What one client of large batches does to the single requests of others."""

import sys
from collections import defaultdict
from statistics import median

from bench.http_parts.plan import Plan
from bench.load.formats import BATCHES, SINGLE
from bench.load.phones import phones
from bench.load.pinned import LOAD_CORE, running
from bench.load.wrk import Wrk
from bench.show.tables import Target, show
from service.settings import Settings

CONNECTIONS = 16
STREAM_ROWS = 100_000
"""Far over the row limit, as only CSV and Arrow may be."""
MOST_ADDED_MS = 5.0


def measure(plan: Plan) -> list[Target]:
    """Print the table and return what is wanted of it."""
    at_limit = phones(plan.models, Settings.model_fields["max_rows"].default)
    streamed = phones(plan.models, STREAM_ROWS)
    batches = {f"{form.name}, {len(at_limit):,} rows": (form, at_limit) for form in BATCHES}
    streams = {f"{form.name}, {len(streamed):,} rows": (form, streamed) for form in BATCHES if form.streams}
    alone, beside, carried = (
        list[float](),
        defaultdict[str, list[float]](list),
        defaultdict[str, list[float]](list),
    )
    for _ in range(plan.rounds):
        with running(plan.service) as server:
            request = server.check(SINGLE, phones(plan.models, 1), plan.oracle)
            alone.append(server.load(request, CONNECTIONS, plan.seconds).p99)
            for name, (form, rows) in (batches | streams).items():
                batch = server.check(form, rows, plan.oracle)
                neighbour = Wrk(server.url, batch, 1, plan.seconds + 2, LOAD_CORE)
                beside[name].append(server.load(request, CONNECTIONS, plan.seconds).p99)
                other = neighbour.load()
                if other.failed:
                    sys.exit(f"{name}: {other.failed} batches failed")
                carried[name].append(other.per_second)
                print(f"beside {name}: p99 {beside[name][-1]:.3f} ms", file=sys.stderr)
    quiet = median(alone)
    table = [("none", "", f"{quiet:.3f}", "")]
    for name in beside:
        p99 = median(beside[name])
        table.append((name, f"{median(carried[name]):.1f}", f"{p99:.3f}", f"{p99 - quiet:+.3f}"))
    head = ("one batch client beside them", "batches/s", "p99 ms", "added ms")
    show(f"Single requests over {CONNECTIONS} connections.", head, table)
    return [
        Target(
            f"p99 that a client adds, {name}", median(beside[name]) - quiet, most=MOST_ADDED_MS, unit=" ms"
        )
        for name in batches
    ]
