"""Triton's model repository extension, asked by its own clients."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from live_server import Server
from tritonclient.utils import InferenceServerException

from bench.load.broken_versions import add_truncated
from pricerange.bundle import MODEL_NAME

NAME = "phone_price_range"


@pytest.fixture(scope="module")
def models(two_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = tmp_path_factory.mktemp("controlled") / "models"
    shutil.copytree(two_versions, models)
    add_truncated(models, 1)
    (models / MODEL_NAME / "rollout.toml").write_text("stable = 1\n")
    return models


@pytest.fixture(scope="module")
def controlled(models: Path) -> Iterator[Server]:
    running = Server(models, "--rollout-interval", "3600").wait_until_ready()
    yield running
    assert running.end() == 0


@pytest.fixture
def triton_client(controlled: Server, models: Path) -> Iterator[triton.InferenceServerClient]:
    """A client of a server whose file names version 1, which is loaded."""
    (models / MODEL_NAME / "rollout.toml").write_text("stable = 1\n")
    with triton.InferenceServerClient(httpx.URL(controlled.url).netloc.decode()) as client:
        client.load_model(NAME)
        yield client


def states(client: triton.InferenceServerClient) -> dict[str, tuple[str, str]]:
    return {
        entry["version"]: (entry["state"], entry["reason"]) for entry in client.get_model_repository_index()
    }


def test_the_index_lists_all_versions_and_says_why_not(triton_client: triton.InferenceServerClient) -> None:
    otherwise = ("UNAVAILABLE", "the rollout names other versions")
    assert states(triton_client) == {"1": ("READY", ""), "2": otherwise, "3": otherwise}
    assert triton_client.is_model_ready(NAME, "1")
    assert not triton_client.is_model_ready(NAME, "2")


def test_unload_and_load_do_what_triton_s_do(triton_client: triton.InferenceServerClient) -> None:
    triton_client.unload_model(NAME)
    assert not triton_client.is_model_ready(NAME)
    assert not triton_client.is_server_ready()
    assert triton_client.is_server_live()
    assert states(triton_client)["1"] == ("UNAVAILABLE", "unloaded")
    tensor = triton.InferInput("features", [1, 20], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, 20), np.float32))
    with pytest.raises(InferenceServerException, match="was unloaded") as refused:
        triton_client.infer(NAME, [tensor])
    assert refused.value.status() == "503"
    triton_client.unload_model(NAME, unload_dependents=True)
    triton_client.load_model(NAME)
    assert triton_client.is_model_ready(NAME)
    assert triton_client.is_server_ready()


def test_load_follows_the_file_without_a_look_in_between(
    triton_client: triton.InferenceServerClient, models: Path
) -> None:
    rollout = models / MODEL_NAME / "rollout.toml"
    rollout.write_text("stable = 2\n[[shadow]]\nversion = 1\nshare = 0.5\n")
    triton_client.load_model(NAME)
    assert {version: state for version, (state, _) in states(triton_client).items()} == {
        "1": "READY",
        "2": "READY",
        "3": "UNAVAILABLE",
    }
    assert triton_client.get_model_metadata(NAME)["versions"] == ["1", "2"]
    rollout.write_text("stable = 3\n")
    with pytest.raises(InferenceServerException, match=r"version 3: .* is truncated") as refused:
        triton_client.load_model(NAME)
    assert refused.value.status() == "409"
    assert "is truncated" in states(triton_client)["3"][1]
    assert triton_client.is_model_ready(NAME, "2")


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"config": "{}"}, id="config"),
        pytest.param({"files": {"file:1/model.onnx": b"onnx"}, "config": "{}"}, id="files"),
    ],
)
def test_a_model_that_comes_with_the_request_is_refused(
    triton_client: triton.InferenceServerClient, told: dict[str, Any]
) -> None:
    with pytest.raises(InferenceServerException, match=r"parameters: .* rollout\.toml .*") as refused:
        triton_client.load_model(NAME, **told)
    assert refused.value.status() == "400"
    assert refused.value.message().endswith("found config")
    assert triton_client.is_model_ready(NAME, "1")


def test_another_model_is_neither_loaded_nor_unloaded(triton_client: triton.InferenceServerClient) -> None:
    for method in (triton_client.load_model, triton_client.unload_model):
        with pytest.raises(InferenceServerException, match="'another' is not served here"):
            method("another")
