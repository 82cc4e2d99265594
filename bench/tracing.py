"""What traces cost: `python -m bench.tracing [--models DIR] [--rounds 7] [--seconds 3]`.

The same version without tracing, with 1 % of the requests traced and with all, each to a collector that keeps
nothing. Server and load on a core each, the three in turn. Needs wrk. The processor's time a request, that
of the sending thread too, is what counts: it depends less on what else the machine does than requests do.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import httpx

from bench.load.cores import on_core
from bench.load.formats import SINGLE
from bench.load.phones import Oracle, phones
from bench.load.pinned import LOAD_CORE, Running, Server, running
from bench.load.wrk import Load, require_wrk
from bench.show.tables import Target, show, show_targets

CONNECTIONS = 32
SHARES = {"off": None, "1 %": 0.01, "100 %": 1.0}
MOST = 1.02
"""Processor time a request with 1 % traced, of that without."""
_FLUSH = 1.5
"""Seconds in which the last spans of a server leave before the next has its turn."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    wanted = parser.parse_args()
    require_wrk()
    models = wanted.models.resolve()
    rows, oracle = phones(models, 1), Oracle(models)
    loads: dict[str, list[Load]] = {name: [] for name in SHARES}
    with ExitStack() as stack:
        endpoint = stack.enter_context(_sink())
        servers = {name: stack.enter_context(running(_server(models, name, endpoint))) for name in SHARES}
        for number in range(wanted.rounds):
            # none is always the first
            for name in (*SHARES,) if number % 2 else (*reversed(SHARES),):
                request = servers[name].check(SINGLE, rows, oracle)
                loads[name].append(servers[name].load(request, CONNECTIONS, wanted.seconds))
                time.sleep(_FLUSH)
        traced = {name: _traced(server) for name, server in servers.items()}
    head = ("traced", "requests/s", "of off", "CPU µs", "of off", "from", "to", "p99 ms", "failed")
    head += ("traces sent", "dropped")
    show(
        f"Tracing, /predict at {CONNECTIONS} connections, medians of {wanted.rounds} rounds.",
        head,
        [_row(name, loads, traced[name]) for name in SHARES],
    )
    show_targets([Target("CPU a request with 1 % traced, of that without", _ratio(loads, "1 %"), most=MOST)])
    sys.exit(any(load.failed for some in loads.values() for load in some))


def _server(models: Path, name: str, endpoint: str) -> Server:
    program = Path(sys.executable).with_name("pricerange")
    command = [program, "serve", "--models", models, "--port", "0", "--drain-delay", "0", "--no-access-log"]
    share = SHARES[name]
    if share is not None:
        command += ["--otlp-endpoint", endpoint, "--trace-sample", str(share)]
    return Server(name, command)


@contextmanager
def _sink() -> Iterator[str]:
    with on_core(LOAD_CORE):
        command = (sys.executable, "-m", "bench.load.sink")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _traced(server: Running) -> tuple[float, float]:
    """Return how many traced requests were sent and dropped."""
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    counts = [line.rpartition(" ") for line in lines if line.startswith("pricerange_traced_requests")]
    sent = sum(float(value) for name, _, value in counts if name.endswith("requests_total"))
    return sent, sum(float(value) for _, _, value in counts) - sent


def _row(name: str, loads: dict[str, list[Load]], traced: tuple[float, float]) -> tuple[str, ...]:
    found, off = loads[name], loads["off"]
    of_all = Load.median_of(found)
    each = [one.cpu_each / other.cpu_each for one, other in zip(found, off, strict=True)]
    rates = [one.per_second / other.per_second for one, other in zip(found, off, strict=True)]
    return (
        name,
        f"{of_all.per_second:,.0f}",
        f"{median(rates):.3f}",
        f"{median(load.cpu_each for load in found):.2f}",
        *(f"{ratio:.3f}" for ratio in (median(each), min(each), max(each))),
        f"{of_all.p99:.2f}",
        f"{of_all.failed}",
        *(f"{count:,.0f}" for count in traced),
    )


def _ratio(loads: dict[str, list[Load]], name: str) -> float:
    return median(one.cpu_each / other.cpu_each for one, other in zip(loads[name], loads["off"], strict=True))


if __name__ == "__main__":
    main()
