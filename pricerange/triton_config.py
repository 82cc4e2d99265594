"""The model's configuration: Triton reads it from config.pbtxt, V2 clients from `/config`."""

import json
from typing import Any

from pricerange.phone import FEATURE_NAMES, LABELS


def triton_config(name: str) -> dict[str, Any]:
    """Return the configuration with the field names and values of Triton's `ModelConfig`."""
    return {
        "name": name,
        "backend": "onnxruntime",
        "max_batch_size": 1024,
        "input": [{"name": "features", "data_type": "TYPE_FP32", "dims": [len(FEATURE_NAMES)]}],
        "output": [
            {
                "name": "probabilities",
                "data_type": "TYPE_FP32",
                "dims": [len(LABELS)],
                "label_filename": "labels.txt",
            },
            # Triton wants one dimension at least; the graph has none beside the batch
            {"name": "price_range", "data_type": "TYPE_INT64", "dims": [1], "reshape": {"shape": []}},
        ],
        "dynamic_batching": {},
    }


def pbtxt(config: dict[str, Any]) -> str:
    """Write a configuration in protobuf's text format, one field a line."""
    return "".join(f"{name}: {_text(value)}\n" for name, value in config.items())


def _text(value: object) -> str:
    match value:
        case dict():
            return "{ " + "".join(f"{name}: {_text(part)} " for name, part in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_text, value)) + "]"
        case str() if value.startswith("TYPE_"):  # the name of an enumeration's value, not a text
            return value
        case _:
            return json.dumps(value)
