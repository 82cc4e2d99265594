"""Comparisons in words: parts of a sentence for a line of a log, sentences for the card and the report."""

from pricerange.verdict import Comparison, Verdict
from training.promotion.comparisons import BEYOND_DOUBT

_LEAST_SHARE = 1e-5
"""Digits of smaller ones are those of rounding."""


def told(verdict: Verdict) -> list[str]:
    """Say how a version does beside each of its opponents, a sentence each."""
    found = verdict.comparisons
    served = [of_served(found.served)] if found.served else []
    every = (of_chance(found.chance), of_share(found.chance), of_linear(found.linear), *served)
    return [sentence(each) for each in every]


def sentence(part: str) -> str:
    """Make a sentence of what is part of one."""
    return f"{part[:1].upper()}{part[1:]}."


def of_chance(found: Comparison) -> str:
    """Say how a version does beside the commonest price range."""
    if too_few(found):
        return (
            f"too few test phones to tell it from chance: if all {found.rows} were classified correctly, p "
            f"would be {_most_likely(found):.2g}, and below {BEYOND_DOUBT:g} is beyond doubt"
        )
    return (
        f"{'' if found.outcome == 'better' else 'not '}better than chance beyond doubt: {found.right} of "
        f"{found.rows} test phones right, {found.other_right} by always giving the commonest price range "
        f"(p = {found.p:.3g}, {found.test})"
    )


def of_share(found: Comparison) -> str:
    """Say whether a version is right more often than wrong."""
    often = (
        "right more often than wrong" if 2 * found.right > found.rows else "wrong as often as right, or more"
    )
    return f"{often}: {found.right} of {found.rows} test phones right"


def of_linear(found: Comparison) -> str:
    """Say how a version does beside the ordinal linear model."""
    return (
        f"{_judged(found)} the ordinal linear model, which learned from the same phones: {found.right} of "
        f"{found.rows} test phones right beside {found.other_right} ({_tests(found)})"
    )


def of_served(found: Comparison) -> str:
    """Say how a version does beside the one that is served."""
    name = f"version {found.version}, which is served"
    if found.nll_difference is None:
        return (
            f"{_judged(found)} {name}: {found.right} of {found.rows} test phones right, beside "
            f"{found.other_right} of {found.other_rows} of its own ({_tests(found)})"
        )
    return (
        f"{_judged(found)} {name}: {found.right} of {found.rows} phones right that neither learned from, "
        f"beside {found.other_right} ({_tests(found)})"
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
        "better": "significantly better than",
        "no worse": "not significantly worse than",
        "worse": "significantly worse than",
    }[found.outcome]


def _tests(found: Comparison) -> str:
    said = f"p = {found.p:.3g}, {found.test}"
    if found.nll_difference is None or found.nll_error is None or found.nll_p is None:
        return said
    difference = f"{found.nll_difference:+.4f} ± {found.nll_error:.4f}"
    return f"{said}; NLL {difference}, p = {found.nll_p:.3g}, paired t-test"
