"""The verdict on a run: each one provoked by a recipe that deserves it, and by its numbers."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pricerange.verdict import Comparison, Comparisons, Outcome, Verdict
from training.data import LabelledPhones
from training.fit.divergence import EXPLODING_NORM
from training.fit.history import Epoch, History, Layer
from training.learn import answers, calibrated, learn
from training.promotion.comparisons import BEYOND_DOUBT, Answers, chance_of
from training.promotion.verdict import verdict
from training.quality.usage import usage
from training.recipe import recipe
from training.recipe.recipe import Recipe
from training.report import advice
from training.report.diagnose import DEAD_SHARE, Diagnosis
from training.report.diagnose import diagnose as judge
from training.report.yardstick import Yardstick, yardstick
from training.split import three_ways

DEEP_SIGMOIDS = """
[network]
name = "mlp"
hidden = [16, 16, 16, 16, 16]
activation = "sigmoid"
dropout = [0, 0, 0, 0, 0]
batch_norm = false

[initialisation]
name = "normal"
deviation = 0.01

[optimiser]
name = "sgd"
learning_rate = 0.05
"""
LOUD_START = """
[network]
name = "mlp"
hidden = [64, 64, 64, 64]
activation = "relu"
dropout = [0, 0, 0, 0]
batch_norm = false

[initialisation]
name = "normal"
deviation = 0.5

[optimiser]
name = "adam"
learning_rate = 0.0001
"""
CLOSED_START = """
[network]
name = "mlp"
hidden = [16, 8]
activation = "relu"
dropout = [0, 0]
batch_norm_bias = -6.0

[optimiser]
name = "sgd"
learning_rate = 0.01
"""
HEAVY_DROPOUT = """
[network]
name = "mlp"
hidden = [16, 8]
activation = "relu"
dropout = [0.7, 0.7]

[optimiser]
name = "sgd"
learning_rate = 0.001

[schedule]
name = "constant"
"""
BY_HEART = """
[network]
name = "mlp"
hidden = [256, 256]
activation = "relu"
dropout = [0, 0]

[optimiser]
name = "adam"
learning_rate = 0.01

[head]
name = "softmax"

[loop]
epochs = 80
batch_size = 50
"""
EPOCH = Epoch(
    number=1,
    loss=0.1,
    accuracy=0.96,
    validation_loss=0.1,
    validation_error=0.01,
    validation_accuracy=0.96,
    learning_rate=0.01,
    layers=[Layer("hidden 1", 0.5, 0.4, 0.3, 0.0), Layer("head", 1.0, 0.0, 1.0, None)],
)


def changed(file: Path, text: str) -> Recipe:
    """Put whole sections of the quick recipe in the place of its own."""
    return Recipe.model_validate(tomllib.loads(file.read_text()) | tomllib.loads(text))


def verdict_of_training(phones: LabelledPhones, choices: Recipe) -> Diagnosis:
    parts = three_ways(phones.price_range, choices.split, choices.seed)
    model, history = learn(phones, parts.training, parts.validation, choices, lambda _: None)
    calibrated(model, phones, parts.validation, choices)
    test = parts.test
    tested = Answers(answers(model, phones.features[test]), phones.price_range[test])
    judged = verdict(tested, phones, parts, usage(model, phones.features), None)
    return judge(history, choices, yardstick(phones, parts.training, parts.validation), judged)


@pytest.mark.parametrize(
    ("text", "verdict", "key"),
    [
        pytest.param(DEEP_SIGMOIDS, "vanishing gradients", "initialisation.name", id="deep sigmoids"),
        pytest.param(LOUD_START, "exploding gradients", "initialisation.name", id="loud start"),
        pytest.param(CLOSED_START, "dead units", "network.batch_norm_bias", id="closed start"),
        pytest.param(HEAVY_DROPOUT, "underfitting", "network.dropout", id="heavy dropout"),
        pytest.param(BY_HEART, "overfitting", "network.input_sparsity", id="by heart"),
    ],
)
def test_a_recipe_gets_the_verdict_that_it_deserves(
    phones: LabelledPhones, recipe_file: Path, text: str, verdict: str, key: str
) -> None:
    diagnosis = verdict_of_training(phones, changed(recipe_file, text))
    assert diagnosis.verdict == verdict
    assert all(re.search(r"\d", sentence) for sentence in diagnosis.evidence[:1])
    assert f"`{key}`" in diagnosis.advice[0]


def test_what_the_advice_says_turns_the_verdict(phones: LabelledPhones, recipe_file: Path) -> None:
    better = DEEP_SIGMOIDS.replace('"normal"\ndeviation = 0.01', '"auto"').replace("sigmoid", "relu")
    better = better.replace("batch_norm = false", "batch_norm = true")
    assert verdict_of_training(phones, changed(recipe_file, DEEP_SIGMOIDS)).verdict == "vanishing gradients"
    assert verdict_of_training(phones, changed(recipe_file, better)).verdict != "vanishing gradients"


def test_the_shipped_recipe_fits_well(phones_csv: Path) -> None:
    from training import data

    diagnosis = verdict_of_training(data.load([str(phones_csv)]), recipe.read(recipe.DEFAULT))
    assert (diagnosis.verdict, diagnosis.advice) == ("good fit", [])


def test_labels_that_say_nothing_are_the_first_thing_to_be_named(phones_csv: Path) -> None:
    from training import data

    phones = data.load([str(phones_csv)])
    shuffled = np.random.default_rng(0).permutation(phones.price_range)
    choices = recipe.read(recipe.DEFAULT)
    short = choices.model_copy(update={"loop": choices.loop.model_copy(update={"epochs": 20})})
    diagnosis = verdict_of_training(replace(phones, price_range=shuffled), short)
    assert diagnosis.verdict == "no signal"
    assert diagnosis.evidence[0].startswith("Not better than chance beyond doubt: ")
    assert "`price_range`" in diagnosis.advice[0]


LINEAR = Yardstick(0.97, 0.0135)


def beside(right: int, other: int, rows: int, outcome: Outcome) -> Comparison:
    return Comparison(
        test="a test", rows=rows, right=right, other_rows=rows, other_right=other, p=0.5, outcome=outcome
    )


def judged(right: int = 96, linear: int = 97, rows: int = 100, outcome: Outcome = "no worse") -> Verdict:
    above = "better" if chance_of(right, rows, rows // 4) < BEYOND_DOUBT else "no worse"
    chance = beside(right, rows // 4, rows, above)  # type: ignore[arg-type]
    comparisons = Comparisons(chance=chance, linear=beside(right, linear, rows, outcome))
    return Verdict(promotable=False, reasons=["Tested elsewhere."], comparisons=comparisons)


WELL = judged()


def diagnose(
    history: History, choices: Recipe, linear: Yardstick = LINEAR, verdict: Verdict = WELL
) -> Diagnosis:
    return judge(history, choices, linear, verdict)


@pytest.mark.parametrize(
    ("verdict", "name"),
    [
        pytest.param(judged(4, 4, rows=4), "too few phones", id="4 phones, all right"),
        pytest.param(judged(38, 37), "no signal", id="neither above chance"),
        pytest.param(judged(50, 45), "weak signal", id="as often wrong as right"),
        pytest.param(judged(38, 60), "underfitting", id="a linear model finds more"),
        pytest.param(judged(90, 97, outcome="worse"), "underfitting", id="a linear model is better"),
        pytest.param(judged(90, 60, outcome="better"), "good fit", id="a linear model is worse"),
    ],
)
def test_a_good_fit_is_good_beside_others(quick: Recipe, verdict: Verdict, name: str) -> None:
    found = diagnose(history(*[EPOCH] * 10), quick, verdict=verdict)
    assert found.verdict == name
    assert found.evidence
    assert bool(found.advice) == (name != "good fit")


def test_what_a_linear_model_reaches_is_that_of_the_same_phones(
    phones: LabelledPhones, quick: Recipe
) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    draw = np.random.default_rng(0)
    noisy = np.where(draw.random(len(phones.price_range)) < 0.4, draw.integers(0, 4), phones.price_range)
    clear, blurred = (
        yardstick(replace(phones, price_range=labels), parts.training, parts.validation)
        for labels in (phones.price_range, noisy)
    )
    assert clear.accuracy > 0.85 > blurred.accuracy + 0.1
    half_right = history(*[replace(EPOCH, accuracy=0.6, validation_accuracy=0.6)] * 10)
    assert diagnose(half_right, quick, clear).verdict == "underfitting"
    assert f"classifies {100 * clear.accuracy:.1f} %" in diagnose(half_right, quick, clear).evidence[0]
    assert diagnose(half_right, quick, Yardstick(0.6, 0.05)).verdict == "good fit"


def history(*epochs: Epoch) -> History:
    numbered = [replace(epoch, number=number) for number, epoch in enumerate(epochs, start=1)]
    return History(numbered, numbered[-1])


def first_layer(**measures: float) -> Epoch:
    return replace(EPOCH, layers=[replace(EPOCH.layers[0], **measures), EPOCH.layers[1]])


def test_of_several_troubles_the_one_that_causes_the_others_is_named(quick: Recipe) -> None:
    guesses = {"loss": 1.8, "accuracy": 0.3, "validation_accuracy": 0.3}
    dead_and_torn = first_layer(gradient_norm=2 * EXPLODING_NORM, dead=2 * DEAD_SHARE)
    dead_and_still = first_layer(gradient_norm=0.0, dead=2 * DEAD_SHARE)
    still = first_layer(gradient_norm=0.0)
    verdicts = [
        diagnose(history(*[replace(epoch, **guesses)] * 10), quick).verdict
        for epoch in (dead_and_torn, dead_and_still, still, EPOCH)
    ]
    assert verdicts == ["exploding gradients", "dead units", "vanishing gradients", "underfitting"]


def test_a_loud_first_epoch_that_passes_is_no_trouble(quick: Recipe) -> None:
    loud = first_layer(gradient_norm=2 * EXPLODING_NORM)
    assert diagnose(history(loud, *[EPOCH] * 19), quick).verdict == "good fit"


def test_a_layer_that_stands_still_is_no_trouble_once_the_rule_is_learned(quick: Recipe) -> None:
    assert diagnose(history(*[first_layer(gradient_norm=1e-9)] * 10), quick).verdict == "good fit"


def test_a_gap_that_chance_can_make_is_no_overfitting(quick: Recipe) -> None:
    gap = {"loss": 0.02, "validation_loss": 0.12}
    noisy, exact = (replace(EPOCH, **gap, validation_error=error) for error in (0.05, 0.01))
    assert diagnose(history(*[noisy] * 10), quick).verdict == "good fit"
    assert diagnose(history(*[exact] * 10), quick).verdict == "overfitting"


def test_phones_that_were_learned_by_heart_show_in_the_accuracy_too(quick: Recipe) -> None:
    near, far = (replace(EPOCH, validation_accuracy=right) for right in (0.9, 0.8))
    assert diagnose(history(*[near] * 10), quick).verdict == "good fit"
    assert diagnose(history(*[far] * 10), quick).verdict == "overfitting"


def test_a_single_epoch_is_enough_for_a_verdict(quick: Recipe) -> None:
    assert diagnose(history(EPOCH), quick).verdict == "good fit"


@pytest.mark.parametrize(
    "text", ["", DEEP_SIGMOIDS, LOUD_START, CLOSED_START, '[network]\nname = "lstm"\nhidden = 8\n']
)
def test_advice_names_keys_that_a_recipe_has(recipe_file: Path, text: str) -> None:
    choices = changed(recipe_file, text)
    for advise in (
        advice.on_exploding_gradients,
        advice.on_dead_units,
        advice.on_vanishing_gradients,
        advice.on_underfitting,
        advice.on_overfitting,
    ):
        sentences = advise(choices)
        assert sentences
        for section, key in re.findall(r"`(\w+)\.(\w+)`", " ".join(sentences)):
            assert key in type(getattr(choices, section)).model_fields, f"{section}.{key}"
