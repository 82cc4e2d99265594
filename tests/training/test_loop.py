"""The training loop."""

import numpy as np
import pytest
import torch

from training.data import LabelledPhones
from training.errors import DivergedError
from training.history import Epoch
from training.recipe import Recipe
from training.split import three_ways
from training.train import learn


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


def test_leaves_the_model_in_eval_mode_with_the_weights_of_the_kept_epoch(
    phones: LabelledPhones, quick: Recipe
) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    model, history = learn(phones, parts.training, parts.validation, quick, lambda _: None)
    assert not any(module.training for module in model.modules())
    with torch.no_grad():
        logits = model.network(model.standardise(torch.from_numpy(phones.features[parts.validation])))
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
    np.testing.assert_array_equal(model.standardise.mean.numpy(), exact.mean(axis=0).astype(np.float32))
    np.testing.assert_allclose(model.standardise.deviation.numpy(), exact.std(axis=0), rtol=1e-6)


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


def test_a_loss_that_is_no_number_any_more_ends_the_run(phones: LabelledPhones, quick: Recipe) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    wild = changed(quick, "optimiser", learning_rate=1e30)
    with pytest.raises(DivergedError, match=r"learning rate") as raised:
        learn(phones, parts.training, parts.validation, wild, lambda _: None)
    assert raised.value.epoch <= 2
