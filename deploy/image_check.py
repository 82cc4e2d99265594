"""What can be known of an image that does not run: its size, its contents, and what it says of itself."""

import json
import re
from pathlib import Path
from time import monotonic
from typing import Any

from engine import Machine
from provenance import PREFIX, UNKNOWN
from report import ROOT, Report, expect

LARGEST_MB = 230
"""What the image may take over its base without extras; each may take what its distributions weigh."""
SBOM = "/usr/share/sbom/pricerange.cdx.json"

WANTED = {
    "version": r"\d+\.\d+\.\d+",
    "licenses": r"Apache-2\.0",
    "created": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "revision": r"[0-9a-f]{40}(-dirty)?",
    # a checkout need not have been cloned from where the code is published
    "source": r"https://.+|unknown",
    "base.name": r"\S+/python:\S+",
    "base.digest": r"sha256:[0-9a-f]{64}",
}
"""Labels, without their prefix, and what they look like."""

Weights = dict[str, tuple[str, int]]
"""Version and bytes of each distribution, by its normalised name."""


def check(machine: Machine, report: Report) -> None:
    """The image: built, small, and free of what serving does not need."""
    with report.check("the image builds", vital=True) as note:
        started = monotonic()
        machine.build("--tag", machine.image)
        note(f"{monotonic() - started:.0f} s")
    weights = weigh(machine)
    extras = {name: weight / 1e6 for name, weight in of_extras(weights).items()}
    words = " + ".join([f"{LARGEST_MB}", *(f"{weight:.1f} of {name}" for name, weight in extras.items())])
    with report.check(f"it takes at most {words} MB over its base") as note:
        base = machine.megabytes(machine.base)
        over = machine.megabytes(machine.image) - base
        note(f"{over:.1f} MB over {base:.0f} MB")
        expect(over <= LARGEST_MB + sum(extras.values()), f"{over:.1f} MB")
    with report.check("no torch, no pip and no compiler in it"):
        expect(not {"torch", "pip"} & weights.keys(), f"found {sorted(weights)}")
        found = machine.in_image("sh", "-c", "command -v cc gcc clang as ld pip || true").strip()
        expect(not found, f"found {found}")
    with report.check("all versions are those of requirements/") as note:
        named = [versions(path) for path in sorted((ROOT / "requirements").glob("*.txt"))]
        for name, (version, _) in weights.items():
            known = {found[name] for found in named if name in found}
            expect(version in known or name == "pricerange", f"{name} {version}, which is not in {known}")
        note(f"{len(weights) - 1} distributions")
    with report.check("its list of contents is whole") as note:
        contents = json.loads(machine.in_image("cat", SBOM))
        expect(contents["bomFormat"] == "CycloneDX", contents["bomFormat"])
        listed = [contents["metadata"]["component"], *contents["components"]]
        listed_versions = {normal(part["name"]): part["version"] for part in listed}
        installed = {name: version for name, (version, _) in weights.items()}
        expect(listed_versions == installed, f"{listed_versions.items() ^ installed.items()}")
        note(f"CycloneDX {contents['specVersion']}, {len(listed)} distributions, in {SBOM}")
    with report.check("its labels say where it comes from") as note:
        labels = machine.labels(machine.image)
        found = {name: labels.get(PREFIX + name, UNKNOWN) for name in WANTED}
        note(json.dumps(found))
        for name, form in WANTED.items():
            expect(re.fullmatch(form, found[name]) is not None, f"{name} is {found[name]}")
        expect(machine.base == "@".join((found["base.name"], found["base.digest"])), "another base")


def weigh(machine: Machine) -> Weights:
    """Return what is in the image's environment."""
    program = (Path(__file__).with_name("image") / "weigh.py").read_text()
    found: dict[str, Any] = json.loads(machine.in_image("python", "-c", program))
    return {normal(name): (version, size) for name, (version, size) in found.items()}


def of_extras(weights: Weights) -> dict[str, int]:
    """Return the bytes that each extra in the image brings by itself."""
    [chosen] = re.findall(r"^ARG EXTRAS=(\S*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    files = {name: set(versions(ROOT / f"requirements/{name}.txt")) for name in ["core", *chosen.split(",")]}
    weighed = {}
    for name in files.keys() - {"core"}:
        alone = files[name].difference(*(files[other] for other in files.keys() - {name}))
        weighed[name] = sum(weights[part][1] for part in alone & weights.keys())
    return dict(sorted(weighed.items()))


def versions(path: Path) -> dict[str, str]:
    """Return the versions that a file of requirements names."""
    lines = re.findall(r"^([\w.-]+)(?:\[.*?\])?==(\S+)", path.read_text(), re.MULTILINE)
    return {normal(name): version for name, version in lines}


def normal(name: str) -> str:
    """Return a distribution's name as all ways of writing it are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
