"""The speed of the service over HTTP, beside the limit of its stack and beside plain FastAPI.

`python -m bench.http [--rounds 3] [--seconds 4] [--only single] > tables.md`; bench/README.md says how to
read the tables. A wrong answer ends it with an exit code other than 0, a figure below its target does not.
"""

import argparse
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from bench import startup
from bench.http_parts import batches, neighbours, singles
from bench.http_parts.plan import Plan
from bench.load.phones import Oracle, phones
from bench.load.wrk import require_wrk
from bench.show.tables import Target, show_targets

ROWS = 1_000


def start(plan: Plan) -> list[Target]:
    """Print how long commands take to start."""
    return startup.measure(plan.models, plan.rounds)


PARTS: dict[str, Callable[[Plan], list[Target]]] = {
    "single": singles.measure,
    "batch": batches.measure,
    "beside": neighbours.measure,
    "start": start,
}


def main() -> None:
    """Print the facts of the machine, the tables, and the figures beside their targets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each run of wrk")
    parser.add_argument("--only", choices=tuple(PARTS), help="one part instead of all")
    wanted = parser.parse_args()
    require_wrk()
    models = wanted.models.resolve()
    plan = Plan(models, wanted.rounds, wanted.seconds, phones(models, ROWS), Oracle(models))
    _show_machine(plan)
    targets = [
        target for name, measure in PARTS.items() if wanted.only in (None, name) for target in measure(plan)
    ]
    if targets:
        show_targets(targets)


def _show_machine(plan: Plan) -> None:
    cores = len(os.sched_getaffinity(0))
    packages = ("onnxruntime", "uvicorn", "uvloop", "httptools", "fastapi", "pydantic", "orjson", "pyarrow")
    print(f"{_processor()}, {cores} cores, Python {platform.python_version()};", end=" ")
    print(", ".join(f"{package} {version(package)}" for package in packages) + ".")
    print(f"Median of {plan.rounds} interleaved rounds of {plan.seconds} s, server and load on a core each.")
    if cores < 2:
        print("There is one core only: server and load share it, and no figure here is worth much.")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown processor"
    )


if __name__ == "__main__":
    main()
