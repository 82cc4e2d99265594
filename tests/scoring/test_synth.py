"""Generated phones: as many as asked for, always the same, like those of the training data."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from scoring_tables import read

from pricerange import synthetic
from pricerange.errors import TargetError
from pricerange.phone import FEATURE_NAMES
from pricerange.tables import table
from pricerange.tables.errors import TableFormatError
from scoring import synth as synth_module
from scoring.synth import synth


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.zst", "a.parquet"])
@pytest.mark.parametrize("rows", [0, 1, 250])
def test_phones_are_as_many_as_asked_for_and_the_same_in_every_format(tmp_path, monkeypatch, name, rows):
    monkeypatch.setattr(synth_module, "_BLOCK_ROWS", 100)
    size = synth(rows, tmp_path / name)
    synth(rows, tmp_path / "b.parquet")
    assert size == (tmp_path / name).stat().st_size
    assert read(tmp_path / name) == read(tmp_path / "b.parquet")
    assert len(read(tmp_path / name)) == rows
    assert not list(tmp_path.glob(".*"))


def test_blocks_differ_and_each_is_always_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(synth_module, "_BLOCK_ROWS", 100)
    synth(300, tmp_path / "a.parquet")
    synth(300, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    ram = parquet.read_table(tmp_path / "a.parquet")["ram"].to_pylist()
    assert ram[:100] != ram[100:200] != ram[200:]


def test_they_are_phones_and_their_price_range_follows_the_rule_but_for_its_noise(tmp_path):
    synth(20_000, tmp_path / "a.parquet")
    phones = parquet.read_table(tmp_path / "a.parquet")
    assert phones.column_names == [*FEATURE_NAMES, "price_range"]
    for batch in phones.to_batches():
        assert table.judge(batch).valid.all()
    features = np.column_stack([phones[name].to_numpy().astype(np.float64) for name in FEATURE_NAMES])
    by_rule = np.searchsorted(synthetic.THRESHOLDS, synthetic.score(features))
    right = (by_rule == phones["price_range"].to_numpy()).mean()
    assert 0.96 < right < 1
    shares = np.bincount(phones["price_range"].to_numpy()) / len(phones)
    assert (np.abs(shares - 0.25) < 0.02).all()


def test_each_feature_spreads_as_in_the_training_data(tmp_path, phones_csv):
    known = csv.read_csv(phones_csv)
    synth(20_000, tmp_path / "a.parquet")
    phones = parquet.read_table(tmp_path / "a.parquet")
    for name in FEATURE_NAMES:
        ours, theirs = phones[name].to_numpy(), known[name].to_numpy()
        assert (
            abs(ours.mean() - theirs.mean()) < 0.1 * theirs.std() + 4 * theirs.std() / len(theirs) ** 0.5
        ), name
        assert ours.std() == pytest.approx(theirs.std(), rel=0.15), name
        assert phones.schema.field(name).type == (
            pa.float64() if name in {"clock_speed", "m_dep"} else pa.int64()
        )


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("a.txt", TableFormatError),
        ("a.arrow", TableFormatError),
        ("gone/a.csv", TargetError),
        (f"{'x' * 300}.csv", TargetError),
    ],
)
def test_a_place_that_is_none_is_refused(tmp_path, name, error):
    with pytest.raises(error):
        synth(1, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_pipe_that_has_a_name_gets_the_bytes_of_a_file(tmp_path):
    expected = synth(100, tmp_path / "file.csv.gz")
    os.mkfifo(tmp_path / "pipe.csv.gz")
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit((tmp_path / "pipe.csv.gz").read_bytes)
        assert synth(100, tmp_path / "pipe.csv.gz") == expected
        assert read.result() == (tmp_path / "file.csv.gz").read_bytes()
