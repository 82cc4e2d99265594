"""Rows drawn with replacement, and rows with noise."""

import pytest
import torch

from training.fit.examples import Examples, augmented, bootstrap
from training.recipe.sections import Augmentation


def test_a_bootstrap_sample_has_as_many_rows_each_with_its_own_price_range() -> None:
    part = Examples(torch.arange(2_000.0)[:, None], torch.arange(2_000) % 4)
    torch.manual_seed(4)
    drawn = bootstrap(part)
    assert drawn.features.shape == part.features.shape
    assert torch.equal(drawn.features[:, 0].long() % 4, drawn.price_range)
    # each row is left out with a chance of (1 - 1 / n)^n
    assert len(drawn.features.unique()) / 2_000 == pytest.approx(1 - 0.3679, abs=0.03)


def test_input_dropout_sets_its_share_of_inputs_to_0_and_keeps_the_mean() -> None:
    torch.manual_seed(4)
    found = augmented(torch.ones(500, 20), Augmentation(input_dropout=0.2))
    assert found.unique().tolist() == pytest.approx([0, 1.25])
    assert (found == 0).float().mean().item() == pytest.approx(0.2, abs=0.02)


def test_noise_has_the_deviation_that_was_asked_for() -> None:
    torch.manual_seed(4)
    added = augmented(torch.full([500, 20], 3.0), Augmentation(noise=0.3)) - 3
    assert added.std().item() == pytest.approx(0.3, rel=0.03)
    assert added.mean().item() == pytest.approx(0, abs=0.01)


def test_rows_stay_as_they_are_where_nothing_is_wanted_and_no_chance_is_used() -> None:
    rows, state = torch.randn(5, 20), torch.get_rng_state()
    assert augmented(rows, Augmentation()) is rows
    assert torch.equal(torch.get_rng_state(), state)
