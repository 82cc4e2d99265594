"""Versions that verify and are bad nevertheless: they raise, answer wrongly or are slow; and one cut short.

Each is written as the next version of a model repository, and approved: only who watches it finds out.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper

from pricerange import bundle
from pricerange.answer.reasons import Answer, Explainer, golden_reasons
from pricerange.approval import Approval
from pricerange.bundle import MODEL_FILE, GoldenRow, Passport
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Prediction, Predictor

UNLUCKY = {"clock_speed": 1.5625}
"""What makes a version raise, whatever the phone is otherwise; other phones have fewer digits."""
[_FEATURE], [_VALUE] = UNLUCKY, UNLUCKY.values()
_SHUFFLED = [*range(1, len(LABELS)), 0]
"""Which price range's probability each one is given."""
_TRAINED = "as_trained"
"""What the probabilities are called that a graph had before something was done to them."""


def add_raising(models: Path, copied: int) -> Path:
    """Write a version that answers as the copied one, and raises where a phone is `UNLUCKY`.

    It adds to the probabilities what stands in a table of one zero at 0, or where a phone is unlucky at 1.
    """
    version = bundle.read(bundle.find(models, copied))
    passport = version.passport
    kept = [row.features for row in passport.golden_rows]
    kept += passport.background.rows if passport.background else []
    assert _VALUE not in np.array(kept, np.float32)[:, FEATURE_NAMES.index(_FEATURE)]
    tensors = [
        helper.make_tensor("feature", TensorProto.INT64, [1], [FEATURE_NAMES.index(_FEATURE)]),
        helper.make_tensor("value", TensorProto.FLOAT, [], [_VALUE]),
        helper.make_tensor("table", TensorProto.FLOAT, [1], [0.0]),
    ]
    nodes = [
        helper.make_node("Gather", ["features", "feature"], ["of_feature"], axis=1),
        helper.make_node("Equal", ["of_feature", "value"], ["unlucky"]),
        helper.make_node("Cast", ["unlucky"], ["place"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "place"], ["zero"]),
        helper.make_node("Add", [_TRAINED, "zero"], ["probabilities"]),
    ]
    return _write(models, _changed(version.model, nodes, tensors), passport, "raises")


def add_shuffled(models: Path, copied: int) -> Path:
    """Write a version that gives each price range the probability of the next one."""
    version = bundle.read(bundle.find(models, copied))
    order = helper.make_tensor("order", TensorProto.INT64, [len(LABELS)], _SHUFFLED)
    nodes = [helper.make_node("Gather", [_TRAINED, "order"], ["probabilities"], axis=1)]
    answers = Predictor(version).predict

    def shuffled(rows: npt.NDArray[np.float32]) -> Prediction:
        probabilities = answers(rows).probabilities[:, _SHUFFLED]
        return Prediction(probabilities, probabilities.argmax(axis=1))

    golden = [_answered(row, version.passport, shuffled) for row in version.passport.golden_rows]
    passport = version.passport.model_copy(update={"golden_rows": golden})
    return _write(models, _changed(version.model, nodes, [order]), passport, "answers wrongly")


def add_slow(models: Path, copied: int, rounds: int = 2_000) -> Path:
    """Write a version that answers as the copied one, whose runs take some 1 µs longer for each round."""
    version = bundle.read(bundle.find(models, copied))
    size = len(FEATURE_NAMES)
    tensors = [
        helper.make_tensor("first", TensorProto.INT64, [1], [0]),
        helper.make_tensor("rounds", TensorProto.INT64, [], [rounds]),
        helper.make_tensor("weights", TensorProto.FLOAT, [size, size], np.eye(size).ravel()),
        helper.make_tensor("no_more", TensorProto.FLOAT, [], [0.0]),
    ]
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["goes_on"], ["still"]),
            helper.make_node("MatMul", ["before", "weights"], ["product"]),
            helper.make_node("Tanh", ["product"], ["after"]),
        ],
        "round",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, [1, size]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, [1, size]),
        ],
    )
    nodes = [
        helper.make_node("ReduceSum", ["features", "first"], ["together"], keepdims=1),
        helper.make_node("Loop", ["rounds", "", "together"], ["worked"], body=body),
        helper.make_node("ReduceSum", ["worked"], ["sum"], keepdims=1),
        helper.make_node("Mul", ["sum", "no_more"], ["nothing"]),
        helper.make_node("Add", [_TRAINED, "nothing"], ["probabilities"]),
    ]
    return _write(models, _changed(version.model, nodes, tensors), version.passport, "is slow")


def add_truncated(models: Path, copied: int) -> Path:
    """Write a version whose graph ends early, as after a copy that broke off."""
    version = bundle.read(bundle.find(models, copied))
    written = _write(models, version.model, version.passport, "is cut short")
    (written / MODEL_FILE).write_bytes(version.model[: len(version.model) // 2])
    return written


def add_copy(models: Path, copied: int) -> Path:
    """Write a version that is another one, under the next number."""
    version = bundle.read(bundle.find(models, copied))
    return _write(models, version.model, version.passport, "is a copy")


def _changed(model: bytes, nodes: Sequence[NodeProto], tensors: Sequence[TensorProto]) -> bytes:
    """Have nodes make the probabilities of those that the graph made, before it takes the largest."""
    graph = onnx.load_from_string(model)
    [maker] = [node for node in graph.graph.node if "probabilities" in node.output]
    maker.output[:] = [_TRAINED if name == "probabilities" else name for name in maker.output]
    behind = list(graph.graph.node).index(maker) + 1
    for place, node in enumerate(nodes, behind):
        graph.graph.node.insert(place, node)
    graph.graph.initializer.extend(tensors)
    onnx.checker.check_model(graph, full_check=True)
    return graph.SerializeToString()


def _answered(row: GoldenRow, passport: Passport, answers: Answer) -> GoldenRow:
    """Return a golden row with other answers, and the reasons for them if it had any."""
    phone = np.array(row.features, np.float32)
    told = answers(phone[np.newaxis])
    reasons = None
    if row.reasons is not None and passport.background is not None:
        background = np.array(passport.background.rows, np.float32)
        explainer = Explainer(answers, background, passport.active_features)
        reasons = golden_reasons(explainer, phone, int(told.price_range[0]))
    probabilities = [float(str(value)) for value in told.probabilities[0]]
    return GoldenRow(features=row.features, probabilities=probabilities, reasons=reasons)


def _write(models: Path, model: bytes, passport: Passport, what: str) -> Path:
    described = {"model_sha256": hashlib.sha256(model).hexdigest(), "model_bytes": len(model)}
    written = bundle.write(models, model, passport.model_copy(update=described), {})
    Approval.now("approved", f"on purpose: it {what}").write(written)
    return written
