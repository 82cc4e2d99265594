"""One answer on every way: a file scored and the same phones asked one by one and in a batch."""

import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest
from live_server import NO_TLS, PRICERANGE, Server
from pyarrow import csv, parquet

from pricerange.phone import FEATURE_NAMES


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_score_and_predict_agree_to_the_last_bit(
    model_repository: Path, phones_csv: Path, tmp_path: Path, suffix: str
) -> None:
    target = tmp_path / f"answers{suffix}"
    command = [PRICERANGE, "score", phones_csv, target, "--models", model_repository]
    subprocess.run(command, check=True, capture_output=True)
    table = csv.read_csv(target) if suffix == ".csv" else parquet.read_table(target)
    scored = np.column_stack([table[f"probability_{place}"].to_numpy() for place in range(4)]).astype(
        np.float32
    )

    phones = csv.read_csv(phones_csv).select(FEATURE_NAMES).to_pylist()[:1000]
    server = Server(model_repository, "--no-access-log").wait_until_ready()
    with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        alone = [client.post("/predict", json=phone).raise_for_status().json() for phone in phones[:300]]
        batch = (
            client.post("/predict/batch", json={"phones": phones}).raise_for_status().json()["predictions"]
        )
    assert server.end() == 0

    for answers in (alone, batch):
        asked = np.array([answer["probabilities"] for answer in answers], np.float32)
        assert np.array_equal(asked.view(np.int32), scored[: len(asked)].view(np.int32))
        assert [answer["price_range"] for answer in answers] == table["price_range"].to_pylist()[
            : len(answers)
        ]
        assert [answer["label"] for answer in answers] == table["label"].to_pylist()[: len(answers)]
