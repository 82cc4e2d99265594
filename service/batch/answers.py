"""The answers to many phones as JSON, CSV or an Arrow stream: block by block, in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import orjson

from pricerange.answer import columns
from pricerange.bundle import Bundle
from pricerange.phone import LABELS
from pricerange.predictor import Prediction
from service.model.write import ROW_BEGINS, model_json, probabilities_json

COLUMNS: tuple[str, ...] = (*columns.NAMES, columns.ERROR)
"""Columns of an answer as CSV or Arrow."""


@dataclass(frozen=True, slots=True)
class BlockAnswers:
    """The answers to n phones; `reasons` says of a row why it has none."""

    prediction: Prediction
    reasons: Mapping[int, str]


class Writer(Protocol):
    """What an answer is made of: a head, a text for each block, a tail."""

    def head(self) -> bytes:
        """Return what comes first."""

    def block(self, answers: BlockAnswers) -> bytes:
        """Return the text of n answers."""

    def tail(self) -> bytes:
        """Return what comes last."""


class JsonWriter:
    """`{"predictions": [...], "model": ...}`; rows have an `error` where bad ones are answered too."""

    def __init__(self, version: Bundle, with_errors: bool) -> None:
        self._model = model_json(version)
        self._end = b'],"error":null}' if with_errors else b"]}"
        self._begun = False

    def head(self) -> bytes:
        """Return what comes first."""
        return b'{"predictions":['

    def block(self, answers: BlockAnswers) -> bytes:
        """Return the text of n answers."""
        rows = _joined(ROW_BEGINS, answers.prediction, self._end)
        for row, reason in answers.reasons.items():
            rows[row] = _NO_ANSWER % orjson.dumps(reason)
        between = b"," if rows and self._begun else b""
        self._begun |= bool(rows)
        return between + b",".join(rows)

    def tail(self) -> bytes:
        """Return what comes last."""
        return b'],"model":%b}' % self._model


class CsvWriter:
    """A header and a line a phone; `error` is empty where there is an answer, all else elsewhere."""

    def head(self) -> bytes:
        """Return what comes first."""
        return ",".join(COLUMNS).encode() + b"\n"

    def block(self, answers: BlockAnswers) -> bytes:
        """Return the text of n answers."""
        rows = _joined(_CSV_BEGINS, answers.prediction, b",\n")
        for row, reason in answers.reasons.items():
            rows[row] = b'%b"%b"\n' % (b"," * (len(COLUMNS) - 1), reason.replace('"', '""').encode())
        return b"".join(rows)

    def tail(self) -> bytes:
        """Return what comes last."""
        return b""


class ArrowWriter:
    """An IPC stream with a record batch a block."""

    def __init__(self) -> None:
        self._schema = columns.schema(with_error=True)

    def head(self) -> bytes:
        """Return what comes first."""
        return bytes(self._schema.serialize())

    def block(self, answers: BlockAnswers) -> bytes:
        """Return the text of n answers."""
        import pyarrow as pa

        count = len(answers.prediction.price_range)
        missing = np.zeros(count, np.bool_)
        missing[list(answers.reasons)] = True
        error = pa.array([answers.reasons.get(row) for row in range(count)], pa.string())
        answered = columns.answers(answers.prediction, missing)
        batch = pa.RecordBatch.from_arrays([*answered.columns, error], schema=self._schema)
        return bytes(batch.serialize())

    def tail(self) -> bytes:
        """Return what comes last."""
        return b"\xff\xff\xff\xff\0\0\0\0"


def _joined(begins: Sequence[bytes], prediction: Prediction, end: bytes) -> list[bytes]:
    """Return a text for each row: how its price range begins, its probabilities, the end."""
    texts = probabilities_json(prediction.probabilities)
    return [begins[k] + text + end for k, text in zip(prediction.price_range.tolist(), texts, strict=True)]


_CSV_BEGINS = [f"{price_range},{label},".encode() for price_range, label in enumerate(LABELS)]
_NO_ANSWER = b'{"price_range":null,"label":null,"probabilities":null,"error":%b}'
