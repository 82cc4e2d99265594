"""What is recorded of the layers of a network while it learns."""

import copy

import pytest
import torch
from torch import nn

from training.data import LabelledPhones
from training.fit.recording import Recorder
from training.learn import learn
from training.network.network import Network
from training.recipe import sections
from training.recipe.recipe import Recipe
from training.split import three_ways

ROWS = torch.randn(40, 20, generator=torch.Generator().manual_seed(3)) * 2 + 1


@pytest.fixture
def network() -> Network:
    torch.manual_seed(5)
    body = sections.Mlp(name="mlp", hidden=[6, 4], activation="relu", dropout=[0.5, 0.0], batch_norm=False)
    return Network(20, body, sections.Softmax(name="softmax"))


def learn_from(network: Network, rows: torch.Tensor, label: int) -> list[torch.Tensor]:
    """Return the gradients of the weights of the layers."""
    network.zero_grad()
    loss = network.head.loss(network(rows), torch.full([len(rows)], label)).mean()
    loss.backward()  # type: ignore[no-untyped-call]
    return [torch.cat([weight.grad.flatten() for weight in layer.weights]) for layer in network.layers]


def test_gradient_norm_is_the_mean_over_the_batches(network: Network) -> None:
    recorder = Recorder(network, 2)
    norms = []
    for batch in range(2):
        gradients = learn_from(network, ROWS[batch * 20 : batch * 20 + 20], batch)
        norms.append([gradient.square().sum().sqrt().item() for gradient in gradients])
        recorder.note_gradients(batch)
    layers = recorder.layers(ROWS)
    assert [layer.name for layer in layers] == ["hidden 1", "hidden 2", "head"]
    for layer, first, second in zip(layers, *norms, strict=True):
        assert layer.gradient_norm == pytest.approx((first + second) / 2, rel=1e-5)


def test_activations_are_those_of_all_rows_in_eval_mode(network: Network) -> None:
    layers = Recorder(network, 1).layers(ROWS)
    first = nn.functional.relu(network.layers[0].module(ROWS))
    logits = network(ROWS)
    for layer, activation in ((layers[0], first), (layers[2], logits)):
        assert layer.activation_mean == pytest.approx(activation.mean().item(), rel=1e-4)
        assert layer.activation_variance == pytest.approx(activation.var(correction=0).item(), rel=1e-4)


def test_a_unit_is_dead_that_no_row_activates(network: Network) -> None:
    with torch.no_grad():
        network.layers[0].biases[0][:3] = -1_000
    layers = Recorder(network, 1).layers(ROWS)
    assert layers[0].dead == pytest.approx(3 / 6)
    assert layers[2].dead is None


def test_activations_that_cannot_die_have_no_share_of_dead_units() -> None:
    body = sections.Mlp(name="mlp", hidden=[6], activation="leaky_relu", dropout=[0.0])
    leaky = Network(20, body, sections.Softmax(name="softmax"))
    recurrent = Network(20, sections.Lstm(name="lstm", hidden=6), sections.Softmax(name="softmax"))
    for network in (leaky, recurrent):
        assert [layer.dead for layer in Recorder(network, 1).layers(ROWS)] == [None, None]


def test_gradients_of_an_lstm_are_those_of_all_its_weights() -> None:
    network = Network(20, sections.Lstm(name="lstm", hidden=6, layers=2), sections.Softmax(name="softmax"))
    recorder = Recorder(network, 1)
    gradients = learn_from(network, ROWS, 1)
    recorder.note_gradients(0)
    layers = recorder.layers(ROWS)
    assert [layer.name for layer in layers] == ["lstm", "head"]
    assert layers[0].gradient_norm == pytest.approx(gradients[0].norm().item(), rel=1e-5)


def test_recording_leaves_no_hook_behind(network: Network) -> None:
    Recorder(network, 1).layers(ROWS)
    assert not any(module._forward_hooks for module in network.modules())


def test_the_layers_are_those_of_the_network_that_answers(network: Network) -> None:
    answering = copy.deepcopy(network)
    with torch.no_grad():
        answering.layers[0].biases[0][:] = -1_000
    recorder = Recorder(network, 1)
    assert recorder.layers(ROWS)[0].dead != 1
    assert recorder.layers(ROWS, answering)[0].dead == 1


def test_a_moving_average_is_what_an_epoch_says_of_its_layers(phones: LabelledPhones, quick: Recipe) -> None:
    loop = quick.loop.model_copy(update={"ema_decay": 0.9, "epochs": 2, "patience": None})
    averaged = quick.model_copy(update={"loop": loop})
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    model, history = learn(phones, parts.training, parts.validation, averaged, lambda _: None)
    inputs = model.preprocess(torch.from_numpy(phones.features[parts.training]))
    found = Recorder(model.network, 1).layers(inputs)
    for one, kept in zip(found, history.kept.layers, strict=True):
        assert one.activation_mean == pytest.approx(kept.activation_mean, rel=1e-4, abs=1e-5)
