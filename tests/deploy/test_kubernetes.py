"""The manifests for Kubernetes: what can be known of them without a cluster."""

import pytest
import yaml
from manifests import DEPLOY, KUBECTL, built, read, settings_of, validate

from service.settings import Settings

CUSTOM = {"ServiceMonitor", "PrometheusRule", "HTTPRoute"}
"""What only a cluster with their definitions knows."""
WHOLE = [
    path
    for path in sorted((DEPLOY / "kubernetes").glob("*/**/*.yaml"))
    if path.name not in ("kustomization.yaml", "prometheus-adapter.yaml")
    # a component's is a patch
    and (path.name != "deployment.yaml" or path.parent.name == "base")
]
PATCHES = sorted((DEPLOY / "kubernetes/components").glob("*/deployment.yaml"))
OVERLAYS = sorted(path.parent for path in (DEPLOY / "kubernetes").glob("overlays/*/kustomization.yaml"))
KIBI = {"Mi": 1 << 20, "Gi": 1 << 30}


@pytest.fixture(scope="module")
def pod():
    return read("kubernetes/base/deployment.yaml")["spec"]["template"]["spec"]


def settings(container):
    given = settings_of(container)
    assert given.keys() <= Settings.model_fields.keys()
    return Settings(**given)


def bytes_of(quantity):
    return int(quantity[:-2]) * KIBI[quantity[-2:]]


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_manifest_is_as_the_newest_kubernetes_wants_it(path):
    document = yaml.safe_load(path.read_text())
    if document["kind"] in CUSTOM:
        assert document["metadata"]["labels"] == {"app.kubernetes.io/name": "pricerange"}
    else:
        validate(document)


def test_a_pod_may_do_nothing_but_serve(pod):
    [container] = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_both_doors_are_reached_by_their_names(pod):
    dockerfile = (DEPLOY.parent / "Dockerfile").read_text()
    [container] = pod["containers"]
    for port in container["ports"]:
        variable = {"http": "PRICERANGE_PORT", "grpc": "PRICERANGE_GRPC_PORT"}[port["name"]]
        assert f"{variable}={port['containerPort']}" in dockerfile
    names = [port["name"] for port in container["ports"]]
    assert [port["targetPort"] for port in read("kubernetes/base/service.yaml")["spec"]["ports"]] == names
    [rule] = read("kubernetes/base/networkpolicy.yaml")["spec"]["ingress"]
    assert [port["port"] for port in rule["ports"]] == names


def test_a_pod_has_the_time_that_its_settings_take(pod):
    given = settings(pod["containers"][0])
    assert pod["terminationGracePeriodSeconds"] > given.drain_delay + given.drain_timeout
    assert given.drain_timeout >= given.request_timeout
    readiness = pod["containers"][0]["readinessProbe"]
    assert given.drain_delay > readiness["periodSeconds"] * readiness["failureThreshold"]


def test_long_answers_fit_into_the_volume_before_it_is_full(pod):
    [volume] = pod["volumes"]
    assert "medium" not in volume["emptyDir"]  # memory would be taken from the process
    most = settings(pod["containers"][0]).max_spool_bytes
    assert most < bytes_of(volume["emptyDir"]["sizeLimit"])
    assert bytes_of(pod["containers"][0]["resources"]["limits"]["ephemeral-storage"]) > bytes_of(
        volume["emptyDir"]["sizeLimit"]
    )


@pytest.mark.parametrize("path", PATCHES, ids=lambda path: path.parent.name)
def test_a_component_mounts_what_it_adds_and_sets_what_there_is(path):
    spec = yaml.safe_load(path.read_text())["spec"]["template"]["spec"]
    [container] = spec["containers"]
    if "env" in container:
        settings(container)
    mounts = container.get("volumeMounts", [])
    assert {mount["name"] for mount in mounts} == {volume["name"] for volume in spec.get("volumes", [])}
    assert not any("subPath" in mount for mount in mounts)


def test_traces_may_leave_for_the_collector_that_is_named():
    spec = read("kubernetes/components/tracing/deployment.yaml")["spec"]["template"]["spec"]
    host, port = settings(spec["containers"][0]).otlp_endpoint.removeprefix("http://").split(":")
    policy = read("kubernetes/components/tracing/networkpolicy.yaml")["spec"]
    [collector] = [rule for rule in policy["egress"] if "to" in rule]
    [to] = collector["to"]
    namespace = to["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    assert (host.split(".")[1], int(port)) == (namespace, collector["ports"][0]["port"])


def test_prometheus_operator_gets_the_rules_that_prometheus_gets():
    files = sorted((DEPLOY / "prometheus/rules").glob("*.yml"))
    groups = [group for path in files for group in yaml.safe_load(path.read_text())["groups"]]
    rule = read("kubernetes/components/prometheus-operator/prometheusrule.yaml")
    assert rule["spec"] == {"groups": groups}, "make prometheus-rule writes it"


if KUBECTL:

    @pytest.mark.parametrize("folder", OVERLAYS, ids=lambda path: path.name)
    def test_an_overlay_is_built_and_is_as_the_newest_kubernetes_wants_it(folder):
        found = built(folder)
        for document in found:
            if document["kind"] not in CUSTOM:
                validate(document)
        [deployment] = [document for document in found if document["kind"] == "Deployment"]
        spec = deployment["spec"]["template"]["spec"]
        settings(spec["containers"][0])
        mounts = [mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]]
        assert len(mounts) == len(set(mounts))

    def test_components_go_together(tmp_path):
        components = sorted((DEPLOY / "kubernetes/components").iterdir())
        # two that bring models, and two that bring clients
        chosen = [path for path in components if path.name not in ("models-volume", "ingress")]
        order = sorted(chosen, key=lambda path: path.name == "hpa-queue-wait")
        (tmp_path / "rollout.toml").write_text("stable = 4\n")
        up = "../" * (len(tmp_path.parts) - 1)
        (tmp_path / "kustomization.yaml").write_text(
            yaml.safe_dump(
                {
                    "resources": [f"{up}{str(DEPLOY / 'kubernetes/base')[1:]}"],
                    "components": [f"{up}{str(path)[1:]}" for path in order],
                    "configMapGenerator": [{"name": "pricerange-rollout", "files": ["rollout.toml"]}],
                }
            )
        )
        for document in built(tmp_path):
            if document["kind"] not in CUSTOM:
                validate(document)
