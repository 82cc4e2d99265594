"""The manifests of this repository, and what checks them."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

DEPLOY = Path(__file__).parents[1] / "deploy"
KUBECTL = os.environ.get("KUBECTL") or shutil.which("kubectl")

Document = dict[str, Any]


def documents(text: str) -> list[Document]:
    """Read what there is in a file."""
    return [document for document in yaml.safe_load_all(text) if document]


def read(path: str) -> Document:
    """Read a file with one document, by its path below deploy/."""
    [document] = documents((DEPLOY / path).read_text())
    return document


def validate(document: Document) -> None:
    """Raise where a document is not as the newest Kubernetes wants it, unknown fields included."""
    version = kubernetes_validate.latest_version()
    kubernetes_validate.validate(document, version, strict=True)


def pod(spec: Document) -> Document:
    """Make a pod of a pod's specification, to be validated."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec}


def built(folder: Path) -> list[Document]:
    """Build a kustomization with kubectl."""
    assert KUBECTL is not None
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=True)
    return documents(done.stdout)


def settings_of(container: Document) -> dict[str, str]:
    """Return the service's settings that a container's environment has, by the name of the field."""
    found = {variable["name"]: variable["value"] for variable in container["env"]}
    return {
        name.removeprefix("PRICERANGE_").lower(): value
        for name, value in found.items()
        if name.startswith("PRICERANGE_")
    }
