"""Files of phones beside what a version has learned from, in every form that is read."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv as pa_csv
from pyarrow import parquet

from pricerange import synthetic
from pricerange.answer.unknown import Averages
from pricerange.drift.reference import Reference
from pricerange.phone import FEATURE_NAMES
from pricerange.prediction_log.pseudonyms import Pseudonyms
from pricerange.predictor import Predictor
from pricerange.tables.errors import UnreadableTableError
from scoring.drift.compare import compare
from scoring.errors import FewRowsError, NoDriftReferenceError
from scoring.score import score

PHONES = synthetic.phones(600, block=8)[0]


def table(rows: np.ndarray) -> pa.Table:
    return pa.table(dict(zip(FEATURE_NAMES, rows.T, strict=True)))


def test_a_result_of_score_tells_what_its_phones_and_answers_do(
    model_repository: Path, tmp_path: Path
) -> None:
    parquet.write_table(table(PHONES), tmp_path / "asked.parquet")
    answered = tmp_path / "answered.parquet"
    score([str(tmp_path / "asked.parquet")], answered, model_repository)
    found = compare([str(answered)], model_repository)
    predictor = Predictor.load(model_repository)
    reference = Reference.of_version(predictor.bundle.passport)
    assert reference is not None
    rows = PHONES.astype(np.float32)
    assert found.drift == reference.drift(reference.tally(rows, predictor.predict(rows)))
    assert (found.version, found.bad_rows) == ("1", 0)
    shares = np.bincount(parquet.read_table(answered)["price_range"], minlength=4) / len(rows)
    assert found.drift.answers.found == pytest.approx(shares)


def test_files_of_several_forms_are_one_table(model_repository: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(synthetic.as_csv(PHONES[:400], np.zeros(400, int)))
    parquet.write_table(table(PHONES[400:]), tmp_path / "b.parquet")
    parquet.write_table(table(PHONES), tmp_path.parent / "all.parquet")
    found = compare([str(tmp_path)], model_repository)
    assert found.source.endswith("a.csv and 1 more")
    assert (
        found.drift.alarms == compare([str(tmp_path.parent / "all.parquet")], model_repository).drift.alarms
    )
    assert found.drift.rows == 600


def test_bad_rows_are_left_out_and_unknown_features_averaged_over(
    model_repository: Path, tmp_path: Path
) -> None:
    rows = PHONES[:300].copy()
    rows[:40, FEATURE_NAMES.index("wifi")] = np.nan
    rows[40:45, FEATURE_NAMES.index("ram")] = -1
    parquet.write_table(table(rows), tmp_path / "asked.parquet")
    found = compare([str(tmp_path / "asked.parquet")], model_repository)
    assert found.bad_rows == 5
    assert found.drift.rows == 295
    assert found.drift.shifts[FEATURE_NAMES.index("wifi")].rows == 255
    predictor = Predictor.load(model_repository)
    averages = Averages.of_version(predictor)
    assert averages is not None
    good = np.delete(rows, slice(40, 45), axis=0).astype(np.float32)
    expected = found.reference.drift(found.reference.tally(good, averages.predict(good)))
    assert found.drift.answers.found == expected.answers.found
    assert found.drift.mean_confidence == pytest.approx(expected.mean_confidence)


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_what_is_unknown_is_counted_alike_in_every_form(
    model_repository: Path, tmp_path: Path, form: str
) -> None:
    whole = dict(zip(FEATURE_NAMES, PHONES[:1].tolist()[0], strict=True))
    rows = [{**whole, "wifi": None if row < 30 else 1} for row in range(120)]
    path = tmp_path / f"asked.{form}"
    match form:
        case "parquet":
            parquet.write_table(pa.Table.from_pylist(rows), path)
        case "csv":
            pa_csv.write_csv(pa.Table.from_pylist(rows), path)
        case "ndjson":
            path.write_text("\n".join(map(json.dumps, rows)))
    found = compare([str(path)], model_repository)
    counts = {shift.name: shift.rows for shift in found.drift.shifts}
    assert (counts["wifi"], counts["ram"], found.bad_rows) == (90, 120, 0)


def test_a_feature_that_is_hashed_is_told_so_and_not_taken_for_bad_phones(
    model_repository: Path, tmp_path: Path
) -> None:
    pseudonyms = Pseudonyms(b"a key that is long enough")
    plain = table(PHONES.astype(np.float32))
    place = FEATURE_NAMES.index("ram")
    hashed = pa.field("ram", pa.string(), metadata=pseudonyms.metadata)
    texts = pseudonyms.of("ram", plain.column(place).combine_chunks())
    parquet.write_table(plain.set_column(place, hashed, texts), tmp_path / "asked.parquet")
    with pytest.raises(UnreadableTableError, match="ram is hashed, its values cannot be told"):
        compare([str(tmp_path / "asked.parquet")], model_repository)


def test_too_few_phones_are_an_error(model_repository: Path, tmp_path: Path) -> None:
    parquet.write_table(table(PHONES[:99]), tmp_path / "asked.parquet")
    with pytest.raises(FewRowsError, match="at least 100 phones to tell drift by, found 99"):
        compare([str(tmp_path / "asked.parquet")], model_repository)


def test_a_version_without_a_reference_is_an_error(tmp_path: Path) -> None:
    parquet.write_table(table(PHONES), tmp_path / "asked.parquet")
    with pytest.raises(NoDriftReferenceError, match="version 2 keeps no reference of drift"):
        compare([str(tmp_path / "asked.parquet")], Path("models"), 2)
