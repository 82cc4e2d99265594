"""`pricerange predict`: the same answer by flags, as JSON and from a file, by a model and by a service."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, PRICERANGE, Server

from pricerange import errors
from pricerange.phone import FEATURES

PHONE = {feature.name: feature.example for feature in FEATURES}
FLAGS = [part for name, value in PHONE.items() for part in (f"--{name.replace('_', '-')}", f"{value}")]


@pytest.fixture(scope="module")
def server(model_repository: Path) -> Iterator[Server]:
    running = Server(model_repository).wait_until_ready()
    yield running
    assert running.end() == 0


def predict(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [PRICERANGE, "predict", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def test_one_phone_is_answered_alike_by_model_and_service(server: Server, model_repository: Path) -> None:
    expected = httpx.post(f"{server.url}/predict?sets=0.9", json=PHONE, verify=NO_TLS).json()
    for who in (("--models", model_repository), ("--url", server.url)):
        by_flags = predict(*who, "--sets", "0.9", *FLAGS)
        by_json = predict(*who, "--sets", "0.9", stdin=json.dumps(PHONE, indent=2))
        assert (by_flags.returncode, by_json.returncode) == (0, 0), by_flags.stderr + by_json.stderr
        assert json.loads(by_flags.stdout) == json.loads(by_json.stdout) == expected


def test_a_table_is_answered_alike_too(server: Server, model_repository: Path, tmp_path: Path) -> None:
    made = subprocess.run([PRICERANGE, "synth", "1200", tmp_path / "in.parquet"], check=False, timeout=60)
    assert made.returncode == 0
    answers = [
        predict(tmp_path / "in.parquet", *who)
        for who in (("--models", model_repository), ("--url", server.url))
    ]
    assert answers[0].stdout == answers[1].stdout
    assert len(answers[0].stdout.splitlines()) == 1_200
    assert json.loads(answers[0].stdout.splitlines()[-1])["applicability"]
    table = predict(tmp_path / "in.parquet", "--table", "--models", model_repository)
    assert "and 1,180 more; --json has all of them\n1,200 phones: " in table.stdout


def test_on_a_terminal_it_is_a_table(model_repository: Path) -> None:
    ours, theirs = pty.openpty()
    command = [PRICERANGE, "predict", "--models", model_repository, *FLAGS]
    done = subprocess.run(command, stdin=theirs, stdout=theirs, timeout=60, check=False)
    os.close(theirs)
    assert done.returncode == 0
    shown = b""
    while True:
        try:
            shown += os.read(ours, 65_536)
        except OSError:  # Linux says so at the end
            break
    os.close(ours)
    assert b"says phone_price_range version 1" in shown
    assert "█".encode() in shown


def test_what_is_wrong_has_an_exit_code_of_its_own(
    server: Server, model_repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text(",".join(PHONE) + "\n" + ",".join(["0"] * len(PHONE)) + "\n")
    cases = {
        "battery_power is missing": (errors.PhoneError, "--ram", "2800"),
        "bad.csv, row 1: battery_power must be": (errors.PhoneError, tmp_path / "bad.csv"),
        "either a table or flags of a phone": (errors.SettingsError, tmp_path / "bad.csv", *FLAGS),
        "--model-version: expected no --url": (
            errors.SettingsError,
            *("--url", server.url, "--model-version", "1", *FLAGS),
        ),
        "--url: base_url: expected http://HOST": (errors.ServiceSettingError, "--url", "http://[::1", *FLAGS),
        "--url: timeout: expected more than 0 seconds": (
            errors.ServiceSettingError,
            *("--url", server.url, "--timeout", "inf", *FLAGS),
        ),
        "--ca-file: expected a file of certificates (PEM): ": (
            errors.SettingsError,
            *("--url", server.url, "--ca-file", tmp_path / "bad.csv", *FLAGS),
        ),
        "(tried ": (errors.ServiceCallError, "--url", "http://127.0.0.1:9", "--timeout", "0.2", *FLAGS),
    }
    for words, (error, *arguments) in cases.items():
        done = predict("--models", model_repository, *arguments)
        assert (done.returncode, done.stdout) == (error.exit_code, ""), words
        assert words in done.stderr
        assert done.stderr.startswith("error: ")


def test_a_key_is_taken_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICERANGE_API_KEY", "no\nkey")
    refused = predict("--url", server.url, *FLAGS)
    assert refused.returncode == errors.ServiceSettingError.exit_code
    assert "api_key: expected printable ASCII" in refused.stderr


def test_a_reader_that_has_left_ends_it_quietly(model_repository: Path, tmp_path: Path) -> None:
    subprocess.run([PRICERANGE, "synth", "20000", tmp_path / "in.csv"], check=True, timeout=60)
    command = [PRICERANGE, "predict", "--models", model_repository, tmp_path / "in.csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141


def test_only_a_url_needs_httpx(model_repository: Path) -> None:
    program = "import sys; sys.modules['httpx'] = None; from pricerange.cli import main; main()"
    without = [sys.executable, "-c", program, "predict", *FLAGS]
    by_model = subprocess.run(
        [*without, "--models", model_repository], capture_output=True, timeout=60, check=False
    )
    assert by_model.returncode == 0, by_model.stderr
    by_url = subprocess.run(
        [*without, "--url", "http://127.0.0.1:9"], capture_output=True, text=True, timeout=60, check=False
    )
    assert by_url.returncode == errors.MissingExtraError.exit_code
    assert "pip install 'pricerange[client]'" in by_url.stderr


def test_help_has_a_flag_for_each_feature() -> None:
    shown = predict("--help").stdout
    for feature in FEATURES:
        assert f"--{feature.name.replace('_', '-')} " in shown
