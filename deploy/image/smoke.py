"""Use the libraries as the programs do: the build of the trimmed image fails if anything is missing."""

import importlib
import io
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
from pyarrow import compute, csv, dataset, fs, ipc, parquet
from rich.console import Console

for program in ("pricerange.cli", "service.serve", "scoring.score"):
    importlib.import_module(program)

phones = pa.table({"ram": pa.array([256, 4096]), "clock_speed": pa.array([0.5, 3.0])})

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    for compression in ("snappy", "gzip", "zstd", "lz4", "brotli"):
        parquet.write_table(phones, folder / f"{compression}.parquet", compression=compression)
        assert parquet.read_table(folder / f"{compression}.parquet").equals(phones)
    csv.write_csv(phones, folder / "phones.csv")
    assert csv.read_csv(folder / "phones.csv").equals(phones)
    assert dataset.dataset(folder / "phones.csv", format="csv").to_table().num_rows == 2

stream = io.BytesIO()
with ipc.new_stream(stream, phones.schema) as writer:
    writer.write_table(phones)
assert ipc.open_stream(stream.getvalue()).read_all().equals(phones)

assert compute.max(phones["ram"]).as_py() == 4096
assert issubclass(fs.S3FileSystem, fs.FileSystem)
assert np.linalg.norm(np.random.default_rng(0).random(3)) > 0
assert "CPUExecutionProvider" in onnxruntime.get_available_providers()

# what a failure that nobody foresaw looks like, with lines of code in colours
shown = Console(file=io.StringIO(), record=True)
try:
    phones["weight"]
except KeyError:
    shown.print_exception()
assert 'phones["weight"]' in shown.export_text()
