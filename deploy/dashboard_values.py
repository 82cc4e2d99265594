"""Ask a Prometheus what the panels of the dashboard would show: a line for each query, with what it gave.

    python deploy/dashboard_values.py http://127.0.0.1:9090

Exits with 1 where a query is refused, or has no value where the service always tells one.
"""

import json
import sys
import urllib.parse
from pathlib import Path
from typing import Any

from report import ROOT, CheckError, Report, expect, get

DASHBOARD = ROOT / "deploy/grafana/dashboards/pricerange.json"
VARIABLES = {"$job": "pricerange", "$namespace": ".*", "$instance": ".*", "$__rate_interval": "1m"}
"""What Grafana puts in their places."""
WITHOUT_VALUES = {"Alerts", "Rejections by reason", "Unlike the training data"}
"""Panels that are empty where all is well."""


def queries(dashboard: Path = DASHBOARD) -> list[tuple[str, str]]:
    """Return title and query of every target, as Prometheus is asked it."""
    panels = json.loads(dashboard.read_text())["panels"]
    found = []
    for panel in panels:
        for target in panel.get("targets", ()):
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            found.append((panel["title"], query))
    return found


def value(prometheus: str, query: str) -> list[dict[str, Any]]:
    """Return the series that a query gives now."""
    answer = get(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
    if answer["status"] != "success":
        raise CheckError(answer["error"])
    series: list[dict[str, Any]] = answer["data"]["result"]
    return series


def show(prometheus: str, report: Report) -> None:
    """Print what each query gives; values that are no number count as none."""
    for title, query in queries():
        with report.check(title) as note:
            series = value(prometheus, query)
            told = [one for one in series if one["value"][1] != "NaN"]
            note(", ".join(f"{_name(one['metric'])}{float(one['value'][1]):.4g}" for one in told[:6]) or "-")
            if len(told) > 6:
                note(f"and {len(told) - 6} more")
            expect(bool(told) or title in WITHOUT_VALUES, f"no value of {query}")


def _name(labels: dict[str, str]) -> str:
    words = [labels[name] for name in labels if name not in ("__name__", "job", "namespace", "sha256")]
    return f"{' '.join(words)} " if words else ""


if __name__ == "__main__":
    checks = Report()
    show(sys.argv[1], checks)
    sys.exit(checks.end())
