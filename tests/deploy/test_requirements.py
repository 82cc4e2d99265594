"""What images install is what pyproject.toml and constraints.txt say: `make requirements` writes it."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version

import pytest
from manifests import DEPLOY
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = DEPLOY.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CORE = PROJECT["project"]["dependencies"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
ALONE = {"build": PROJECT["build-system"]["requires"], **PROJECT["dependency-groups"]}
NAMES = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))
OF_PYTORCH = {"torch"}
"""What the Dockerfile takes from an index that its user names."""


def entries(name):
    lines = (ROOT / f"requirements/{name}.txt").read_text().split("\n", 1)[1]
    found = []
    for entry in re.split(r"\n(?=\S)", lines.strip()):
        pin, *hashes = entry.split(" \\\n    ")
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes), pin
        found.append(Requirement(pin))
    return found


def wanted(name):
    return ALONE[name] if name in ALONE else [*CORE, *EXTRAS.get(name, [])]


def known_requirements(pin, extras):
    """What a distribution requires, with extras of its own, as far as the very version is installed here."""
    try:
        same = pin.specifier.contains(version(pin.name), prereleases=True)
    except PackageNotFoundError:
        return
    for found in map(Requirement, (requires(pin.name) or []) if same else []):
        if found.marker is None or any(found.marker.evaluate({"extra": extra}) for extra in ["", *extras]):
            yield found


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_everything_that_is_asked_for_and_its_dependencies(name):
    pins = {}
    for pin in [*(entries("core") if name not in ALONE else []), *entries(name)]:
        if pin.marker is None or pin.marker.evaluate():
            before = pins.get(canonicalize_name(pin.name))
            if before:
                assert before.specifier == pin.specifier
                pin.extras |= before.extras
            pins[canonicalize_name(pin.name)] = pin
    waiting, reached = [Requirement(text) for text in wanted(name)], set()
    while waiting:
        requirement = waiting.pop()
        key = canonicalize_name(requirement.name)
        if key in OF_PYTORCH or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        pin = pins[key]
        [pinned] = pin.specifier
        assert pinned.operator == "=="
        assert requirement.specifier.contains(pinned.version, prereleases=True), f"{requirement}: {pin}"
        assert requirement.extras <= pin.extras
        step = (key, frozenset(requirement.extras))
        if step not in reached:
            reached.add(step)
            waiting += known_requirements(pin, requirement.extras)


@pytest.mark.parametrize("name", NAMES)
def test_versions_are_those_of_the_constraints(name):
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    constraints = {
        canonicalize_name(found.name): found.specifier
        for found in (Requirement(line) for line in lines if not line.startswith("#"))
    }
    for pin in entries(name):
        assert pin.specifier == constraints.get(canonicalize_name(pin.name), pin.specifier), pin


def test_there_is_a_file_for_each_extra_of_an_image():
    dockerfile = (ROOT / "Dockerfile").read_text()
    named = set(re.findall(r"requirements/([a-z]+)\.txt", dockerfile))
    [chosen] = re.findall(r"^ARG EXTRAS=(\S+)$", dockerfile, re.MULTILINE)
    assert named | set(chosen.split(",")) | set(PROJECT["dependency-groups"]) == set(NAMES)
