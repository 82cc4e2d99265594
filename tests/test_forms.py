"""Every form of a table, through every door: the same rows to the last bit.

A new form is a line of `FORMS`: how a file of it is called and written, and as what it may be a body of
`/predict/batch`, where it may be one.
"""

import bz2
import dataclasses
import gzip
import io
import itertools
import json
import lzma
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import onnx
import pyarrow as pa
import pytest
from corpus import few
from live_server import NO_TLS, PRICERANGE, Server
from phone_tables import ARROW, CSV, NDJSON, zstd
from pyarrow import csv, ipc, parquet
from scoring_tables import read

from pricerange import synthetic
from pricerange.answer.columns import PROBABILITIES
from pricerange.bundle import METADATA_PREFIX, MODEL_FILE
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from scoring.score import score
from training import data
from training.evaluate import evaluate
from training.quality.measures import measure
from training.train import train

ROWS = 300
FEATURES, PRICE_RANGE = synthetic.phones(ROWS)


def table() -> pa.Table:
    """Phones with what a shop has beside them, as numbers of all kinds."""
    columns = {name: pa.array(FEATURES[:, place]) for place, name in enumerate(FEATURE_NAMES)}
    columns |= {"ram": columns["ram"].cast("int32"), "wifi": columns["wifi"].cast("bool")}
    ids = [f"phone {number}" for number in range(ROWS)]
    return pa.table({"id": ids, **columns, "price_range": PRICE_RANGE})


def as_csv(rows: pa.Table, delimiter: str = ",") -> bytes:
    with io.BytesIO() as file:
        csv.write_csv(rows, file, csv.WriteOptions(delimiter=delimiter))
        return file.getvalue()


def with_other_names(rows: pa.Table) -> pa.Table:
    """Name the features as people do: `BATTERY POWER`."""
    return rows.rename_columns({name: name.upper().replace("_", " ") for name in FEATURE_NAMES})


def as_ndjson(rows: pa.Table) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows.to_pylist()).encode()


def as_parquet(rows: pa.Table) -> bytes:
    with io.BytesIO() as file:
        parquet.write_table(rows, file, row_group_size=128)
        return file.getvalue()


def as_arrow(new: Callable[..., ipc.RecordBatchStreamWriter]) -> Callable[[pa.Table], bytes]:
    def write(rows: pa.Table) -> bytes:
        with io.BytesIO() as file:
            with new(file, rows.schema) as writer:
                writer.write_table(rows, max_chunksize=128)
            return file.getvalue()

    return write


@dataclass(frozen=True)
class Form:
    name: str
    write: Callable[[pa.Table], bytes]
    headers: dict[str, str] | None = None


FORMS = {
    "csv": Form("a.csv", as_csv, {"Content-Type": CSV}),
    "csv.gz": Form(
        "a.csv.gz",
        lambda rows: gzip.compress(as_csv(rows)),
        {"Content-Type": CSV, "Content-Encoding": "gzip"},
    ),
    "csv.zst": Form(
        "a.csv.zst",
        lambda rows: zstd.compress(as_csv(rows)),
        {"Content-Type": CSV, "Content-Encoding": "zstd"},
    ),
    "csv.bz2": Form("a.csv.bz2", lambda rows: bz2.compress(as_csv(rows))),
    "csv.xz": Form("a.csv.xz", lambda rows: lzma.compress(as_csv(rows))),
    "csv of semicolons": Form("a.csv", partial(as_csv, delimiter=";"), {"Content-Type": CSV}),
    "csv of other names": Form("a.csv", lambda rows: as_csv(with_other_names(rows)), {"Content-Type": CSV}),
    "tsv": Form("a.tsv", partial(as_csv, delimiter="\t"), {"Content-Type": CSV}),
    "ndjson": Form("a.ndjson", as_ndjson, {"Content-Type": NDJSON}),
    "ndjson.zst": Form(
        "a.ndjson.zst",
        lambda rows: zstd.compress(as_ndjson(rows)),
        {"Content-Type": NDJSON, "Content-Encoding": "zstd"},
    ),
    "parquet": Form("a.parquet", as_parquet),
    "parq of other names": Form("a.parq", lambda rows: as_parquet(with_other_names(rows))),
    "arrow file": Form("a.arrow", as_arrow(ipc.new_file)),
    "ipc": Form("a.ipc", as_arrow(ipc.new_file)),
    "arrow stream": Form("a.arrow", as_arrow(ipc.new_stream), {"Content-Type": ARROW}),
    "feather": Form("a.feather", as_arrow(ipc.new_file)),
}
FOLDERS = Form("", as_csv)
"""Files of CSV in folders, as Hive has them, whose names tell a feature."""
FORMS["hive"] = FOLDERS
IN_FILES = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
OVER_HTTP = pytest.mark.parametrize(
    "form", [pytest.param(form, id=name) for name, form in FORMS.items() if form.headers]
)


@pytest.fixture(scope="module")
def expected(model_repository: Path) -> np.ndarray:
    """Probabilities of the phones, float32 [n, 4]."""
    return Predictor.load(model_repository).predict(FEATURES.astype(np.float32)).probabilities


@pytest.fixture(scope="module")
def server(model_repository: Path) -> Iterator[Server]:
    running = Server(model_repository, "--no-access-log").wait_until_ready()
    yield running
    assert running.end() == 0


def written(form: Form, folder: Path) -> str:
    if form is FOLDERS:
        return in_folders(folder / "phones")
    path = folder / form.name
    path.write_bytes(form.write(table()))
    return str(path)


def in_folders(root: Path) -> str:
    """Write rows that follow each other and have the same feature into a file, in a folder that tells it."""
    rows = table()
    runs = itertools.groupby(range(ROWS), key=rows["four_g"].to_pylist().__getitem__)
    for number, (four_g, run) in enumerate(runs):
        folder = root / f"run={number:03}" / f"four_g={four_g:.0f}"
        folder.mkdir(parents=True)
        (folder / "a.csv").write_bytes(as_csv(rows.take(list(run)).drop_columns(["four_g"])))
    return str(root)


def bits(answers: pa.Table) -> bytes:
    columns = [answers[name].to_numpy().astype(np.float32) for name in PROBABILITIES]
    return np.column_stack(columns).tobytes()


@IN_FILES
def test_is_learned_from(tmp_path: Path, form: Form) -> None:
    phones = data.load([written(form, tmp_path)])
    assert phones.features.tobytes() == FEATURES.astype(np.float32).tobytes()
    assert phones.price_range.tobytes() == PRICE_RANGE.tobytes()


@IN_FILES
def test_is_evaluated(tmp_path: Path, model_repository: Path, expected: np.ndarray, form: Form) -> None:
    found = evaluate(model_repository, [written(form, tmp_path)])
    assert dataclasses.asdict(found.evaluation) == dataclasses.asdict(measure(expected, PRICE_RANGE))


@IN_FILES
@pytest.mark.parametrize("target", ["out.csv", "out.parquet", "out.ndjson"])
def test_is_scored(
    tmp_path: Path, model_repository: Path, expected: np.ndarray, form: Form, target: str
) -> None:
    score([written(form, tmp_path)], tmp_path / target, model_repository)
    require_answers(tmp_path / target, expected)


@pytest.mark.parametrize("form", ["csv of semicolons", "ndjson.zst", "parquet"])
def test_is_scored_from_standard_input(
    tmp_path: Path, model_repository: Path, expected: np.ndarray, form: str
) -> None:
    command = [PRICERANGE, "score", "-", tmp_path / "out.csv", "--models", model_repository]
    subprocess.run(command, input=FORMS[form].write(table()), check=True, capture_output=True)
    require_answers(tmp_path / "out.csv", expected)


def require_answers(path: Path, expected: np.ndarray) -> None:
    answers = pa.Table.from_pylist(read(path))
    assert bits(answers) == expected.tobytes()
    assert answers["id"].to_pylist() == table()["id"].to_pylist()
    # in Parquet, of what CSV holds the features alone become numbers
    assert list(map(int, answers["input_price_range"].to_pylist())) == PRICE_RANGE.tolist()


@OVER_HTTP
def test_is_answered(server: Server, expected: np.ndarray, form: Form) -> None:
    headers = form.headers or {}
    # other fields of NDJSON have to be asked for
    rows = table().select(FEATURE_NAMES) if headers["Content-Type"] == NDJSON else table()
    answer = httpx.post(
        f"{server.url}/predict/batch",
        content=form.write(rows),
        headers={**headers, "Accept": CSV},
        verify=NO_TLS,
    ).raise_for_status()
    assert bits(csv.read_csv(io.BytesIO(answer.content))) == expected.tobytes()


@pytest.mark.parametrize("form", few(1, ["parquet", "csv.gz"]))
def test_the_model_is_the_same_but_for_the_digest_of_the_data(
    tmp_path: Path, recipe_file: Path, form: str
) -> None:
    graphs = []
    for each in ("csv", form):
        version = train([written(FORMS[each], tmp_path)], tmp_path / each, recipe_file)
        graph = onnx.load(version / MODEL_FILE)
        digest = {entry.key: entry.value for entry in graph.metadata_props}
        graphs.append((graph, digest.pop(f"{METADATA_PREFIX}training_data_sha256"), digest))
        del graph.metadata_props[:]
    (one, first, rest), (other, second, more) = graphs
    assert one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)
    assert rest == more
    assert first != second
