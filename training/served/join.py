"""Predictions and the labels that are about them, joined while the predictions are read."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pricerange.answer.columns import PROBABILITIES
from pricerange.errors import SettingsError
from pricerange.prediction_log.columns import ROW, TIME, VERSION
from pricerange.prediction_log.hashed_columns import hashed_columns
from pricerange.prediction_log.pseudonyms import Pseudonyms
from pricerange.tables.source.files import InputFile
from training import label
from training.served.columns import Columns, read
from training.served.keys import joined, keys_of
from training.served.labels import CONTRADICTED, Labels, of_rows

NOT_SAID = "not said"
"""Version of predictions that do not say it."""
NO_WEEK = np.iinfo(np.int64).min
"""Week of predictions that do not say their time."""
_AT_ONCE = 1 << 20
"""Predictions that are looked up together: each time the labels are sorted anew."""
_READ = (label.LABEL.name, ROW, TIME, *PROBABILITIES)
"""Columns whose values count, not only whether they are the same."""
_DAY = 86_400_000_000
_MONDAY = 4
"""Days from Thursday 1 January 1970 to the first Monday."""


@dataclass(frozen=True, slots=True)
class Answers:
    """n predictions: `label` int64 [n] says which key each has, -1 where there is no label for it.

    `version` are places in the join's `versions`, `week` days of the epoch, of Mondays. `probabilities`
    float32 [n, 4] are NaN where the predictions do not say them.
    """

    label: npt.NDArray[np.int64]
    version: npt.NDArray[np.int64]
    week: npt.NDArray[np.int64]
    price_range: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]

    def where(self, wanted: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "Answers":
        """Return some of them."""
        return Answers(
            self.label[wanted],
            self.version[wanted],
            self.week[wanted],
            self.price_range[wanted],
            self.probabilities[wanted],
        )


@dataclass(slots=True)
class Join:
    """What was found: `matched` predictions have a label that none denies.

    `predictions` counts all, by version and week; of those `without_id`, `unanswered`, `without_label` and
    `contradicted`, by their labels, are not matched. `seen` bool [k] says of each of k labelled keys whether
    it has a prediction.
    """

    seen: npt.NDArray[np.bool_]
    versions: dict[str, int] = field(default_factory=dict)
    predictions: Counter[tuple[int, int]] = field(default_factory=Counter)
    without_id: int = 0
    unanswered: int = 0
    without_label: int = 0
    contradicted: int = 0
    rows_of_tables: int = 0
    """Of those without a label: rows of requests with several."""
    matched: list[Answers] = field(default_factory=list)


def join(
    files: Sequence[InputFile], labels: Labels, id_column: str, pseudonyms: Pseudonyms | None = None
) -> Join:
    """Look up each prediction's label.

    Raises what `columns.read` and `hashed_columns` raise, `InvalidLabelError` for an answer that is none, and
    `SettingsError` where ids are hashed by a key that was not given.
    """
    found = Join(np.zeros(len(labels.keys), np.bool_))
    is_hashed = [_is_hashed(file, id_column, pseudonyms) for file in files]
    for hashed in (False, True):
        keys = labels.hashed if hashed else labels.keys
        some = [file for file, its in zip(files, is_hashed, strict=True) if its == hashed]
        for blocks in _runs(some, id_column):
            _look_up(found, labels, keys, blocks, id_column)
    return found


def _look_up(found: Join, labels: Labels, keys: pa.Array, blocks: Sequence[Columns], id_column: str) -> None:
    own = joined([keys_of(block, id_column) for block in blocks])
    answers = _answers(found, blocks, of_rows(keys, own))
    for (version, week), count in _counted(answers).items():
        found.predictions[version, week] += count
    has_id = own.is_valid().to_numpy(zero_copy_only=False)
    is_answered = answers.price_range >= 0
    has_label = answers.label >= 0
    found.without_id += int(np.count_nonzero(~has_id))
    found.unanswered += int(np.count_nonzero(has_id & ~is_answered))
    unlabelled = has_id & is_answered & ~has_label
    found.without_label += int(np.count_nonzero(unlabelled))
    found.rows_of_tables += int(np.count_nonzero(unlabelled & _of_tables(blocks)))
    asked = answers.where(has_label & is_answered)
    found.seen[asked.label] = True
    denied = labels.price_range[asked.label] == CONTRADICTED
    found.contradicted += int(np.count_nonzero(denied))
    found.matched.append(asked.where(~denied))


def _answers(found: Join, blocks: Sequence[Columns], label: npt.NDArray[np.int64]) -> Answers:
    return Answers(
        label,
        np.concatenate([_versions(found, block) for block in blocks]),
        np.concatenate([_weeks(block) for block in blocks]),
        np.concatenate([_price_ranges(block) for block in blocks]),
        np.concatenate([_probabilities(block) for block in blocks]),
    )


def _price_ranges(block: Columns) -> npt.NDArray[np.int64]:
    column = block.as_type(label.LABEL.name, pa.int64())
    given = label.price_ranges(block.file.name, block.row, column.fill_null(0))
    return np.where(column.is_valid().to_numpy(zero_copy_only=False), given, -1)


def _versions(found: Join, block: Columns) -> npt.NDArray[np.int64]:
    if VERSION not in block.columns:
        return np.full(len(block), found.versions.setdefault(NOT_SAID, len(found.versions)))
    coded = block.as_text(VERSION).fill_null(NOT_SAID).dictionary_encode()
    names = [found.versions.setdefault(name, len(found.versions)) for name in coded.dictionary.to_pylist()]
    codes: npt.NDArray[np.int64] = np.array(names, np.int64)[coded.indices.to_numpy()]
    return codes


def _weeks(block: Columns) -> npt.NDArray[np.int64]:
    if TIME not in block.columns:
        return np.full(len(block), NO_WEEK)
    times = block.as_type(TIME, pa.timestamp("us", "UTC")).cast(pa.int64())
    missing = times.is_null().to_numpy(zero_copy_only=False)
    days: npt.NDArray[np.int64] = times.fill_null(0).to_numpy() // _DAY
    return np.where(missing, NO_WEEK, days - (days - _MONDAY) % 7)


def _probabilities(block: Columns) -> npt.NDArray[np.float32]:
    found = np.full((len(block), len(PROBABILITIES)), np.nan, np.float32)
    for place, name in enumerate(PROBABILITIES):
        if name in block.columns:
            column = block.as_type(name, pa.float32())
            found[:, place] = column.to_numpy(zero_copy_only=False)
    return found


def _of_tables(blocks: Sequence[Columns]) -> npt.NDArray[np.bool_]:
    """Return which rows are some of several of a request."""
    return np.concatenate(
        [
            block.as_text(ROW).is_valid().to_numpy(zero_copy_only=False)
            if ROW in block.columns
            else np.zeros(len(block), np.bool_)
            for block in blocks
        ]
    )


def _counted(answers: Answers) -> dict[tuple[int, int], int]:
    pairs = np.stack([answers.version, answers.week], axis=1)
    found, counts = np.unique(pairs, axis=0, return_counts=True)
    return {
        (version, week): count for (version, week), count in zip(found.tolist(), counts.tolist(), strict=True)
    }


def _runs(files: Sequence[InputFile], id_column: str) -> Iterator[list[Columns]]:
    """Read files, and yield as many blocks at once as are looked up together."""
    run, rows = list[Columns](), 0
    for file in files:
        for block in read(file, (id_column, label.LABEL.name), (ROW, VERSION, TIME, *PROBABILITIES)):
            run.append(block)
            rows += len(block)
            if rows >= _AT_ONCE:
                yield run
                run, rows = [], 0
    if run:
        yield run


def _is_hashed(file: InputFile, id_column: str, pseudonyms: Pseudonyms | None) -> bool:
    """Return whether a file has hashes for ids. Raises `SettingsError` where their key was not given."""
    by = hashed_columns(file, _READ).get(id_column)
    if by is not None and (pseudonyms is None or pseudonyms.fingerprint != by):
        given = "none" if pseudonyms is None else f"one with the fingerprint {pseudonyms.fingerprint}"
        raise SettingsError("--key-file", f"the key whose fingerprint is {by}, as {file.name} says", given)
    return by is not None
