"""What a user would write: read a whole file, ask ONNX Runtime once, write a whole file; and parts of that.

`python -m bench.scoring_rivals pandas|polars|arrow|model IN OUT` prints seconds, without imports. `arrow`
reads IN and writes OUT anew, answers and all, without a model; `model` is the model alone, on all cores.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime

from pricerange import bundle
from pricerange.answer.columns import PROBABILITIES
from pricerange.bundle import MODEL_FILE
from pricerange.machine.cores import usable_cores
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Predictor

MODELS = Path("models")


def pandas(source: Path, target: Path) -> float:
    """Score with pandas."""
    import pandas as pd

    session = _session()
    started = time.perf_counter()
    frame = pd.read_parquet(source) if source.suffix == ".parquet" else pd.read_csv(source)
    frame = frame.rename(columns={"price_range": "input_price_range"})
    features = frame[list(FEATURE_NAMES)].to_numpy(np.float32)
    probabilities, price_range = session.run(["probabilities", "price_range"], {"features": features})
    frame["price_range"] = price_range
    frame["label"] = np.array(LABELS)[price_range]
    frame[list(PROBABILITIES)] = probabilities
    if target.suffix == ".parquet":
        frame.to_parquet(target, index=False)
    else:
        frame.to_csv(target, index=False)
    return time.perf_counter() - started


def polars(source: Path, target: Path) -> float:
    """Score with polars."""
    import polars as pl

    session = _session()
    started = time.perf_counter()
    frame = pl.read_parquet(source) if source.suffix == ".parquet" else pl.read_csv(source)
    frame = frame.rename({"price_range": "input_price_range"})
    features = frame.select(pl.col(FEATURE_NAMES).cast(pl.Float32)).to_numpy(order="c")
    probabilities, price_range = session.run(["probabilities", "price_range"], {"features": features})
    frame = frame.with_columns(
        pl.Series("price_range", price_range),
        pl.Series("label", np.array(LABELS)[price_range]),
        *(pl.Series(name, probabilities[:, k]) for k, name in enumerate(PROBABILITIES)),
    )
    if target.suffix == ".parquet":
        frame.write_parquet(target)
    else:
        frame.write_csv(target)
    return time.perf_counter() - started


def arrow(source: Path, target: Path) -> float:
    """Read one file and write another again, by pyarrow's defaults."""
    from pyarrow import csv, parquet

    parquet_in, parquet_out = source.suffix == ".parquet", target.suffix == ".parquet"
    started = time.perf_counter()
    phones = parquet.read_table(source) if parquet_in else csv.read_csv(source)
    reading = time.perf_counter() - started
    del phones
    answered = parquet.read_table(target) if parquet_out else csv.read_csv(target)
    started = time.perf_counter()
    if parquet_out:
        parquet.write_table(answered, target)
    else:
        csv.write_csv(answered, target)
    return reading + time.perf_counter() - started


def model(source: Path, _target: Path) -> float:
    """Answer a Parquet file's phones, which lie in memory, in blocks on all cores."""
    from pyarrow import parquet

    table = parquet.read_table(source, columns=list(FEATURE_NAMES))
    rows = np.empty((len(table), len(FEATURE_NAMES)), np.float32)
    for k, name in enumerate(FEATURE_NAMES):
        rows[:, k] = table[name].to_numpy()
    predictor = Predictor.load(MODELS)
    started = time.perf_counter()
    with ThreadPoolExecutor(usable_cores()) as threads:
        for _ in threads.map(predictor.predict, np.array_split(rows, max(len(rows) // 65_536, 1))):
            pass
    return time.perf_counter() - started


def _session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(bundle.find(MODELS) / MODEL_FILE)


if __name__ == "__main__":
    work = {"pandas": pandas, "polars": polars, "arrow": arrow, "model": model}[sys.argv[1]]
    print(work(Path(sys.argv[2]), Path(sys.argv[3])))
