"""The trained model as an ONNX graph that answers as the network does."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch

from pricerange.bundle import METADATA_PREFIX
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Prediction
from training.errors import ExportMismatchError
from training.network.network import PhoneModel

TOLERANCE = 1e-5
"""Largest difference of a probability between torch and ONNX Runtime."""
OPSET = 18
"""The newest operator set that needs nothing a runtime of 2023 lacks."""


def export(model: PhoneModel, metadata: Mapping[str, str]) -> bytes:
    """Write the model in eval mode as ONNX, weights inside, with the metadata under the project's prefix."""
    model.eval()
    with _quiet():
        program = torch.onnx.export(
            model,
            (torch.zeros(2, len(FEATURE_NAMES)),),
            dynamo=True,
            input_names=["features"],
            output_names=["probabilities", "price_range"],
            dynamic_shapes={"features": {0: torch.export.Dim("batch")}},
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    _forget_origin(graph)
    onnx.helper.set_model_props(graph, {METADATA_PREFIX + key: value for key, value in metadata.items()})
    onnx.checker.check_model(graph, full_check=True)
    content: bytes = graph.SerializeToString(deterministic=True)
    return content


def prove_equal(model: PhoneModel, graph: bytes, features: npt.NDArray[np.float32]) -> Prediction:
    """Answer all rows float32 [n, 20] with both; return ONNX Runtime's answers.

    Raises `ExportMismatchError` where a probability differs by more than 1e-5.
    """
    answers = answering(graph)(features)
    with torch.no_grad():
        expected = model(torch.from_numpy(features))[0].numpy()
    difference = np.abs(answers.probabilities - expected).max(axis=1)
    # not `>`: NaN must count as wrong
    wrong = ~(difference <= TOLERANCE)
    if wrong.any():
        row = int(wrong.argmax())
        raise ExportMismatchError(row + 1, TOLERANCE, float(difference[row]))
    return answers


def answering(graph: bytes) -> Callable[[npt.NDArray[np.float32]], Prediction]:
    """Load the graph in ONNX Runtime, on one thread, and return what answers rows float32 [n, 20]."""
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    return lambda features: Prediction(*session.run(["probabilities", "price_range"], {"features": features}))


def _forget_origin(graph: onnx.ModelProto) -> None:
    """Drop what the exporter notes for its own debugging: stack traces with the paths of this machine."""
    graph.graph.ClearField("metadata_props")
    nodes = list(graph.graph.node)
    values = [*graph.graph.input, *graph.graph.output, *graph.graph.value_info, *graph.graph.initializer]
    for part in (*nodes, *values):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the exporter says about itself and libraries that are not needed."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated", FutureWarning)
            # what torch says of the way it traces its own LSTM
            warnings.filterwarnings("ignore", ".*_check_is_size will be removed", FutureWarning)
            warnings.filterwarnings("ignore", ".*_flat_weights.* were assigned during export", UserWarning)
            warnings.filterwarnings("ignore", ".*not a leaf Tensor is being accessed", UserWarning)
            yield
    finally:
        logger.setLevel(level)
