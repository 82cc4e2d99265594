"""docker-compose.yml, and what docker-compose.gpu.yml adds to it."""

import re

import yaml
from manifests import DEPLOY

from service.settings import Settings

ROOT = DEPLOY.parent
BASE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
GPU = yaml.safe_load((ROOT / "docker-compose.gpu.yml").read_text())
VARIABLE = re.compile(r"\$\{\w+:-(.*?)\}")


def settings(environment):
    """Read the service's settings, each variable of Compose being as it is by default."""
    return Settings(
        **{
            name.removeprefix("PRICERANGE_").lower(): VARIABLE.sub(r"\1", value)
            for name, value in environment.items()
        }
    )


def test_the_service_gets_settings_that_there_are():
    for service in (BASE["services"]["service"], GPU["services"]["service"]):
        names = {name.removeprefix("PRICERANGE_").lower() for name in service["environment"]}
        assert names <= Settings.model_fields.keys()
        settings(service["environment"])


def test_a_gpu_is_asked_for_where_the_service_insists_on_one():
    service = GPU["services"]["service"]
    assert settings(service["environment"]).provider == "cuda"
    [device] = service["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert GPU["services"].keys() <= BASE["services"].keys()


def test_an_image_is_built_with_arguments_that_the_dockerfile_has():
    known = set(re.findall(r"^ARG (\w+)=", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    for services in (BASE["services"], GPU["services"]):
        for service in services.values():
            assert service.get("build", {}).get("args", {}).keys() <= known


def test_a_drain_ends_before_the_container_is_killed():
    service = BASE["services"]["service"]
    given = settings(service["environment"])
    assert float(service["stop_grace_period"].removesuffix("s")) >= given.drain_delay + given.drain_timeout
