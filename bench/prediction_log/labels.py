"""Labels that come later: the accuracy that the join finds beside that of the model asked directly."""

import asyncio
import csv
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import orjson

from bench.http_parts.plan import Plan
from bench.load.client import Connection, message
from bench.load.formats import CSV, JSON
from bench.load.live import serving
from bench.load.phones import Rows, as_objects
from bench.show.tables import show
from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor

_SINGLE, _BATCH, _BATCHES = 2_000, 20_000, 5
"""Phones one by one, phones a batch, and batches, with a pause between: no rows are dropped."""
_PAUSE = 1.0
_PRICERANGE = Path(sys.executable).with_name("pricerange")


def measure(plan: Plan, folder: Path) -> int:
    """Log answers one by one and in a batch, label every second, join; return 1 where accuracies differ."""
    features, truth = synthetic.phones(_SINGLE + _BATCH * _BATCHES)
    rows = features.astype(np.float32)
    flags = ("--no-access-log", "--prediction-log", str(folder / "log"), "--prediction-log-seconds", "0.2")
    with serving(plan.models, *flags) as server:
        asyncio.run(_ask(server.url, rows))
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["request_id", "row", "price_range"])
        labelled = range(0, len(rows), 2)
        for place in labelled:
            batch, row = divmod(place - _SINGLE, _BATCH)
            of = (f"phone-{place}", "") if place < _SINGLE else (f"batch-{batch}", row + 1)
            writer.writerow([*of, truth[place]])
    began = perf_counter()
    command = ["evaluate", "--predictions", folder / "log", "--labels", folder / "labels.csv", "--json"]
    found = orjson.loads(subprocess.run([_PRICERANGE, *command], check=True, stdout=subprocess.PIPE).stdout)
    seconds = perf_counter() - began
    answered = Predictor.load(plan.models).predict(rows).price_range
    directly = float(np.mean(answered[labelled] == truth[labelled]))
    *_, total = found["quality"]
    show(
        f"{_SINGLE:,} phones one by one, {_BATCHES} batches of {_BATCH:,}, every second labelled later.",
        ("", "found"),
        [
            ("predictions in the log", f"{found['predictions']['rows']:,}"),
            ("with a label", f"{found['predictions']['judged']:,}"),
            ("labels without a prediction", f"{found['labels']['without_prediction']:,}"),
            ("accuracy by the join", f"{total['accuracy']:.6f}"),
            ("accuracy of the model asked directly", f"{directly:.6f}"),
            ("seconds of the command", f"{seconds:.1f}"),
        ],
    )
    return int(total["judged"] != len(labelled) or abs(total["accuracy"] - directly) > 1e-12)


async def _ask(url: str, rows: Rows) -> None:
    connection = await Connection.open(url)
    for number, phone in enumerate(as_objects(rows[:_SINGLE])):
        headers = {"Content-Type": JSON, "X-Request-Id": f"phone-{number}"}
        answer = await connection.exchange(message("POST", "/predict", headers, orjson.dumps(phone)))
        if answer.status != 200:
            sys.exit(f"phone {number}: {answer.status}")
    for batch in range(_BATCHES):
        await asyncio.sleep(_PAUSE)
        some = rows[_SINGLE + batch * _BATCH :][:_BATCH].tolist()
        lines = [",".join(FEATURE_NAMES), *(",".join(map(str, row)) for row in some)]
        headers = {"Content-Type": CSV, "X-Request-Id": f"batch-{batch}"}
        body = "\n".join(lines).encode()
        answer = await connection.exchange(message("POST", "/predict/batch", headers, body))
        if answer.status != 200:
            sys.exit(f"batch {batch}: {answer.status} {answer.body[:200]!r}")
    connection.close()
