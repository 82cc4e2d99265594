"""What all packages test with: a table of phones and a model that was really trained."""

import gc
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from program import NOT_INSTALLED
from s3_server import S3Server
from shared_folder import once

# a machine under load is slow now and then: time is what benches measure
settings.register_profile("pricerange", deadline=None)
settings.load_profile("pricerange")

QUICK_RECIPE = """
seed = 1

[split]
validation = 0.1
test = 0.1

[network]
name = "mlp"
hidden = [16, 8]
activation = "relu"
dropout = [0.05, 0.0]
batch_norm_bias = 3.0
input_sparsity = 0.03

[head]
name = "ordinal"

[optimiser]
name = "adamw"
learning_rate = 0.05
weight_decay = 0.01

[schedule]
name = "one_cycle"
warm_up = 0.3

[sets]
folds = 2
patterns = 20

[loop]
epochs = 30
batch_size = 100
patience = 30
"""
"""A small network, trained in a fraction of a second: right nine times in ten on synthetic phones."""

PRUNED_RECIPE = (
    QUICK_RECIPE.replace("input_sparsity = 0.03", "input_sparsity = 0.3\npruning = 1.0")
    .replace("epochs = 30", "epochs = 10")
    .replace("patience = 30", "patience = 10")
)
"""Sooner, and with so few inputs that all their coalitions can be asked."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Have the garbage collector pass over the libraries, a million objects, when it looks at all."""
    gc.disable()
    done = yield
    gc.freeze()
    gc.enable()
    return done


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say in the last lines what to install for the tests that were skipped."""
    yield
    reasons = (report.longrepr[2] for report in terminalreporter.stats.get("skipped", ()))
    missing = {reason.partition(NOT_INSTALLED)[2] for reason in reasons if NOT_INSTALLED in reason}
    for program in sorted(missing):
        terminalreporter.write_line(f"tests were skipped: to run them, install {program}", yellow=True)


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipes") / "quick.toml"
    path.write_text(QUICK_RECIPE)
    return path


@pytest.fixture(scope="session")
def phones_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that PRICERANGE_DATA names, else synthetic phones; 20 features and price_range."""
    named = os.environ.get("PRICERANGE_DATA")
    if named:
        return Path(named)
    from pricerange import synthetic

    path = tmp_path_factory.mktemp("data") / "phones.csv"
    path.write_text(synthetic.as_csv(*synthetic.phones(1_000)))
    return path


@pytest.fixture(scope="session")
def model_repository(tmp_path_factory: pytest.TempPathFactory, recipe_file: Path) -> Path:
    """A model repository with one version, trained on synthetic phones; not to be changed."""
    return once(tmp_path_factory, "models", lambda models: trained(models, recipe_file))


@pytest.fixture(scope="session")
def pruned_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model repository with one version that uses few features; not to be changed."""
    recipe = tmp_path_factory.mktemp("pruned") / "pruned.toml"
    recipe.write_text(PRUNED_RECIPE)
    return once(tmp_path_factory, "pruned-models", lambda models: trained(models, recipe))


@pytest.fixture(scope="session")
def two_versions(model_repository: Path, recipe_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model repository with versions 1 and 2, which answer differently; not to be changed."""

    def fill(models: Path) -> None:
        shutil.copytree(model_repository, models, dirs_exist_ok=True)
        other = tmp_path_factory.mktemp("recipes") / "other.toml"
        other.write_text(recipe_file.read_text().replace("seed = 1", "seed = 2"))
        trained(models, other)

    return once(tmp_path_factory, "two-versions", fill)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """Lend an S3 server to which the tests of a process write under keys of their own."""
    server = S3Server()
    yield server
    server.end()


def trained(models: Path, recipe: Path) -> Path:
    """Train a version quickly, and let it be served although a linear model is better."""
    from pricerange.approval import Approval
    from training.train import train

    version = train(["synthetic:1000"], models, recipe)
    Approval.now("approved", "good enough for tests").write(version)
    return models
