import os
import subprocess
import sys
from pathlib import Path

import yaml

from bench.alarms.acts import Place
from bench.alarms.causes import CAUSES, one_of_another_build
from bench.alarms.watch import RULES


def test_each_alert_has_a_cause():
    groups = [group for path in RULES.glob("*.yml") for group in yaml.safe_load(path.read_text())["groups"]]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    assert alerts == {alert for cause in CAUSES for alert in cause.alerts}


def test_a_process_takes_itself_for_another_build(tmp_path: Path):
    ours, other = one_of_another_build(Place(tmp_path / "models", tmp_path))
    program = "import importlib.metadata, pricerange; print(importlib.metadata.version('pricerange'))"
    command = [sys.executable, "-c", program]
    told = [
        subprocess.run(command, env=os.environ | added, capture_output=True, text=True, check=True).stdout
        for added in (ours, other)
    ]
    assert told[0] != "0\n" == told[1]
