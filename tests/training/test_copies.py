"""Files and their digests: those of an object store are fetched once, whatever form they have."""

import gzip
import hashlib
import io
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from object_store import ObjectStore, serving
from pyarrow import csv, ipc, parquet

from pricerange import synthetic
from pricerange.tables.errors import SourceChangedError, UnreadableTableError
from pricerange.tables.source import files
from training import copies, data
from training.errors import OutputError

FEATURES, PRICE_RANGE = synthetic.phones(50)
TEXT = synthetic.as_csv(FEATURES, PRICE_RANGE).encode()


def as_parquet() -> bytes:
    with io.BytesIO() as file:
        parquet.write_table(csv.read_csv(io.BytesIO(TEXT)), file)
        return file.getvalue()


def as_arrow() -> bytes:
    table = csv.read_csv(io.BytesIO(TEXT))
    with io.BytesIO() as file:
        with ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        return file.getvalue()


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with serving() as running:
        yield running


@pytest.mark.parametrize("small", [True, False], ids=["small", "large"])
@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", TEXT), ("a.parquet", as_parquet()), ("a.arrow", as_arrow())],
    ids=["csv", "parquet", "arrow"],
)
def test_a_file_of_an_object_store_is_fetched_once(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, small: bool
) -> None:
    if not small:
        monkeypatch.setattr(copies, "SMALL_BYTES", 0)
    store.objects[f"shop/{name}"] = content
    phones = data.load([store.uri(f"shop/{name}")])
    np.testing.assert_array_equal(phones.features, FEATURES.astype(np.float32))
    np.testing.assert_array_equal(phones.price_range, PRICE_RANGE)
    assert (phones.source, phones.sha256) == (name, hashlib.sha256(content).hexdigest())
    assert store.sent == len(content)


@pytest.mark.parametrize("small", [True, False], ids=["small", "large"])
def test_an_object_that_changes_while_it_is_fetched_is_noticed(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    if not small:
        monkeypatch.setattr(copies, "SMALL_BYTES", 0)
    store.objects["shop/a.csv"] = TEXT
    found = files.find([store.uri("shop/a.csv")]).files

    def change() -> None:
        store.objects["shop/a.csv"] = TEXT + b"\n"

    with pytest.raises(SourceChangedError, match=r"s3://shop/a\.csv changed"):
        copies.digested(found, change)


def test_a_file_of_this_machine_that_changes_while_it_is_digested_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT)
    found = files.find([str(tmp_path)]).files
    with pytest.raises(SourceChangedError, match=r"a\.csv changed"):
        copies.digested(found, (tmp_path / "a.csv").unlink)


def test_a_copy_without_room_is_said(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(copies, "SMALL_BYTES", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    store.objects["shop/a.csv"] = TEXT
    with pytest.raises(OutputError, match=f"cannot write to {tmp_path / 'gone'}: No such file"):
        data.load([store.uri("shop/a.csv")])


def test_a_copy_leaves_nothing_in_the_folder_for_temporary_files(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(copies, "SMALL_BYTES", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store.objects["shop/a.csv"] = TEXT
    (copied,) = copies.digested(files.find([store.uri("shop/a.csv")]).files, lambda: None)
    assert list(tmp_path.iterdir()) == []
    with copied.file.open() as first, copied.file.open() as second:
        assert (first.read(5), second.read(5), first.read()) == (TEXT[:5], TEXT[:5], TEXT[5:])


def test_what_is_wrong_with_an_object_names_it_without_the_secret(store: ObjectStore) -> None:
    store.objects["shop/a.csv"] = gzip.compress(TEXT)
    with pytest.raises(UnreadableTableError, match=r"^s3://shop/a\.csv cannot be read: "):
        data.load([store.uri("shop/a.csv")])


def test_many_files_are_fetched_at_the_same_time(store: ObjectStore) -> None:
    lines = TEXT.splitlines()
    for number, line in enumerate(lines[1:33]):
        store.objects[f"shop/{number}.csv"] = lines[0] + b"\n" + line
    together = threading.Barrier(16, timeout=30)
    found = files.find([store.uri(f"shop/{number}.csv") for number in range(32)]).files
    assert len(copies.digested(found, together.wait)) == 32


@pytest.mark.parametrize("content", [TEXT, b"\n" * (1 << 23) + TEXT, gzip.compress(TEXT), as_parquet()])
def test_a_stream_is_learned_from_however_long_it_is(content: bytes) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        phones = data.load([f"/dev/fd/{reading}"])
    finally:
        os.close(reading)
        writer.join()
    np.testing.assert_array_equal(phones.features, FEATURES.astype(np.float32))
    assert phones.sha256 == hashlib.sha256(content).hexdigest()


def test_a_stream_without_bytes_is_an_empty_file() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    try:
        with pytest.raises(UnreadableTableError, match="the file is empty"):
            data.load([f"/dev/fd/{reading}"])
    finally:
        os.close(reading)
