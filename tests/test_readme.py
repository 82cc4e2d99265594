"""What the README promises is what the committed model does."""

import json
import re
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, Server

from pricerange.phone import FEATURES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_request_gives_the_answer() -> None:
    [request] = re.findall(r"-d '(\{.*?\})'", README, re.DOTALL)
    answer, refusal = (json.loads(text) for text in re.findall(r"```json\n(.*?)\n```", README, re.DOTALL))
    server = Server(ROOT / "models").wait_until_ready()
    try:
        found = (
            httpx.post(f"{server.url}/predict", json=json.loads(request), verify=NO_TLS)
            .raise_for_status()
            .json()
        )
        refused = httpx.post(
            f"{server.url}/predict", json={**json.loads(request), "ram": 4}, verify=NO_TLS
        ).json()
    finally:
        assert server.end() == 0
    assert found.pop("probabilities") == pytest.approx(answer.pop("probabilities"), abs=1e-5)
    assert found == answer
    assert {**refused, "request_id": "…"} == refusal


def test_the_triton_client_gets_the_same_answer(capsys: pytest.CaptureFixture[str]) -> None:
    [program] = re.findall(r"```python\n(.*?)\n```", README, re.DOTALL)
    answer = json.loads(re.findall(r"```json\n(.*?)\n```", README, re.DOTALL)[0])
    server = Server(ROOT / "models").wait_until_ready()
    try:
        exec(program.replace("127.0.0.1:8000", server.url.removeprefix("http://")), {})
    finally:
        assert server.end() == 0
    assert capsys.readouterr().out.startswith(f"[[{answer['price_range']}]] [[")


def test_the_feature_table_is_the_tables() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    assert rows == [
        (
            feature.name,
            feature.meaning,
            feature.kind,
            feature.unit,
            "0 or 1" if feature.kind == "yes/no" else f"{feature.low:g} to {feature.high:,g}",
        )
        for feature in FEATURES
    ]


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "docs/what-if-and-decisions.md",
        "docs/client.md",
        "docs/recipes.md",
        "models/phone_price_range/4/MODEL_CARD.md",
    ],
)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []
