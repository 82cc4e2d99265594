"""What the tests of the log have in common: a request, and answers to some phones."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from pricerange import synthetic
from pricerange.predictor import Prediction, Predictor
from service.http.budget import MemoryBudget
from service.http.framing.head import Head
from service.http.request_state import Requests, RequestState


class Asked(NamedTuple):
    """Who asks about one phone."""

    state: RequestState


@pytest.fixture(scope="session")
def predictor(model_repository: Path) -> Predictor:
    return Predictor.load(model_repository)


@pytest.fixture(scope="session")
def rows() -> np.ndarray:
    return synthetic.phones(100, block=3)[0].astype(np.float32)


@pytest.fixture(scope="session")
def prediction(predictor: Predictor, rows: np.ndarray) -> Prediction:
    return predictor.predict(rows)


@pytest.fixture(scope="session")
def state() -> Callable[[str], RequestState]:
    requests = Requests(10, MemoryBudget(1 << 20, lambda held: None), lambda state: None)

    def made(request_id: str) -> RequestState:
        headers = [(b"x-request-id", request_id.encode())]
        return requests.open(Head("POST", b"/predict", "1.1", headers, True, 0), None, None)

    return made
