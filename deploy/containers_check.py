"""Build the images, run them together, and look: a line for each check; exits with 1 where one failed.

Needs Python's standard library and an engine: Docker with Compose, or podman with podman-compose. Variables:

ENGINE, BUILD, COMPOSE  other commands than `docker`, `docker build` and `docker compose`
BUILD_ARGS              added to each build; `--build-arg TORCH_INDEX=URL` keeps the train image small
BASE                    another base than the Dockerfile's, by name or by digest
PROMETHEUS_IMAGE        another image than docker-compose.yml names
TRAIN=no                leaves out the train image, a gigabyte of libraries
"""

import csv
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import image_check
import long_table
from engine import USER, Machine
from report import ROOT, CheckError, Report, eventually, expect, get, post

LARGEST_MEMORY_MB = 135
"""What one worker may take (proportional set size), 15 of it for the library of gRPC, which images load."""
READY_WITHIN = 30.0
SCRAPED_WITHIN = 60.0
FOLLOWED_WITHIN = 10.0
STOPPED_WITHIN = 15.0
"""Seconds; the last one is stop_grace_period in docker-compose.yml."""
POST = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), {"content-type": "application/json"})
print(urllib.request.urlopen(request, timeout=5).read().decode())
"""


def main() -> int:
    """Run all checks and return the exit code."""
    # a kill cleans up as well
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report = Report()
    with tempfile.TemporaryDirectory(prefix="pricerange-check-") as folder:
        machine = Machine(Path(folder))
        try:
            image_check.check(machine, report)
            phone = the_readmes_phone()
            alone(machine, report, phone)
            together(machine, report, phone)
            long_table.check(machine, report, phone)
            jobs(machine, report, phone)
            stop(machine, report)
        finally:
            machine.clean_up()
    return report.end()


def alone(machine: Machine, report: Report, phone: dict[str, Any]) -> None:
    """The image by itself, with the model that is inside it."""
    name = f"{machine.project}-alone"
    with report.check("alone, read-only and without capabilities, it answers") as note:
        started = monotonic()
        locked_down = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        publish = f"--publish=127.0.0.1:{machine.port}:8000"
        machine.engine("run", "--detach", f"--name={name}", *locked_down, publish, machine.image)
        eventually(READY_WITHIN, lambda: get(f"{machine.service}/readyz"))
        answer = post(f"{machine.service}/predict", phone)
        note(f"{monotonic() - started:.2f} s from the engine's start to {answer['label']!r}")
        machine.engine("rm", "--force", name)


def together(machine: Machine, report: Report, phone: dict[str, Any]) -> None:
    """docker-compose.yml: the service and the Prometheus that reads its metrics."""
    shutil.copytree(ROOT / "models", machine.models)
    machine.data.mkdir()
    if machine.user == USER:
        for path in (machine.data, machine.models, *machine.models.rglob("*")):
            shutil.chown(path, *map(int, USER.split(":")))
    with report.check("docker-compose.yml comes up", vital=True):
        machine.compose("up", "--detach", "--no-build", "service", "prometheus")
    container = machine.container()
    with report.check("/readyz turns true", vital=True):
        eventually(READY_WITHIN, lambda: get(f"{machine.service}/readyz"), machine.last_words)
    with report.check("the health check passes"):
        if machine.podman:
            machine.engine("healthcheck", "run", container)
        else:
            state = ["inspect", "--format", "{{.State.Health.Status}}", container]
            eventually(READY_WITHIN, lambda: machine.engine(*state).strip() == "healthy")
    with report.check("its root file system is read-only"):
        refused(lambda: machine.engine("exec", container, "touch", "/models/x", "/opt/venv/x", "/x"))
    with report.check("its user is not root, and has no capability") as note:
        status = machine.engine("exec", container, "cat", "/proc/1/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        note(f"user {fields['Uid'].split()[0]}")
        expect("0" not in fields["Uid"].split(), f"Uid {fields['Uid']}")
        expect(int(fields["CapBnd"], 16) == 0, f"CapBnd {fields['CapBnd']}")
        expect(fields["NoNewPrivs"].strip() == "1", "NoNewPrivs is not set")
    with report.check("/predict answers the README's request from outside") as note:
        answer = post(f"{machine.service}/predict", phone)
        note(json.dumps(answer))
    with report.check("/predict answers it from another container the same"):
        network = f"{machine.project}_default"
        request = ["-c", POST, "http://service:8000/predict", json.dumps(phone)]
        other = json.loads(machine.in_image("python", *request, network=network))
        expect(other == answer, f"expected {answer}, found {other}")
    with report.check(f"it takes at most {LARGEST_MEMORY_MB} MB of memory") as note:
        rollup = machine.engine("exec", container, "cat", "/proc/1/smaps_rollup")
        megabytes = int(rollup.split("Pss:")[1].split()[0]) * 1024 / 1e6
        note(f"{megabytes:.0f} MB")
        expect(megabytes <= LARGEST_MEMORY_MB, f"{megabytes:.0f} MB")
    with report.check("Prometheus finds its target up"):
        targets = f"{machine.prometheus}/api/v1/targets"
        eventually(
            SCRAPED_WITHIN, lambda: [t["health"] for t in get(targets)["data"]["activeTargets"]] == ["up"]
        )
    with report.check("Prometheus has pricerange_requests_total of /predict") as note:
        query = f"{machine.prometheus}/api/v1/query?query=pricerange_requests_total"
        query += "%7Broute%3D%22%2Fpredict%22%7D%3E0"  # the series is there before the first request
        eventually(SCRAPED_WITHIN, lambda: get(query)["data"]["result"])
        note(get(query)["data"]["result"][0]["value"][1])


def jobs(machine: Machine, report: Report, phone: dict[str, Any]) -> None:
    """The profiles `score` and `train`."""
    # a CSV writes yes and no as 1 and 0
    phone = {name: int(value) if isinstance(value, bool) else value for name, value in phone.items()}
    phones = [phone | {"ram": ram} for ram in (phone["ram"], *range(256, 4096, 128))]
    with (machine.data / "phones.csv").open("w", newline="") as file:
        rows = csv.DictWriter(file, phone)
        rows.writeheader()
        rows.writerows(phones)
    with report.check("profile score answers a file as /predict/batch does") as note:
        machine.compose("--profile", "score", "run", "--rm", "-T", "score")
        with (machine.data / "phones.answers.csv").open(newline="") as file:
            found = [int(row["price_range"]) for row in csv.DictReader(file)]
        answers = post(f"{machine.service}/predict/batch", {"phones": phones})
        expected = [answer["price_range"] for answer in answers["predictions"]]
        note(f"{len(found)} rows")
        expect(found == expected, f"expected {expected}, found {found}")
    if os.environ.get("TRAIN") == "no":
        print("skip  profile train: TRAIN=no")
        return
    with report.check("the train image builds") as note:
        started = monotonic()
        machine.build("--target", "train", "--tag", machine.train_image)
        note(f"{monotonic() - started:.0f} s, {machine.megabytes(machine.train_image):.0f} MB")
    with report.check("profile train writes the next version") as note:
        data = ["train", "--data", "synthetic:2000", "--models", "/models"]
        machine.compose("--profile", "train", "run", "--rm", "-T", "train", *data)
        written = sorted(path.parent.name for path in machine.models.glob("*/*/bundle.json"))
        note(f"versions {', '.join(written)}")
        expect(len(written) > 1, f"found the versions {written}")
        listed = machine.engine("exec", machine.container(), "pricerange", "models").splitlines()
        taken = next(line.split()[0] for line in listed if line.endswith("(taken)"))
        eventually(FOLLOWED_WITHIN, lambda: get(f"{machine.service}/model")["version"] == taken)
        note(f"the service answers with {taken} without a restart")
    with report.check("it can keep how far a canary has come"):
        eventually(FOLLOWED_WITHIN, lambda: get(f"{machine.service}/rollout")["valid"])
        machine.engine("exec", machine.container(), "touch", "/state/it-is-ours")


def stop(machine: Machine, report: Report) -> None:
    """SIGTERM: drained and gone in time, with exit code 0."""
    with report.check(f"stop ends within {STOPPED_WITHIN:.0f} s, with exit code 0") as note:
        started = monotonic()
        machine.compose("stop", "service")
        seconds = monotonic() - started
        code = machine.engine("inspect", "--format", "{{.State.ExitCode}}", machine.container()).strip()
        note(f"{seconds:.1f} s")
        expect(code == "0", f"exit code {code}{machine.last_words()}")
        expect(seconds <= STOPPED_WITHIN, f"{seconds:.1f} s")


def the_readmes_phone() -> dict[str, Any]:
    """Read the request that README.md shows."""
    text = (ROOT / "README.md").read_text()
    found = re.search(r'\{[^{}]*"battery_power"[^{}]*\}', text)
    if found is None:
        sys.exit("README.md shows no request: no JSON object with battery_power")
    phone: dict[str, Any] = json.loads(found[0])
    return phone


def refused(attempt: Callable[[], object]) -> None:
    """Fail unless the attempt does."""
    try:
        attempt()
    except CheckError:
        return
    raise CheckError("it was allowed")


if __name__ == "__main__":
    sys.exit(main())
