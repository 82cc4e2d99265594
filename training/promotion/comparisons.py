"""A version's answers beside others', by the standard tests on rows that nobody has learned from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, fisher_exact, ttest_1samp

from pricerange.phone import LABELS
from pricerange.verdict import Comparison, Outcome

BEYOND_DOUBT = 0.001
"""Probability of as many right answers by chance below which a model is better than chance."""
LEVEL = 0.05
"""Of each two-sided test. There are two, of right answers and of likelihood, and half of the level of each is
on the opponent's side: of versions that are just as good, no larger share is found worse."""

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Answers:
    """Probabilities [n, 4] given to n phones, and their true price ranges int64 [n]."""

    probabilities: Floats
    price_range: Labels

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Which answers are right, bool [n]."""
        return np.asarray(self.probabilities.argmax(axis=1) == self.price_range)

    @property
    def losses(self) -> npt.NDArray[np.float64]:
        """The negative log-likelihood of each, in nats, float64 [n]."""
        own = np.take_along_axis(self.probabilities, self.price_range[:, None], axis=1)[:, 0]
        # an answer that excludes the truth costs what float32 can tell from 0, not infinity
        return -np.log(np.maximum(own.astype(np.float64), np.finfo(np.float32).eps))

    def of(self, places: npt.NDArray[np.bool_]) -> "Answers":
        """Return those at some places, bool [n]."""
        return Answers(self.probabilities[places], self.price_range[places])


def beside_chance(answers: Answers) -> Comparison:
    """Compare with answering the commonest price range always: the exact binomial test, one-sided."""
    rows, right = len(answers.right), int(answers.right.sum())
    commonest = int(np.bincount(answers.price_range, minlength=len(LABELS)).max())
    p = chance_of(right, rows, commonest)
    return Comparison(
        test="exact binomial test",
        rows=rows,
        right=right,
        other_rows=rows,
        other_right=commonest,
        p=p,
        outcome="better" if p < BEYOND_DOUBT else "no worse",
    )


def chance_of(right: int, rows: int, commonest: int) -> float:
    """Return the probability of so many right answers or more, by answering the commonest price range."""
    return float(binomtest(right, rows, commonest / rows, alternative="greater").pvalue)


def paired(answers: Answers, others: Answers, version: str | None = None) -> Comparison:
    """Compare answers to the same phones.

    Right answers by the exact McNemar test (McNemar, "Note on the sampling error of the difference between
    correlated proportions", 1947), the negative log-likelihood by the paired t-test. Worse in one is worse.
    """
    only_one, only_other = (
        int((answers.right & ~others.right).sum()),
        int((others.right & ~answers.right).sum()),
    )
    differing = only_one + only_other
    p = float(binomtest(only_one, differing).pvalue) if differing else 1.0
    differences = answers.losses - others.losses
    error = float(differences.std(ddof=1) / len(differences) ** 0.5) if len(differences) > 1 else None
    # where all differ by the same, there is no error to measure by
    nll_p = float(ttest_1samp(differences, 0).pvalue) if error else None
    difference = float(differences.mean())
    signs = [
        int(np.sign(only_one - only_other)) if p < LEVEL else 0,
        -int(np.sign(difference)) if nll_p is not None and nll_p < LEVEL else 0,
    ]
    return Comparison(
        version=version,
        test="exact McNemar test",
        rows=len(differences),
        right=int(answers.right.sum()),
        other_rows=len(differences),
        other_right=int(others.right.sum()),
        p=p,
        nll_difference=difference,
        nll_error=error,
        nll_p=nll_p,
        outcome=_outcome(min(signs), max(signs)),
    )


def unpaired(version: str, answers: Answers, other_right: int, other_rows: int) -> Comparison:
    """Compare with what the served version came to on phones of its own: Fisher's exact test.

    It takes harder phones for a worse model.
    """
    rows, right = len(answers.right), int(answers.right.sum())
    table = [[right, rows - right], [other_right, other_rows - other_right]]
    p = float(fisher_exact(table).pvalue)
    sign = int(np.sign(right / rows - other_right / other_rows)) if p < LEVEL else 0
    return Comparison(
        version=version,
        test="Fisher's exact test, not paired",
        rows=rows,
        right=right,
        other_rows=other_rows,
        other_right=other_right,
        p=p,
        outcome=_outcome(sign, sign),
    )


def _outcome(lowest: int, highest: int) -> Outcome:
    if lowest < 0:
        return "worse"
    return "better" if highest > 0 else "no worse"
