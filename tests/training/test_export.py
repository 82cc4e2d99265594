"""The exported graph: it answers as torch does, says what it is, and nothing of where it was made."""

import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from pricerange.bundle import METADATA_PREFIX
from pricerange.phone import FEATURE_NAMES
from training.data import LabelledPhones
from training.errors import ExportMismatchError
from training.export import export, prove_equal
from training.network.network import Network, PhoneModel
from training.network.preprocess import Preprocess
from training.recipe.recipe import Recipe


def untrained(phones: LabelledPhones, quick: Recipe) -> PhoneModel:
    preprocess = Preprocess(torch.from_numpy(phones.features), quick.preprocess)
    model = PhoneModel(preprocess, Network(preprocess.outputs, quick.network, quick.head))
    model(torch.from_numpy(phones.features))  # batch normalisation has seen something
    return model.eval()


def test_answers_every_row_as_torch_does(phones: LabelledPhones, quick: Recipe) -> None:
    model = untrained(phones, quick)
    model.temperature.fill_(1.7)
    answers = prove_equal(model, export(model, {}), phones.features)
    with torch.no_grad():
        probabilities, price_range = model(torch.from_numpy(phones.features))
    np.testing.assert_allclose(answers.probabilities, probabilities.numpy(), atol=1e-5, rtol=0)
    np.testing.assert_array_equal(answers.price_range, price_range.numpy())
    assert answers.probabilities.dtype == np.float32
    assert answers.price_range.dtype == np.int64


@pytest.fixture(scope="module")
def graph(phones: LabelledPhones, quick: Recipe) -> bytes:
    return export(untrained(phones, quick), {"features": ",".join(FEATURE_NAMES)})


def test_refuses_a_graph_that_answers_otherwise(phones: LabelledPhones, quick: Recipe, graph: bytes) -> None:
    other = untrained(phones, quick)
    with torch.no_grad():
        other.preprocess.mean[13] += 100
    with pytest.raises(ExportMismatchError, match="differs from the network"):
        prove_equal(other, graph, phones.features)


def test_refuses_answers_that_are_no_numbers(phones: LabelledPhones, quick: Recipe, graph: bytes) -> None:
    features = phones.features.copy()
    features[2, 0] = np.nan
    with pytest.raises(ExportMismatchError) as raised:
        prove_equal(untrained(phones, quick), graph, features)
    assert raised.value.row >= 1


def test_graph_is_one_file_with_a_free_number_of_rows_and_its_metadata(graph: bytes) -> None:
    proto = onnx.load_model_from_string(graph)
    assert [entry.key for entry in proto.metadata_props] == [METADATA_PREFIX + "features"]
    names = [value.name for value in (*proto.graph.input, *proto.graph.output)]
    assert names == ["features", "probabilities", "price_range"]
    for value in (*proto.graph.input, *proto.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in proto.graph.initializer)
    assert not any("Dropout" in node.op_type for node in proto.graph.node)


def test_graph_says_nothing_of_the_machine_it_was_made_on(graph: bytes) -> None:
    for place in (Path.cwd(), Path(__file__).parents[2], Path(sys.prefix), Path.home(), Path(torch.__file__)):
        assert os.fsencode(place) not in graph
    for word in (b".py", b"stack_trace", b"Traceback"):
        assert word not in graph
