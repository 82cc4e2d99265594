"""Alert rules: what can be known of them without Prometheus, and what its own tools say where they are."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = [
    yaml.safe_load(path.read_text()) for path in sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
]
ALERTS = [rule for rules in RULES for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
CASE_FILES = sorted(Path(__file__).with_name("prometheus").glob("*.yml"))
CASES = [case for path in CASE_FILES for case in yaml.safe_load(path.read_text())["tests"]]
PROMTOOL = os.environ.get("PROMTOOL") or shutil.which("promtool")
NAMES = sorted({rule["alert"] for rule in ALERTS})


def alerts_of(case):
    [test] = case["promql_expr_test"]
    return {re.search(r'alertname="(\w+)"', sample["labels"])[1] for sample in test["exp_samples"]}


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_has_a_case_that_fires_and_one_that_has_its_series_and_does_not(name):
    metrics = {
        metric
        for rule in ALERTS
        if rule["alert"] == name
        for metric in re.findall(r"\b(?:pricerange_\w+|process_\w+|up)\b", metrics_of(rule["expr"]))
    }
    fires = [case for case in CASES if name in alerts_of(case)]
    silent = [
        case
        for case in CASES
        if name not in alerts_of(case)
        and any(re.match(rf"({'|'.join(metrics)})\b", series["series"]) for series in case["input_series"])
    ]
    assert fires
    assert silent


def metrics_of(expression):
    """An expression with the recorded series that it names replaced by what these are recorded from."""
    recorded = {
        rule["record"]: rule["expr"]
        for rules in RULES
        for group in rules["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    return re.sub(r"\b\w+:\w+:\w+\b", lambda name: recorded[name[0]], expression)


@pytest.mark.parametrize("name", NAMES)
def test_the_runbook_says_what_to_do(name):
    runbook = (ROOT / "docs/runbook.md").read_text()
    section = re.search(rf"^## {name}\n\n(\w+)(.*?)(?=^## |\Z)", runbook, re.MULTILINE | re.DOTALL)
    rules = [rule for rule in ALERTS if rule["alert"] == name]
    assert {rule["annotations"]["runbook_url"] for rule in rules} == {f"docs/runbook.md#{name.lower()}"}
    assert section[1] in {rule["labels"]["severity"] for rule in rules}
    assert re.search(r"\bDo:\s|what to do", section[2])


def test_the_runbook_is_about_no_other_alert():
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    assert sorted(sections) == NAMES


def test_alertmanager_has_a_route_for_each_severity():
    config = yaml.safe_load((ROOT / "deploy/alertmanager/alertmanager.yml").read_text())
    routed = {matcher for route in config["route"]["routes"] for matcher in route["matchers"]}
    assert {rule["labels"]["severity"] for rule in ALERTS} == {"page", "ticket"}
    assert routed == {"severity = page"}  # the rest goes to the team


if PROMTOOL:

    def test_prometheus_takes_its_configuration():
        subprocess.run([PROMTOOL, "check", "config", ROOT / "deploy/prometheus/prometheus.yml"], check=True)

    @pytest.mark.parametrize("cases", CASE_FILES, ids=lambda path: path.stem)
    def test_prometheus_finds_each_case_as_expected(cases):
        subprocess.run([PROMTOOL, "test", "rules", cases], check=True)
