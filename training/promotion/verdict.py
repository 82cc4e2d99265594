"""The verdict on a new version: whether it may be served, why, and what else should be known of it."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import StandardScaler

from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from pricerange.verdict import Comparison, Comparisons, Verdict
from training.data import LabelledPhones
from training.ordinal_linear import OrdinalLinear
from training.promotion import words
from training.promotion.comparisons import Answers, beside_chance, paired
from training.promotion.serving import beside_served
from training.quality.usage import Usage
from training.split import SplitRows


def verdict(
    answers: Answers, phones: LabelledPhones, parts: SplitRows, usage: Usage, served: Predictor | None
) -> Verdict:
    """Judge a version by its answers to the test part, beside those of others.

    It is promotable where it is better than chance beyond doubt, right more often than wrong, and
    significantly worse neither than the ordinal linear model nor than the version that is served.
    """
    chance = beside_chance(answers)
    linear = paired(answers, _linear(phones, parts))
    incumbent = None if served is None else beside_served(served, answers, phones, parts.test)
    judged = [
        (chance.outcome == "better", words.of_chance(chance)),
        # one that is as often wrong is for nobody without a person's word
        (2 * chance.right > chance.rows, words.of_share(chance)),
        (linear.outcome != "worse", words.of_linear(linear)),
    ]
    if incumbent is not None:
        judged.append((incumbent.outcome != "worse", words.of_served(incumbent)))
    promotable = all(passed for passed, _ in judged)
    return Verdict(
        promotable=promotable,
        reasons=[reason for passed, reason in judged if passed == promotable],
        comparisons=Comparisons(chance=chance, linear=linear, served=incumbent),
        remarks=[
            *_on_constants(phones.features[parts.training]),
            *_on_the_branch(usage),
            *_on_the_linear_model(linear),
            *_on_what_serves(served, incumbent),
        ],
    )


def _linear(phones: LabelledPhones, parts: SplitRows) -> Answers:
    """Let the ordinal linear model, which needs no validation part, learn from all rows but the test part."""
    known = np.concatenate([parts.training, parts.validation])
    scaler = StandardScaler()
    learned = OrdinalLinear().fit(scaler.fit_transform(phones.features[known]), phones.price_range[known])
    given = learned.predict_proba(scaler.transform(phones.features[parts.test]))
    return Answers(given, phones.price_range[parts.test])


def _on_constants(training_rows: npt.NDArray[np.float32]) -> Iterator[str]:
    constant = np.flatnonzero(np.ptp(training_rows, axis=0) == 0)
    if len(constant):
        named = ", ".join(f"`{FEATURE_NAMES[place]}` {training_rows[0, place]:g}" for place in constant)
        yield f"Constant in all training phones, so that nothing can be learned from it: {named}."


def _on_the_branch(usage: Usage) -> Iterator[str]:
    if usage.branch and usage.branch.is_idle:
        share = words.percent(usage.branch.share)
        yield (
            f"The hidden branch does nothing: it has {share} of the variance that it and the linear skip "
            f"add, and replaced by its mean it changes none of {usage.branch.rows:,} answers. The network "
            "answers as a linear model does."
        )


def _on_the_linear_model(linear: Comparison) -> Iterator[str]:
    if linear.outcome == "no worse":
        yield (
            f"A plain ordinal linear model is as good, as far as {linear.rows:,} test phones can show: no "
            "difference is significant."
        )


def _on_what_serves(served: Predictor | None, incumbent: Comparison | None) -> Iterator[str]:
    if served is None:
        yield "No version was served, so that there was none to compare with."
    elif incumbent is None or incumbent.nll_difference is None:
        yield (
            f"Too few of the test phones are known to be new to version {served.bundle.version}, so that the "
            "two were not compared on the same phones."
        )
