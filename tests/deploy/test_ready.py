"""The image's health check: it asks the service where it listens, as it was told to."""

import subprocess
import sys

import httpx
import pytest
import trustme
from live_server import Server
from manifests import DEPLOY

READY = DEPLOY / "image/ready.py"


def checked(**environment):
    return subprocess.run(
        [sys.executable, "-IS", READY], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_service_that_is_ready_is_healthy_and_one_that_has_ended_is_not(model_repository, tmp_path, tls):
    flags, environment = (), {}
    if tls:
        issued = trustme.CA().issue_cert("a.name.of.its.own", "127.0.0.1")
        certificate = tmp_path / "all.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(certificate)
        flags = ("--tls-cert", str(certificate), "--tls-key", str(certificate))
        environment = {"PRICERANGE_TLS_CERT": str(certificate)}
    server = Server(model_repository, *flags).wait_until_ready()
    environment["PRICERANGE_PORT"] = str(httpx.URL(server.url).port)
    assert checked(**environment).returncode == 0
    assert server.end() == 0
    assert checked(**environment).returncode == 1


@pytest.mark.parametrize("port", ["", "tcp://10.0.0.1:80"])
def test_what_the_service_passes_over_is_no_port(port):
    # on the default port of this machine somebody else may listen, or nobody
    assert "PRICERANGE_PORT" not in checked(PRICERANGE_PORT=port).stderr
