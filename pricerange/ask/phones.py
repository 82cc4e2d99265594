"""Phones as a person gives them: one by flags or as JSON, many in files of any form."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from pricerange.ask.asked import Rows
from pricerange.errors import PhoneError
from pricerange.phone import (
    FEATURE_NAMES,
    PartialPhone,
    Phone,
    features_of,
    first_problems,
    known_features_of,
)

if TYPE_CHECKING:
    from pricerange.tables.source.files import Reading

P = TypeVar("P", bound=BaseModel)

_MOST_NAMED = 4
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


def of_json(text: bytes, *, unknown: bool) -> Rows:
    """Return the phone of a JSON object as float32 [1, 20]. Raises `PhoneError`."""
    return _row(text, "standard input", unknown=unknown)


def of_flags(flags: Mapping[str, str], *, unknown: bool) -> Rows:
    """Return the phone of flags as float32 [1, 20]; what is not given is unknown, if it may be.

    Raises `PhoneError`.
    """
    nothing = dict.fromkeys(FEATURE_NAMES) if unknown else {}
    given = {name: _value(text) for name, text in flags.items()}
    return _row({**nothing, **given}, "the phone", unknown=unknown)


def of_file(source: str, reading: "Reading", *, unknown: bool) -> Iterator[Rows]:
    """Yield the phones of a file, glob, folder or URI, block by block.

    Raises `BadRowError` for one that is none, and what `files.find` and `judged` raise.
    """
    from pricerange.tables.errors import BadRowError
    from pricerange.tables.source import files
    from pricerange.tables.source.rows import judged

    for block in judged(files.find([source], reading).files, lambda *_: (), unknown=unknown):
        valid = block.verdict.valid
        if not valid.all():
            bad = int(np.argmin(valid))
            raise BadRowError(block.file.name, block.row + bad, block.verdict.detail(bad))
        yield block.verdict.rows


def _value(text: str) -> object:
    """Read a value as JSON has it, or yes or no; any other text stays text, and is refused as such."""
    for read in (_TRUTHS.__getitem__, int, float):
        try:
            return read(text.strip().lower())
        except (ValueError, KeyError):
            continue
    return text


def _row(phone: bytes | Mapping[str, object], source: str, *, unknown: bool) -> Rows:
    try:
        if unknown:
            values = known_features_of(_validated(PartialPhone, phone))
        else:
            values = features_of(_validated(Phone, phone))
    except ValidationError as error:
        found = first_problems(error, _MOST_NAMED)
        more = found.count - len(found.problems)
        named = [problem.detail for problem in found.problems] + ([f"and {more} more"] if more else [])
        raise PhoneError(source, "; ".join(named)) from None
    return np.array([values], np.float32)


def _validated(kind: type[P], phone: bytes | Mapping[str, object]) -> P:
    return kind.model_validate_json(phone) if isinstance(phone, bytes) else kind.model_validate(phone)
