"""Whether the rows say something about price ranges, and whether the model has found it."""

from typing import Literal

from pricerange.verdict import Verdict
from training.promotion import words
from training.promotion.comparisons import BEYOND_DOUBT, chance_of

Lack = Literal["too few phones", "no signal", "weak signal"]


def lacks(verdict: Verdict) -> Lack | None:
    """Return what the rows lack: neither the model nor a linear one finds it. None where one of them does."""
    chance = verdict.comparisons.chance
    if words.too_few(chance):
        return "too few phones"
    most = max(chance.right, verdict.comparisons.linear.other_right)
    if chance_of(most, chance.rows, chance.other_right) >= BEYOND_DOUBT:
        return "no signal"
    return "weak signal" if 2 * most <= chance.rows else None


def evidence(verdict: Verdict) -> list[str]:
    """Say how the model and the linear one do."""
    chance, linear = verdict.comparisons.chance, verdict.comparisons.linear
    return [words.sentence(each) for each in (words.of_chance(chance), words.of_linear(linear))]


def missed(verdict: Verdict) -> list[str]:
    """Say where the model fails although the rows have more to say; nothing where it does not."""
    chance, linear = verdict.comparisons.chance, verdict.comparisons.linear
    said = {
        words.of_chance(chance): chance.outcome != "better",
        words.of_share(chance): 2 * chance.right <= chance.rows,
        words.of_linear(linear): linear.outcome == "worse",
    }
    return [words.sentence(part) for part, fails in said.items() if fails]
