"""Answers as JSON text, many at once."""

import numpy as np
import numpy.typing as npt
import orjson


def probabilities_json(probabilities: npt.NDArray[np.float32]) -> list[bytes]:
    """Write float32 [n, 4] as n texts such as `0.1,0.2,0.3,0.4`, each number the shortest that reads back."""
    if not len(probabilities):
        return []
    # a hundred times as fast as Python could
    return orjson.dumps(probabilities, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].split(b"],[")
