"""What a network makes use of: of networks whose weights are known."""

import copy

import numpy as np
import pytest
import torch

from pricerange.phone import FEATURE_NAMES
from training import data
from training.network.network import Bagged, Network, PhoneModel
from training.network.preprocess import Preprocess
from training.quality.usage import usage
from training.recipe import sections
from training.recipe.sections import Mlp

FEATURES = data.generate(300).features
RAM, WIFI = FEATURE_NAMES.index("ram"), FEATURE_NAMES.index("wifi")
WITH_SKIP = Mlp(name="mlp", hidden=[4], activation="relu", dropout=[0.0], batch_norm=False, linear_skip=True)


def model(choices: sections.Network, preprocess: sections.Preprocess | None = None) -> PhoneModel:
    torch.manual_seed(0)
    steps = Preprocess(torch.from_numpy(FEATURES), preprocess or sections.Preprocess())
    return PhoneModel(steps, Network(steps.outputs, choices, sections.Ordinal(name="ordinal"))).eval()


def skip_of(found: PhoneModel) -> torch.Tensor:
    return found.network.head.linear.weight[:, 4:]


@torch.no_grad()
def test_a_branch_without_weights_does_nothing_and_the_rest_is_linear() -> None:
    idle = model(WITH_SKIP)
    idle.network.layers[0].weights[0].zero_()
    skip_of(idle).zero_()
    skip_of(idle)[0, RAM], skip_of(idle)[0, WIFI] = 2.0, -0.5
    found = usage(idle, FEATURES)
    assert found.branch is not None
    assert (found.branch.share, found.branch.changed, found.branch.rows) == (0, 0, 300)
    assert found.branch.is_idle
    assert found.skip == pytest.approx({"ram": 1.0, "wifi": 0.25}, rel=1e-5)
    assert found.first_layer == {}
    assert found.not_linear == pytest.approx(0, abs=1e-9)


@torch.no_grad()
def test_a_branch_alone_has_all_of_the_variance_and_all_of_the_answers() -> None:
    bent = model(WITH_SKIP)
    skip_of(bent).zero_()
    weights = bent.network.layers[0].weights[0]
    weights.zero_()
    weights[0, RAM], weights[1, RAM] = 1.0, -1.0
    bent.network.head.linear.weight[:, :2] = 5.0  # |ram|
    bent.network.layers[0].biases[0].zero_()
    bent.network.head.linear.bias.fill_(-4.0)
    found = usage(bent, FEATURES)
    assert found.branch is not None
    assert (found.branch.share, found.skip, found.first_layer) == (1, {}, {"ram": 1.0})
    assert found.branch.changed > 50
    assert not found.branch.is_idle
    assert found.not_linear > 0.9


@torch.no_grad()
def test_a_network_that_answers_all_phones_alike_has_no_shares() -> None:
    still = model(WITH_SKIP)
    still.network.head.linear.weight.zero_()
    found = usage(still, FEATURES)
    assert found.branch is not None
    assert (found.branch.share, found.not_linear) == (0, 0)


def test_weights_of_inputs_that_are_no_features_and_of_a_sequence_are_not_told() -> None:
    reduced = usage(model(WITH_SKIP, sections.Preprocess(svd=3)), FEATURES)
    assert (reduced.skip, reduced.first_layer) == ({}, {})
    assert reduced.branch is not None
    lstm = usage(model(sections.Lstm(name="lstm", hidden=3)), FEATURES)
    assert (lstm.skip, lstm.first_layer, lstm.branch) == ({}, {}, None)
    assert 0 <= lstm.not_linear <= 1


@torch.no_grad()
def test_a_feature_that_never_varies_has_no_weight() -> None:
    constant = FEATURES.copy()
    constant[:, WIFI] = 1
    steps = Preprocess(torch.from_numpy(constant), sections.Preprocess())
    network = Network(20, WITH_SKIP, sections.Softmax(name="softmax"))
    found = usage(PhoneModel(steps, network).eval(), constant)
    assert "wifi" not in found.skip
    assert len(found.skip) == len(found.first_layer) == 19
    assert max(found.skip.values()) == 1
    assert np.isfinite(found.not_linear)


@torch.no_grad()
def test_bagged_networks_are_looked_at_as_one() -> None:
    alone = model(WITH_SKIP)
    skip_of(alone).zero_()
    skip_of(alone)[0, RAM] = 2.0
    twins = PhoneModel(alone.preprocess, Bagged([alone.network, copy.deepcopy(alone.network)])).eval()
    expected, found = usage(alone, FEATURES), usage(twins, FEATURES)
    assert expected.branch is not None
    assert found.branch is not None
    assert found.branch.share == pytest.approx(expected.branch.share, rel=1e-6)
    assert found.branch.changed == expected.branch.changed
    assert found.skip == expected.skip == {"ram": 1.0}
    assert found.first_layer.keys() == expected.first_layer.keys()
