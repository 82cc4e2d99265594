"""The answers to many phones as JSON, NDJSON, CSV or an Arrow stream: block by block, in order."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Protocol

import numpy as np
import numpy.typing as npt
import orjson

from pricerange.answer import columns
from pricerange.answer.applicability import TrainingRegion
from pricerange.answer.columns import Beside, Worth
from pricerange.bundle import Bundle
from pricerange.phone import LABELS
from pricerange.predictor import Prediction
from service.batch.kept import Cells, Kept, csv_cell
from service.model.decisions import NOTHING, TRUTH, Deciding, decisions_csv, decisions_json
from service.model.explaining import Explaining
from service.model.explanation import explanations_json
from service.model.sets import AskedSets, sets_json
from service.model.unknown import unknown_json
from service.model.write import ROW_BEGINS, applicability_json, probabilities_json
from service.versions.names import model_json

COLUMNS: tuple[str, ...] = (
    *columns.NAMES,
    *columns.APPLICABILITY,
    columns.PREDICTION_SET,
    columns.UNKNOWN,
    columns.ERROR,
)
"""Columns of an answer as CSV or Arrow, those that are asked for among them."""
MEMBERS: tuple[str, ...] = (
    "price_range",
    "label",
    "probabilities",
    "applicability",
    columns.PREDICTION_SET,
    columns.UNKNOWN,
    columns.ERROR,
)
"""Members of an answer as JSON or NDJSON."""


@dataclass(frozen=True, slots=True)
class BlockAnswers:
    """The answers to n phones, which are `rows` float32 [n, 20].

    `reasons` says of a row why it has none, `cells` are those that are kept, `worth` is what is told beside.
    """

    prediction: Prediction
    reasons: Mapping[int, str]
    cells: Cells | None
    worth: Worth
    rows: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Told:
    """What is told beside answers.

    Perhaps how phones lie to the `region`, their prediction sets, decisions, why they are answered so, and
    which features were `unknown`.
    """

    region: TrainingRegion
    applicability: bool
    sets: AskedSets | None
    deciding: Deciding = NOTHING
    explaining: Explaining | None = None
    unknown: bool = False

    @property
    def beside(self) -> Beside:
        """The columns that tell it."""
        sets, explained = self.sets is not None, self.explaining.features if self.explaining else ()
        abstain, decision = sets and self.deciding.abstain, self.deciding.costs is not None
        return Beside(self.applicability, sets, abstain, decision, explained, self.unknown)

    @property
    def members(self) -> tuple[str, ...]:
        """The members that a row of JSON has for it."""
        beside = self.beside
        return tuple(
            name
            for name, is_told in (
                ("applicability", beside.applicability),
                (columns.PREDICTION_SET, beside.sets),
                (columns.ABSTAIN, beside.abstain),
                (columns.DECISION[0], beside.decision),
                (_EXPLANATION, beside.explained),
                (columns.UNKNOWN, beside.unknown),
            )
            if is_told
        )


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

    def __init__(self, version: Bundle, kept: Kept | None, with_errors: bool, told: Told) -> None:
        self._tail = b'],"model":%b}' % model_json(version)
        if told.sets:
            self._tail = b'],"sets":%b%b' % (told.sets.promise, self._tail[1:])
        self._rows = _JsonRows(kept, with_errors, told)
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
        return self._tail


class NdjsonWriter:
    """A line for each phone: its row of `predictions` in a JSON answer."""

    def __init__(self, kept: Kept | None, with_errors: bool, told: Told) -> None:
        self._rows = _JsonRows(kept, with_errors, told)

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

    def __init__(self, kept: Kept | None, told: Told) -> None:
        answered = (*columns.names(told.beside), columns.ERROR)
        self._header = b",".join(map(csv_cell, (*(kept.renamed if kept else ()), *answered))) + b"\n"
        self._commas = b"," * (len(answered) - 1)

    def head(self) -> bytes:
        """Return what comes first."""
        return self._header

    def block(self, answers: BlockAnswers) -> bytes:
        """Return the text of n answers."""
        rows = _joined(_CSV_BEGINS, answers.prediction, map(b"%b,\n".__mod__, _csv_cells(answers)))
        for row, reason in answers.reasons.items():
            rows[row] = b'%b"%b"\n' % (self._commas, reason.replace('"', '""').encode())
        if answers.cells is not None:
            cells = map(b",".join, zip(*answers.cells.in_csv(), strict=True))
            rows = [b"%b,%b" % pair for pair in zip(cells, rows, strict=True)]
        return b"".join(rows)

    def tail(self) -> bytes:
        """Return what comes last."""
        return b""


class ArrowWriter:
    """An IPC stream with a record batch a block."""

    def __init__(self, kept: Kept | None, told: Told) -> None:
        self._kept = kept
        self._told = told
        self._sink = io.BytesIO()

    def head(self) -> bytes:
        """Return what comes first; the types of what is kept are known by now."""
        import pyarrow as pa
        from pyarrow import ipc

        schema = columns.schema(self._told.beside, with_error=True)
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
        answered = columns.answers(answers.prediction, missing, answers.worth)
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

    def __init__(self, kept: Kept | None, with_errors: bool, told: Told) -> None:
        self._end = b',"error":null}' if with_errors else b"}"
        self._region = told.region
        self._explaining = told.explaining
        self._no_answer = _NO_ANSWER + b"".join(b',"%b":null' % name.encode() for name in told.members)
        keys = [orjson.dumps(name).replace(b"%", b"%%") + b":%b" for name in kept.renamed] if kept else ()
        self._begin = b"{%b," % b",".join(keys)

    def of(self, answers: BlockAnswers) -> list[bytes]:
        rows = _joined(ROW_BEGINS, answers.prediction, map(b"]%b%b".__mod__, self._members(answers)))
        for row, reason in answers.reasons.items():
            rows[row] = b'%b,"error":%b}' % (self._no_answer, orjson.dumps(reason))
        if answers.cells is None:
            return rows
        cells = zip(*answers.cells.in_json(), strict=True)
        return [self._begin % texts + row[1:] for texts, row in zip(cells, rows, strict=True)]

    def _members(self, answers: BlockAnswers) -> Iterator[tuple[bytes, bytes]]:
        """Yield what stands behind each row's probabilities, and how the row ends."""
        worth = answers.worth
        found, sets, unknown = worth.applicability, worth.sets, worth.unknown
        texts: Iterable[bytes] = repeat(b"", len(answers.rows))
        if found is not None:
            written = applicability_json(self._region, found, answers.rows)
            texts = map(b',"applicability":%b'.__mod__, written)
        if sets is not None:
            texts = map(b'%b,"prediction_set":%b'.__mod__, zip(texts, sets_json(sets), strict=True))
        if answers.worth.abstain is not None:
            truths = [TRUTH[truth] for truth in answers.worth.abstain.tolist()]
            texts = map(b'%b,"abstain":%b'.__mod__, zip(texts, truths, strict=True))
        if answers.worth.decisions is not None:
            decided = decisions_json(answers.worth.decisions)
            texts = map(b'%b,"decision":%b'.__mod__, zip(texts, decided, strict=True))
        if answers.worth.explanations is not None and self._explaining is not None:
            of_rows = explanations_json(
                answers.worth.explanations, answers.rows, self._explaining.background_rows
            )
            texts = map(b'%b,"explanation":%b'.__mod__, zip(texts, of_rows, strict=True))
        if unknown is not None:
            texts = map(b'%b,"unknown":%b'.__mod__, zip(texts, unknown_json(unknown), strict=True))
        return zip(texts, repeat(self._end))


def _joined(begins: Sequence[bytes], prediction: Prediction, ends: Iterable[bytes]) -> list[bytes]:
    """Return a text for each row: how its price range begins, its probabilities, its end."""
    texts = probabilities_json(prediction.probabilities)
    parts = zip(prediction.price_range.tolist(), texts, ends, strict=True)
    return [begins[k] + text + end for k, text, end in parts]


def _csv_cells(answers: BlockAnswers) -> Iterator[bytes]:
    """Yield the cells that stand behind each row's probabilities, a comma before each."""
    worth = answers.worth
    found, sets, unknown = worth.applicability, worth.sets, worth.unknown
    cells: Iterable[str] = repeat("", len(answers.rows))
    if found is not None:
        truths, texts = found.in_range.tolist(), columns.feature_texts(found.outside)
        cells = [f",{_TRUTH[truth]},{text}" for truth, text in zip(truths, texts, strict=True)]
    if sets is not None:
        known = columns.set_texts()
        cells = [f"{cell},{known[code]}" for cell, code in zip(cells, columns.codes(sets), strict=True)]
    if answers.worth.abstain is not None:
        truths = answers.worth.abstain.tolist()
        cells = [f"{cell},{_TRUTH[truth]}" for cell, truth in zip(cells, truths, strict=True)]
    if answers.worth.decisions is not None:
        decided = decisions_csv(answers.worth.decisions)
        cells = [f"{cell},{one}" for cell, one in zip(cells, decided, strict=True)]
    if answers.worth.explanations is not None:
        values = np.column_stack(columns.reason_values(answers.worth.explanations))
        cells = [f"{cell},{text}" for cell, text in zip(cells, _numbers(values), strict=True)]
    if unknown is not None:
        names = columns.feature_texts(unknown)
        cells = [f"{cell},{text}" for cell, text in zip(cells, names, strict=True)]
    return map(str.encode, cells)


def _numbers(values: npt.NDArray[np.float32]) -> list[str]:
    """Write float32 [n, q] as n texts such as `0.1,0.2`, each number the shortest that reads back."""
    text: str = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].decode()
    return text.split("],[")


_EXPLANATION = "explanation"
_CSV_BEGINS = [f"{price_range},{label},".encode() for price_range, label in enumerate(LABELS)]
_TRUTH = ("false", "true")
_NO_ANSWER = b'{"price_range":null,"label":null,"probabilities":null'
