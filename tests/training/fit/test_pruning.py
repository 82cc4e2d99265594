"""Inputs that earn nothing are left out: their weights are exactly 0, and the others learn as before."""

import numpy as np
import torch

from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from training import data
from training.learn import answers, learn
from training.recipe.recipe import Recipe
from training.split import three_ways

USED = {"battery_power", "px_height", "px_width", "ram", "mobile_wt"}
"""What the price of a generated phone is made of."""


def pruned(quick: Recipe, price: float) -> Recipe:
    network = quick.network.model_copy(update={"pruning": price, "linear_skip": True})
    return quick.model_copy(update={"network": network})


def test_the_features_that_make_the_price_are_found_and_no_other_changes_an_answer(quick: Recipe) -> None:
    phones = data.generate(1_500)
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    model, history = learn(phones, parts.training, parts.validation, pruned(quick, 1.0), lambda _: None)
    used = {FEATURE_NAMES[place] for place in model.used_features()}
    assert used <= USED
    assert {"ram", "battery_power"} <= used
    assert len(history.epochs) == quick.loop.epochs
    rows = phones.features[:50]
    other = synthetic.phones(50, block=3)[0].astype(np.float32)
    other[:, model.used_features()] = rows[:, model.used_features()]
    assert (answers(model, rows) == answers(model, other)).all()


def test_a_price_that_nothing_earns_leaves_the_best_input(quick: Recipe) -> None:
    phones = data.generate(400)
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    model, _ = learn(phones, parts.training, parts.validation, pruned(quick, 1e6), lambda _: None)
    assert [FEATURE_NAMES[place] for place in model.used_features()] == ["ram"]


def test_without_pruning_every_feature_is_used(quick: Recipe) -> None:
    phones = data.generate(400)
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    model, _ = learn(phones, parts.training, parts.validation, quick, lambda _: None)
    assert len(model.used_features()) == 20
    assert torch.isfinite(model.network.head.linear.weight).all()
