"""A row's answer does not depend on its neighbours, the block, the thread or the process."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from corpus import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.load.broken_versions import UNLUCKY, add_raising
from pricerange import bundle
from pricerange.errors import ProviderUnavailableError, UnloadableModelError
from pricerange.phone import FEATURE_NAMES, FEATURES
from pricerange.predictor import BLOCK_ROWS, Predictor


@pytest.fixture(scope="module")
def predictor(model_repository: Path) -> Predictor:
    return Predictor.load(model_repository)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    generator = np.random.default_rng(7)
    low, high = (np.array([getattr(feature, side) for feature in FEATURES]) for side in ("low", "high"))
    return (low + generator.random((3000, 20)) * (high - low)).astype(np.float32)


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one.view(np.int32), other.view(np.int32))


def test_probabilities_are_probabilities_and_the_price_range_is_their_largest(
    predictor: Predictor, rows: np.ndarray
) -> None:
    answer = predictor.predict(rows)
    assert answer.probabilities.dtype == np.float32
    assert answer.price_range.dtype == np.int64
    assert (answer.probabilities >= 0).all()
    assert np.allclose(answer.probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(answer.price_range, answer.probabilities.argmax(axis=1))


@settings(deadline=None, max_examples=examples(60))
@given(start=st.integers(0, 2999), length=st.integers(1, 3 * BLOCK_ROWS))
def test_a_rows_answer_is_the_same_bits_in_every_block(
    predictor: Predictor, rows: np.ndarray, start: int, length: int
) -> None:
    whole = predictor.predict(rows).probabilities[start : start + length]
    assert same_bits(predictor.predict(rows[start : start + length]).probabilities, whole)


def test_many_threads_get_the_same_bits(predictor: Predictor, rows: np.ndarray) -> None:
    expected = predictor.predict(rows).probabilities
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: predictor.predict(rows).probabilities, range(32)))
    assert all(same_bits(answer, expected) for answer in answers)


def test_no_rows_have_no_answers(predictor: Predictor, rows: np.ndarray) -> None:
    answer = predictor.predict(rows[:0])
    assert answer.probabilities.shape == (0, 4)
    assert answer.price_range.shape == (0,)


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this onnxruntime has CUDA"
)
def test_cuda_that_is_not_there_is_an_error_that_says_what_is_missing(model_repository: Path) -> None:
    with pytest.raises(ProviderUnavailableError, match=r"'cuda' is not available.*onnxruntime-gpu"):
        Predictor.load(model_repository, provider="cuda")


def test_no_rows_are_answered_without_running_the_model(
    model_repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = Predictor.load(model_repository)
    monkeypatch.setattr(predictor, "_run", lambda _: pytest.fail("the model ran"))
    prediction = predictor.predict(np.empty((0, len(FEATURES)), np.float32))
    assert (prediction.probabilities.shape, prediction.price_range.shape) == ((0, 4), (0,))
    assert (prediction.probabilities.dtype, prediction.price_range.dtype) == (np.float32, np.int64)


def test_a_graph_whose_weights_lie_in_another_file_is_rejected(
    model_repository: Path, tmp_path: Path
) -> None:
    import onnx

    version = bundle.read(bundle.find(model_repository))
    path = tmp_path / "model.onnx"
    onnx.save_model(
        onnx.load_from_string(version.model),
        path,
        save_as_external_data=True,
        location="weights",
        size_threshold=0,
    )
    # where the working directory holds the weights, ONNX Runtime would take them
    with pytest.raises(UnloadableModelError, match="external data"):
        Predictor(replace(version, model=path.read_bytes()))


def test_a_run_that_fails_raises_and_writes_nothing(
    model_repository: Path, tmp_path: Path, rows: np.ndarray, capfd: pytest.CaptureFixture[str]
) -> None:
    models = shutil.copytree(model_repository, tmp_path / "models")
    version = int(bundle.find(models).name)
    predictor = Predictor.load(models, int(add_raising(models, version).name))
    unlucky = rows[:3].copy()
    for name, value in UNLUCKY.items():
        unlucky[1, FEATURE_NAMES.index(name)] = value
    with pytest.raises(Exception, match="out of data bounds"):
        predictor.predict(unlucky)
    assert capfd.readouterr() == ("", "")
