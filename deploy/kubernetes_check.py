"""Run the service on the cluster that KUBECONFIG names: a line for each check; exits with 1 where one failed.

Needs kubectl 1.28 or newer, room for three pods of half a core, and images that the nodes have or can pull.
Variables:

IMAGE       the service's image, as `pricerange:0.1.0`; must have a tag
NEXT_IMAGE  what it is rolled to; by default the same image, restarted

All of it happens in a namespace of its own, which is removed at the end. Requests come from a pod beside the
service, all the time; each check says how many were asked and how many of them were lost meanwhile.
"""

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from cluster import Cluster
from report import ROOT, Report, eventually, expect, run

READY_WITHIN = 60.0
FOLLOWED_WITHIN = 180.0
"""Seconds; a node looks at ConfigMaps about once a minute."""
DOORS = ("", "gRPC ")
"""What the load calls the versions that answer there."""
SETTLED = 3.0
"""Seconds after each step in which the load still counts for it."""
COPY = "mkdir -p /volume/phone_price_range && cp -r /models/phone_price_range/{} /volume/phone_price_range/"


def main() -> int:
    """Run all checks and return the exit code."""
    image = os.environ.get("IMAGE", "")
    if ":" not in image:
        sys.exit("IMAGE: expected an image with a tag that the cluster has, as pricerange:0.1.0")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report, cluster = Report(), Cluster(image)
    run(["kubectl", "create", "namespace", cluster.namespace])
    try:
        comes_up(cluster, report)
        is_locked_down(cluster, report)
        rolls(cluster, report, os.environ.get("NEXT_IMAGE"))
        loses_pods(cluster, report)
        scales(cluster, report)
        survives_a_bad_setting(cluster, report)
        follows_its_files(cluster, report)
    finally:
        cluster.clean_up()
    return report.end()


@contextmanager
def counted(cluster: Cluster, note: Callable[[str], None], most_lost: int | None = 0) -> Iterator[None]:
    """Say how many requests the load made meanwhile, and how many it lost; fail where these are too many."""
    before, _ = cluster.load()
    yield
    sleep(SETTLED)
    after, lost = cluster.load()
    asked = sum(after.values()) - sum(before.values())
    missing = after.get("lost", 0) - before.get("lost", 0)
    note(f"{asked} requests, {missing} lost")
    expect(asked > 0, "the load has stopped")
    expect(most_lost is None or missing <= most_lost, f"{missing} of {asked} requests lost, such as {lost}")


def comes_up(cluster: Cluster, report: Report) -> None:
    """Base as it is committed, with the image's own model."""
    with report.check("base is applied, and all replicas become ready", vital=True) as note:
        started = monotonic()
        cluster.apply()
        cluster.rolled_out()
        note(f"{len(cluster.pods())} in {monotonic() - started:.1f} s")
    with report.check(
        "a pod beside it gets answers through the Service, over both doors", vital=True
    ) as note:
        text = (ROOT / "README.md").read_text()
        [phone] = re.findall(r'\{[^{}]*"battery_power"[^{}]*\}', text)[:1]
        cluster.start_load(" ".join(phone.split()))
        eventually(READY_WITHIN, lambda: all(answers(cluster, door) > 50 for door in DOORS))
        note(json.dumps(cluster.load()[0]))


def is_locked_down(cluster: Cluster, report: Report) -> None:
    """What a pod may do."""
    name = min(cluster.pods())
    with report.check("its user is not root, and has no capability"):
        status = cluster.kubectl("exec", name, "--", "cat", "/proc/1/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        expect("0" not in fields["Uid"].split(), f"Uid {fields['Uid']}")
        expect(int(fields["CapBnd"], 16) == 0, f"CapBnd {fields['CapBnd']}")
        expect(fields["Seccomp"].strip() == "2", f"Seccomp {fields['Seccomp']}")
    with report.check("it can write to /tmp and nowhere else, and has no token and no address of a Service"):
        look = (
            "touch /tmp/x && ! touch /x /models/x 2> /dev/null && ! ls /var/run/secrets 2> /dev/null"
            " && ! env | grep -E '^PRICERANGE_(PORT=tcp|SERVICE)'"
        )
        cluster.kubectl("exec", name, "--", "sh", "-c", look)


def rolls(cluster: Cluster, report: Report, image: str | None) -> None:
    """Another image, under load."""
    words = f"the image is rolled to {image}" if image else "all pods are replaced"
    with report.check(words) as note, counted(cluster, note):
        before = cluster.pods().keys()
        if image:
            cluster.kubectl("set", "image", "deployment/pricerange", f"service={image}")
        else:
            cluster.kubectl("rollout", "restart", "deployment/pricerange")
        cluster.rolled_out()
        expect(not before & cluster.pods().keys(), "a pod was not replaced")


def loses_pods(cluster: Cluster, report: Report) -> None:
    """Pods that are deleted, or gone at once."""
    with report.check("pods are deleted, one after the other") as note, counted(cluster, note):
        for name in list(cluster.pods()):
            cluster.kubectl("delete", "pod", name)
            cluster.rolled_out()
    # requests that the pod was answering are gone with it; what matters is that it ends there
    with report.check("a pod is killed without a word") as note, counted(cluster, note, most_lost=None):
        cluster.kubectl("delete", "pod", min(cluster.pods()), "--grace-period=0", "--force")
        cluster.rolled_out()


def scales(cluster: Cluster, report: Report) -> None:
    """Up and down by hand."""
    for replicas in (3, 1, 2):
        with report.check(f"it is scaled to {replicas}") as note, counted(cluster, note):
            cluster.kubectl("scale", "deployment/pricerange", f"--replicas={replicas}")
            cluster.rolled_out()
            eventually(READY_WITHIN, lambda replicas=replicas: len(all_pods(cluster)) == replicas)


def survives_a_bad_setting(cluster: Cluster, report: Report) -> None:
    """A new template whose pods cannot start."""
    before = cluster.pods().keys()
    with report.check("with a setting that is wrong the new pod fails, and the old ones go on") as note:
        with counted(cluster, note):
            cluster.kubectl("set", "env", "deployment/pricerange", "PRICERANGE_MAX_ROWS=many")
            eventually(READY_WITHIN, lambda: restarted(cluster))
            expect(before <= cluster.pods().keys(), "an old pod has gone")
        note(last_words(cluster))
    with report.check("undone, all is as it was") as note, counted(cluster, note):
        cluster.kubectl("rollout", "undo", "deployment/pricerange")
        cluster.rolled_out()
        expect(before == cluster.pods().keys(), "pods were replaced")


def follows_its_files(cluster: Cluster, report: Report) -> None:
    """Models on a volume, and rollout.toml in a ConfigMap: versions change, pods do not."""
    with report.check("models are put on a volume", vital=True):
        claim(cluster)
        cluster.kubectl("exec", "models", "--", "sh", "-c", COPY.format("3"))
    with (
        report.check("rolled to them, it answers with version 3 of the volume") as note,
        counted(cluster, note),
    ):
        cluster.apply(*COMPONENTS, files={"rollout.toml": "stable = 3\n"})
        cluster.rolled_out()
        eventually(READY_WITHIN, lambda: only(cluster, "version 3"))
    before = {name: restarts(pod) for name, pod in cluster.pods().items()}
    with (
        report.check("version 4 comes to the volume, and the ConfigMap names it") as note,
        counted(cluster, note),
    ):
        cluster.kubectl("exec", "models", "--", "sh", "-c", COPY.format("4"))
        started = monotonic()
        cluster.apply(*COMPONENTS, files={"rollout.toml": "stable = 4\n"})
        eventually(FOLLOWED_WITHIN, lambda: only(cluster, "version 4"))
        note(f"{monotonic() - started:.0f} s")
        after = {name: restarts(pod) for name, pod in cluster.pods().items()}
        expect(before == after, f"pods have changed: {before}, {after}")
    with report.check("the ConfigMap names a version that is not there: version 4 goes on") as note:
        with counted(cluster, note):
            cluster.apply(*COMPONENTS, files={"rollout.toml": "stable = 9\n"})
            eventually(FOLLOWED_WITHIN, lambda: "9" in rollout_problem(cluster))
            expect(only(cluster, "version 4"), "another version answers")
        note(rollout_problem(cluster))
    cluster.kubectl("exec", "models", "--", "sh", "-c", "rm -rf /volume/phone_price_range")


COMPONENTS = (
    "components: [COMPONENTS/models-volume, COMPONENTS/rollout]",
    "configMapGenerator:",
    "  - {name: pricerange-rollout, files: [rollout.toml], options: {disableNameSuffixHash: true}}",
)


def claim(cluster: Cluster) -> None:
    """Make the claim of models-volume, of the node's disk where the cluster has none, a pod to fill it."""
    spec: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}}
    if not cluster.objects("storageclass"):
        volume = {
            "capacity": {"storage": "64Mi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": f"/tmp/{cluster.namespace}", "type": "DirectoryOrCreate"},
        }
        cluster.kubectl(
            "apply", "--filename", "-", given=_document("PersistentVolume", cluster.namespace, volume)
        )
        spec |= {"volumeName": cluster.namespace, "storageClassName": ""}
    cluster.kubectl(
        "apply", "--filename", "-", given=_document("PersistentVolumeClaim", "pricerange-models", spec)
    )
    container = {
        "name": "models",
        "image": cluster.image,
        "command": ["sleep", "1500"],
        "securityContext": {"runAsUser": 0},
        "volumeMounts": [{"name": "models", "mountPath": "/volume"}],
    }
    volumes = [{"name": "models", "persistentVolumeClaim": {"claimName": "pricerange-models"}}]
    cluster.start_pod("models", {"containers": [container], "volumes": volumes})


def _document(kind: str, name: str, spec: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec})


def all_pods(cluster: Cluster) -> list[dict[str, Any]]:
    """Return the service's pods, those on their way out too."""
    return cluster.objects("pods", "--selector", "app.kubernetes.io/name=pricerange")


def restarts(pod: dict[str, Any]) -> int:
    """Return how often the pod's containers were started again."""
    return sum(status["restartCount"] for status in pod["status"].get("containerStatuses", ()))


def restarted(cluster: Cluster) -> list[str]:
    """Return the names of pods that were started again."""
    return [name for name, pod in cluster.pods().items() if restarts(pod)]


def last_words(cluster: Cluster) -> str:
    """Return the last line that a pod wrote before it was started again."""
    return cluster.kubectl("logs", restarted(cluster)[0], "--previous", "--tail=1").strip()


def answers(cluster: Cluster, door: str) -> int:
    """Return how many requests of the load were answered over a door."""
    return sum(count for name, count in cluster.load()[0].items() if name.startswith(f"{door}version"))


def only(cluster: Cluster, version: str) -> bool:
    """Whether all requests of the last seconds were answered by this version, over HTTP and over gRPC."""
    before, _ = cluster.load()
    sleep(SETTLED)
    after, _ = cluster.load()
    return {name for name in after if after[name] > before.get(name, 0)} == {door + version for door in DOORS}


def rollout_problem(cluster: Cluster) -> str:
    """Return why a pod cannot follow rollout.toml, or nothing."""
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/rollout').read().decode())"
    found = json.loads(cluster.kubectl("exec", min(cluster.pods()), "--", "python", "-c", ask))
    return str(found["problem"] or "")


if __name__ == "__main__":
    sys.exit(main())
