"""Where an image comes from: its base by digest, and labels as the OCI image specification has them."""

import os
import re
import subprocess
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from report import ROOT, CheckError

PREFIX = "org.opencontainers.image."
UNKNOWN = "unknown"


def base(engine: Callable[..., str]) -> str:
    """Return the base of images as NAME@sha256:HEX; it is pulled if it has a name alone and is not here."""
    [named] = re.findall(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    name = os.environ.get("BASE", named)
    if "@" in name:
        return name
    inspect = ["image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", name]
    try:
        digests = engine(*inspect).split()
    except CheckError:
        engine("pull", name)
        digests = engine(*inspect).split()
    if not digests:
        raise CheckError(f"{name} was built here and has no digest: name a BASE from a registry")
    return f"{name}@{digests[0].partition('@')[2]}"


def labels(base: str) -> dict[str, str]:
    """Return the labels of an image that is built now, from this checkout."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    name, _, digest = base.partition("@")
    values = {
        "version": project["version"],
        "licenses": project["license"],
        "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "revision": revision(),
        "source": source(),
        "base.name": name,
        "base.digest": digest,
    }
    return {PREFIX + name: value for name, value in values.items()}


def revision() -> str:
    """Return the commit, with `-dirty` where files that git knows differ from it."""
    commit, changed = git("rev-parse", "HEAD"), git("status", "--porcelain", "--untracked-files=no")
    return commit if changed in ("", UNKNOWN) else f"{commit}-dirty"


def source() -> str:
    """Return where the code is published: SOURCE, or git's remote, if by HTTPS; without a password."""
    url = urlsplit(os.environ.get("SOURCE") or git("remote", "get-url", "origin"))
    return f"https://{url.hostname}{url.path}" if url.scheme == "https" else UNKNOWN


def git(*arguments: str) -> str:
    """Ask git; `unknown` where there is no repository."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN
    return done.stdout.strip()
