"""API keys: off by default; where a file names some, nothing but health is answered without one."""

import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest
import schemathesis
from api_keys import bearer, entry, secret, write
from corpus import examples
from hypothesis import HealthCheck, given, settings
from live_server import NO_TLS, Server
from schemathesis.specs.openapi.checks import ignored_auth
from waiting import wait_until

from pricerange.errors import SettingsError
from service.http.keys.file import entries_of, read
from service.http.keys.watch import LOOK_SECONDS

FIRST, SECOND = "first-key-of-this-test", "c2Vjb25kIGtleQ+/~_=="
HEALTH = ["/livez", "/readyz"]
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="session")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.txt"
    path.write_text(f"# the shop\n{FIRST}\n\n  # the warehouse\n{SECOND}  \r\n")
    return path


@pytest.fixture(scope="session")
def locked_server(model_repository: Path, keys_file: Path) -> Iterator[Server]:
    running = Server(model_repository, "--api-keys-file", str(keys_file)).wait_until_ready()
    yield running
    assert running.end() == 0


@pytest.fixture
def locked(locked_server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=locked_server.url, verify=NO_TLS) as client:
        yield client


def assert_refused(response: httpx.Response, challenge: str) -> None:
    assert response.status_code == 401, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"] == challenge
    problem = response.json()
    assert problem["status"] == 401
    assert problem["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("POST", "/predict", id="predict"),
        pytest.param("POST", "/predict/batch", id="batch"),
        pytest.param("GET", "/model", id="passport"),
        pytest.param("GET", "/model/card", id="card"),
        pytest.param("GET", "/page/unknown.js", id="no-file-of-the-page"),
        pytest.param("GET", "/nowhere", id="unknown-path"),
        pytest.param("GET", "/predict", id="other-method"),
        pytest.param("GET", "/livez/", id="almost-free"),
        pytest.param("GET", "/livez/..%2fmodel", id="around-a-free-path"),
    ],
)
def test_without_a_key_what_tells_of_answers_is_refused(locked: httpx.Client, method: str, path: str) -> None:
    assert_refused(locked.request(method, path), 'Bearer realm="pricerange"')


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/swagger-ui.css", "/openapi.json", "/page/index.html"])
def test_the_page_and_the_documentation_need_none(locked: httpx.Client, path: str) -> None:
    assert locked.get(path).status_code == 200


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param("Basic dXNlcjpwYXNzd29yZA==", id="basic"),
        pytest.param("Bearer", id="scheme-alone"),
        pytest.param(FIRST, id="key-alone"),
    ],
)
def test_other_credentials_are_no_key(locked: httpx.Client, credentials: str) -> None:
    refused = locked.get("/model", headers={"Authorization": credentials})
    assert_refused(refused, 'Bearer realm="pricerange"')


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("another-key-of-this-test", id="another"),
        pytest.param(FIRST[:-1], id="one-character-less"),
        pytest.param(FIRST + "x", id="one-character-more"),
        pytest.param(FIRST.upper(), id="upper-case"),
        pytest.param(f"{FIRST} {SECOND}", id="both"),
        pytest.param("# the shop", id="comment"),
    ],
)
def test_a_wrong_key_is_refused_as_such(locked: httpx.Client, key: str) -> None:
    refused = locked.get("/model", headers=bearer(key))
    assert_refused(refused, 'Bearer realm="pricerange", error="invalid_token"')


def test_two_authorizations_are_no_key(locked: httpx.Client) -> None:
    both = [("Authorization", f"Bearer {FIRST}"), ("Authorization", f"Bearer {SECOND}")]
    assert locked.get("/model", headers=both).status_code == 401


@pytest.mark.parametrize("key", [FIRST, SECOND])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_every_key_of_the_file_opens(
    locked: httpx.Client, phone: dict[str, float], key: str, scheme: str
) -> None:
    headers = {"Authorization": f"{scheme} {key}"}
    assert locked.post("/predict", json=phone, headers=headers).status_code == 200
    assert locked.get("/docs", headers=headers).status_code == 200
    assert locked.get("/nowhere", headers=headers).status_code == 404


@pytest.mark.parametrize("path", [*HEALTH, "/metrics"])
def test_health_and_metrics_need_no_key(locked: httpx.Client, path: str) -> None:
    assert locked.get(path).status_code == 200


def test_the_paths_of_v2_health_need_no_key(locked: httpx.Client) -> None:
    for path in ("/v2/health/live", "/v2/health/ready"):
        assert locked.get(path).status_code != 401


@pytest.mark.parametrize("workers", ["1", "2"])
def test_metrics_need_a_key_where_that_is_set(
    start: Callable[..., Server], model_repository: Path, keys_file: Path, workers: str
) -> None:
    flags = ["--api-keys-file", str(keys_file), "--metrics-need-key", "--workers", workers]
    server = start(model_repository, *flags).wait_until_ready()
    assert httpx.get(f"{server.url}/metrics", verify=NO_TLS).status_code == 401
    assert "pricerange_" in httpx.get(f"{server.url}/metrics", headers=bearer(FIRST), verify=NO_TLS).text
    assert [httpx.get(server.url + path, verify=NO_TLS).status_code for path in HEALTH] == [200, 200]


def test_refusals_are_counted_by_reason(locked: httpx.Client) -> None:
    locked.get("/model")
    locked.get("/model", headers=bearer("another-key-of-this-test"))
    metrics = locked.get("/metrics").text
    assert 'pricerange_rejected_total{reason="missing-key"}' in metrics
    assert 'pricerange_rejected_total{reason="wrong-key"}' in metrics


def test_a_key_reaches_neither_the_log_nor_an_answer(
    start: Callable[..., Server], model_repository: Path, keys_file: Path, phone: dict[str, float]
) -> None:
    server = start(model_repository, "--api-keys-file", str(keys_file), "--log-level", "debug")
    server.wait_until_ready()
    wrong = "a-wrong-key-of-this-test"
    answers = [
        httpx.post(f"{server.url}/predict", json=phone, headers=bearer(key), verify=NO_TLS)
        for key in (FIRST, wrong)
    ]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert server.end() == 0
    assert len(server.log(logger="service.access", path="/predict")) == 2
    said = "\n".join(server.lines + [f"{answer.headers}{answer.text}" for answer in answers])
    assert not any(key in said for key in (FIRST, SECOND, wrong))


def test_a_refusal_comes_before_the_body_and_leaves_the_connection_usable(
    locked_server: Server, phone: dict[str, float]
) -> None:
    url, megabyte = httpx.URL(locked_server.url), 1_048_576
    head = "POST /predict HTTP/1.1\r\nHost: a\r\n"
    with socket.create_connection((url.host, url.port), timeout=10) as connection:
        connection.sendall(f"{head}Content-Length: {megabyte}\r\n\r\n".encode())
        refused = HTTPResponse(connection)
        refused.begin()
        assert refused.status == 401
        refused.read()
        connection.sendall(b" " * megabyte)
        body = json.dumps(phone).encode()
        again = f"{head}Authorization: Bearer {FIRST}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(again.encode() + body)
        answered = HTTPResponse(connection)
        answered.begin()
        answered.read()
        assert answered.status == 200


@pytest.mark.parametrize("chunked", [False, True], ids=["length-announced", "chunked"])
def test_a_client_that_sends_a_megabyte_without_a_key_hears_why(locked: httpx.Client, chunked: bool) -> None:
    megabyte = b" " * 1_048_576
    for _ in range(5):
        content = iter([megabyte]) if chunked else megabyte
        refused = locked.post("/predict/batch", content=content, headers=JSON)
        assert_refused(refused, 'Bearer realm="pricerange"')


def test_the_document_says_which_operations_need_a_key(locked: httpx.Client, client: httpx.Client) -> None:
    document = locked.get("/openapi.json", headers=bearer(FIRST)).json()
    assert document["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        needed = path not in {*HEALTH, "/v2/health/live", "/v2/health/ready", "/metrics"}
        for operation in operations.values():
            assert ("security" in operation) == needed
            assert ("401" in operation["responses"]) == needed
    assert "securitySchemes" not in client.get("/openapi.json").json()["components"]


def test_what_the_document_says_about_keys_holds(locked_server: Server) -> None:
    headers = bearer(FIRST)
    document = schemathesis.openapi.from_url(f"{locked_server.url}/openapi.json", headers=headers)
    for operation in (result.ok() for result in document.get_all_operations()):

        @settings(
            max_examples=examples(3), deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def holds(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=headers, checks=[ignored_auth])

        holds()


UNFIT = [
    pytest.param(None, "No such file", id="no-file"),
    pytest.param(b"", "at least one key", id="empty"),
    pytest.param(b"# none yet\n\n", "at least one key", id="comments-only"),
    pytest.param(b"first-key-of-this-test\nsecret\n", "line 2", id="short"),
    pytest.param(b"secret secret secret\n", "line 1", id="spaces"),
    pytest.param("secret-sécret-secret\n".encode(), "line 1", id="not-ascii"),
    pytest.param("\ufefffirst-key-of-this-test\n".encode(), "line 1", id="byte-order-mark"),
    pytest.param("first-key-of-this-test".encode("utf-16"), "line 1", id="utf-16"),
]


@pytest.mark.parametrize(("content", "words"), UNFIT)
def test_an_unfit_file_is_refused_without_a_word_of_its_keys(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "keys.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        entries_of(read(path), path)
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "first-key" not in str(refused.value)


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("name", ["", "missing.txt"])
def test_a_server_never_starts_open_by_mistake(
    start: Callable[..., Server], model_repository: Path, tmp_path: Path, name: str, workers: str
) -> None:
    file = str(tmp_path / name) if name else ""
    server = start(model_repository, "--api-keys-file", file, "--workers", workers)
    assert server.wait() == SettingsError.exit_code, "\n".join(server.lines)
    output = "\n".join(server.lines)
    assert "api_keys_file: expected a readable file" in output
    assert "Traceback" not in output


@pytest.fixture(scope="module")
def roles_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(
        tmp_path_factory.mktemp("keys") / "keys.toml",
        *(entry(role, roles=[role]) for role in ("predict", "metrics", "admin")),
        entry("all", roles=["predict", "metrics", "admin"]),
        expiring("expired", -1),
    )


def expiring(name: str, seconds: float) -> str:
    return entry(name, f"expires = {(datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()}")


@pytest.fixture(scope="module")
def roles_server(model_repository: Path, roles_file: Path) -> Iterator[Server]:
    """A server whose keys have a role each; one has all, and one has expired."""
    flags = ("--api-keys-file", str(roles_file), "--metrics-need-key")
    running = Server(model_repository, *flags).wait_until_ready()
    yield running
    assert running.end() == 0


@pytest.fixture
def of_roles(roles_server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=roles_server.url, verify=NO_TLS) as client:
        yield client


def test_a_key_is_refused_what_none_of_its_roles_is_for(
    of_roles: httpx.Client, roles_server: Server, phone: dict[str, float]
) -> None:
    def allowed(method: str, path: str, **sent: object) -> set[str]:
        found = set()
        for name in ("predict", "metrics", "admin", "all"):
            answer = of_roles.request(method, path, headers=bearer(secret(name)), **sent)
            if answer.status_code != 403:
                found.add(name)
                continue
            problem = answer.json()
            assert problem["type"] == "urn:pricerange:problem:forbidden"
            assert f"the API key {name} needs the role" in problem["detail"]
            [line] = roles_server.log(request_id=problem["request_id"])
            assert line["key"] == name
        return found

    assert allowed("POST", "/predict", json=phone) == {"predict", "all"}
    assert allowed("POST", "/predict/batch", json=[phone]) == {"predict", "all"}
    assert allowed("GET", "/model") == {"predict", "admin", "all"}
    assert allowed("GET", "/metrics") == {"metrics", "all"}
    assert allowed("POST", "/rollout/reload") == {"admin", "all"}
    assert allowed("POST", "/v2/repository/models/nobody/load") == {"admin", "all"}
    assert allowed("GET", "/livez") == {"predict", "metrics", "admin", "all"}


def test_an_expired_key_is_refused_as_such(
    of_roles: httpx.Client, roles_server: Server, phone: dict[str, float]
) -> None:
    refused = of_roles.post("/predict", json=phone, headers=bearer(secret("expired")))
    assert_refused(refused, 'Bearer realm="pricerange", error="invalid_token"')
    assert refused.json()["type"] == "urn:pricerange:problem:expired-key"
    assert "the API key expired has expired" in refused.json()["detail"]
    [line] = roles_server.log(request_id=refused.json()["request_id"])
    assert line["key"] == "expired"


def test_a_key_expires_on_a_connection_that_repeats_its_head(
    of_roles: httpx.Client, roles_file: Path, phone: dict[str, float]
) -> None:
    def kind() -> str | None:
        answer = of_roles.post("/predict", json=phone)
        return None if answer.status_code == 200 else answer.json()["type"].rpartition(":")[2]

    of_roles.headers.update(bearer(secret("expires")))
    assert kind() == "wrong-key"
    write(roles_file, roles_file.read_text(), expiring("expires", 2 * LOOK_SECONDS + 1))
    wait_until(lambda: kind() is None)
    wait_until(lambda: kind() == "expired-key")


def test_the_log_names_the_key_and_only_where_there_is_one(
    locked_server: Server, locked: httpx.Client
) -> None:
    known = locked.get("/model", headers=bearer(FIRST)).headers["x-request-id"]
    unknown = locked.get("/model").headers["x-request-id"]
    [line] = locked_server.log(request_id=known)
    assert line["key"] == sha256(FIRST.encode()).hexdigest()[:8]
    [line] = locked_server.log(request_id=unknown)
    assert "key" not in line


def test_metrics_cannot_need_a_key_that_nobody_has(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository, "--metrics-need-key")
    assert server.wait() == SettingsError.exit_code
    assert "api_keys_file to be set" in "\n".join(server.lines)
