"""One phone a request: the service beside the limit of its stack, bare uvicorn and plain FastAPI."""

import sys
from collections.abc import Callable

from bench.http_parts.plan import Cells, Plan
from bench.load.formats import SINGLE
from bench.load.phones import phones
from bench.load.pinned import running
from bench.load.wrk import Load
from bench.show.tables import Target, show

CONNECTIONS = (1, 32, 128)
_HEAD = ("server", "connections", "requests/s", "p50 ms", "p99 ms", "busy", "CPU µs")
_RATIOS = ("requests/s", "p50", "p99", "CPU")


def measure(plan: Plan) -> list[Target]:
    """Print the table and return what is wanted of it."""
    _require_equal_answers(plan)
    servers = (plan.loop, plan.bare, plan.plain, plan.service, plan.logging)
    cells, one = Cells(), phones(plan.models, 1)
    for _ in range(plan.rounds):
        for which in servers:
            with running(which) as server:
                request = server.check(SINGLE, one, plan.oracle)
                for connections in CONNECTIONS:
                    cells.add(which.name, connections, server.load(request, connections, plan.seconds))
    _, bare, _, ours, logging = names = [which.name for which in servers]
    rows = [
        _row(name, connections, cells.median(name, connections), cells.median(bare, connections))
        for connections in CONNECTIONS
        for name in names
    ]
    show("One phone a request. The last four columns are ratios to bare uvicorn.", (*_HEAD, *_RATIOS), rows)

    def ratio(name: str, connections: int, figure: Callable[[Load], float]) -> float:
        return figure(cells.median(name, connections)) / figure(cells.median(bare, connections))

    def per_second(load: Load) -> float:
        return load.per_second

    wanted = ((ours, 32, 1.4), (ours, 128, 1.9), (logging, 32, 1.3), (logging, 128, 1.7))
    return [
        *(
            Target(
                f"requests/s at {connections} connections, {name}, of bare uvicorn's",
                ratio(name, connections, per_second),
                least=least,
            )
            for name, connections, least in wanted
        ),
        Target("p50 at 1 connection, of bare uvicorn's", ratio(ours, 1, lambda load: load.p50), most=1.75),
        Target("p99 at 32 connections, of bare uvicorn's", ratio(ours, 32, lambda load: load.p99), most=1.0),
    ]


def _require_equal_answers(plan: Plan) -> None:
    """Bare uvicorn is the limit for what sends the same bytes."""
    request = SINGLE.request(phones(plan.models, 1))
    with running(plan.bare) as bare, running(plan.service) as ours:
        constant, answer = bare.ask(request), ours.ask(request)
    lengths = [
        {name: len(value) for name, value in found.headers.items()} | {"": len(found.body)}
        for found in (constant, answer)
    ]
    if lengths[0] != lengths[1]:
        sys.exit(f"bare uvicorn answers in other lengths than the service: {lengths}")


def _row(name: str, connections: int, load: Load, bare: Load) -> tuple[str, ...]:
    return (
        name,
        str(connections),
        f"{load.per_second:,.0f}",
        f"{load.p50:.3f}",
        f"{load.p99:.3f}",
        f"{load.busy:.2f}",
        f"{load.cpu_each:.1f}",
        f"{load.per_second / bare.per_second:.2f}",
        f"{load.p50 / bare.p50:.2f}",
        f"{load.p99 / bare.p99:.2f}",
        f"{load.cpu_each / bare.cpu_each:.2f}",
    )
