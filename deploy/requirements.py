"""Write requirements/*.txt, what images install with `pip install --require-hashes`: `make requirements`.

`core.txt` is what pyproject.toml depends on, and there is a file for each extra that an image may carry, with
what it adds. Versions are those of constraints.txt. `build.txt`, which makes the wheel, `sbom.txt` and
`audit.txt`, the dependency groups, stand for themselves. Needs `uv` beside this Python.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from report import ROOT

FOLDER = ROOT / "requirements"
EXTRAS = ("otel", "sign", "grpc", "objects", "gpu", "train", "ray")
FROM_ITS_OWN_INDEX = re.compile(r"(torch|triton|cuda-.+|nvidia-.+)==")
"""torch and its CUDA libraries. Wheels for the CPU are in an index of PyTorch's, with other hashes."""


def main() -> None:
    """Write all files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    core = project["project"]["dependencies"]
    extras = project["project"]["optional-dependencies"]
    shared = compiled(core)
    write("core", shared)
    for extra in EXTRAS:
        # `ray start` and the jobs of a cluster need more of Ray than the extra, which is a library
        more = ["ray[default]"] if extra == "ray" else []
        added = [entry for entry in compiled([*core, *extras[extra], *more]) if entry not in shared]
        if extra == "train":
            added = [entry for entry in added if not FROM_ITS_OWN_INDEX.match(entry)]
        write(extra, added)
    write("build", compiled(project["build-system"]["requires"]))
    for group, requirements in project["dependency-groups"].items():
        write(group, compiled(requirements))


def compiled(requirements: list[str]) -> list[str]:
    """Return an entry for each distribution: its version, where it is needed, and the hashes of its files."""
    command = [Path(sys.executable).with_name("uv"), "pip", "compile", "--quiet", "-", "--generate-hashes"]
    options = ["--universal", "--python-version=3.11", "--constraints=constraints.txt"]
    # pip can check hashes only where extras that others ask for are named
    form = ["--no-header", "--no-annotate", "--no-strip-extras"]
    done = subprocess.run(
        [*command, *options, *form],
        cwd=ROOT,
        input="\n".join(requirements),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return re.split(r"\n(?=\S)", done.stdout.strip())


def write(name: str, entries: list[str]) -> None:
    """Write a file of requirements."""
    lines = ["# Written by `make requirements`.", *entries]
    (FOLDER / f"{name}.txt").write_text("\n".join(lines) + "\n")
    print(f"requirements/{name}.txt: {len(entries)}")


if __name__ == "__main__":
    main()
