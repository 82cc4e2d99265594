"""A real Triton client, and phones to ask it about."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt
import pytest
import tritonclient.http as triton
from live_server import Server

from pricerange.phone import FEATURES
from pricerange.predictor import Prediction, Predictor

Rows = npt.NDArray[np.float32]


@pytest.fixture
def triton_client(server: Server) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(httpx.URL(server.url).netloc.decode()) as client:
        yield client


@pytest.fixture(scope="session")
def rows() -> Rows:
    """300 different phones: more than the model takes in one block."""
    rows = np.tile(np.array([feature.example for feature in FEATURES], np.float32), (300, 1))
    random = np.random.default_rng(0)
    for column, feature in enumerate(FEATURES):
        if feature.kind == "yes/no":
            rows[:, column] = random.integers(0, 2, len(rows))
        elif feature.name in ("ram", "battery_power", "px_height"):
            rows[:, column] = random.integers(500, 4000, len(rows))
        elif feature.name == "clock_speed":
            rows[:, column] = random.uniform(0.5, 3, len(rows))
    return rows


@pytest.fixture(scope="session")
def expected(model_repository: Path, rows: Rows) -> Prediction:
    return Predictor.load(model_repository).predict(rows)
