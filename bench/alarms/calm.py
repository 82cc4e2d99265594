"""Normal load, during which no alert may fire: `python -m bench.alarms.calm [--minutes 30]`.

Two servers, each asked about single phones, batches and tables, and now and then about one that it must
refuse; a Prometheus that reads them (`prometheus` on PATH), and the rules of deploy/prometheus/rules as they
are. Exit code 1 where an alert fires or a request is lost. What was pending for a while is told: it is what a
rule's `for` is there for.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from bench.alarms.watch import RULES, check_tools, query, watching
from bench.load.live import serving
from bench.load.phones import as_objects
from bench.show.tables import Target, show, show_targets
from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES

SINGLES, BATCH, TABLE = 40, 100, 5_000
"""Requests about one phone and phones of a batch, each second; rows of a table, each minute."""
SCRAPE, EVALUATE = 5, 15
"""Seconds."""


def main() -> None:
    """Ask for a while, then print what was asked and what Prometheus thought of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--models", type=Path, default=Path("models"))
    wanted = parser.parse_args()
    check_tools()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-calm-")))
        servers = [stack.enter_context(serving(wanted.models, "--no-access-log")) for _ in range(2)]
        prometheus = stack.enter_context(watching([servers], RULES, folder, SCRAPE, EVALUATE))
        end = time.monotonic() + 60 * wanted.minutes
        with ThreadPoolExecutor(len(servers)) as pool:
            asked = sum(pool.map(lambda server: ask(server.url, end), servers), Counter[str]())
        seen = {state: noticed(prometheus, state) for state in ("pending", "firing")}
        rules = httpx.get(f"{prometheus}/api/v1/rules", params={"type": "alert"}).json()["data"]["groups"]
    show(
        f"{wanted.minutes:g} minutes with {sum(len(group['rules']) for group in rules)} alert rules.",
        ("requests", "count"),
        [(what, f"{count:,}") for what, count in sorted(asked.items())],
    )
    for state, alerts in seen.items():
        rows = [(alert, f"{times * EVALUATE}") for alert, times in sorted(alerts.items())] or [("none", "")]
        show(f"Alerts that were {state}.", ("alert", "for s, all its series together"), rows)
    lost = asked["lost"]
    show_targets([Target("alerts that fired", len(seen["firing"]), most=0), Target("lost", lost, most=0)])
    sys.exit(bool(seen["firing"]) or lost > 0)


def ask(url: str, end: float) -> Counter[str]:
    """Ask a server each second until the end, and count what was asked; what was not answered so is lost."""
    asked: Counter[str] = Counter({"lost": 0})
    features, _ = synthetic.phones(60_000)
    phones = cycle(as_objects(features.astype(np.float32)))
    with httpx.Client(base_url=url, timeout=30) as client:
        for second in count():
            started = time.monotonic()
            if started > end:
                break
            bodies: list[tuple[str, str, int, dict[str, Any]]] = [
                ("one phone", "/predict", 200, {"json": phone}) for phone in islice(phones, SINGLES)
            ]
            batch = {"phones": list(islice(phones, BATCH))}
            bodies.append(("a batch", "/predict/batch", 200, {"json": batch}))
            bodies.append(("one to be refused", "/predict", 422, {"json": next(phones) | {"ram": 4}}))
            if second % 60 == 0:
                table = csv_of(list(islice(phones, TABLE)))
                options = {"content": table, "headers": {"content-type": "text/csv"}}
                bodies.append(("a table", "/predict/batch", 200, options))
            for what, path, status, options in bodies:
                try:
                    right = client.post(path, **options).status_code == status
                except httpx.HTTPError:
                    right = False
                asked[what if right else "lost"] += 1
            time.sleep(max(0.0, 1 - (time.monotonic() - started)))
    return asked


def csv_of(phones: list[dict[str, int | float]]) -> bytes:
    """Write phones as a table."""
    lines = [",".join(FEATURE_NAMES), *(",".join(map(str, phone.values())) for phone in phones)]
    return ("\n".join(lines) + "\n").encode()


def noticed(prometheus: str, state: str) -> Counter[str]:
    """Return how many times the series of each alert were in a state."""
    found: Counter[str] = Counter()
    for series in query(prometheus, f'count_over_time(ALERTS{{alertstate="{state}"}}[1d])'):
        found[series["metric"]["alertname"]] += int(series["value"][1])
    return found


if __name__ == "__main__":
    main()
