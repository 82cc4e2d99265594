"""The documents of the version that serves."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, Server

MARKDOWN, HTML = {"Accept": "*/*"}, {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def version_of(models: Path) -> Path:
    return models / "phone_price_range" / "1"


def test_the_card_is_a_page_for_browsers_and_markdown_for_others(
    client: httpx.Client, model_repository: Path
) -> None:
    card = (version_of(model_repository) / "MODEL_CARD.md").read_bytes()
    markdown = client.get("/model/card", headers=MARKDOWN)
    assert (markdown.content, markdown.headers["content-type"]) == (card, "text/markdown; charset=utf-8")
    page = client.get("/model/card", headers=HTML)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>" in page.text
    assert 'src="data:image/svg+xml;base64,' in page.text
    assert page.headers["etag"] != markdown.headers["etag"]
    rather = client.get("/model/card", headers={"Accept": "text/markdown, text/html;q=0.5"})
    assert rather.content == card
    for link in ("report", "history"):
        assert f'<a href="{link}">' in page.text
        assert client.get(f"/model/{link}").status_code == 200


def test_the_report_is_the_file_and_may_load_nothing(client: httpx.Client, model_repository: Path) -> None:
    report = client.get("/model/report")
    assert report.content == (version_of(model_repository) / "report.html").read_bytes()
    policy = report.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-hashes' 'sha256-")
    again = client.get("/model/report", headers={"If-None-Match": report.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    history = client.get("/model/history")
    assert history.content == (version_of(model_repository) / "history.csv").read_bytes()


@pytest.mark.parametrize("made", ["missing", "folder", "pipe", "huge"])
def test_a_document_that_cannot_be_read_is_not_there(
    start: Callable[..., Server], model_repository: Path, tmp_path: Path, made: str
) -> None:
    models = tmp_path / "models"
    shutil.copytree(model_repository, models)
    report = version_of(models) / "report.html"
    report.unlink()
    if made == "folder":
        report.mkdir()
    elif made == "pipe":
        os.mkfifo(report)
    elif made == "huge":
        with report.open("wb") as file:
            file.truncate(1 << 40)
    server = start(models).wait_until_ready()
    answer = httpx.get(f"{server.url}/model/report", verify=NO_TLS)
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:pricerange:problem:no-document"
    assert answer.json()["detail"] == "version 1 has no readable report.html"


def test_a_card_that_would_take_long_is_text(
    start: Callable[..., Server], model_repository: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    shutil.copytree(model_repository, models)
    card = b"[" * 1_000_000
    (version_of(models) / "MODEL_CARD.md").write_bytes(card)
    server = start(models).wait_until_ready()
    answer = httpx.get(f"{server.url}/model/card", headers=HTML, verify=NO_TLS)
    assert (answer.content, answer.headers["content-type"]) == (card, "text/markdown; charset=utf-8")
