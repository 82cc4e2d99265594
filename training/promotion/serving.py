"""The version that serves while another is trained, and what is known of the rows that it learned from."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from pricerange.bundle import Passport
from pricerange.errors import ModelNotFoundError, NoPromotableVersionError
from pricerange.predictor import Predictor
from pricerange.verdict import Comparison
from training.data import LabelledPhones
from training.errors import OneSidedSplitError, TooFewRowsError
from training.promotion.comparisons import Answers, paired, unpaired
from training.recipe import sections
from training.row_hashes import seen
from training.split import Indices, SplitRows, three_ways

_LEAST_ROWS = 6
"""The exact McNemar test finds nothing in fewer, whoever is right about them."""


def serving(models: Path) -> Predictor | None:
    """Load the version that is taken where none is named, None where there is none.

    Raises what `Predictor.load` raises else: what nobody can serve has to be repaired or rejected first.
    """
    try:
        return Predictor.load(models)
    except (ModelNotFoundError, NoPromotableVersionError):
        return None


def beside_served(
    served: Predictor, answers: Answers, phones: LabelledPhones, test: Indices
) -> Comparison | None:
    """Compare answers to the test rows with the served version's.

    Paired on those that the served version has not learned from either. Where these cannot be told, or are
    too few, not paired, with what it came to on its own test rows; None where it does not tell that.
    """
    passport, number = served.bundle.passport, served.bundle.version
    unseen = _unseen(passport, phones, test)
    if unseen.sum() >= _LEAST_ROWS:
        rows = test[unseen]
        others = Answers(served.predict(phones.features[rows]).probabilities, phones.price_range[rows])
        return paired(answers.of(unseen), others, number)
    accuracy, rows_of_other = passport.metrics.get("accuracy"), passport.metrics.get("rows")
    if not (isinstance(accuracy, float) and isinstance(rows_of_other, int)):
        return None
    return unpaired(number, answers, round(accuracy * rows_of_other), rows_of_other)


def _unseen(passport: Passport, phones: LabelledPhones, test: Indices) -> npt.NDArray[np.bool_]:
    """Return which of the test rows a version has surely not learned from, bool [n]."""
    known = seen(passport, phones.features[test])
    return known.new if known else np.isin(test, _own_test_rows(passport, phones))


def _own_test_rows(passport: Passport, phones: LabelledPhones) -> Indices:
    """Return the rows of the same data that a version was tested on; none where that cannot be known.

    They are found by splitting the data again, and known by its golden rows, which are among them.
    """
    none: Indices = np.array([], np.int64)
    if passport.training_data.sha256 != phones.sha256:
        return none
    parts = _split_again(passport, phones.price_range)
    if parts is None or len(parts.training) != passport.training_data.training_rows:
        return none
    golden = np.array([row.features for row in passport.golden_rows], np.float32)
    tested = {row.tobytes() for row in phones.features[parts.test]}
    return parts.test if all(row.tobytes() in tested for row in golden) else none


def _split_again(passport: Passport, price_range: npt.NDArray[np.int64]) -> SplitRows | None:
    try:
        shares = sections.Split.model_validate(passport.recipe.get("split"))
        return three_ways(price_range, shares, int(passport.recipe["seed"]))
    except (ValidationError, KeyError, TooFewRowsError, OneSidedSplitError):  # of a recipe that is not ours
        return None
