"""What the log costs: requests and rows a second without it, and with samples of 1 % and of all."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path

from bench.http_parts.plan import Cells, Plan
from bench.load.client import Connection, message
from bench.load.formats import BATCHES, SINGLE, Format
from bench.load.phones import phones
from bench.load.pinned import Running, Server, running
from bench.load.wrk import Load
from bench.show.tables import show

_CONNECTIONS = {SINGLE.name: (1, 32, 128)}
_FEW = (4,)
_FORMS = (SINGLE, *(form for form in BATCHES if form.name in {"V2 binary", "Arrow", "JSON objects"}))
_SAMPLES = {"no log": None, "1 %": 0.01, "all": 1.0, "all, ids hashed": 1.0}
_DROPPED = re.compile(rb"^pricerange_prediction_log_rows_dropped_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)


def measure(plan: Plan, folder: Path) -> int:
    """Print the table; nothing that it finds breaks a promise."""
    key = folder / "key"
    key.write_text("a key that is long enough\n")
    cells, dropped = Cells(), dict.fromkeys(_SAMPLES, 0)
    for number in range(plan.rounds):
        with ExitStack() as stack:
            servers = [
                stack.enter_context(running(_server(plan, name, share, folder / "log", key)))
                for name, share in _SAMPLES.items()
            ]
            # processes differ by some percent from start to start, and the minutes of a machine by more
            turn = number % len(servers)
            in_turn = servers[turn:] + servers[:turn]
            for form, connections in product(_FORMS, (1, 4, 32, 128)):
                if connections in _CONNECTIONS.get(form.name, _FEW):
                    _load(plan, cells, in_turn, form, connections)
            for server in servers:
                dropped[server.name] += asyncio.run(_dropped(server.url))
    show(
        f"The log, a worker on one core, its writer on the same. Medians of {plan.rounds} rounds of "
        f"{plan.seconds} s, servers in turn. The last three columns are ratios to the service without it.",
        (
            "request, sample",
            "connections",
            "requests/s",
            "p50 ms",
            "p99 ms",
            "CPU µs",
            "requests/s",
            "p99",
            "CPU",
        ),
        [
            _row(cells, form, name, connections)
            for form in _FORMS
            for connections in _CONNECTIONS.get(form.name, _FEW)
            for name in _SAMPLES
        ],
    )
    print(
        "\nRows dropped for want of room: " + ", ".join(f"{name} {n:,}" for name, n in dropped.items()) + "."
    )
    return 0


def _load(plan: Plan, cells: Cells, servers: Sequence[Running], form: Format, connections: int) -> None:
    rows = phones(plan.models, 1) if form is SINGLE else plan.rows
    for server in servers:
        request = server.check(form, rows, plan.oracle)
        load = server.load(request, connections, plan.seconds)
        cells.add(f"{form.name}, {server.name}", connections, load)


def _server(plan: Plan, name: str, share: float | None, log: Path, key: Path) -> Server:
    flags: tuple[str | Path, ...] = () if share is None else ("--prediction-log", log)
    if share is not None:
        flags += ("--prediction-log-sample", str(share))
    if "hashed" in name:
        flags += ("--prediction-log-hash", "request_id", "--prediction-log-key-file", key)
    return Server(name, (*plan.service.command, *flags))


async def _dropped(url: str) -> int:
    connection = await Connection.open(url)
    answer = await connection.exchange(message("GET", "/metrics"))
    connection.close()
    return int(sum(map(float, _DROPPED.findall(answer.body))))


def _row(cells: Cells, form: Format, name: str, connections: int) -> tuple[str, ...]:
    load, off = (cells.median(f"{form.name}, {sample}", connections) for sample in (name, "no log"))
    return (
        f"{form.name}, {name}",
        str(connections),
        f"{load.per_second:,.0f}",
        f"{load.p50:.3f}",
        f"{load.p99:.3f}",
        f"{load.cpu_each:.1f}",
        *(f"{ratio:.3f}" for ratio in _ratios(load, off)),
    )


def _ratios(load: Load, off: Load) -> tuple[float, ...]:
    return load.per_second / off.per_second, load.p99 / off.p99, load.cpu_each / off.cpu_each
