"""Manifests for operators, by their own schemas, and the pods in them by Kubernetes'."""

from pathlib import Path

import jsonschema
import pytest
import yaml
from manifests import pod, read, settings_of, validate

from service.settings import Settings

SCHEMAS = Path(__file__).with_name("schemas")
PATHS = [
    "kserve/servingruntime.yaml",
    "kserve/inferenceservice.yaml",
    "kubernetes/rayjob-score.yaml",
    "kubernetes/components/prometheus-operator/servicemonitor.yaml",
    "kubernetes/components/prometheus-operator/prometheusrule.yaml",
    "kubernetes/components/gateway/httproute.yaml",
]


def schema_of(kind):
    [path] = SCHEMAS.glob(f"{kind.lower()}.*")
    # JSON is YAML
    schema = yaml.safe_load(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", PATHS)
def test_a_custom_resource_is_as_its_operator_wants_it(path):
    document = read(path)
    schema_of(document["kind"]).validate(document["spec"])


@pytest.mark.parametrize("path", PATHS)
def test_a_field_that_there_is_not_is_found(path):
    document = read(path)
    assert not schema_of(document["kind"]).is_valid(document["spec"] | {"replica": 2})


def test_the_serving_runtime_makes_a_pod_with_settings_of_the_service():
    spec = read("kserve/servingruntime.yaml")["spec"]
    validate(pod({name: spec[name] for name in ("containers", "volumes")}))
    settings = Settings(**settings_of(spec["containers"][0]))
    assert settings.port == spec["containers"][0]["ports"][0]["containerPort"]


def test_the_inference_service_asks_for_a_format_and_protocol_of_the_runtime():
    runtime = read("kserve/servingruntime.yaml")
    predictor = read("kserve/inferenceservice.yaml")["spec"]["predictor"]
    model = predictor["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    formats = [(known["name"], known["version"]) for known in runtime["spec"]["supportedModelFormats"]]
    assert (model["modelFormat"]["name"], model["modelFormat"]["version"]) in formats
    of_the_pod = (
        "enableServiceLinks",
        "automountServiceAccountToken",
        "terminationGracePeriodSeconds",
        "securityContext",
    )
    kept = {name: predictor[name] for name in of_the_pod}
    validate(pod(kept | {"containers": runtime["spec"]["containers"], "volumes": runtime["spec"]["volumes"]}))


def test_each_pod_of_the_ray_job_is_one_that_restricted_pod_security_admits():
    spec = read("kubernetes/rayjob-score.yaml")["spec"]
    cluster = spec["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    templates = [*(group["template"] for group in groups), spec["submitterPodTemplate"]]
    for template in templates:
        validate(pod(template["spec"]))
        assert template["spec"]["securityContext"]["runAsNonRoot"] is True
        assert template["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in template["spec"]["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
