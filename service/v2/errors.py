"""Errors of the V2 routes; the table in `service/problems.py` says how each is answered."""

from dataclasses import dataclass
from typing import Self

from pydantic import ValidationError

from pricerange.errors import PriceRangeError
from pricerange.phone import Problem, json_pointer
from service.errors import InvalidInputError


@dataclass
class InferenceInputError(InvalidInputError):
    """A body that breaks rules of the protocol or of the phone table."""

    count: int = 1

    @classmethod
    def expected(cls, what: str, expected: object, found: object, pointer: str = "") -> Self:
        """Name one thing that is not as expected, and its place in the JSON object."""
        return cls([Problem(f"{what}: expected {expected}, found {found}", pointer)])

    @classmethod
    def of(cls, error: ValidationError) -> Self:
        """Name the first place where the JSON object breaks the protocol's message."""
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        pointer = json_pointer(first["loc"])
        return cls([Problem(f"{pointer or 'the JSON object'}: {first['msg']}", pointer)])


@dataclass
class ContentEncodingError(PriceRangeError):
    """A body in an encoding that is not read here."""

    expected: str
    found: str

    def __str__(self) -> str:
        return f"expected Content-Encoding: {self.expected}, found {self.found}"


@dataclass
class UnknownModelError(PriceRangeError):
    """A model that is not served here."""

    expected: str
    found: str

    def __str__(self) -> str:
        return f"no model {self.found[:100]!r} here, the model is {self.expected}"


@dataclass
class UnknownVersionError(PriceRangeError):
    """A version of the model that is not served here."""

    expected: str
    found: str

    def __str__(self) -> str:
        return f"no version {self.found[:100]!r} of the model here, the version is {self.expected}"
