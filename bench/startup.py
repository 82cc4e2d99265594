"""Cold start and memory of one worker: `python -m bench.startup [--models models]`."""

import argparse
import re
import statistics
from pathlib import Path

import httpx

from bench.load.live import PHONE, serving


def main() -> None:
    """Print the seconds from exec to the first right answer, and the memory after a thousand more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    seconds, memory = measure(arguments.models, arguments.runs)
    for what, values, unit in (
        ("cold start, from exec to the first right answer", seconds, "s"),
        ("memory of one worker (PSS)", memory, "MB"),
    ):
        print(f"{what}: median {statistics.median(values):.2f} {unit}, worst {max(values):.2f} {unit}")


def measure(models: Path, runs: int) -> tuple[list[float], list[float]]:
    """Return the seconds to the first right answer and the MB after a thousand more, of each run."""
    seconds, memory = [], []
    for _ in range(runs):
        with serving(models, "--no-access-log", "--drain-delay", "0") as running:
            seconds.append(running.seconds)
            with httpx.Client(base_url=running.url) as client:
                for _ in range(1000):
                    client.post("/predict", json=PHONE).raise_for_status()
                    client.get("/readyz").raise_for_status()
            memory.append(pss(running.process.pid))
    return seconds, memory


def pss(pid: int) -> float:
    """Return the MB of a process, of pages that it shares its part."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    [kilobytes] = re.findall(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(kilobytes) / 1000


if __name__ == "__main__":
    main()
