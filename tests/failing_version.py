"""A version that is whole and verified, and fails at run time: its graph raises for some phones."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from pricerange import bundle
from pricerange.approval import Approval
from pricerange.phone import FEATURE_NAMES

UNLUCKY = {"clock_speed": 1.5625}
"""What makes ONNX Runtime raise, whatever the phone is otherwise; other phones have fewer digits."""
[_FEATURE], [_VALUE] = UNLUCKY, UNLUCKY.values()


def add_failing_version(models: Path, copied: int) -> Path:
    """Write the next version: a copy of one, which looks up what is not there where a phone is unlucky."""
    version = bundle.read(bundle.find(models, copied))
    passport = version.passport
    kept = [row.features for row in passport.golden_rows] + (
        passport.background.rows if passport.background else []
    )
    assert _VALUE not in np.array(kept, np.float32)[:, FEATURE_NAMES.index(_FEATURE)]
    model = _failing(version.model)
    described = {"model_sha256": hashlib.sha256(model).hexdigest(), "model_bytes": len(model)}
    written = bundle.write(models, model, passport.model_copy(update=described), {})
    Approval.now("approved", "to fail in tests").write(written)
    return written


def _failing(model: bytes) -> bytes:
    """Add to the probabilities what stands in a table of one zero at 0, or where phones are unlucky at 1."""
    graph = onnx.load_from_string(model)
    for node in graph.graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == "probabilities":
                    names[place] = "lucky"
    for name, kind, shape, values in (
        ("feature", TensorProto.INT64, [1], [FEATURE_NAMES.index(_FEATURE)]),
        ("value", TensorProto.FLOAT, [], [_VALUE]),
        ("table", TensorProto.FLOAT, [1], [0.0]),
    ):
        graph.graph.initializer.append(helper.make_tensor(name, kind, shape, values))
    for operator, inputs, output, attributes in (
        ("Gather", ["features", "feature"], "of_feature", {"axis": 1}),
        ("Equal", ["of_feature", "value"], "unlucky", {}),
        ("Cast", ["unlucky"], "place", {"to": TensorProto.INT64}),
        ("Gather", ["table", "place"], "zero", {}),
        ("Add", ["lucky", "zero"], "probabilities", {}),
    ):
        graph.graph.node.append(helper.make_node(operator, inputs, [output], **attributes))
    onnx.checker.check_model(graph, full_check=True)
    return graph.SerializeToString()
