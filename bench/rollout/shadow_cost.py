"""Requests a second beside a shadow, and without one."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import uvloop

from bench.http_parts.plan import Cells, Plan
from bench.load.formats import SINGLE
from bench.load.pinned import Running, Server, running
from bench.rollout.repository import at_rest
from bench.show.tables import Target, show
from pricerange import bundle

CONNECTIONS = (1, 32, 128)
LEAST = 0.9
"""Of the requests/s without a shadow, with one of a tenth. Processor time a request says the same of a full
core, and says it more surely where others use the machine too."""
_WITHOUT, _TENTH = "none", "a tenth"
_SHARES = {_WITHOUT: 0.0, _TENTH: 0.1, "all": 1.0}
_HEAD = ("requests/s", "p50 ms", "p99 ms", "CPU µs", "requests/s", "p99", "CPU")


def measure(plan: Plan, shadow: int) -> list[Target]:
    """Print the tables and return what is wanted of them."""
    stable, cells = int(bundle.find(plan.models).name), Cells()
    counts = dict.fromkeys(_SHARES, np.zeros(3, np.int64))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(plan.rounds):
            with ExitStack() as stack:
                servers = [
                    stack.enter_context(running(_server(plan, Path(folder), name, stable, shadow)))
                    for name in _SHARES
                ]
                # processes differ by some percent from start to start, and the minutes of a machine by more
                turn = number % len(servers)
                for connections in CONNECTIONS:
                    for server in servers[turn:] + servers[:turn]:
                        request = server.check(SINGLE, plan.rows[:1], plan.oracle)
                        load = server.load(request, connections, plan.seconds)
                        cells.add(server.name, connections, load)
                for server in servers:
                    counts[server.name] = counts[server.name] + _counts(server, stable, shadow)
    show(
        f"A worker on one core, medians of {plan.rounds} rounds of {plan.seconds} s. The last three columns "
        "are ratios to no shadow.",
        ("shadow of", "connections", *_HEAD),
        [_row(cells, name, connections) for connections in CONNECTIONS for name in _SHARES],
    )
    show(
        "What was compared meanwhile, and what found no room.",
        ("shadow of", "answers", "compared", "dropped", "both, of the answers"),
        [
            (name, *(f"{count:,}" for count in found), f"{found[1:].sum() / found[0]:.4f}")
            for name, found in counts.items()
        ],
    )
    pairs = [(each, cells.median(_TENTH, each), cells.median(_WITHOUT, each)) for each in CONNECTIONS]
    what = f"at {{}} connections with a shadow of {_TENTH}, of that without"
    return [
        *(
            Target(f"requests/s {what.format(each)}", beside.per_second / alone.per_second, least=LEAST)
            for each, beside, alone in pairs
        ),
        *(
            Target(f"CPU a request {what.format(each)}", beside.cpu_each / alone.cpu_each, most=1 / LEAST)
            for each, beside, alone in pairs
        ),
    ]


def _server(plan: Plan, folder: Path, name: str, stable: int, shadow: int) -> Server:
    share = _SHARES[name]
    file = folder / f"{share}.toml"
    shadows = f"[[shadow]]\nversion = {shadow}\nshare = {share}\n" if share else ""
    file.write_text(f"stable = {stable}\n{shadows}")
    state = folder / f"state-{share}"
    return Server(name, (*plan.service.command, "--rollout", file, "--rollout-state", state))


def _counts(server: Running, stable: int, shadow: int) -> npt.NDArray[np.int64]:
    """Return phones that were answered, and that the shadow compared and dropped."""
    versions = uvloop.run(at_rest(server.url))["versions"]
    compared = versions[str(shadow)]["compared_with_stable"] if str(shadow) in versions else {}
    return np.array([versions[str(stable)]["rows"], compared.get("rows", 0), compared.get("dropped", 0)])


def _row(cells: Cells, name: str, connections: int) -> tuple[str, ...]:
    load, off = cells.median(name, connections), cells.median(_WITHOUT, connections)
    return (
        name,
        str(connections),
        f"{load.per_second:,.0f}",
        f"{load.p50:.3f}",
        f"{load.p99:.3f}",
        f"{load.cpu_each:.1f}",
        f"{load.per_second / off.per_second:.3f}",
        f"{load.p99 / off.p99:.3f}",
        f"{load.cpu_each / off.cpu_each:.3f}",
    )
