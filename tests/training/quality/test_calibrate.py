"""Temperature: it finds how much too sure a network is, never makes it worse, and is in the graph."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from torch import Tensor

from pricerange.answer.prediction_sets import PredictionSets
from pricerange.predictor import Predictor
from training import data
from training.data import LabelledPhones
from training.export import export, prove_equal
from training.network.network import Network, PhoneModel
from training.network.preprocess import Preprocess
from training.quality.calibrate import calibrate
from training.quality.coverage import coverage
from training.recipe import sections
from training.recipe.recipe import Recipe
from training.split import three_ways

HEADS = [
    pytest.param(sections.Softmax(name="softmax"), id="softmax"),
    pytest.param(sections.Ordinal(name="ordinal"), id="ordinal"),
    pytest.param(sections.Number(name="number", loss="mse"), id="number"),
]


def untrained(features: Tensor, quick: Recipe, head: sections.Head) -> PhoneModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        preprocess = Preprocess(features, quick.preprocess)
        model = PhoneModel(preprocess, Network(preprocess.outputs, quick.network, head)).eval()
    with torch.no_grad():
        model.network.head.linear.weight.mul_(4)
    return model


def answers_of(model: PhoneModel, features: Tensor, temperature: float) -> Tensor:
    """Price ranges drawn with the probabilities that the temperature would give."""
    with torch.no_grad():
        probabilities = model.network.head.probabilities(model.logits(features).double() / temperature)
    return torch.multinomial(probabilities, 1, generator=torch.Generator().manual_seed(5))[:, 0]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_finds_how_sure_the_network_should_be(quick: Recipe, head: sections.Head, temperature: float) -> None:
    features = torch.from_numpy(data.generate(8_000).features)
    model = untrained(features, quick, head)
    found = calibrate(model, features, answers_of(model, features, temperature))
    assert found.temperature == pytest.approx(temperature, rel=0.1)
    assert model.temperature.item() == found.temperature
    assert found.nll_after < found.nll_before
    assert found.rows == 8_000
    assert found.method == "temperature"


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("rows", [12, 400])
def test_never_makes_the_rows_it_is_fitted_to_less_likely(
    phones: LabelledPhones, quick: Recipe, head: sections.Head, rows: int
) -> None:
    features = torch.from_numpy(phones.features)
    model = untrained(features, quick, head)
    for truth in (answers_of(model, features, 1.0), torch.from_numpy(phones.price_range)):
        model.temperature.fill_(1.0)
        found = calibrate(model, features[:rows], truth[:rows])
        assert found.nll_after <= found.nll_before + 1e-7


def test_rows_that_are_all_answered_rightly_do_not_make_it_certain(
    phones: LabelledPhones, quick: Recipe
) -> None:
    features = torch.from_numpy(phones.features)[:100]
    model = untrained(features, quick, sections.Softmax(name="softmax"))
    answered = model(features)[1]
    found = calibrate(model, features, answered)
    assert math.exp(-3) < found.temperature < 1


@pytest.mark.parametrize("head", HEADS)
def test_the_graph_answers_with_the_temperature(
    phones: LabelledPhones, quick: Recipe, head: sections.Head
) -> None:
    features = torch.from_numpy(phones.features)
    model = untrained(features, quick, head)
    calibrate(model, features, answers_of(model, features, 2.5))
    answers = prove_equal(model, export(model, {}), phones.features)
    with torch.no_grad():
        logits = model.logits(features)
        scaled, as_it_was = (
            model.network.head.probabilities(logits / by).numpy() for by in (model.temperature, 1)
        )
    np.testing.assert_allclose(answers.probabilities, scaled, atol=1e-5, rtol=0)
    assert np.abs(scaled - as_it_was).max() > 0.05


def test_the_passport_tells_what_the_served_answers_to_the_validation_phones_show(
    model_repository: Path, quick: Recipe
) -> None:
    predictor = Predictor.load(model_repository)
    calibration, metrics = predictor.bundle.passport.calibration, predictor.bundle.passport.metrics
    phones = data.generate(1_000)
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    validation = predictor.predict(phones.features[parts.validation]).probabilities
    truth = phones.price_range[parts.validation]
    assert calibration["method"] == "temperature"
    assert calibration["rows"] == len(truth)
    assert calibration["nll_after"] == pytest.approx(log_loss(truth, validation, labels=range(4)), rel=1e-4)
    assert predictor.bundle.passport.prediction_sets is not None
    sets = PredictionSets(predictor.bundle.passport.prediction_sets.of_truth)
    test = predictor.predict(phones.features[parts.test]).probabilities
    measured = coverage(test, phones.price_range[parts.test], sets)
    told = {level: dataclasses.asdict(found) for level, found in measured.items()}
    # JSON knows lists only
    assert metrics["conformal"] == json.loads(json.dumps(told))
