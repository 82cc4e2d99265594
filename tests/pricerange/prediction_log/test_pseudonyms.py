"""Hashes stand for values: the same for the same value, column and key, and no others."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from pricerange.errors import SettingsError
from pricerange.prediction_log.pseudonyms import Pseudonyms, fingerprint_of


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("a key that is long enough\n")
    return path


def test_values_are_hashed_by_key_and_column(key_file: Path, tmp_path: Path) -> None:
    pseudonyms = Pseudonyms.read(key_file, "--key-file")
    ids = pa.array(["one", "two", None, "one"])
    one, two, none, again = pseudonyms.of("request_id", ids).to_pylist()
    assert none is None
    assert one == again != two
    assert len(one) == 32
    assert pseudonyms.of("version", ids).to_pylist()[0] != one
    (tmp_path / "other").write_text("another key that is long enough")
    other = Pseudonyms.read(tmp_path / "other", "--key-file")
    assert other.of("request_id", ids).to_pylist()[0] != one
    assert other.fingerprint != pseudonyms.fingerprint


def test_a_hash_is_keyed_blake2b_of_the_column_and_the_text(key_file: Path) -> None:
    pseudonyms = Pseudonyms.read(key_file, "--key-file")
    expected = hashlib.blake2b(b"ram\x002800", key=pseudonyms.key, digest_size=16).hexdigest()
    assert pseudonyms.of("ram", pa.array([2800], pa.int64())).to_pylist() == [expected]


def test_of_a_column_that_repeats_each_row_has_the_hash_of_its_own_value(key_file: Path) -> None:
    pseudonyms = Pseudonyms.read(key_file, "--key-file")
    values = [0.5, None, 0.25, 0.5, 0.25, None]
    each = [pseudonyms.of("m_dep", pa.array([value], pa.float32())).to_pylist()[0] for value in values]
    assert pseudonyms.of("m_dep", pa.array(values, pa.float32())).to_pylist() == each
    assert pseudonyms.of("m_dep", pa.array([], pa.float32())).to_pylist() == []
    assert pseudonyms.of("m_dep", pa.array([None, None], pa.float32())).to_pylist() == [None, None]


def test_a_newline_at_the_end_of_the_file_is_no_part_of_the_key(key_file: Path) -> None:
    before = Pseudonyms.read(key_file, "--key-file")
    key_file.write_text(key_file.read_text().strip())
    assert Pseudonyms.read(key_file, "--key-file") == before


def test_a_column_says_by_which_key_it_is_hashed_and_not_the_key(key_file: Path) -> None:
    pseudonyms = Pseudonyms.read(key_file, "--key-file")
    assert fingerprint_of(pseudonyms.metadata) == pseudonyms.fingerprint
    assert pseudonyms.key.hex() not in pseudonyms.fingerprint
    assert fingerprint_of(None) is fingerprint_of({b"other": b"metadata"}) is None


def test_a_file_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        Pseudonyms.read(tmp_path / "nowhere", "--key-file")
    (tmp_path / "short").write_text("short\n")
    with pytest.raises(SettingsError, match="at least 16 bytes") as refused:
        Pseudonyms.read(tmp_path / "short", "--key-file")
    assert refused.value.found == "5 bytes"
