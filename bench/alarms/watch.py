"""A Prometheus that reads servers and evaluates alert rules."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.load.live import Running

RULES = Path("deploy/prometheus/rules")
URL = "http://127.0.0.1:19090"


def check_tools() -> None:
    """End the program where there is no Prometheus."""
    if shutil.which("prometheus") is None:
        sys.exit("prometheus is not on PATH")


@contextmanager
def watching(
    groups: Sequence[Sequence[Running]], rules: Path, folder: Path, scrape: int = 1, evaluate: int = 1
) -> Iterator[str]:
    """Start it, and yield its address; each group is a namespace, read and judged every so many seconds."""
    targets = [
        {
            "targets": [server.url.removeprefix("http://") for server in group],
            "labels": {"namespace": str(number)},
        }
        for number, group in enumerate(groups)
    ]
    config = {
        "global": {
            "scrape_interval": f"{scrape}s",
            "scrape_timeout": f"{scrape}s",
            "evaluation_interval": f"{evaluate}s",
        },
        "rule_files": [f"{rules.resolve()}/*.yml"],
        "scrape_configs": [{"job_name": "pricerange", "static_configs": targets}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    command = [
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={URL.removeprefix('http://')}",
    ]
    with (
        (folder / "prometheus.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            yield URL
        finally:
            process.terminate()


def firing(prometheus: str) -> set[tuple[str, str]]:
    """Return namespace and name of each alert that fires."""
    answer = httpx.get(f"{prometheus}/api/v1/alerts", timeout=10).json()
    return {
        (alert["labels"]["namespace"], alert["labels"]["alertname"])
        for alert in answer["data"]["alerts"]
        if alert["state"] == "firing"
    }


def query(prometheus: str, expression: str) -> list[dict[str, Any]]:
    """Return the series that an expression gives now."""
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": expression}, timeout=10)
    series: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
    return series
