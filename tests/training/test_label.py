"""Which column is the label, and tables whose price range is no truth."""

from pathlib import Path

import pytest

from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from scoring.score import score
from training import data, label
from training.errors import AmbiguousLabelError, AnswersError

NAMES = [*FEATURE_NAMES, "price_range"]


def test_the_label_comes_after_the_features_wherever_it_stands() -> None:
    assert label.places("a.csv", ["price_range", "id", *FEATURE_NAMES]) == [*range(2, 22), 0]


@pytest.mark.parametrize(
    "name", ["price_rnge", "price_ranges", "Price Range", " price_range", "price_range.1", "price-range"]
)
def test_a_column_whose_name_is_nearly_the_labels_is_refused_beside_it(name: str) -> None:
    with pytest.raises(AmbiguousLabelError) as refused:
        label.places("a.csv", [*NAMES, "id", name])
    said = f"a.csv has price_range and also {name!r}: rename or remove what is not the price range"
    assert str(refused.value) == said


@pytest.mark.parametrize("name", ["price", "price_usd", "range", "price_range_eur", "x" * 9999])
def test_columns_that_share_no_more_than_a_word_are_no_labels(name: str) -> None:
    assert label.places("a.csv", [*NAMES, name]) == list(range(21))


@pytest.mark.parametrize("target", ["answers.csv", "answers.parquet"])
@pytest.mark.parametrize("labelled", [True, False], ids=["labelled", "without labels"])
def test_what_a_model_answered_is_not_learned_from(
    tmp_path: Path, model_repository: Path, target: str, labelled: bool
) -> None:
    rows = [line.split(",") for line in synthetic.as_csv(*synthetic.phones(30)).splitlines()]
    text = "\n".join(",".join(row if labelled else row[:-1]) for row in rows)
    (tmp_path / "phones.csv").write_text(text)
    score([str(tmp_path / "phones.csv")], tmp_path / target, model_repository)
    with pytest.raises(AnswersError) as refused:
        data.load([str(tmp_path / target)])
    assert str(refused.value) == (
        f"{tmp_path / target} holds a model's answers: its price_range is what the model said, as "
        + "input_price_range, " * labelled
        + "probability_0, probability_1, probability_2, probability_3 beside it tell; "
        + "learn from the table that was answered"
        + "; the price ranges that were given are in input_price_range" * labelled
    )


def test_some_of_an_answers_columns_are_enough_to_tell_it() -> None:
    for name in ("probability_3", "input_price_range", " Probability_0"):
        with pytest.raises(AnswersError, match=f"as {name} beside it tell"):
            label.places("a.csv", [*NAMES, name])
    # a label in words may be anybody's
    assert label.places("a.csv", [*NAMES, "label"]) == list(range(21))
