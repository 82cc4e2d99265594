"""A server with both doors, and phones to ask it about."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from live_server import Server

from pricerange.phone import FEATURES
from pricerange.predictor import Prediction, Predictor

Rows = npt.NDArray[np.float32]


@pytest.fixture(scope="session")
def grpc_server(model_repository: Path) -> Iterator[Server]:
    """One server for all tests that only ask."""
    running = Server(model_repository, "--grpc-port", "0").wait_until_ready()
    yield running
    assert running.end() == 0
    assert all(line.startswith("{") for line in running.lines)


@pytest.fixture(scope="session")
def rows() -> Rows:
    """300 different phones: more than the model takes in one block."""
    rows = np.tile(np.array([feature.example for feature in FEATURES], np.float32), (300, 1))
    random = np.random.default_rng(0)
    for column, feature in enumerate(FEATURES):
        if feature.name in ("ram", "battery_power", "px_height"):
            rows[:, column] = random.integers(500, 4000, len(rows))
        elif feature.name == "clock_speed":
            rows[:, column] = random.uniform(0.5, 3, len(rows))
    return rows


@pytest.fixture(scope="session")
def expected(model_repository: Path, rows: Rows) -> Prediction:
    return Predictor.load(model_repository).predict(rows)
