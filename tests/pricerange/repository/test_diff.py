"""Two versions are compared by what they say of themselves, and by what they answer."""

import json
from pathlib import Path

import numpy as np
import pytest

from pricerange import bundle, synthetic
from pricerange.bundle import Bundle
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from pricerange.repository.diff import Answers, Difference
from pricerange.repository.diff_text import as_json, as_lines


@pytest.fixture
def versions() -> tuple[Bundle, Bundle]:
    """Two versions that were trained by different recipes; the second uses fewer features."""
    return bundle.read(bundle.find(Path("models"), 2)), bundle.read(bundle.find(Path("models"), 3))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Phones, and two rows that are none."""
    lines = synthetic.as_csv(*synthetic.phones(3_000)).splitlines(keepends=True)
    path = tmp_path / "phones.csv"
    path.write_text("".join([*lines, "," * lines[0].count(",") + "\n", lines[1].replace(",", ",9", 1)]))
    return path


def test_the_answers_are_compared_as_row_by_row(versions: tuple[Bundle, Bundle], table: Path) -> None:
    heard: list[None] = []
    found = Answers.of(versions, [str(table)], lambda: heard.append(None))
    features, _ = synthetic.phones(3_000)
    ours, theirs = (Predictor(version).predict(features.astype(np.float32)) for version in versions)
    agreement = found.agreement
    assert (agreement.rows, found.bad_rows) == (3_000, 2)
    assert agreement.agreed == (ours.price_range == theirs.price_range).sum()
    assert agreement.agreed < 3_000
    counts = np.zeros((4, 4), int)
    np.add.at(counts, (ours.price_range, theirs.price_range), 1)
    assert (agreement.confusion == counts).all()
    assert heard


def test_versions_that_differ_say_where(versions: tuple[Bundle, Bundle]) -> None:
    old, new = versions
    difference = Difference.of(*versions)
    assert difference.recipe["sets.folds"] == (None, new.passport.recipe["sets"]["folds"])
    assert "optimiser.name" not in difference.recipe
    assert difference.no_longer_active == [
        name for name in FEATURE_NAMES if name not in new.passport.active_features
    ]
    assert difference.newly_active == []
    assert difference.metrics["nll"] == (old.passport.metrics["nll"], new.passport.metrics["nll"])
    assert not difference.training_data
    sizes = {path.name: path.stat().st_size for path in new.path.iterdir()}
    assert difference.sizes["bundle.json"] == (
        (old.path / "bundle.json").stat().st_size,
        sizes["bundle.json"],
    )


def test_a_version_differs_in_nothing_from_itself(versions: tuple[Bundle, Bundle]) -> None:
    old, _ = versions
    assert list(as_lines(Difference.of(old, old), None)) == ["version 2 -> version 2"]


def test_lines_and_json_tell_the_same(versions: tuple[Bundle, Bundle], table: Path) -> None:
    difference = Difference.of(*versions)
    answers = Answers.of(versions, [str(table)], lambda: None)
    told = json.loads(as_json(difference, answers))
    lines = list(as_lines(difference, answers))
    assert (told["old"], told["new"]) == ("2", "3")
    assert f"  the same price range: {told['answers']['agreement']:.4%}" in lines
    assert "\nanswers to 3,000 phones, 2 rows were no valid phones" in lines
    assert any(line.split() == ["accuracy", "0.96875", "->", "0.98125"] for line in lines)
    assert json.loads(as_json(difference, None))["answers"] is None


def test_a_table_without_phones_has_no_agreement(versions: tuple[Bundle, Bundle], tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text(",".join(FEATURE_NAMES) + "\n")
    answers = Answers.of(versions, [str(tmp_path / "none.csv")], lambda: None)
    assert answers.as_dict()["agreement"] is None
    assert list(as_lines(Difference.of(*versions), answers))[-1] == "\nanswers to 0 phones"
