"""The training loop."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from training.data import LabelledPhones
from training.errors import DivergedError
from training.fit.divergence import DivergenceGuard
from training.fit.examples import Examples
from training.fit.history import Epoch
from training.fit.loop import fit
from training.learn import learn
from training.network.network import Network
from training.recipe.recipe import Recipe
from training.recipe.sections import Normal, Sgd, Steady
from training.split import three_ways


def changed(recipe: Recipe, section: str, **choices: object) -> Recipe:
    part = getattr(recipe, section).model_copy(update=choices)
    return recipe.model_copy(update={section: part})


def test_learns_the_rule_and_reports_every_epoch(phones: LabelledPhones, quick: Recipe) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    reported: list[Epoch] = []
    model, history = learn(phones, parts.training, parts.validation, quick, reported.append)
    assert reported == history.epochs
    assert history.epochs[-1].loss < history.epochs[0].loss / 2
    answered = model(torch.from_numpy(phones.features[parts.test]))[1].numpy()
    assert np.mean(answered == phones.price_range[parts.test]) > 0.75


@pytest.mark.parametrize(
    "choices", [pytest.param({}, id="plain"), pytest.param({"ema_decay": 0.9}, id="ema")]
)
def test_leaves_the_model_in_eval_mode_with_the_weights_of_the_kept_epoch(
    phones: LabelledPhones, quick: Recipe, choices: dict[str, object]
) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    recipe = changed(quick, "loop", **choices)
    model, history = learn(phones, parts.training, parts.validation, recipe, lambda _: None)
    assert not any(module.training for module in model.modules())
    with torch.no_grad():
        logits = model.logits(torch.from_numpy(phones.features[parts.validation]))
        losses = model.network.head.loss(logits, torch.from_numpy(phones.price_range[parts.validation]))
    assert losses.mean().item() == pytest.approx(history.kept.validation_loss, rel=1e-5)


def test_an_early_end_leaves_out_the_remaining_epochs(phones: LabelledPhones, quick: Recipe) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    # so high a rate that the loss jumps about
    hasty = changed(changed(quick, "optimiser", learning_rate=3.0), "loop", patience=1, epochs=200)
    _, history = learn(phones, parts.training, parts.validation, hasty, lambda _: None)
    assert len(history.epochs) < 200
    assert history.epochs[-1].number == history.kept.number + 1


def test_statistics_come_from_the_training_rows_only(phones: LabelledPhones, quick: Recipe) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    short = changed(quick, "loop", epochs=2)
    model, _ = learn(phones, parts.training, parts.validation, short, lambda _: None)
    exact = phones.features[parts.training].astype(np.float64)
    np.testing.assert_array_equal(model.preprocess.mean.numpy(), exact.mean(axis=0).astype(np.float32))
    np.testing.assert_allclose(model.preprocess.deviation.numpy(), exact.std(axis=0), rtol=1e-6)


def test_rows_outside_training_and_validation_change_nothing(phones: LabelledPhones, quick: Recipe) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    short = changed(quick, "loop", epochs=3)
    features, price_range = phones.features.copy(), phones.price_range.copy()
    features[parts.test], price_range[parts.test] = 1e6, 0
    other = LabelledPhones(features, price_range, phones.source, phones.sha256)
    first, second = (
        learn(data, parts.training, parts.validation, short, lambda _: None)[0] for data in (phones, other)
    )
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


def test_training_leaves_the_random_numbers_and_threads_of_its_caller_alone(
    phones: LabelledPhones, quick: Recipe
) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    learn(phones, parts.training, parts.validation, changed(quick, "loop", epochs=1), lambda _: None)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("shuffle", [pytest.param(True, id="shuffled"), pytest.param(False, id="in order")])
def test_rows_come_in_their_order_or_in_another_each_epoch(
    phones: LabelledPhones, quick: Recipe, shuffle: bool
) -> None:
    recipe = changed(quick, "loop", shuffle=shuffle, epochs=2, batch_size=60)
    part = Examples(torch.randn(200, 20), torch.from_numpy(phones.price_range[:200]))
    network = Network(20, recipe.network, recipe.head)
    seen: list[torch.Tensor] = []
    network.register_forward_pre_hook(lambda module, rows: seen.append(rows[0]) if module.training else None)
    fit(network, part, part, recipe, lambda _: None)
    assert [len(rows) for rows in seen] == [50] * 8
    first, second = (torch.cat(rows) for rows in (seen[:4], seen[4:]))
    assert torch.equal(first, part.features) is not shuffle
    assert torch.equal(first, second) is not shuffle
    assert torch.equal(first.sort(dim=0).values, part.features.sort(dim=0).values)


def test_moving_average_is_calmer_than_the_weights_it_averages(phones: LabelledPhones, quick: Recipe) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    jumpy = changed(changed(quick, "optimiser", learning_rate=0.3), "loop", epochs=40)
    losses = []
    for decay in (None, 0.95):
        recipe = changed(jumpy, "loop", ema_decay=decay)
        _, history = learn(phones, parts.training, parts.validation, recipe, lambda _: None)
        losses.append(np.array([epoch.validation_loss for epoch in history.epochs[15:]]))
    assert np.abs(np.diff(losses[1])).mean() < np.abs(np.diff(losses[0])).mean() / 2


@pytest.mark.parametrize(
    ("choices", "longest"),
    [
        pytest.param({"clip_norm": 0.01}, 0.01, id="by norm"),
        pytest.param({"clip_value": 1e-4}, 1e-4 * 533**0.5, id="by value, of 533 parameters"),
    ],
)
def test_clipping_bounds_a_step(
    phones: LabelledPhones, quick: Recipe, choices: dict[str, object], longest: float
) -> None:
    plain = Sgd(name="sgd", learning_rate=1.0)
    recipe = quick.model_copy(update={"optimiser": plain, "schedule": Steady(name="constant")})
    recipe = changed(recipe, "loop", epochs=1, batch_size="full", **choices)
    part = Examples(torch.randn(200, 20), torch.from_numpy(phones.price_range[:200]))
    network = Network(20, recipe.network, recipe.head)
    before = nn.utils.parameters_to_vector(network.parameters()).detach()
    fit(network, part, part, recipe, lambda _: None)
    step = nn.utils.parameters_to_vector(network.parameters()).detach() - before
    assert step.numel() == 533
    assert longest / 20 < step.norm().item() < longest * 1.001


WILD_START = {"initialisation": Normal(name="normal", deviation=30.0)}


@pytest.mark.parametrize(
    ("choices", "cause"),
    [
        pytest.param(
            {"optimiser": Sgd(name="sgd", learning_rate=1e30)},
            r"a learning rate that is too high: .* norm .* in (hidden|head).* far below 1e\+30",
            id="rate",
        ),
        pytest.param(
            {**WILD_START, "optimiser": Sgd(name="sgd", learning_rate=1e30)},
            r"an exploding gradient: .* before any step; try loop.clip_norm",
            id="gradient",
        ),
        pytest.param(
            {"initialisation": Normal(name="normal", deviation=1e30)},
            r"epoch 1, batch 1, .* initial weights that are too large, .*: try a different initialisation or "
            "network.batch_norm",
            id="start",
        ),
    ],
)
def test_a_loss_that_is_no_number_any_more_ends_the_run_with_its_likely_cause(
    phones: LabelledPhones, quick: Recipe, choices: dict[str, object], cause: str
) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    steady = {"schedule": Steady(name="constant"), **choices}
    wild = changed(quick.model_copy(update=steady), "network", batch_norm=False, batch_norm_bias=0.0)
    with pytest.raises(DivergedError, match=cause) as raised:
        learn(phones, parts.training, parts.validation, wild, lambda _: None)
    assert raised.value.epoch <= 2
    assert raised.value.batch in range(1, 5)
    assert not math.isfinite(raised.value.loss)


def test_what_a_recipe_has_is_not_advised(quick: Recipe) -> None:
    clipped = changed(quick, "loop", clip_norm=1.0)
    for epoch, norm in ((1, 1.0), (1, 1e3)):
        guard = DivergenceGuard(["head"], clipped)
        losses = torch.tensor([math.nan] if norm == 1.0 else [0.0, math.nan])
        with pytest.raises(DivergedError) as raised:
            guard.check(epoch, losses, torch.full([len(losses), 1], norm), 0.0, 0.1)
        assert "a different initialisation" in raised.value.cause
        assert not any(key in raised.value.cause for key in ("batch_norm", "clip_norm", "standardise"))
