"""What an image says of where it comes from."""

import importlib
import re

import pytest
from manifests import DEPLOY

DIGEST = "sha256:" + "0f" * 32


@pytest.fixture
def provenance(monkeypatch):
    monkeypatch.syspath_prepend(str(DEPLOY))
    return importlib.import_module("provenance")


@pytest.mark.parametrize(
    ("remote", "told"),
    [
        pytest.param("https://git.example/phones", "https://git.example/phones", id="HTTPS"),
        pytest.param("https://ada:secret@git.example/phones", "https://git.example/phones", id="a password"),
        pytest.param("git@git.example:phones", "unknown", id="SSH"),
        pytest.param("/home/ada/phones", "unknown", id="a folder"),
    ],
)
def test_the_source_is_where_a_stranger_can_look(provenance, monkeypatch, remote, told):
    monkeypatch.setenv("SOURCE", remote)
    assert provenance.source() == told


def test_a_base_that_is_named_by_digest_is_not_looked_up(provenance, monkeypatch):
    monkeypatch.setenv("BASE", f"python:3.11-slim-bookworm@{DIGEST}")
    assert provenance.base(engine=pytest.fail) == f"python:3.11-slim-bookworm@{DIGEST}"


def test_a_base_that_is_named_alone_gets_the_digest_that_the_engine_knows(provenance, monkeypatch):
    monkeypatch.delenv("BASE", raising=False)
    found = provenance.base(engine=lambda *arguments: f"docker.io/library/python@{DIGEST}\n")
    assert found == f"docker.io/library/python:3.11-slim-bookworm@{DIGEST}"


def test_labels_name_commit_base_and_time(provenance):
    labels = provenance.labels(f"docker.io/library/python:3.11-slim-bookworm@{DIGEST}")
    told = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}
    assert told["base.name"] == "docker.io/library/python:3.11-slim-bookworm"
    assert told["base.digest"] == DIGEST
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", told["revision"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["created"])
    assert told["licenses"] == "Apache-2.0"
