"""A cluster as the checks use it: kubectl in a namespace of their own, and load from a pod inside it."""

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from report import ROOT, run

KUBERNETES = ROOT / "deploy/kubernetes"
LOAD_SECONDS = 1_500
OLD_VERSIONS = {"policy/v1": "policy/v1beta1", "autoscaling/v2": "autoscaling/v2beta2"}
"""What a cluster from before 1.21 or 1.23 calls them."""


class Cluster:
    """The cluster that KUBECONFIG names, and one namespace in it."""

    def __init__(self, image: str) -> None:
        self.image = image
        self.namespace = f"pricerange-check-{os.getpid()}"
        self._known = set(run(["kubectl", "api-versions"]).split())

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """Run kubectl in the namespace and return what it prints."""
        return run(["kubectl", "--namespace", self.namespace, *arguments], given=given)

    def objects(self, kind: str, *selector: str) -> list[dict[str, Any]]:
        """Return all objects of a kind."""
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, *selector, "-o", "json"))["items"]
        return found

    def pods(self) -> dict[str, dict[str, Any]]:
        """Return the service's pods that are not on their way out, by name."""
        pods = self.objects("pods", "--selector", "app.kubernetes.io/name=pricerange")
        return {pod["metadata"]["name"]: pod for pod in pods if "deletionTimestamp" not in pod["metadata"]}

    def apply(self, *lines: str, files: dict[str, str] | None = None) -> None:
        """Apply base, with these lines of a kustomization.yaml and files beside it, in its words."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            above = os.path.relpath(KUBERNETES, folder)
            for path, content in (files or {}).items():
                (folder / path).write_text(content)
            repository, _, tag = self.image.rpartition(":")
            text = "\n".join(
                [
                    f"resources: [{above}/base]",
                    f"images: [{{name: pricerange, newName: {repository}, newTag: {tag}}}]",
                    *lines,
                ]
            )
            (folder / "kustomization.yaml").write_text(text.replace("COMPONENTS", f"{above}/components"))
            manifest = run(["kubectl", "kustomize", str(folder)])
        for new, old in OLD_VERSIONS.items():
            if new not in self._known:
                manifest = re.sub(f"^apiVersion: {new}$", f"apiVersion: {old}", manifest, flags=re.MULTILINE)
        self.kubectl("apply", "--filename", "-", given=manifest)

    def rolled_out(self, seconds: int = 120) -> None:
        """Wait until all replicas are as the Deployment says."""
        self.kubectl("rollout", "status", "deployment/pricerange", f"--timeout={seconds}s")

    def start_pod(self, name: str, overrides: dict[str, Any]) -> None:
        """Start a pod of the image and wait until it runs."""
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 1,
                **overrides,
            },
        }
        self.kubectl("apply", "--filename", "-", given=json.dumps(pod))
        self.kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=60s")

    def start_load(self, body: str) -> None:
        """Start a pod that asks the Service, by its address, since not every cluster has names."""
        program = (ROOT / "deploy/cluster_load.py").read_text()
        [service] = self.objects("services")
        address = service["spec"]["clusterIP"]
        ports = {port["name"]: str(port["port"]) for port in service["spec"]["ports"]}
        command = ["python", "-c", program, address, ports["http"], ports["grpc"], body, str(LOAD_SECONDS)]
        self.start_pod("load", {"containers": [{"name": "load", "image": self.image, "command": command}]})

    def load(self) -> tuple[dict[str, int], list[str]]:
        """Return what has come of the load's requests so far, and the latest that were lost."""
        told = self.kubectl("logs", "load", "--tail=1")
        line = json.loads(told or '{"counts": {}, "lost": []}')
        return line["counts"], line["lost"]

    def clean_up(self) -> None:
        """Remove the namespace with all that is in it, and the volume."""
        run(["kubectl", "delete", "namespace", self.namespace, "--ignore-not-found"])
        run(["kubectl", "delete", "persistentvolume", self.namespace, "--ignore-not-found"])
