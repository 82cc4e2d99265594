"""The answers to many phones as JSON, NDJSON, CSV or an Arrow stream: block by block, in order."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import orjson

from pricerange.answer import columns
from pricerange.bundle import Bundle
from pricerange.phone import LABELS
from pricerange.predictor import Prediction
from service.batch.kept import Cells, Kept, csv_cell
from service.model.write import ROW_BEGINS, model_json, probabilities_json

COLUMNS: tuple[str, ...] = (*columns.NAMES, columns.ERROR)
"""Columns of an answer as CSV or Arrow."""
MEMBERS: tuple[str, ...] = ("price_range", "label", "probabilities", columns.ERROR)
"""Members of an answer as JSON or NDJSON."""


@dataclass(frozen=True, slots=True)
class BlockAnswers:
    """The answers to n phones; `reasons` says of a row why it has none, `cells` are those that are kept."""

    prediction: Prediction
    reasons: Mapping[int, str]
    cells: Cells | None


class Writer(Protocol):
    """What an answer is made of: a head, which is asked for with the first block, a text for each, a tail."""

    def head(self) -> bytes:
        """Return what comes first."""

    def block(self, answers: BlockAnswers) -> bytes:
        """Return the text of n answers."""

    def tail(self) -> bytes:
        """Return what comes last."""


class JsonWriter:
    """`{"predictions": [...], "model": ...}`; rows have an `error` where bad ones are answered too."""

    def __init__(self, version: Bundle, kept: Kept | None, with_errors: bool) -> None:
        self._model = model_json(version)
        self._rows = _JsonRows(kept, with_errors)
        self._begun = False

    def head(self) -> bytes:
        """Return what comes first."""
        return b'{"predictions":['

    def block(self, answers: BlockAnswers) -> bytes:
        """Return the text of n answers."""
        rows = self._rows.of(answers)
        between = b"," if rows and self._begun else b""
        self._begun |= bool(rows)
        return between + b",".join(rows)

    def tail(self) -> bytes:
        """Return what comes last."""
        return b'],"model":%b}' % self._model


class NdjsonWriter:
    """A line for each phone: its row of `predictions` in a JSON answer."""

    def __init__(self, kept: Kept | None, with_errors: bool) -> None:
        self._rows = _JsonRows(kept, with_errors)

    def head(self) -> bytes:
        """Return what comes first."""
        return b""

    def block(self, answers: BlockAnswers) -> bytes:
        """Return the text of n answers."""
        return b"\n".join([*self._rows.of(answers), b""])

    def tail(self) -> bytes:
        """Return what comes last."""
        return b""


class CsvWriter:
    """A header and a line a phone; `error` is empty where there is an answer, all else elsewhere."""

    def __init__(self, kept: Kept | None) -> None:
        names = (*(kept.renamed if kept else ()), *COLUMNS)
        self._header = b",".join(map(csv_cell, names)) + b"\n"

    def head(self) -> bytes:
        """Return what comes first."""
        return self._header

    def block(self, answers: BlockAnswers) -> bytes:
        """Return the text of n answers."""
        rows = _joined(_CSV_BEGINS, answers.prediction, b",\n")
        for row, reason in answers.reasons.items():
            rows[row] = b'%b"%b"\n' % (b"," * (len(COLUMNS) - 1), reason.replace('"', '""').encode())
        if answers.cells is not None:
            cells = map(b",".join, zip(*answers.cells.in_csv(), strict=True))
            rows = [b"%b,%b" % pair for pair in zip(cells, rows, strict=True)]
        return b"".join(rows)

    def tail(self) -> bytes:
        """Return what comes last."""
        return b""


class ArrowWriter:
    """An IPC stream with a record batch a block."""

    def __init__(self, kept: Kept | None) -> None:
        self._kept = kept
        self._sink = io.BytesIO()

    def head(self) -> bytes:
        """Return what comes first; the types of what is kept are known by now."""
        import pyarrow as pa
        from pyarrow import ipc

        schema = columns.schema(with_error=True)
        if self._kept is not None:
            types = self._kept.types or [pa.string()] * len(self._kept.names)
            schema = pa.schema([*zip(self._kept.renamed, types, strict=True), *schema])
        self._schema = schema
        # it writes dictionaries too, each when it is new
        self._stream = ipc.new_stream(self._sink, schema)
        return self._written()

    def block(self, answers: BlockAnswers) -> bytes:
        """Return the text of n answers."""
        import pyarrow as pa

        count = len(answers.prediction.price_range)
        missing = np.zeros(count, np.bool_)
        missing[list(answers.reasons)] = True
        error = pa.array([answers.reasons.get(row) for row in range(count)], pa.string())
        answered = columns.answers(answers.prediction, missing)
        kept = answers.cells.in_arrow() if answers.cells is not None else ()
        batch = pa.RecordBatch.from_arrays([*kept, *answered.columns, error], schema=self._schema)
        self._stream.write_batch(batch)
        return self._written()

    def tail(self) -> bytes:
        """Return what comes last, and the schema too where there was no row."""
        self._stream.close()
        return self._written()

    def _written(self) -> bytes:
        """Return what was written since the last time."""
        text = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return text


class _JsonRows:
    """Answers as JSON objects, what is kept in front."""

    def __init__(self, kept: Kept | None, with_errors: bool) -> None:
        self._end = b'],"error":null}' if with_errors else b"]}"
        keys = [orjson.dumps(name).replace(b"%", b"%%") + b":%b" for name in kept.renamed] if kept else ()
        self._begin = b"{%b," % b",".join(keys)

    def of(self, answers: BlockAnswers) -> list[bytes]:
        rows = _joined(ROW_BEGINS, answers.prediction, self._end)
        for row, reason in answers.reasons.items():
            rows[row] = _NO_ANSWER % orjson.dumps(reason)
        if answers.cells is None:
            return rows
        cells = zip(*answers.cells.in_json(), strict=True)
        return [self._begin % texts + row[1:] for texts, row in zip(cells, rows, strict=True)]


def _joined(begins: Sequence[bytes], prediction: Prediction, end: bytes) -> list[bytes]:
    """Return a text for each row: how its price range begins, its probabilities, the end."""
    texts = probabilities_json(prediction.probabilities)
    return [begins[k] + text + end for k, text in zip(prediction.price_range.tolist(), texts, strict=True)]


_CSV_BEGINS = [f"{price_range},{label},".encode() for price_range, label in enumerate(LABELS)]
_NO_ANSWER = b'{"price_range":null,"label":null,"probabilities":null,"error":%b}'
