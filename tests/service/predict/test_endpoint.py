"""The two routes that answer."""

import csv
from pathlib import Path

import httpx
import numpy as np
import pytest

from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Predictor


@pytest.fixture(scope="session")
def phones(phones_csv: Path) -> list[dict[str, float]]:
    with phones_csv.open(newline="") as file:
        return [{name: float(row[name]) for name in FEATURE_NAMES} for row in csv.DictReader(file)]


def probabilities(answers: list[dict[str, list[float]]]) -> np.ndarray:
    return np.array([answer["probabilities"] for answer in answers], np.float32)


def test_predict_answers_price_range_label_probabilities_and_model(
    client: httpx.Client, phone: dict[str, float]
) -> None:
    answer = client.post("/predict", json=phone).raise_for_status().json()
    assert list(answer) == ["price_range", "label", "probabilities", "applicability", "model"]
    assert answer["label"] == LABELS[answer["price_range"]]
    assert answer["price_range"] == int(np.argmax(answer["probabilities"]))
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-6)
    assert answer["model"] == {"name": "phone_price_range", "version": "1"}


def test_predict_batch_and_predictor_agree_to_the_last_bit(
    client: httpx.Client, phones: list[dict[str, float]], model_repository: Path
) -> None:
    rows = np.array([list(phone.values()) for phone in phones], np.float32)
    expected = Predictor.load(model_repository).predict(rows)
    batches = [
        client.post("/predict/batch", json={"phones": phones[start : start + 1000]}).raise_for_status().json()
        for start in range(0, len(phones), 1000)
    ]
    in_batches = [answer for batch in batches for answer in batch["predictions"]]
    one_by_one = [client.post("/predict", json=phone).raise_for_status().json() for phone in phones[:200]]
    assert np.array_equal(probabilities(in_batches), expected.probabilities)
    assert [answer["price_range"] for answer in in_batches] == expected.price_range.tolist()
    assert np.array_equal(probabilities(one_by_one), expected.probabilities[:200])


def test_predict_takes_true_and_false_for_yes_and_no(client: httpx.Client, phone: dict[str, float]) -> None:
    words = {name: bool(value) if name in ("blue", "wifi") else value for name, value in phone.items()}
    assert client.post("/predict", json=words).json() == client.post("/predict", json=phone).json()


def test_batch_of_no_phones_has_no_predictions(client: httpx.Client) -> None:
    assert client.post("/predict/batch", json={"phones": []}).raise_for_status().json()["predictions"] == []


def test_order_of_the_fields_does_not_matter(client: httpx.Client, phone: dict[str, float]) -> None:
    backwards = dict(reversed(phone.items()))
    assert client.post("/predict", json=backwards).json() == client.post("/predict", json=phone).json()


def test_model_shows_the_passport_without_its_phones(client: httpx.Client) -> None:
    passport = client.get("/model").raise_for_status().json()
    assert passport["features"] == list(FEATURE_NAMES)
    assert passport["provider"] == "cpu"
    assert len(passport["model_sha256"]) == 64
    assert not {"golden_rows", "background", "seen_rows"} & passport.keys()
