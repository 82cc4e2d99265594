"""One answer on every way: `python -m bench.agreement --data phones.csv [--models models]`.

Trains by the shipped recipe for torch's own probabilities, then asks ONNX Runtime with the newest version,
`/predict`, `/predict/batch` and `pricerange score` about every row, and prints the largest differences. Exit
code 1 where one is above 1e-5: so it is where the newest version was made of other data or by another recipe.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import torch
from pyarrow import csv

from bench.load.live import serving
from bench.load.phones import Rows, as_objects
from pricerange.bundle import MODEL_FILE
from pricerange.phone import LABELS
from pricerange.predictor import Predictor
from training import data
from training.export import TOLERANCE
from training.learn import learn
from training.quality.calibrate import calibrate
from training.recipe import recipe
from training.split import three_ways
from training.train import train


def main() -> None:
    """Print the largest difference of each way from ONNX Runtime."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--models", type=Path, default=Path("models"))
    arguments = parser.parse_args()
    predictor = Predictor.load(arguments.models)
    rows = data.load([arguments.data]).features
    expected = predictor.predict(rows).probabilities
    ways = {
        "torch, trained again": _torch_trained_again(arguments.data),
        "/predict": _one_by_one(arguments.models, rows),
        "/predict/batch": _in_batches(arguments.models, rows),
        "pricerange score": _scored(arguments.models, rows),
    }
    print(f"{len(rows)} rows, largest difference of a probability from ONNX Runtime:")
    differences = {way: float(np.abs(found - expected).max()) for way, found in ways.items()}
    for way, difference in differences.items():
        print(f"  {way:22} {difference:.3g}{'' if difference else ', the same bits'}")
    same_bytes = _graph_trained_again(arguments.data) == predictor.bundle.model
    print(f"model.onnx, trained again, has the {'same' if same_bytes else 'NOT the same'} bytes")
    sys.exit(max(differences.values()) > TOLERANCE)


def _torch_trained_again(source: str) -> Rows:
    choices, phones = recipe.read(recipe.DEFAULT), data.load([source])
    parts = three_ways(phones.price_range, choices.split, choices.seed)
    model, _ = learn(phones, parts.training, parts.validation, choices, lambda _: None)
    features, price_range = torch.from_numpy(phones.features), torch.from_numpy(phones.price_range)
    calibrate(model, features[parts.validation], price_range[parts.validation])
    with torch.inference_mode():
        probabilities: Rows = model(features)[0].numpy()
    return probabilities


def _graph_trained_again(source: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return (train([source], Path(folder)) / MODEL_FILE).read_bytes()


def _one_by_one(models: Path, rows: Rows) -> Rows:
    with serving(models, "--no-access-log") as running, httpx.Client(base_url=running.url) as client:
        answers = [
            client.post("/predict", json=phone).raise_for_status().json() for phone in as_objects(rows)
        ]
    return np.array([answer["probabilities"] for answer in answers], np.float32)


def _in_batches(models: Path, rows: Rows) -> Rows:
    answers = []
    with serving(models, "--no-access-log") as running, httpx.Client(base_url=running.url) as client:
        for start in range(0, len(rows), 1000):
            phones = as_objects(rows[start : start + 1000])
            answers += (
                client.post("/predict/batch", json={"phones": phones})
                .raise_for_status()
                .json()["predictions"]
            )
    return np.array([answer["probabilities"] for answer in answers], np.float32)


def _scored(models: Path, rows: Rows) -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        source, answers = Path(folder) / "phones.csv", Path(folder) / "answers.csv"
        csv.write_csv(pa.Table.from_pylist(as_objects(rows)), source)
        command = [Path(sys.executable).with_name("pricerange"), "score", source, answers, "--models", models]
        subprocess.run(command, check=True, capture_output=True)
        table = csv.read_csv(answers)
    return np.column_stack(
        [table[f"probability_{price_range}"] for price_range in range(len(LABELS))]
    ).astype(np.float32)


if __name__ == "__main__":
    main()
