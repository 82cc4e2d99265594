"""Clients that are generated from the OpenAPI document: whole, well typed, and answered by a real server."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from client_answers import says
from live_server import NO_TLS, Server
from program import require

from pricerange_client import Client

HERE = Path(__file__).parent
PYTHON = Path(f"{sys.prefix}-openapi") / "bin"
NODE_MODULES = Path(f"{sys.prefix}-npm") / "node_modules"
Phone = dict[str, float]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def document(server: Server, tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_bytes(httpx.get(f"{server.url}/openapi.json", verify=NO_TLS).content)
    return path


def require_answers(told: list[Any], server: Server, phone: Phone) -> None:
    """Hold the answers of a generated client against those of ours."""
    one, many, changed, curve, refused = told
    with Client(server.url) as client:
        assert says(client.predict(phone, sets=0.9, explain=True), one)
        assert says(client.what_if(phone, 1), changed)
        assert says(client.curve(phone, "ram", 3), curve)
    assert [row["probabilities"] for row in many["predictions"]] == [one["probabilities"]] * 2
    assert refused["errors"][0]["pointer"] == "/ram"


def test_python(server: Server, document: Path, phone: Phone) -> None:
    generator = PYTHON / "openapi-python-client"
    assert generator.exists(), f"the tests need {generator}: `make test` installs it"
    config = HERE / "openapi-python-client.yml"
    output = ("--meta", "none", "--output-path", "generated", "--config", config)
    # nothing of the document may be left out
    run(generator, "generate", "--path", document, *output, "--fail-on-warning", cwd=document.parent)
    program = shutil.copy(HERE / "ask.py", document.parent)
    answers = run(PYTHON / "python", program, server.url, json.dumps(phone), cwd=document.parent)
    require_answers(json.loads(answers), server, phone)


def test_typescript(server: Server, document: Path, phone: Phone) -> None:
    require("npm", "npm")
    assert NODE_MODULES.exists(), f"the tests need {NODE_MODULES}: `make test` installs it"
    folder = document.parent
    for name in ("ask.ts", "package.json", "tsconfig.json"):
        shutil.copy(HERE / name, folder)
    (folder / "node_modules").symlink_to(NODE_MODULES)
    tools = NODE_MODULES / ".bin"
    run(tools / "openapi-typescript", document, "--output", "schema.d.ts", cwd=folder)
    run(tools / "tsc", cwd=folder)
    answers = run("node", "ask.js", server.url, json.dumps(phone), cwd=folder)
    require_answers(json.loads(answers), server, phone)
