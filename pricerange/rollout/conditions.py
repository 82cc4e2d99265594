"""Conditions on a measurement, such as `result > 0.01 && result <= 0.05`, as Argo Rollouts writes them."""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

MOST_CHARACTERS = 200
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_COMPARISON = re.compile(
    rf"\s*result\s*({'|'.join(_OPERATORS)})\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*", re.ASCII
)
_EXPECTED = "comparisons such as result <= 0.01, joined by && and ||"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A number that the result is compared with."""

    sign: str
    number: float

    def holds(self, result: float) -> bool:
        """Say whether it is true of a result."""
        return _OPERATORS[self.sign](result, self.number)

    def __str__(self) -> str:
        return f"result {self.sign} {self.number!r}"


@dataclass(frozen=True, slots=True)
class Condition:
    """Groups of comparisons: true where all of one group are, since `&&` binds closer than `||`."""

    groups: tuple[tuple[Comparison, ...], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a condition; `and` and `or` are words for `&&` and `||`.

        Raises `ValueError` of two arguments: what was expected, and what was found.
        """
        if len(text) > MOST_CHARACTERS:
            raise ValueError(f"a condition of at most {MOST_CHARACTERS} characters", str(len(text)))
        return cls(
            tuple(
                tuple(_comparison(part) for part in re.split(r"&&|\band\b", group))
                for group in re.split(r"\|\||\bor\b", text)
            )
        )

    def holds(self, result: float) -> bool:
        """Say whether it is true of a result."""
        return any(all(one.holds(result) for one in group) for group in self.groups)

    def __str__(self) -> str:
        return " || ".join(" && ".join(map(str, group)) for group in self.groups)


def _comparison(text: str) -> Comparison:
    found = _COMPARISON.fullmatch(text)
    if found is None or not math.isfinite(number := float(found[2])):
        raise ValueError(_EXPECTED, repr(text.strip()))
    return Comparison(found[1], number)
