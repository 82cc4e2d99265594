"""What a person reads: an answer, what it is worth, and how many phones have which price range."""

import io
from typing import Any

from rich.console import Console

from pricerange.ask import show

ANSWER: dict[str, Any] = {
    "price_range": 2,
    "label": "high",
    "probabilities": [0.0, 0.1, 0.75, 0.15],
    "applicability": {
        "in_range": False,
        "outside": [{"feature": "ram", "value": 8192, "low": 256, "high": 3998}],
        "distance": {"value": 6.1, "limit": 3.8},
        "note": "This phone is unlike those.",
    },
    "prediction_set": [1, 2],
    "sets": {"level": 0.9, "calibration": "c"},
    "explanation": {
        "value": {"score": 2.05, "probability": 0.75},
        "base": {"score": 1.5, "probability": 0.25},
        "reasons": [
            {"feature": "ram", "value": 8192.0, "score": 0.75, "probability": 0.5},
            {"feature": "n_cores", "value": None, "score": -0.2, "probability": 0.0},
        ],
        "exact": True,
        "background_rows": 100,
    },
    "unknown": ["n_cores"],
    "model": {"name": "phone_price_range", "version": "4"},
}


def shown(what: Any, answers: Any) -> str:
    text = io.StringIO()
    what(answers, Console(file=text, width=100, highlight=False))
    return text.getvalue()


def test_one_phone() -> None:
    lines = shown(show.one, ANSWER).splitlines()
    assert lines[0] == "high (price range 2), says phone_price_range version 4"
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["low", "0.00%"],
        ["medium", "10.00%"],
        ["high", "75.00%"],
        ["very", "high"],
    ]
    for said in (
        "ram is 8192, and was 256 to 3998 in training",
        "its distance to the training rows is 6.1, at most 3.8 is usual",
        "This phone is unlike those.",
        "medium or high: a set that holds the true price range of 90% of phones",
        "averaged over n_cores",
    ):
        assert said in lines
    assert [line.split() for line in lines[-4:]] == [
        ["ram", "8192", "+0.750"],
        ["n_cores", "unknown", "-0.200"],
        ["phones", "in", "general", "1.500"],
        ["expected", "price", "range", "2.050"],
    ]


def test_one_phone_of_which_nothing_more_is_told() -> None:
    plain = {**{name: ANSWER[name] for name in ("price_range", "label", "probabilities", "model")}}
    assert len(shown(show.one, plain).splitlines()) == 5


def test_many_phones() -> None:
    lines = shown(show.many, iter([ANSWER] * 1_300)).splitlines()
    assert lines[0].split("  ")[0] == "row"
    assert lines[1].split() == ["1", "high", "75.00%", "ram", "medium,", "high", "n_cores", "ram"]
    assert len(lines) == 1 + show.MOST_SHOWN + 2
    assert lines[-2] == "and 1,280 more; --json has all of them"
    assert lines[-1] == "1,300 phones: low 0, medium 0, high 1,300, very high 0"


def test_no_phones() -> None:
    assert shown(show.many, iter([])).splitlines()[-1].startswith("0 phones: ")
