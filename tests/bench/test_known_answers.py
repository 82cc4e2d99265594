"""An answer is a version's own if it is so to the last bit, and nobody's otherwise."""

import json
from pathlib import Path

import numpy as np
import orjson

from bench.load.client import Answer
from bench.load.known_answers import NOBODY, KnownAnswers
from bench.load.phones import phones
from pricerange import bundle
from pricerange.predictor import Predictor


def test_an_answer_is_told_from_another_phones_and_another_versions(model_repository: Path) -> None:
    version = int(bundle.find(model_repository).name)
    rows = phones(model_repository, 2)
    known = KnownAnswers(model_repository, [version], rows)
    known.add_as(version + 1, version)
    probabilities = Predictor.load(model_repository).predict(rows).probabilities

    def answer(phone: int, number: int, status: int = 200) -> Answer:
        document = {"probabilities": probabilities[phone], "model": {"version": str(number)}}
        return Answer(status, {}, orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))

    assert not np.array_equal(*probabilities)
    assert known.version_of(0, answer(0, version)) == version
    assert known.version_of(1, answer(1, version + 1)) == version + 1
    assert known.version_of(0, answer(1, version)) == NOBODY
    assert known.version_of(0, answer(0, version + 2)) == NOBODY
    assert known.version_of(0, answer(0, version, status=500)) == NOBODY


def test_requests_ask_about_the_phones_under_their_headers(model_repository: Path) -> None:
    version = int(bundle.find(model_repository).name)
    rows = phones(model_repository, 2)
    known = KnownAnswers(model_repository, [version], rows, [{"X-User": "one"}, {"X-User": "two"}])
    for request, row, user in zip(known.requests, rows, ("one", "two"), strict=True):
        head, _, body = request.partition(b"\r\n\r\n")
        assert f"X-User: {user}".encode() in head
        assert np.array_equal(np.array([*json.loads(body).values()], np.float32), row)
