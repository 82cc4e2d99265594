"""A page becomes a Parquet file: the columns that `score` writes, behind those of the request."""

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from pricerange.answer.applicability import TrainingRegion
from pricerange.phone import FEATURE_NAMES
from pricerange.prediction_log.columns import NAMES
from pricerange.prediction_log.pseudonyms import Pseudonyms, fingerprint_of
from pricerange.predictor import Prediction, Predictor
from scoring.score import score
from service.telemetry.prediction_log.encode import Encoder
from service.telemetry.prediction_log.page import PAGE_ROWS, Page, Rows

TIME = datetime(2026, 11, 26, 4, 30, 0, 123_456, UTC)
MICROSECONDS = int(TIME.timestamp()) * 1_000_000 + TIME.microsecond


@pytest.fixture
def page(rows: np.ndarray, prediction: Prediction, predictor: Predictor) -> Page:
    page = Page()
    ids = [b"id-%d" % number for number in range(10)]
    first = rows[:10], prediction.probabilities[:10], prediction.price_range[:10]
    page.add(Rows(ids, 0, 0, MICROSECONDS, *first, predictor.bundle))
    numbers = np.arange(1, 91)
    rest = rows[10:], prediction.probabilities[10:], prediction.price_range[10:]
    page.add(Rows(b"x" * 128, numbers, 1, MICROSECONDS + 1, *rest, predictor.bundle))
    return page


def read(content: memoryview) -> pa.Table:
    return parquet.read_table(io.BytesIO(content))


def test_all_that_was_put_down_is_there(
    page: Page, predictor: Predictor, rows: np.ndarray, prediction: Prediction
) -> None:
    table = read(Encoder().encoded(page))
    assert table.schema.names == list(NAMES)
    assert table["request_id"].to_pylist() == [f"id-{n}" for n in range(10)] + ["x" * 128] * 90
    assert table["row"].to_pylist() == [None] * 10 + list(range(1, 91))
    assert table["time"].to_pylist()[0] == TIME
    assert table["time"].type == pa.timestamp("us", "UTC")
    assert set(table["version"].to_pylist()) == {predictor.bundle.version}
    assert table["door"].to_pylist() == ["predict"] * 10 + ["batch"] * 90
    found = np.column_stack([table[name].to_numpy() for name in FEATURE_NAMES])
    assert np.array_equal(found, rows)
    assert np.array_equal(table["price_range"].to_numpy(), prediction.price_range)
    assert np.array_equal(table["probability_2"].to_numpy(), prediction.probabilities[:, 2])
    in_range = TrainingRegion.of_version(predictor.bundle.passport).of(rows).in_range
    assert table["in_range"].to_pylist() == in_range.tolist()


def test_its_answers_are_those_of_score_to_the_last_bit(
    page: Page, predictor: Predictor, model_repository: Path, tmp_path: Path
) -> None:
    table = read(Encoder().encoded(page))
    parquet.write_table(table.select(FEATURE_NAMES), tmp_path / "phones.parquet")
    score([str(tmp_path / "phones.parquet")], str(tmp_path / "scored.parquet"), model_repository)
    scored = parquet.read_table(tmp_path / "scored.parquet")
    assert table.select(scored.schema.names).equals(scored)


@pytest.mark.parametrize("hashed", [(), ("request_id", "ram")], ids=["plain", "hashed"])
def test_rows_of_several_versions_are_each_named_and_judged_by_their_own(
    two_versions: Path, rows: np.ndarray, tmp_path: Path, hashed: tuple[str, ...]
) -> None:
    (tmp_path / "key").write_text("a key that is long enough")
    pseudonyms = Pseudonyms.read(tmp_path / "key", "--key-file")
    one, two = (Predictor.load(two_versions, version) for version in (1, 2))
    page, gaps = Page(), rows.copy()
    gaps[:, FEATURE_NAMES.index("wifi")] = np.nan
    put = [(two, rows, 0), (one, gaps, 0), (two, rows, 1), (one, rows, 1)]
    for number, (predictor, phones, row) in enumerate(put):
        answers = predictor.predict(rows)
        found = answers.probabilities, answers.price_range
        page.add(Rows(b"id%d" % number, row, 1, MICROSECONDS, phones, *found, predictor.bundle))
    table = read(Encoder((), hashed, pseudonyms).encoded(page))
    assert table["version"].to_pylist() == ["2"] * 200 + ["1"] * 200
    assert table["row"].to_pylist() == [row or None for row in (0, 1, 0, 1) for _ in rows]
    assert table["wifi"].null_count == len(rows)
    of_each = [(two, rows), (two, rows), (one, gaps), (one, rows)]
    in_range = [
        TrainingRegion.of_version(each.bundle.passport).of(phones).in_range for each, phones in of_each
    ]
    assert table["in_range"].to_pylist() == np.concatenate(in_range).tolist()
    probabilities = np.concatenate([each.predict(rows).probabilities for each, _ in of_each])
    assert np.array_equal(table["probability_2"].to_numpy(), probabilities[:, 2])
    assert fingerprint_of(table.schema.field("ram").metadata) == (pseudonyms.fingerprint if hashed else None)
    page.clear()
    page.add(Rows(b"id", 1, 1, MICROSECONDS, rows, *found, one.bundle))
    assert set(read(Encoder().encoded(page))["version"].to_pylist()) == {"1"}


def test_unknown_features_are_null(predictor: Predictor, rows: np.ndarray, prediction: Prediction) -> None:
    page, gaps = Page(), rows[:2].copy()
    gaps[0, FEATURE_NAMES.index("ram")] = np.nan
    answers = prediction.probabilities[:2], prediction.price_range[:2]
    page.add(Rows([b"a", b"b"], 0, 0, 0, gaps, *answers, predictor.bundle))
    table = read(Encoder().encoded(page))
    assert [value is None for value in table["ram"].to_pylist()] == [True, False]
    assert table["in_range"].null_count == 0


def test_columns_are_left_out_or_hashed(page: Page, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key that is long enough")
    pseudonyms = Pseudonyms.read(tmp_path / "key", "--key-file")
    encoder = Encoder(["ram", "time"], ["request_id", "ram"], pseudonyms)
    table = read(encoder.encoded(page))
    assert table.schema.names == [name for name in NAMES if name not in {"ram", "time"}]
    whole = read(Encoder().encoded(page))
    expected = pseudonyms.of("request_id", whole["request_id"].combine_chunks())
    assert table["request_id"].to_pylist() == expected.to_pylist()
    assert len(set(table["request_id"].to_pylist())) == 11
    assert fingerprint_of(table.schema.field("request_id").metadata) == pseudonyms.fingerprint
    assert fingerprint_of(table.schema.field("version").metadata) is None


@pytest.mark.parametrize("given", ["one id", "an id each"])
def test_a_page_takes_what_there_is_room_for(
    rows: np.ndarray, prediction: Prediction, predictor: Predictor, given: str
) -> None:
    page = Page()
    count = len(rows)
    ids = b"id" if given == "one id" else [b"id"] * count
    answers = prediction.probabilities, prediction.price_range
    put = Rows(ids, np.arange(count), 1, 0, rows, *answers, predictor.bundle)
    taken = [page.add(put) for _ in range(PAGE_ROWS // count + 2)]
    assert taken == [count] * (PAGE_ROWS // count) + [PAGE_ROWS % count, 0]
    assert page.count == PAGE_ROWS
    assert page.row[-1] == PAGE_ROWS % count - 1
    page.clear()
    assert page.add(put) == count
