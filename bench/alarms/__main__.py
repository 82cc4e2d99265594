"""Each alert, provoked for real: `python -m bench.alarms [--models models] [--only ALERT]`.

Servers to which something happens, a Prometheus that reads them (`prometheus` on PATH), and the rules of
deploy/prometheus/rules with every duration a sixtieth of its own. The servers of a cause are a namespace of
their own. Exit code 1 where an alert does not fire, or another one does. `python -m bench.alarms.calm` is the
other way round.
"""

import argparse
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event

from bench.alarms.acts import Place
from bench.alarms.causes import CAUSES, Cause
from bench.alarms.hurried import TIMES_AS_FAST, write
from bench.alarms.watch import RULES, check_tools, firing, watching
from bench.show.tables import Target, show, show_targets

BASELINE = 20.0
PATIENCE = 300.0
"""Seconds before something happens, and until it must have been noticed."""
MAY_COME_WITH = {
    "PricerangeTargetDown",
    "PricerangeRequestsFail",
    "PricerangeAnswersSlow",
    "PricerangeQueueWaits",
    "PricerangeDrift",
    "PricerangeAccuracyFalls",
}
"""What causes bring along: who waits or is refused is slow or fails, and most ask about one phone alone."""


def main() -> None:
    """Provoke, wait, and print what fired after how long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--only", help="the causes of one alert")
    wanted = parser.parse_args()
    check_tools()
    causes = [cause for cause in CAUSES if wanted.only is None or wanted.only in cause.alerts]
    with tempfile.TemporaryDirectory(prefix="bench-alarms-") as folder:
        fired = provoke(causes, wanted.models, Path(folder))
    rows, missing, others = [], 0, 0
    for number, cause in enumerate(causes):
        found = fired.get(str(number), {})
        for alert in cause.alerts:
            missing += alert not in found
            rows.append((alert, cause.words, f"{found[alert]:.0f}" if alert in found else "never"))
        more = sorted(found.keys() - set(cause.alerts))
        others += len(set(more) - MAY_COME_WITH)
        rows.extend((f"{alert}, too", cause.words, f"{found[alert]:.0f}") for alert in more)
    show(
        f"Alerts, with rules whose durations are shortened {TIMES_AS_FAST} times.",
        ("alert", "cause", "fires after s"),
        rows,
    )
    targets = [
        Target("alerts that did not fire", missing, most=0),
        Target("alerts that had no cause", others, most=0),
    ]
    show_targets(targets)
    sys.exit(missing + others > 0)


def provoke(causes: list[Cause], models: Path, folder: Path) -> dict[str, dict[str, float]]:
    """Return for each cause, by its number, the alerts that fired and the seconds until they did."""
    end = Event()
    with ExitStack() as stack:
        running = []
        for number, cause in enumerate(causes):
            place = Place(folder / str(number) / "models", folder / str(number))
            shutil.copytree(models, place.models)
            running.append((cause, place, stack.enter_context(cause.servers(place))))
        write(RULES, folder / "rules")
        groups = [servers for _, _, servers in running]
        prometheus = stack.enter_context(watching(groups, folder / "rules", folder))
        pool = stack.enter_context(ThreadPoolExecutor(len(running)))
        stack.callback(end.set)
        time.sleep(BASELINE)
        started = time.monotonic()
        for cause, place, servers in running:
            pool.submit(cause.act, servers, place, end)
        expected = {(str(number), alert) for number, cause in enumerate(causes) for alert in cause.alerts}
        fired: dict[str, dict[str, float]] = {}
        while time.monotonic() < started + PATIENCE and expected - {
            (number, alert) for number, alerts in fired.items() for alert in alerts
        }:
            for number, alert in firing(prometheus):
                fired.setdefault(number, {}).setdefault(alert, time.monotonic() - started)
            time.sleep(0.5)
        end.set()
    return fired


if __name__ == "__main__":
    main()
