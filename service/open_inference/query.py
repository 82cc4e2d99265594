"""What an inference request asks, once it is read."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from service.errors import InferenceInputError
from service.model.batcher import Check

OUTPUTS = ("probabilities", "price_range")
"""Of the graph: what is answered where a request names none."""
SET = "prediction_set"
EXTRA_OUTPUTS = ("in_range", SET, "unknown")
LEVEL = 0.9
"""Of prediction sets, where a request names none."""

UNSUPPORTED = ("classification", "shared_memory_region")
"""Parameters of a tensor that would change what it is; those that only hint are let through."""


class Query(NamedTuple):
    """What a request asks: rows float32 [n, 20], and the outputs in order, each as bytes or as JSON.

    Where features may be `unknown`, they are NaN; `level` is that of the prediction sets, and `version` is
    who is to answer, if that is said. `check` raises where rows are not phones, if nobody has looked yet.
    """

    id: str | None
    rows: npt.NDArray[np.float32]
    outputs: dict[str, bool]
    level: float = LEVEL
    unknown: bool = False
    version: str | None = None
    check: Check | None = None

    def checked(self) -> "Query":
        """Return it with rows that were looked at. Raises what `check` does."""
        if self.check is not None:
            self.check(self.rows)
        return self._replace(check=None)


def require_outputs(names: Iterable[str], extra: Sequence[str]) -> None:
    """Raise `InferenceInputError` where outputs are named twice, or are none of the graph's or `extra`."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        pointer = f"/outputs/{index}"
        if name not in (*OUTPUTS, *extra):
            expected, found = " or ".join((*OUTPUTS, *extra)), repr(name[:40])
            raise InferenceInputError.expected("output", expected, found, f"{pointer}/name")
        if name in seen:
            raise InferenceInputError.expected("outputs", f"{name} once", "it more than once", pointer)
        seen.add(name)


def refuse_unsupported(parameters: Iterable[str], pointer: str) -> None:
    """Raise `InferenceInputError` for parameters of the tensor at a place that would change what it is."""
    for name in UNSUPPORTED:
        if name in parameters:
            place = f"{pointer}/parameters/{name}"
            raise InferenceInputError.expected(
                "parameters", "none of the unsupported extensions", name, place
            )
