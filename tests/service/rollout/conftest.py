"""Model repositories whose rollout changes, and servers that follow it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rollout_server import RAISING, SHUFFLED, SLOW, Rolling

from bench.load.broken_versions import add_raising, add_shuffled, add_slow
from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor

STABLE = "stable = 1\n"


@pytest.fixture(scope="session")
def many_versions(two_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Versions 1 and 2, and those that are bad; not to be changed."""
    models = tmp_path_factory.mktemp("many-versions") / "models"
    shutil.copytree(two_versions, models)
    added = [add(models, 1) for add in (add_raising, add_shuffled, add_slow)]
    assert [int(version.name) for version in added] == [RAISING, SHUFFLED, SLOW]
    return models


def copied(models: Path, folder: Path) -> Rolling:
    """A repository of one's own whose stable version is 1; its server is not started yet."""
    shutil.copytree(models, folder / "models")
    found = Rolling(folder / "models")
    found.want(STABLE)
    return found


@pytest.fixture(scope="package")
def shared(many_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rolling]:
    """One server of two workers for all tests that leave it well."""
    found = copied(many_versions, tmp_path_factory.mktemp("shared"))
    found.start("--grpc-port", "0")
    yield found
    assert found.server.end() == 0


@pytest.fixture
def rolling(shared: Rolling) -> Rolling:
    """That server, which serves version 1."""
    shared.follow(STABLE)
    return shared


@pytest.fixture
def alone(many_versions: Path, tmp_path: Path) -> Iterator[Rolling]:
    """A repository whose server the test starts, and may kill."""
    found = copied(many_versions, tmp_path)
    yield found
    found.end()


@pytest.fixture(scope="session")
def phones() -> list[dict[str, float]]:
    rows = synthetic.phones(200)[0].astype(np.float32)
    return [dict(zip(FEATURE_NAMES, map(float, map(str, row)), strict=True)) for row in rows]


@pytest.fixture(scope="session")
def right(many_versions: Path, phones: list[dict[str, float]]) -> dict[str, np.ndarray]:
    """What versions 1 and 2 answer: probabilities float32 [n, 4]."""
    rows = np.array([list(phone.values()) for phone in phones], np.float32)
    return {
        str(version): Predictor.load(many_versions, version).predict(rows).probabilities for version in (1, 2)
    }
