"""Triton's own clients, unchanged, in a process of their own: every call that applies, in both flavours."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_server import Server

from pricerange.predictor import Prediction

NAME = "phone_price_range"


@pytest.fixture(scope="module")
def found(grpc_server: Server, rows: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    np.save(path, rows)
    program = Path(__file__).with_name("by_tritonclient.py")
    ended = subprocess.run(
        [sys.executable, program, grpc_server.grpc_address, path], capture_output=True, text=True, check=True
    )
    answers: dict[str, Any] = json.loads(ended.stdout)
    return answers


def test_it_learns_what_is_served(found: dict[str, Any]) -> None:
    told = found["threads"]
    assert told["is_server_live"]
    assert told["is_server_ready"]
    assert told["is_model_ready"]
    assert told["get_server_metadata"]["name"] == "pricerange"
    assert told["get_model_metadata"]["inputs"] == [
        {"name": "features", "datatype": "FP32", "shape": ["-1", "20"]}
    ]
    config = told["get_model_config"]["config"]
    assert (config["name"], config["backend"], config["max_batch_size"]) == (NAME, "onnxruntime", 1000)
    assert config["output"][0]["label_filename"] == "labels.txt"
    assert told["get_inference_statistics"]["model_stats"][0]["version"] == "1"
    assert told["get_model_repository_index"]["models"][0]["state"] == "READY"


@pytest.mark.parametrize("way", ["infer None", "infer gzip", "async_infer", "aio"])
def test_answers_equal_the_predictors_to_the_last_bit(
    found: dict[str, Any], expected: Prediction, way: str
) -> None:
    answer = found["asyncio"]["infer"] if way == "aio" else found["threads"][way]
    assert answer["id"] == ("8" if way == "async_infer" else "7")
    assert answer["probabilities"] == expected.probabilities.tobytes().hex()
    assert answer["price_range"] == expected.price_range.tolist()


@pytest.mark.parametrize("flavour", ["threads", "asyncio"])
def test_streams_are_answered_in_order(found: dict[str, Any], expected: Prediction, flavour: str) -> None:
    for number, answer in enumerate(found[flavour]["stream"]):
        if flavour == "threads" and number == 5:
            assert answer == "the model 'x' is not served here, only phone_price_range"
        else:
            assert answer["id"] == str(number)
            assert answer["probabilities"] == expected.probabilities[number].tobytes().hex()


def test_errors_have_our_words(found: dict[str, Any]) -> None:
    status, words = found["threads"]["unknown model"]
    assert (status, words) == (
        "StatusCode.NOT_FOUND",
        "the model 'x' is not served here, only phone_price_range",
    )
    status, words = found["threads"]["bad phones"]
    assert status == "StatusCode.INVALID_ARGUMENT"
    assert words.startswith("row 1: battery_power must be")


def test_sets_are_a_parameter_and_an_output(found: dict[str, Any], rows: np.ndarray) -> None:
    assert np.array(found["threads"]["prediction_set"]).shape == (len(rows), 4)
