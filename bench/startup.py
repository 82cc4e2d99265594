"""How long commands take to start, beside bare uvicorn, and the memory of a worker.

`python -m bench.startup [--models models] [--runs 7]`. Each round starts everything once, in a process of its
own; the ratios are of the medians.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import httpx

from bench.load.live import PHONE, serving
from bench.show.tables import Target, show, show_targets

_BIN = Path(sys.executable).parent
_ROWS = 1_000


def main() -> None:
    """Print the seconds from exec to the first right answer, or to the end, and the memory of a worker."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    show_targets(measure(arguments.models.resolve(), arguments.runs))


def measure(models: Path, runs: int) -> list[Target]:
    """Start everything some times and print how long it took."""
    memory: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        phones, answers = f"{folder}/phones.csv", f"{folder}/answers.csv"
        run(_BIN / "pricerange", "synth", _ROWS, phones)
        score = (_BIN / "pricerange", "score", phones, answers, "--models", models)
        starts: dict[str, Callable[[], float]] = {
            "bare uvicorn, to its first answer": start_of_uvicorn,
            "the service, to its first right answer": lambda: start_of_service(models, memory),
            "pricerange --help": lambda: run(_BIN / "pricerange", "--help"),
            f"pricerange score, {_ROWS:,} rows": lambda: run(*score),
        }
        seconds: dict[str, list[float]] = {name: [] for name in starts}
        for _ in range(runs):
            for name, start in starts.items():
                seconds[name].append(start())
    bare, *others = (median(found) for found in seconds.values())
    rows = [
        (name, f"{median(found):.2f} s", f"{max(found):.2f} s", f"{median(found) / bare:.2f}")
        for name, found in seconds.items()
    ]
    rows.append(("memory of a worker (PSS)", f"{median(memory):.0f} MB", f"{max(memory):.0f} MB", ""))
    show("From exec.", ("what", "median", "worst", "of bare uvicorn's"), rows)
    return [
        Target(f"{name}, of bare uvicorn's", found / bare, most=most)
        for (name, found), most in zip(zip(list(starts)[1:], others, strict=True), (3, 1, 4), strict=True)
    ]


def start_of_service(models: Path, memory: list[float]) -> float:
    """Return the seconds to the first right answer; note the MB after a thousand more."""
    with serving(models, "--no-access-log", "--drain-delay", "0") as running:
        with httpx.Client(base_url=running.url) as client:
            for _ in range(1000):
                client.post("/predict", json=PHONE).raise_for_status()
                client.get("/readyz").raise_for_status()
        memory.append(pss(running.process.pid))
        return running.seconds


def start_of_uvicorn() -> float:
    """Return the seconds to the first answer of uvicorn with an application of nothing."""
    command = (_BIN / "uvicorn", "bench.load.hello:app", "--port", "0", "--no-access-log")
    started = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        url = next(found[0] for line in process.stderr if (found := re.search(r"http://[\d.:]+", line)))
        httpx.get(url).raise_for_status()
        seconds = time.perf_counter() - started
        process.terminate()
    return seconds


def run(*command: object) -> float:
    """Return the seconds that a command takes to its end."""
    words: Sequence[str] = [str(word) for word in command]
    started = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - started


def pss(pid: int) -> float:
    """Return the MB of a process, of pages that it shares its part."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    [kilobytes] = re.findall(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(kilobytes) / 1000


if __name__ == "__main__":
    main()
