"""Check rules, routes and dashboard with Prometheus' own tools: a line for each; exits with 1 on a failure.

Needs promtool, amtool and prometheus, from PATH or as PROMTOOL, AMTOOL and PROMETHEUS name them, and the
service in this Python's environment. It is started with a canary and a shadow and asked for half a minute; a
Prometheus reads it, and is asked what the dashboard would show.
"""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from dashboard_values import show, value
from report import ROOT, Report, eventually, expect, free_port, get, post, run

RULES = ROOT / "deploy/prometheus/rules"
ALERTMANAGER = ROOT / "deploy/alertmanager/alertmanager.yml"
ROLLOUT = """
stable = 4
[canary]
version = 3
weight = 20
[[shadow]]
version = 2
share = 0.5
"""
PHONES = 2_000
ASKED_FOR = 30.0
READY_WITHIN = 30.0
"""Seconds."""
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}/*.yml"]
scrape_configs: [{{job_name: pricerange, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""


def main() -> int:
    """Run all checks and return the exit code."""
    report = Report()
    by_their_tools(report)
    with tempfile.TemporaryDirectory(prefix="pricerange-check-") as folder:
        in_a_real_run(Path(folder), report)
    return report.end()


def by_their_tools(report: Report) -> None:
    """What promtool and amtool say of the files."""
    promtool, amtool = tool("promtool"), tool("amtool")
    with report.check("promtool check config"):
        run([promtool, "check", "config", "deploy/prometheus/prometheus.yml"])
    for path in sorted((ROOT / "tests/deploy/prometheus").glob("*.yml")):
        with report.check(f"promtool test rules {path.name}") as note:
            run([promtool, "test", "rules", str(path)])
            note(f"{path.read_text().count('- name:')} cases")
    with report.check("amtool check-config"):
        run([amtool, "check-config", str(ALERTMANAGER)])
    for severity, receiver in (("page", "on-call"), ("ticket", "team")):
        with report.check(f"an alert of severity {severity} goes to {receiver}"):
            routes = ["config", "routes", "test", f"--config.file={ALERTMANAGER}", f"severity={severity}"]
            found = run([amtool, *routes]).strip()
            expect(found == receiver, f"found {found}")


def in_a_real_run(folder: Path, report: Report) -> None:
    """A service that is asked, and a Prometheus that reads it."""
    models = folder / "models"
    shutil.copytree(ROOT / "models", models)
    (models / "phone_price_range/rollout.toml").write_text(ROLLOUT)
    service, prometheus = (f"http://127.0.0.1:{port}" for port in (free_port(), free_port()))
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(rules=RULES, port=service.rpartition(":")[2]))
    serve = [program(), "serve", "--models", str(models), "--port", service.rpartition(":")[2]]
    options = ["--workers", "2", "--drift-window", "500", "--no-access-log", "--drain-delay", "0"]
    watch = [tool("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder}/data"]
    address = f"--web.listen-address={prometheus.removeprefix('http://')}"
    with (
        started([*serve, *options], folder / "service.log"),
        started([*watch, address], folder / "prometheus.log"),
    ):
        with report.check("the service and Prometheus are ready", vital=True):
            eventually(READY_WITHIN, lambda: get(f"{service}/readyz"))
            eventually(READY_WITHIN, lambda: urllib.request.urlopen(f"{prometheus}/-/ready", timeout=5))
        with report.check("promtool check metrics"):
            text = urllib.request.urlopen(f"{service}/metrics", timeout=5).read().decode()
            run([tool("promtool"), "check", "metrics"], given=text)
        with report.check(f"asked for {ASKED_FOR:.0f} s") as note:
            note(f"{ask(service, phones(folder))} phones")
            sleep(2)
        with report.check("no alert fires"):
            firing = value(prometheus, 'ALERTS{alertstate="firing"}')
            expect(not firing, f"{[one['metric'] for one in firing]}")
        show(prometheus, report)


def ask(service: str, phones: list[dict[str, float]]) -> int:
    """Ask about one phone at a time, now and then about many or about one that is wrong; return how many."""
    asked, deadline = 0, monotonic() + ASKED_FOR
    while monotonic() < deadline:
        for phone in phones[asked % len(phones) :][:50]:
            post(f"{service}/predict", phone)
        post(f"{service}/predict/batch", {"phones": phones[:500]})
        asked += 550
        try:
            post(f"{service}/predict", phones[0] | {"ram": 4})
        except urllib.request.HTTPError as error:
            expect(error.code == 422, f"status {error.code}")
    return asked


def phones(folder: Path) -> list[dict[str, float]]:
    """Return synthetic phones."""
    run([program(), "synth", str(PHONES), str(folder / "phones.csv")])
    rows = csv.DictReader(io.StringIO((folder / "phones.csv").read_text()))
    return [{name: json.loads(cell) for name, cell in row.items() if name != "price_range"} for row in rows]


@contextmanager
def started(command: list[str], log: Path) -> Iterator[None]:
    """Run a program under the block."""
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def program() -> str:
    """Return the path of `pricerange`."""
    return str(Path(sys.executable).with_name("pricerange"))


def tool(name: str) -> str:
    """Return the path of one of Prometheus' programs."""
    found = os.environ.get(name.upper()) or shutil.which(name)
    if found is None:
        sys.exit(f"{name}: not on PATH, and {name.upper()} does not name it")
    return found


if __name__ == "__main__":
    sys.exit(main())
