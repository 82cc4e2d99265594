"""What rules, dashboard and autoscaler ask for is what a real service tells."""

import re
from pathlib import Path

import api_keys
import httpx
import pytest
from live_server import NO_TLS, Server
from prometheus_client.parser import text_string_to_metric_families

DEPLOY = Path(__file__).parents[2] / "deploy"
ASKING = [
    *sorted((DEPLOY / "prometheus/rules").glob("*.yml")),
    DEPLOY / "grafana/dashboards/pricerange.json",
    DEPLOY / "kubernetes/components/hpa-queue-wait/prometheus-adapter.yaml",
]

TARGET_LABELS = {"job", "instance", "namespace", "pod"}


@pytest.fixture(scope="module")
def told(model_repository, tmp_path_factory):
    """Labels of samples by their names, told by a service with all that adds some."""
    folder = tmp_path_factory.mktemp("told")
    keys = api_keys.write(folder / "keys.toml", api_keys.entry("shop"))
    (folder / "log").mkdir()
    options = ["--api-keys-file", str(keys), "--prediction-log", str(folder / "log")]
    server = Server(model_repository, *options).wait_until_ready()
    text = httpx.get(f"{server.url}/metrics", verify=NO_TLS).text
    assert server.end() == 0
    labels = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, []).append(sample.labels)
    return labels


@pytest.mark.parametrize("path", ASKING, ids=lambda path: path.name)
def test_each_series_that_is_asked_for_is_there_from_the_start(path, told):
    # a name with a colon is recorded by a rule
    asked = set(re.findall(r"(?<!:)\b(?:pricerange|process)_[a-z_]+\b(?!:)", path.read_text()))
    assert asked
    assert asked - told.keys() == set()


@pytest.mark.parametrize("path", ASKING, ids=lambda path: path.name)
def test_each_label_that_is_asked_for_has_such_a_value_from_the_start(path, told):
    # a target's labels are Prometheus' own, and what a dashboard's variable stands for is the reader's choice
    for name, labels in re.findall(r"\b((?:pricerange|process)_[a-z_]+)\{([^}]*)\}", path.read_text()):
        for label, operator, value in re.findall(r'(\w+)(=~|!~|!=|=)\\?"([^"]*?)\\?"', labels):
            if label not in TARGET_LABELS and "$" not in value:
                values = [sample[label] for sample in told[name]]
                wanted = re.compile(value if "~" in operator else re.escape(value))
                assert any(wanted.fullmatch(found) for found in values), (name, label, value)
