"""JSON as dataclasses: what is new is ignored, what is missing is an error, and nothing is lost."""

from typing import Any

import pytest
from client_answers import says

from pricerange_client import Answer, RowAnswer, UnexpectedAnswerError, call
from pricerange_client.call import Received
from pricerange_client.connection import Connection
from pricerange_client.reading import reader_of
from pricerange_client.versions import Rollout

ANSWER: dict[str, Any] = {
    "price_range": 3,
    "label": "very high",
    "probabilities": [0.0, 0.0, 0.25, 0.75],
    "applicability": {
        "in_range": False,
        "outside": [{"feature": "ram", "value": 8192, "low": 256, "high": 3998}],
        "distance": {"value": 6.16, "limit": 3.81},
        "note": "n",
    },
    "decision": {"price_range": 2, "label": "high", "expected_cost": 0.25},
    "prediction_set": [2, 3],
    "abstain": True,
    "sets": {"level": 0.9, "calibration": "c"},
    "explanation": {
        "value": {"score": 2.75, "probability": 0.75},
        "base": {"score": 1.5, "probability": 0.25},
        "reasons": [
            {
                **{"feature": "ram", "value": None, "score": 1.25, "probability": 0.5},
                "error": {"score": 0.1, "probability": 0.2},
            }
        ],
        "exact": False,
        "background_rows": 100,
    },
    "unknown": ["ram"],
    "model": {"name": "phone_price_range", "version": "4"},
}


def test_nothing_is_lost() -> None:
    answer = reader_of(Answer)(ANSWER)
    assert says(answer, ANSWER)
    assert answer.explanation is not None
    assert answer.explanation.reasons[0].error is not None
    assert answer.explanation.reasons[0].error.score == 0.1
    assert hash(answer) == hash(reader_of(Answer)(ANSWER))


def test_what_a_newer_service_adds_is_ignored() -> None:
    newer = {**ANSWER, "colour": "red", "model": {**ANSWER["model"], "colour": "red"}}
    assert reader_of(Answer)(newer) == reader_of(Answer)(ANSWER)


@pytest.mark.parametrize("name", ["price_range", "label", "probabilities", "model"])
def test_what_an_answer_must_have_is_asked_for(name: str) -> None:
    lacking = {key: value for key, value in ANSWER.items() if key != name}
    with pytest.raises(KeyError, match=name):
        reader_of(Answer)(lacking)


def test_nothing_is_none_where_an_answer_has_none() -> None:
    row = {"price_range": None, "label": None, "probabilities": None, "applicability": None, "error": "e"}
    assert reader_of(RowAnswer)(row) == RowAnswer(price_range=None, label=None, probabilities=None, error="e")


@pytest.mark.parametrize("content", [b"[]", b"7", b"null", b'"x"', b"{}", b"\xff", b"{"])
def test_any_other_answer_is_unexpected(content: bytes) -> None:
    with pytest.raises(
        UnexpectedAnswerError, match="expected an answer of the phone price range service, got 200"
    ):
        Connection.result(call.rollout({}), Received("http://phones/rollout", 200, {}, content))


def test_dataclasses_within_mappings_and_lists_are_read() -> None:
    kind = reader_of(Rollout)
    with pytest.raises(KeyError, match="agreed"):
        kind(
            {
                **{"file": None, "digest": None, "valid": True, "problem": None, "refused": {}},
                **{"generation": 1, "loading": [], "stable": "1", "canary": None, "shadows": []},
                **{"state_kept": True, "state_problem": None, "workers": []},
                "versions": {
                    "1": {
                        **{"rows": 1, "answers": [1], "failed_rows": 0, "runs": 1, "run_seconds": 0.1},
                        **{"mean_confidence_in_range": None, "compared_with_stable": {"rows": 1}},
                    }
                },
            }
        )
