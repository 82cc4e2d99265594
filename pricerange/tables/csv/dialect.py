"""How a CSV is written: what separates its cells, how numbers stand there, what stands for nothing."""

import re
from dataclasses import dataclass
from functools import cache

from pricerange.tables.errors import DialectError

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
"""What may separate cells; in this order they are looked for in a header."""
_WORDS = {"tab": "\t", r"\t": "\t"}
_DECIMALS = (".", ",")
_THOUSANDS = {"": "", ".": r"\.", ",": ",", " ": "[ \u00a0\u202f]", "'": "['\u2019]", "_": "_"}
"""What may group digits, and what counts as the same: spreadsheets write blanks that do not break."""
MOST_NULLS = 100
"""Texts that may stand for nothing: each distinct cell that is no number is compared with all of them."""
BLANK = " \t"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What separates cells, and how a number stands in a feature's cell.

    `delimiter` is empty where the header is to tell, `thousands` where nothing groups digits; `null_values`
    are texts that stand for nothing. Raises `DialectError` where these contradict each other.
    """

    delimiter: str = ""
    decimal: str = "."
    thousands: str = ""
    null_values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.delimiter and self.delimiter not in DELIMITERS:
            raise DialectError("delimiter", "one of , ; | and tab", self.delimiter)
        if self.decimal not in _DECIMALS:
            raise DialectError("decimal", "a point or a comma", self.decimal)
        if self.thousands not in _THOUSANDS:
            raise DialectError("thousands", "one of . , ' _ and a blank", self.thousands)
        if self.decimal == self.thousands:
            raise DialectError("thousands", "another mark than the decimal one", self.thousands)
        if len(self.null_values) > MOST_NULLS:
            raise DialectError("null_values", f"at most {MOST_NULLS} texts", str(len(self.null_values)))
        if self.decimal == self.delimiter:
            raise DialectError(
                "decimal", f"another mark than what separates columns, {self.separated_by}", self.decimal
            )

    @classmethod
    def asked_for(
        cls,
        delimiter: str | None = None,
        decimal: str | None = None,
        thousands: str | None = None,
        null_values: str | None = None,
    ) -> "Dialect":
        """Read what a flag or a parameter says: `tab` may stand for a tab, commas stand between nulls.

        Raises `DialectError`.
        """
        for name, given in (("delimiter", delimiter), ("decimal", decimal), ("thousands", thousands)):
            if given == "":
                raise DialectError(name, "a character", "")
        nulls = [text.strip(BLANK) for text in (null_values or "").split(",")]
        return cls(
            "" if delimiter is None else _WORDS.get(delimiter.lower(), delimiter),
            decimal or ".",
            thousands or "",
            tuple(dict.fromkeys(filter(None, nulls))),
        )

    @property
    def separated_by(self) -> str:
        """What separates columns, in words."""
        return DELIMITERS[self.delimiter]

    @property
    def has_plain_numbers(self) -> bool:
        """Whether a number stands there as it does in any CSV."""
        return (self.decimal, self.thousands, self.null_values) == (".", "", ())

    @property
    def is_known_to_arrow(self) -> bool:
        """Whether Arrow's reader of CSV reads the same numbers, where it reads any.

        It knows nothing that groups digits, and strips no blanks from a null that would else be a number.
        """
        return not self.thousands and not any(_number(".").fullmatch(text) for text in self.null_values)

    def number(self, text: str) -> float | None:
        """Return the double nearest to a decimal number without blanks around it, None for anything else.

        Digits are grouped by three, or not at all: a decimal point that was mistaken for what groups them
        must not make a number a thousand times as large.
        """
        if not _number(self.decimal, self.thousands).fullmatch(text):
            return None
        if self.thousands:
            text = re.sub(_THOUSANDS[self.thousands], "", text)
        return float(text.replace(self.decimal, "."))

    def is_null(self, text: str) -> bool:
        """Whether a text without blanks around it stands for nothing."""
        return not text or text in self.null_values


@cache
def _number(decimal: str, thousands: str = "") -> re.Pattern[str]:
    grouped = rf"[1-9][0-9]{{0,2}}(?:{_THOUSANDS[thousands]}[0-9]{{3}})+|" if thousands else ""
    point = re.escape(decimal)
    return re.compile(rf"[+-]?((?:{grouped}[0-9]+)(?:{point}[0-9]*)?|{point}[0-9]+)([eE][+-]?[0-9]+)?")


AS_FOUND = Dialect()
"""What a file is read by where nothing is asked for."""
PLAIN = Dialect(",")
"""Commas between cells, and decimal points."""
