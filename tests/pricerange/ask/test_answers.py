"""A model in this process and a service give the same answers: all of them, to the last bit."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from live_server import Server

from pricerange import synthetic
from pricerange.ask.asked import Answerer, Asked
from pricerange.ask.model import Model
from pricerange.ask.service import asking
from pricerange.errors import (
    NoBackgroundError,
    ServiceCallError,
    ServiceSettingError,
    SettingsError,
    UncalibratedError,
)
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor

COMMITTED = Path(__file__).parents[3] / "models"
RAM, CORES = FEATURE_NAMES.index("ram"), FEATURE_NAMES.index("n_cores")


@pytest.fixture(scope="module")
def server(pruned_repository: Path) -> Iterator[Server]:
    running = Server(pruned_repository).wait_until_ready()
    yield running
    assert running.end() == 0


@pytest.fixture(scope="module")
def predictor(pruned_repository: Path) -> Predictor:
    return Predictor.load(pruned_repository)


def rows(*, unknown: bool) -> np.ndarray:
    phones = synthetic.phones(40)[0].astype(np.float32)
    phones[3, RAM] = 100_000
    phones[4, CORES] = 200
    if unknown:
        phones[5, RAM] = np.nan
        phones[6] = np.nan
    return phones


@pytest.mark.parametrize(
    "asked",
    [
        Asked(),
        Asked(sets=0.9),
        Asked(explain=True),
        Asked(unknown=True),
        Asked(sets=0.5, explain=True, unknown=True),
    ],
    ids=str,
)
def test_a_model_answers_as_a_service_does(server: Server, predictor: Predictor, asked: Asked) -> None:
    phones = rows(unknown=asked.unknown)
    with asking(server.url, None, None, 30, asked) as service:
        model = Model.of(predictor, asked)
        # as text: the members are in the same order too
        assert json.dumps(model.many(phones)) == json.dumps(service.many(phones))
        for place in (0, 3, 5):
            phone = phones[place : place + 1]
            assert json.dumps(model.one(phone)) == json.dumps(service.one(phone))


def test_what_a_version_cannot_tell_is_said() -> None:
    old = Predictor.load(COMMITTED, 2)
    with pytest.raises(UncalibratedError):
        Model.of(old, Asked(sets=0.9))
    for asked in (Asked(explain=True), Asked(unknown=True)):
        with pytest.raises(NoBackgroundError):
            Model.of(old, asked)


def test_what_a_service_refuses_is_said_in_its_words(server: Server) -> None:
    with ExitStack() as stack:
        service: Answerer = stack.enter_context(asking(f"{server.url}/ml", None, None, 30, Asked()))
        with pytest.raises(ServiceCallError, match="404 Not Found: POST /ml/predict"):
            service.one(rows(unknown=False)[:1])


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x"])
def test_a_url_of_something_else_is_refused(url: str) -> None:
    with (
        pytest.raises(ServiceSettingError, match="--url: base_url: expected http"),
        asking(url, None, None, 1, Asked()),
    ):
        pass


def test_a_file_of_certificates_must_be_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "ca.pem")
    with pytest.raises(SettingsError), asking("https://127.0.0.1", None, missing, 1, Asked()):
        pass
