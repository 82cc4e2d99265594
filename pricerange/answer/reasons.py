"""Why a phone is answered as it is: what each feature adds to the answer to phones in general.

The features that can change an answer are the players of a game, and a coalition is worth the answer that is
expected where only its features are known to be the phone's: the mean over the background rows, from which
the others come (interventional Shapley values; Lundberg and Lee, "A Unified Approach to Interpreting Model
Predictions", 2017).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pricerange.answer.coalitions import coalitions_of
from pricerange.answer.unknown import mean_answers
from pricerange.bundle import Bundle, GoldenReasons
from pricerange.errors import GoldenReasonsError
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import GOLDEN_TOLERANCE, Prediction, Predictor

QUANTITIES = ("score", "probability")
"""What is explained: the expected price range, 0 to 3, and the probability of the price range answered."""
STEP_ROWS = 8_192
"""Rows that the model is asked at once: about a millisecond."""

_Rows = npt.NDArray[np.float32]
Answer = Callable[[_Rows], Prediction]
"""Answers rows float32 [n, 20], each by itself."""


@dataclass(frozen=True, slots=True)
class Explanations:
    """Why n phones were answered as they were, in the two `QUANTITIES`.

    `value` float32 [n, 2] is the answer and `base` float32 [n, 2] that to phones in general.
    `contributions` float32 [n, k, 2] are those of the k `features`, which add up to the difference; a feature
    that is not known of a phone has none. `errors` float32 [n, k, 2] are their standard errors, 0 where
    `exact` bool [n].
    """

    features: tuple[str, ...]
    value: _Rows
    base: _Rows
    contributions: _Rows
    errors: _Rows
    exact: npt.NDArray[np.bool_]

    def order(self) -> npt.NDArray[np.intp]:
        """Return where each phone's features stand by what they add to the score, largest first, [n, k]."""
        return np.argsort(-np.abs(self.contributions[:, :, 0]), axis=1, kind="stable")

    def spread(self, present: npt.NDArray[np.bool_]) -> "Explanations":
        """Return those of m phones: these, of the n that are `present` bool [m], and 0 for the others."""

        def spread(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
            among = np.zeros((len(present), *array.shape[1:]), array.dtype)
            among[present] = array
            return among

        return Explanations(self.features, *(spread(getattr(self, name)) for name in _ARRAYS))


_ARRAYS = ("value", "base", "contributions", "errors", "exact")


def joined(found: Sequence[Explanations]) -> Explanations:
    """Return the explanations of all phones, of the same features and at least one entry, as one."""
    arrays = (np.concatenate([getattr(one, name) for one in found]) for name in _ARRAYS)
    return Explanations(found[0].features, *arrays)


class Explainer:
    """Explains the answers of a model. Safe to be asked by many threads.

    A phone's explanation is the same to the last bit whatever phones it is asked beside.
    """

    def __init__(self, answer: Answer, background: _Rows, features: Sequence[str]) -> None:
        """Take the model, b background rows float32 [b, 20], and the features that can change an answer."""
        self.features = tuple(features)
        self.background = background
        self._answer = answer
        self._places = np.array([FEATURE_NAMES.index(name) for name in features], np.intp)
        self._at_once = max(STEP_ROWS // len(background), 1)

    @classmethod
    def of_version(cls, predictor: Predictor) -> Self | None:
        """Return that of a version, None where it was written before there were background rows.

        Raises `GoldenReasonsError`.
        """
        passport = predictor.bundle.passport
        if passport.background is None:
            return None
        rows = np.array(passport.background.rows, np.float32)
        explainer = cls(predictor.predict, rows, passport.active_features)
        _replay_golden_reasons(explainer, predictor.bundle)
        return explainer

    def explain(self, phones: _Rows, price_range: npt.NDArray[np.int64]) -> Explanations:
        """Explain n phones float32 [n, 20], NaN where a feature is not known, answered with a price range."""
        found = [self.none()]
        for phone, answered in zip(phones, price_range.tolist(), strict=True):
            found += filter(None, self.steps(phone, answered))
        return joined(found)

    def none(self) -> Explanations:
        """Return the explanations of no phones."""
        whole = np.zeros((0, len(QUANTITIES)), np.float32)
        each = np.zeros((0, len(self.features), len(QUANTITIES)), np.float32)
        return Explanations(self.features, whole, whole, each, each, np.zeros(0, np.bool_))

    def steps(self, phone: _Rows, price_range: int) -> Iterator[Explanations | None]:
        """Explain one phone float32 [20]: yield None while the model is to be asked more, then all of it.

        In a step the model is asked `STEP_ROWS` rows at most, or the background rows once.
        """
        known = self._places[~np.isnan(phone[self._places])]
        coalitions = coalitions_of(len(known))
        worth = np.empty((len(coalitions.members), len(QUANTITIES)))
        for start in range(0, len(worth), self._at_once):
            if start:
                yield None
            some = slice(start, start + self._at_once)
            worth[some] = self._worth(coalitions.members[some], known, phone, price_range)
        shares, errors = coalitions.shares(worth)
        told = np.zeros((2, 1, len(self.features), len(QUANTITIES)), np.float32)
        told[:, 0, np.isin(self._places, known)] = shares, errors
        base, value = worth[[0, -1], np.newaxis].astype(np.float32)
        exact = np.array([coalitions.exact])
        yield Explanations(self.features, value, base, contributions=told[0], errors=told[1], exact=exact)

    def _worth(
        self, members: npt.NDArray[np.bool_], known: npt.NDArray[np.intp], phone: _Rows, price_range: int
    ) -> npt.NDArray[np.float64]:
        """Return what c coalitions of the known features, bool [c, k], are worth: float64 [c, 2]."""
        rows = np.empty((len(members), *self.background.shape), np.float32)
        rows[:] = self.background
        # feature by feature, in a tenth of the time that NumPy takes to choose value by value
        for player, place in enumerate(known.tolist()):
            rows[members[:, player], :, place] = phone[place]
        answers = self._answer(rows.reshape(-1, len(FEATURE_NAMES))).probabilities
        mean = mean_answers(answers, len(self.background))
        return np.column_stack([mean[:, 1] + 2 * mean[:, 2] + 3 * mean[:, 3], mean[:, price_range]])


def golden_reasons(explainer: Explainer, phone: _Rows, price_range: int) -> GoldenReasons:
    """Return what is kept of a phone's explanation, so that others can be held against it."""
    (found,) = filter(None, explainer.steps(phone, price_range))
    contributions = zip(found.features, found.contributions[0, :, 0], strict=True)
    return GoldenReasons(
        base=float(str(found.base[0, 0])),
        contributions={name: float(str(contribution)) for name, contribution in contributions},
    )


def _replay_golden_reasons(explainer: Explainer, version: Bundle) -> None:
    for row, golden in enumerate(version.passport.golden_rows):
        if golden.reasons is None:
            continue
        price_range = int(np.argmax(golden.probabilities))
        found = golden_reasons(explainer, np.array(golden.features, np.float32), price_range)
        if not _agree(golden.reasons, found):
            expected = golden.reasons.model_dump()
            raise GoldenReasonsError(version.model_path, row, expected, found.model_dump())


def _agree(one: GoldenReasons, other: GoldenReasons) -> bool:
    if one.contributions.keys() != other.contributions.keys():
        return False
    pairs = [
        (one.base, other.base),
        *((one.contributions[name], other.contributions[name]) for name in one.contributions),
    ]
    return all(abs(left - right) <= GOLDEN_TOLERANCE for left, right in pairs)
