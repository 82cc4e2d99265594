"""A version that is not whole never answers: each cause has its own words and its own exit code."""

import hashlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from corpus import few
from live_server import NO_TLS, PRICERANGE, Server, catches
from onnx import numpy_helper
from phone_tables import ARROW, as_arrow

from pricerange import errors
from pricerange.approval import Approval
from pricerange.machine import descriptors


@pytest.fixture
def models(model_repository: Path, tmp_path: Path) -> Path:
    """Two versions: 1 is good, 2 is a copy to be broken."""
    shutil.copytree(model_repository, tmp_path / "models")
    folder = tmp_path / "models" / "phone_price_range"
    shutil.copytree(folder / "1", folder / "2")
    return tmp_path / "models"


def change_passport(version: Path, change: Callable[[dict], None]) -> None:
    path = version / "bundle.json"
    passport = json.loads(path.read_text())
    change(passport)
    path.write_text(json.dumps(passport))


def truncate_model(version: Path) -> None:
    path = version / "model.onnx"
    path.write_bytes(path.read_bytes()[:-100])


def change_weights(version: Path) -> None:
    path = version / "model.onnx"
    model = onnx.load(path)
    weights = next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 2)
    weights.CopyFrom(numpy_helper.from_array(-np.asarray(numpy_helper.to_array(weights)), weights.name))
    path.write_bytes(model.SerializeToString())


def change_weights_and_passport(version: Path) -> None:
    change_weights(version)
    model = (version / "model.onnx").read_bytes()
    change_passport(
        version,
        lambda passport: passport.update(
            model_sha256=hashlib.sha256(model).hexdigest(), model_bytes=len(model)
        ),
    )


def swap_features(version: Path) -> None:
    def swap(passport: dict) -> None:
        names = passport["features"]
        names[3], names[4] = names[4], names[3]

    change_passport(version, swap)


BROKEN = [
    pytest.param(
        truncate_model, errors.TruncatedModelError, ["is truncated", "expected", "found"], id="truncated"
    ),
    pytest.param(change_weights, errors.ChecksumError, ["sha256"], id="other-weights"),
    pytest.param(change_weights_and_passport, errors.GoldenRowError, ["golden row 0"], id="other-answers"),
    pytest.param(
        swap_features, errors.FeatureOrderError, ["position 3: expected dual_sim, found fc"], id="swapped"
    ),
    pytest.param(
        lambda version: (version / "model.onnx").unlink(),
        errors.MissingFileError,
        ["model.onnx"],
        id="no-model",
    ),
    pytest.param(
        lambda version: change_passport(version, lambda passport: passport.update(schema_version=99)),
        errors.SchemaVersionError,
        ["schema version 99", "reads versions 1 and 2"],
        id="unknown-schema",
    ),
    pytest.param(
        lambda version: (version / "bundle.json").write_text("{"),
        errors.PassportError,
        ["not valid JSON"],
        id="no-json",
    ),
]
BROKEN += [
    pytest.param(
        lambda version, depth=depth: (version / "bundle.json").write_text("[" * depth),
        errors.PassportError,
        ["not valid JSON"],
        id=f"no-json-{depth}",
    )
    for depth in (1, 100_000)
]
CASES = [(BROKEN[0], "2"), *((case, "1") for case in BROKEN), (BROKEN[-1], "2")]


@pytest.mark.parametrize(
    ("spoil", "error", "words", "workers"),
    few(6, (pytest.param(*case.values, workers, id=f"{case.id}-{workers}") for case, workers in CASES)),
)
def test_serve_refuses_a_broken_version_though_an_older_one_is_good(
    start: Callable[..., Server],
    models: Path,
    spoil: Callable[[Path], None],
    error: type[errors.PriceRangeError],
    words: list[str],
    workers: str,
) -> None:
    spoil(models / "phone_price_range" / "2")
    server = start(models, "--workers", workers)
    assert server.wait() == error.exit_code
    output = "\n".join(server.lines)
    assert "phone_price_range/2" in output
    assert all(word in output for word in words)
    assert "Traceback" not in output
    assert not server.log(logger="service.serve")


def test_a_version_without_passport_does_not_exist(start: Callable[..., Server], models: Path) -> None:
    (models / "phone_price_range" / "2" / "bundle.json").unlink()
    start(models).wait_until_ready()


def test_an_older_version_serves_when_it_is_named(start: Callable[..., Server], models: Path) -> None:
    truncate_model(models / "phone_price_range" / "2")
    start(models, "--model-version", "1").wait_until_ready()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_newest_promotable_version_serves_and_the_log_says_which_one_does_not(
    start: Callable[..., Server], models: Path, workers: str
) -> None:
    Approval.now("rejected", "it was the wrong file").write(models / "phone_price_range" / "2")
    server = start(models, "--workers", workers).wait_until_ready()
    assert httpx.get(f"{server.url}/model", verify=NO_TLS).json()["version"] == "1"
    [line] = server.log(level="warning", logger="pricerange.bundle")
    assert line["message"].startswith("version 2 is passed over for version 1: rejected by ")
    assert line["message"].endswith(": it was the wrong file")


def test_where_no_version_is_promotable_serve_says_what_to_do(models: Path) -> None:
    for number in ("1", "2"):
        Approval.now("rejected", "not any more").write(models / "phone_price_range" / number)
    command = [PRICERANGE, "serve", "--models", models, "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == errors.NoPromotableVersionError.exit_code
    assert "`pricerange models approve N --why TEXT`" in ended.stderr
    assert "version 2, rejected by " in ended.stderr


@pytest.mark.parametrize(
    ("flags", "error", "words"),
    [
        pytest.param(["--models", "nowhere"], errors.ModelNotFoundError, "nowhere", id="no-models"),
        pytest.param(["--provider", "cuda"], errors.ProviderUnavailableError, "cuda", id="no-cuda"),
        pytest.param(["--port", "70000"], errors.SettingsError, "port", id="impossible-port"),
        pytest.param(["--workers", "0"], errors.SettingsError, "PRICERANGE_WORKERS", id="no-workers"),
        pytest.param(["--max-queue-rows", "9"], errors.SettingsError, "at least max_rows", id="short-queue"),
    ],
)
def test_serve_says_what_is_wrong(
    model_repository: Path, flags: list[str], error: type[errors.PriceRangeError], words: str
) -> None:
    command = [PRICERANGE, "serve", "--models", model_repository, "--port", "0", *flags]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == error.exit_code
    assert ended.stderr.startswith("error: ")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_named(model_repository: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [PRICERANGE, "serve", "--models", model_repository, "--port", port]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == errors.SettingsError.exit_code
    assert port in ended.stderr


def test_auto_falls_back_to_the_cpu_and_says_so(start: Callable[..., Server], model_repository: Path) -> None:
    server = start(model_repository, "--provider", "auto").wait_until_ready()
    passport = httpx.get(f"{server.url}/model", verify=NO_TLS).json()
    if passport["provider"] == "cuda":
        pytest.skip("CUDA works on this machine: nothing to fall back from")
    assert passport["requested_provider"] == "auto"
    assert "pricerange_provider_fallback 1.0" in httpx.get(f"{server.url}/metrics", verify=NO_TLS).text
    assert any("CUDA is not available" in line["message"] for line in server.log(level="warning"))


def test_settings_come_from_the_environment_too(
    start: Callable[..., Server],
    model_repository: Path,
    phone: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRICERANGE_MAX_ROWS", "2")
    server = start(model_repository).wait_until_ready()
    refused = httpx.post(f"{server.url}/predict/batch", json={"phones": [phone] * 3}, verify=NO_TLS)
    assert refused.status_code == 413
    assert "at most 2 phones" in refused.json()["detail"]


def test_sigterm_before_the_server_is_up_ends_it_in_order(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository)
    while not catches(server.process.pid, signal.SIGTERM):
        time.sleep(0.005)
    assert server.end(seconds=10) == 0
    assert not server.log(logger="service.serve")


def test_a_model_file_that_cannot_be_read_is_named(start: Callable[..., Server], models: Path) -> None:
    model = models / "phone_price_range" / "2" / "model.onnx"
    model.unlink()
    model.mkdir()
    server = start(models)
    assert server.wait() == errors.UnreadableFileError.exit_code
    assert "model.onnx cannot be read: Is a directory" in "\n".join(server.lines)


def test_of_two_servers_on_one_port_the_second_is_refused(model_repository: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [PRICERANGE, "serve", "--models", model_repository, "--port", port, "--drain-delay", "0"]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)]
    deadline = time.monotonic() + 20
    while all(server.poll() is None for server in both) and time.monotonic() < deadline:
        time.sleep(0.02)
    codes = [server.poll() for server in both]
    for server in both:
        server.terminate()
        server.wait(20)
    assert sorted(codes, key=str) == [errors.SettingsError.exit_code, None]


def test_as_many_connections_are_taken_as_the_system_grants(
    start: Callable[..., Server], model_repository: Path
) -> None:
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # as low as this process can bear, which has files of its own and starts another one
    low = descriptors.limit() - descriptors.left() + 16
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, most))
    try:
        server = start(model_repository)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
    url = httpx.URL(server.wait_until_ready().url)
    with ExitStack() as stack:
        for _ in range(low):
            stack.enter_context(socket.create_connection((url.host, url.port)))
        assert httpx.get(f"{server.url}/livez", verify=NO_TLS).status_code == 200


def test_metrics_of_others_are_not_mixed_in(
    start: Callable[..., Server], model_repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    server = start(model_repository).wait_until_ready()
    assert "pricerange_requests_total" in httpx.get(f"{server.url}/metrics", verify=NO_TLS).text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_request_waits_for_pandas(
    start: Callable[..., Server],
    model_repository: Path,
    tmp_path: Path,
    phone: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
    workers: str,
) -> None:
    # as installed as it can be: pyarrow imports what it finds by this name
    (tmp_path / "pandas.py").write_text("raise RuntimeError('imported')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    server = start(model_repository, "--workers", workers).wait_until_ready()
    answer = httpx.post(
        f"{server.url}/predict/batch",
        content=as_arrow([phone]),
        headers={"Content-Type": ARROW},
        verify=NO_TLS,
    )
    assert answer.status_code == 200
