"""Each method, threads and asyncio alike, against a real server: all that it says, and nothing else."""

import asyncio
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import make_dataclass
from typing import Any

import api_keys
import httpx
import numpy as np
import pandas as pd
import pytest
from client_answers import says
from live_server import NO_TLS, Server
from pydantic import create_model
from scripted_server import Answer, ScriptedServer

from pricerange_client import (
    AsyncClient,
    AuthenticationError,
    Client,
    ForbiddenError,
    InvalidInputError,
    TlsError,
)

Ask = Callable[..., Any]


def told(server: Server, path: str, body: object = None, **parameters: Any) -> Any:
    """What the service says, as JSON."""
    method, content = ("GET", None) if body is None else ("POST", json.dumps(body))
    headers = {"Content-Type": "application/json"}
    url = f"{server.url}/{path}"
    answer = httpx.request(
        method, url, content=content, params=parameters, headers=headers, verify=NO_TLS
    ).raise_for_status()
    return answer.json()


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        pytest.param({}, {}, id="alone"),
        pytest.param({"sets": 0.9}, {"sets": "0.9"}, id="sets"),
        pytest.param({"explain": True}, {"explain": "true"}, id="explain"),
        pytest.param({"unknown": True, "sets": 0.8}, {"unknown": "average", "sets": "0.8"}, id="unknown"),
    ],
)
@pytest.mark.parametrize("change", [{}, {"ram": 100_000}], ids=["in range", "outside"])
def test_predict_says_all_that_the_service_says(
    server: Server,
    ask: Ask,
    phone: dict[str, float],
    options: dict[str, Any],
    parameters: dict[str, str],
    change: dict[str, float],
) -> None:
    asked = {**phone, **change, **({"n_cores": None} if "unknown" in options else {})}
    answer = ask(server.url, "predict", asked, **options)
    assert says(answer, told(server, "predict", asked, **parameters))
    assert answer.applicability.in_range == (not change)


def test_explain_what_if_and_curve_say_all_that_the_service_says(
    server: Server, ask: Ask, phone: dict[str, float]
) -> None:
    explained = ask(server.url, "explain", phone, sets=0.9)
    assert says(explained, told(server, "predict/explain", phone, sets="0.9"))
    assert explained.explanation.exact in (True, False)
    question = {"phone": phone, "price_range": 1, "features": ["ram", "battery_power"]}
    changed = ask(server.url, "what_if", phone, 1, ["ram", "battery_power"])
    assert says(changed, told(server, "predict/what-if", question))
    assert changed.changes.one.features[0].feature in ("ram", "battery_power")
    question = {"phone": phone, "feature": "ram", "points": 7, "within": "physical_limits"}
    curve = ask(server.url, "curve", phone, "ram", 7, within="physical_limits")
    assert says(curve, told(server, "predict/curve", question))
    assert len(curve.curve) == 7


def test_model_and_rollout_are_told(server: Server, ask: Ask) -> None:
    model, document = ask(server.url, "model"), told(server, "model")
    assert says(model, {name: document[name] for name in model.__dataclass_fields__ if name in document})
    assert (model.version, model.feature_ranges["ram"].low) == (
        "1",
        document["feature_ranges"]["ram"]["low"],
    )
    rollout, document = ask(server.url, "rollout"), told(server, "rollout")
    assert says(rollout, document)
    assert rollout.workers[0].pid == document["workers"][0]["pid"]
    assert ask(server.url, "reload_rollout").valid


def test_a_rollout_with_a_canary_is_read(ask: Ask) -> None:
    compared = {
        **{"rows": 9, "agreed": 8, "agreement": 8 / 9, "mean_distance": 0.01, "dropped": 0, "failed_rows": 0},
        "confusion": [[1, 0], [0, 8]],
    }
    counts = {"rows": 9, "answers": [1, 8], "failed_rows": 0, "runs": 2, "run_seconds": 0.1}
    version = {**counts, "mean_confidence_in_range": 0.9, "compared_with_stable": compared}
    measured = {"when": 7.5, "metric": "agreement", "value": None, "phase": "inconclusive"}
    canary = {
        **{"version": "4", "loaded": True, "weight": 10.0, "sticky": "row", "status": "progressing"},
        **{"why": "", "step": 1, "steps": [1.0, 10.0], "since": 7.0, "measurements": [measured]},
    }
    document = {
        **{"file": "rollout.toml", "digest": "d", "valid": True, "problem": None, "refused": {"5": "no"}},
        **{"generation": 2, "loading": [], "stable": "3", "canary": canary, "state_kept": True},
        **{"shadows": [{"version": "5", "share": 0.5}], "state_problem": None, "versions": {"4": version}},
        "workers": [{"pid": 7, "generation": 2, "current": True, "problem": None}],
    }
    with ScriptedServer([Answer(body=json.dumps(document).encode())]) as scripted:
        assert says(ask(scripted.url, "rollout"), document)


def test_ready_or_not(server: Server, ask: Ask) -> None:
    assert ask(server.url, "is_ready") is True
    with ScriptedServer([Answer(503)]) as scripted:
        url = scripted.url
        assert ask(url, "is_ready") is False
        assert len(scripted.asked) == 1
    assert ask(url, "is_ready") is False  # nobody listens any more


def test_a_phone_may_be_a_model_a_dataclass_or_hold_scalars_of_numpy(
    server: Server, ask: Ask, phone: dict[str, float]
) -> None:
    model = create_model("Model", **{name: (float, value) for name, value in phone.items()})()
    record = make_dataclass("Record", phone)(**phone)
    scalars = {name: np.float32(value) for name, value in phone.items()} | {"blue": np.bool_(False)}
    row = pd.DataFrame([phone]).iloc[0]
    expected = ask(server.url, "predict", phone)
    for same in (model, record, scalars, row):
        assert ask(server.url, "predict", same) == expected
    with pytest.raises(
        TypeError, match="expected a phone as a mapping, pydantic model or dataclass, got int"
    ):
        ask(server.url, "predict", 7)


def test_what_is_no_number_is_unknown(server: Server, ask: Ask, phone: dict[str, float]) -> None:
    for nothing in (None, float("nan"), np.float32("nan")):
        assert ask(server.url, "predict", {**phone, "ram": nothing}, unknown=True).unknown == ("ram",)
    with pytest.raises(InvalidInputError, match="got null"):
        ask(server.url, "predict", {**phone, "ram": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        ask(server.url, "predict", {**phone, "ram": float("inf")})


def test_an_option_that_there_is_not_is_an_error(ask: Ask, phone: dict[str, float]) -> None:
    nobody = "http://127.0.0.1:9"
    with pytest.raises(TypeError, match="unexpected option 'set': expected one of timeout, headers, sets"):
        ask(nobody, "predict", phone, set=0.9)
    with pytest.raises(TypeError, match="unexpected option 'explain'"):
        ask(nobody, "explain", phone, explain=True)
    with pytest.raises(TypeError, match="unexpected option 'chunk'"):
        ask(nobody, "predict_batch", iter([]), chunk=7)


def test_errors_have_the_services_fields(server: Server, ask: Ask, phone: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        ask(server.url, "predict", {**phone, "ram": 4, "wifi": 2})
    error = refused.value
    assert (error.status, error.kind, error.title) == (422, "invalid-input", "Invalid input")
    assert [problem.pointer for problem in error.errors] == ["/ram", "/wifi"]
    assert error.errors[0].detail == "ram must be a whole number between 128 and 131072 MB, got 4"
    assert str(error) == f"422 Invalid input: {error.detail} (request {error.request_id})"
    assert server.log(request_id=error.request_id)[0]["status"] == 422


def test_keys_are_sent_and_missed(locked: Any, ask: Ask, phone: dict[str, float]) -> None:
    url, ca_file, key = locked.server.url, str(locked.certificates), api_keys.secret("shop")
    assert ask(url, "predict", phone, api_key=key, verify=ca_file).price_range in range(4)
    with pytest.raises(AuthenticationError, match="401 API key missing"):
        ask(url, "predict", phone, verify=ca_file)
    with pytest.raises(ForbiddenError, match="needs the role admin"):
        ask(url, "reload_rollout", api_key=key, verify=ca_file)


def test_https_is_verified(locked: Any, ask: Ask) -> None:
    context = ssl.create_default_context(cafile=locked.certificates)
    for verify in (context, str(locked.certificates), False):
        assert ask(locked.server.url, "is_ready", verify=verify)
    with pytest.raises(TlsError, match="CERTIFICATE_VERIFY_FAILED"):
        ask(locked.server.url, "is_ready")


def test_a_base_url_may_have_a_path_and_headers_go_with_each_request(ask: Ask) -> None:
    with ScriptedServer([Answer()]) as scripted:
        for url in (f"{scripted.url}/ml", f"{scripted.url}/ml/"):
            ask(url, "is_ready", headers={"X-Shop": "7"})
        assert [(one.path, one.headers["x-shop"]) for one in scripted.asked] == [("/ml/readyz", "7")] * 2
        assert scripted.asked[0].headers["user-agent"].startswith("pricerange-client/")


def test_connections_are_reused() -> None:
    async def many(url: str) -> None:
        async with AsyncClient(url, connections=2) as client:
            await asyncio.gather(*(client.is_ready() for _ in range(20)))

    with ScriptedServer([Answer()]) as scripted:
        with Client(scripted.url) as client:
            for _ in range(10):
                assert client.is_ready()
        assert len({one.port for one in scripted.asked}) == 1
        scripted.asked.clear()
        asyncio.run(many(scripted.url))
        assert len(scripted.asked) == 20
        assert len({one.port for one in scripted.asked}) <= 2


def test_threads_share_a_client(server: Server, phone: dict[str, float]) -> None:
    found: list[int] = []
    with Client(server.url) as client:

        def run() -> None:
            found.extend(client.predict({**phone, "ram": ram}).price_range for ram in range(500, 4_000, 250))

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = [client.predict({**phone, "ram": ram}).price_range for ram in range(500, 4_000, 250)]
    assert sorted(found) == sorted(expected * 8)


@pytest.mark.parametrize(
    "url",
    [
        *("127.0.0.1:8000", "ftp://127.0.0.1", "http://", "", "http://[::1", "http://phones:port"),
        *("http://phones/?a=1", "http://phones/#a", "http://me:secret@phones/"),
    ],
)
def test_what_is_no_url_of_http_is_refused(url: str) -> None:
    with pytest.raises(
        ValueError, match=r"base_url: expected http://HOST or https://HOST,.* got "
    ) as refused:
        Client(url)
    assert "secret" not in str(refused.value)


def test_one_text_is_no_list_of_names(ask: Ask, phone: dict[str, float]) -> None:
    with pytest.raises(TypeError, match="features: expected a list of names, got the text 'ram'"):
        ask("http://127.0.0.1:1", "what_if", phone, 2, "ram")
    for phones in ([phone], pd.DataFrame([phone])):
        with pytest.raises(TypeError, match="columns: expected a list of names, got the text 'ram'"):
            ask("http://127.0.0.1:1", "predict_batch", phones, columns="ram")


def test_a_key_that_no_header_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="api_key: expected printable ASCII"):
        AsyncClient(api_key="a\nb")
