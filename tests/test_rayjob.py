"""The manifest of the scoring job for KubeRay: what can be known of it without a cluster."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from pricerange.cli import app
from pricerange.tables.source.uri import Uri
from scoring.target.out import place_of

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def job():
    return yaml.safe_load((ROOT / "deploy/kubernetes/rayjob-score.yaml").read_text())


def test_its_command_is_one_that_the_program_knows(job, tmp_path):
    program, command, *arguments = shlex.split(job["spec"]["entrypoint"])
    known = CliRunner().invoke(app, [command, "--help"], terminal_width=200).stdout
    flags = [argument for argument in arguments if argument.startswith("--")]
    assert program == "pricerange"
    assert "--engine" in flags
    assert [flag for flag in flags if flag not in known] == []


def test_its_ray_is_the_one_of_the_image(job):
    pinned = re.search(r"^ray==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == pinned[1]


def test_what_it_reads_and_writes_is_no_folder_of_a_pod(job):
    _, _, source, target, *_ = shlex.split(job["spec"]["entrypoint"])
    assert str(place_of(target, 1.0)) == target
    assert Uri.of(source).scheme == "s3"


def test_all_pods_have_the_same_key_and_are_the_same_user(job):
    cluster = job["spec"]["rayClusterSpec"]
    pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    for key in ("securityContext", "volumes"):
        assert pods[0][key] == pods[1][key]
    head, worker = (pod["containers"][0] for pod in pods)
    for key in ("volumeMounts", "image", "env", "envFrom"):
        assert head[key] == worker[key]
