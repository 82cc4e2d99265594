"""Comparisons as sentences, for the console, the card and the report."""

from pricerange.verdict import Comparison, Verdict
from training.promotion.comparisons import BEYOND_DOUBT

_LEAST_SHARE = 1e-5
"""Digits of smaller ones are those of rounding."""


def told(verdict: Verdict) -> list[str]:
    """Say how a version does beside each of its opponents."""
    found = verdict.comparisons
    served = [of_served(found.served)] if found.served else []
    return [of_chance(found.chance), of_share(found.chance), of_linear(found.linear), *served]


def of_chance(found: Comparison) -> str:
    """Say how a version does beside the commonest price range."""
    if too_few(found):
        return (
            f"{found.rows} test phones are too few to tell the model from chance: if all were classified "
            f"correctly, p would be {_most_likely(found):.2g}, and below {BEYOND_DOUBT:g} is beyond doubt."
        )
    doubt = "better than chance beyond doubt" if found.outcome == "better" else "not beyond doubt"
    return (
        f"{found.right} of {found.rows} test phones are classified correctly, and {found.other_right} by "
        f"always giving the commonest price range: p = {found.p:.2g} ({found.test}), {doubt}."
    )


def of_share(found: Comparison) -> str:
    """Say whether a version is right more often than wrong."""
    often = (
        "more often right than wrong" if 2 * found.right > found.rows else "no more often right than wrong"
    )
    return f"The model is {often}: for {found.right} of {found.rows} test phones it is right."


def of_linear(found: Comparison) -> str:
    """Say how a version does beside the ordinal linear model."""
    return (
        f"{_judged(found)} the ordinal linear model, which learned from the same phones: it classifies "
        f"{found.other_right} of {found.rows} test phones correctly, the model {found.right}{_tests(found)}."
    )


def of_served(found: Comparison) -> str:
    """Say how a version does beside the one that is served."""
    name = f"version {found.version}, which is served"
    if found.nll_difference is None:
        return (
            f"{_judged(found)} {name}: {found.right} of {found.rows} test phones are classified correctly, "
            f"and by that version {found.other_right} of {found.other_rows} of its own{_tests(found)}. They "
            "were not compared on the same phones: which of these that version learned from is not known."
        )
    return (
        f"{_judged(found)} {name}: of the {found.rows} phones from which neither learned, it classifies "
        f"{found.other_right} correctly, the model {found.right}{_tests(found)}."
    )


def percent(share: float) -> str:
    """Write a share, which may be too small for its digits to say anything."""
    return f"{100 * share:.2g} %" if share >= _LEAST_SHARE else f"less than {100 * _LEAST_SHARE:g} %"


def too_few(found: Comparison) -> bool:
    """Whether even right answers only would not be better than chance beyond doubt."""
    return _most_likely(found) >= BEYOND_DOUBT


def _most_likely(found: Comparison) -> float:
    share: float = (found.other_right / found.rows) ** found.rows
    return share


def _judged(found: Comparison) -> str:
    return {
        "better": "Significantly better than",
        "no worse": "Not significantly worse than",
        "worse": "Significantly worse than",
    }[found.outcome]


def _tests(found: Comparison) -> str:
    told = f" (p = {found.p:.2g}, {found.test}"
    if found.nll_difference is not None and found.nll_error is not None and found.nll_p is not None:
        told += (
            f"; NLL {found.nll_difference:+.4f} ± {found.nll_error:.4f} beside it, p = {found.nll_p:.2g}, "
            "paired t-test"
        )
    return f"{told})"
