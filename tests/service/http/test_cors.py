"""Pages of other origins, as their browsers see it."""

import httpx
import pytest
from live_server import NO_TLS, Server

from pricerange.errors import SettingsError
from service.command import _settings
from service.http.cors import Cors
from service.http.framing.head import Head

SHOP = "https://shop.example"


@pytest.fixture(scope="module")
def asked(model_repository, tmp_path_factory):
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text("a-key-of-this-test\n")
    flags = ["--cors-origins", f"{SHOP}, http://localhost:3000", "--api-keys-file", str(keys)]
    server = Server(model_repository, *flags).wait_until_ready()
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        yield client
    assert server.end() == 0


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/model", "/v2/models/x/infer", "/nowhere"])
def test_a_preflight_is_answered_on_every_route_without_a_key(asked: httpx.Client, path: str) -> None:
    headers = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    answer = asked.options(path, headers={**headers, "Origin": SHOP})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "authorization"
    assert answer.headers["vary"] == "Origin"
    refused = asked.options(path, headers={**headers, "Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in refused.headers
    assert refused.headers["vary"] == "Origin"


@pytest.mark.parametrize("key", ["a-key-of-this-test", "a-wrong-key"])
@pytest.mark.parametrize("path", ["/predict", "/predict?explain=true", "/predict/batch", "/nowhere"])
def test_answers_and_errors_can_be_read(
    asked: httpx.Client, phone: dict[str, float], path: str, key: str
) -> None:
    headers = {"Authorization": f"Bearer {key}", "Origin": "http://localhost:3000"}
    answer = asked.post(path, json=phone, headers=headers)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    elsewhere = asked.post(path, json=phone, headers={**headers, "Origin": "http://localhost:3001"})
    assert elsewhere.status_code == answer.status_code
    assert "access-control-allow-origin" not in elsewhere.headers


def test_by_default_no_other_page_may_ask(client: httpx.Client, phone: dict[str, float]) -> None:
    answer = client.post("/predict", json=phone, headers={"Origin": SHOP})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]
    headers = {"Access-Control-Request-Method": "POST", "Origin": SHOP}
    assert client.options("/predict", headers=headers).status_code == 405


def test_every_origin_may_be_allowed() -> None:
    head = Head("POST", b"/predict", "1.1", [(b"origin", b"null")], True, 0)
    assert dict(Cors("*").headers(head))[b"access-control-allow-origin"] == b"*"


@pytest.mark.parametrize(
    "origins", ["shop.example", "https://shop.example/", "https://a.example,", "ftp://a"]
)
def test_an_origin_that_is_none_is_refused(origins: str) -> None:
    with pytest.raises(SettingsError, match="origins such as https"):
        _settings({"cors_origins": origins})
