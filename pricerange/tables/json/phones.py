"""Phones from JSON, checked as one array: what `Phone` does one by one, a few times as fast."""

import json
import math
import struct
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from pydantic_core import from_json

from pricerange.phone import (
    FEATURE_NAMES,
    FEATURES,
    PartialPhone,
    Phone,
    Problem,
    Problems,
    admissible,
    admissible_or_unknown,
    features_of,
    first_problems,
    json_pointer,
    known_features_of,
)

Body = bytes | bytearray
_Table = npt.NDArray[np.float64]

_MOST_FIELDS = 1_000
"""To say of each field of a larger object that it is unknown takes 300 MB."""
_MOST_PROBLEMS = 100
_MOST_NAMED = 10
_MOST_OPEN = 100
"""Brackets of a phone's other fields that are not looked at to tell how deeply they are nested."""
_NULL = msgspec.Raw(b"null")
_NOT_READ = (ValueError, RecursionError)
"""What msgspec raises for what is not JSON, not UTF-8, not of the types asked for, or nested too deeply."""


class PhoneReader:
    """Reads phones that must have certain fields beside those of a phone, if any.

    The names may hold no quote, backslash or control character.
    """

    def __init__(
        self,
        kept: Sequence[str] = (),
        *,
        optional: bool = False,
        others: bool = False,
        unknown: bool = False,
    ) -> None:
        """Have `kept` return the fields of these names, of a phone's own or not.

        Where they are `optional`, a phone may lack those that are not its own; `others` lets it have more.
        Features may be `unknown`, null and read as NaN, where that is asked for.
        """
        self._unknown = unknown
        self._admissible = admissible_or_unknown if unknown else admissible
        self._beside = tuple(dict.fromkeys(name for name in kept if name not in FEATURE_NAMES))
        self._optional = optional
        self._others = others
        kinds = (bool | float, float) if not unknown else (bool | float | None, float | None)
        phone = _struct(
            {feature.name: kinds[feature.kind != "yes/no"] for feature in FEATURES}
            | dict.fromkeys(self._beside, msgspec.Raw),
            optional=self._beside if optional else (),
            others=others,
        )
        phones = msgspec.defstruct("_Phones", [("phones", list[phone])], forbid_unknown_fields=True)  # type: ignore[valid-type]
        self._read_phone = msgspec.json.Decoder(phone).decode
        self._read_phones: Callable[[Body], Any] = msgspec.json.Decoder(phones).decode
        self._no_phone = phone(*[-1.0] * len(FEATURES), *[_NULL] * len(self._beside))
        fields = msgspec.defstruct(
            "_Kept",
            [(f"kept_{place}", msgspec.Raw, _NULL) for place in range(len(kept))],
            rename={f"kept_{place}": name for place, name in enumerate(kept)},
            gc=False,
        )
        kept_phones = msgspec.defstruct("_KeptPhones", [("phones", list[fields])])  # type: ignore[valid-type]
        self._read_kept = msgspec.json.Decoder(fields).decode
        self._read_all_kept: Callable[[Body], Any] = msgspec.json.Decoder(list[fields]).decode  # type: ignore[valid-type]
        self._read_kept_list: Callable[[Body], Any] = msgspec.json.Decoder(kept_phones).decode
        self._kept = tuple(kept)

    def rows(self, bodies: Sequence[Body]) -> tuple[_Table, npt.NDArray[np.bool_]]:
        """Read n bodies of a phone each: float64 [n, 20] in the table's order, and bool [n], which are valid.

        Those are the ones that `Phone` takes; what is wrong with the others, `checked` tells.
        """
        try:
            phones = list(map(self._read_phone, bodies))
        except _NOT_READ:
            phones = [self._phone(body) for body in bodies]
        table = _table(phones, unknown=self._unknown)
        valid: npt.NDArray[np.bool_] = np.logical_and.reduce(self._admissible(table), axis=1)
        # other fields are not looked into; all at once, since hardly ever is something wrong with them
        if (self._beside or self._others) and not _is_sound(b"\n".join(bodies), _MOST_OPEN + len(bodies)):
            valid &= np.fromiter(map(_is_sound, bodies), np.bool_, len(bodies))
        return table, valid

    def rows_of_list(self, body: Body, most: int) -> _Table | None:
        """Read `{"phones": [...]}`: float64 [n, 20], None unless there are at most so many, all valid."""
        try:
            phones = self._read_phones(body).phones
        except _NOT_READ:
            return None
        if len(phones) > most or (self._beside and not _is_utf8(body)):
            return None
        table = _table(phones, unknown=self._unknown)
        return table if self._admissible(table).all() else None

    def kept(self, bodies: Sequence[Body], *, valid: bool) -> list[Sequence[bytes]]:
        """Return of each body its kept fields, as they stand there; `null` where there is none.

        Where all are `valid`, as `rows` says it, they are read in one go.
        """
        if valid:
            return _bytes_of(self._read_all_kept(b"[%b]" % b",".join(bodies)))
        return [self._kept_of(body) for body in bodies]

    def kept_columns(self, lines: Sequence[Body], *, valid: bool) -> list[Sequence[bytes]]:
        """Return what `kept` does, field by field; no text may hold a line end."""
        if not lines:
            return [()] * len(self._kept)
        if not valid:
            return list(zip(*self.kept(lines, valid=False), strict=True))
        rows = map(msgspec.structs.astuple, self._read_all_kept(b"[%b]" % b",".join(lines)))
        # in less time than to copy one text after the other
        return [b"\n".join(column).split(b"\n") for column in zip(*rows, strict=True)]

    def kept_of_list(self, body: Body) -> list[Sequence[bytes]]:
        """Return what `kept` does of the phones in `{"phones": [...]}`. Raises `ValueError` for all else."""
        texts = _read_texts(body).phones
        return self.kept(list(map(bytes, texts)), valid=False)

    def kept_of_valid_list(self, body: Body) -> list[Sequence[bytes]]:
        """Return what `kept_of_list` does, sooner, where `rows_of_list` has found phones only."""
        return _bytes_of(self._read_kept_list(body).phones)

    def checked(self, phone: object) -> list[float] | Problems:
        """Return the values of a phone that was JSON, or what is wrong with it; the pointers begin at it."""
        missing, late, others = list[str](), list[str](), list[str]()
        known = set(self._beside)
        if isinstance(phone, dict):
            if not self._others and len(phone) > _MOST_FIELDS + len(self._beside):
                detail = f"expected the {len(FEATURES)} fields of a phone, found {len(phone)}"
                return Problems([Problem(detail, "")], 1)
            others = [name for name in phone if name not in FEATURE_NAMES]
            if not self._optional:
                missing = [name for name in self._beside if name not in phone]
            elif not self._others:
                late = [name for name in others if name not in known]
            left_out = set(others) if self._optional or self._others else known
            phone = {name: value for name, value in phone.items() if name not in left_out}
        problems = [Problem(_lacks(name, others), json_pointer([name])) for name in missing]
        problems += [Problem(_is_late(name), json_pointer([name])) for name in late]
        try:
            values = self._values(phone)
        except ValidationError as error:
            found = first_problems(error, _MOST_PROBLEMS)
            return Problems([*problems, *found.problems], len(problems) + found.count)
        return Problems(problems, len(problems)) if problems else values

    def _values(self, phone: object) -> list[float]:
        if self._unknown:
            return known_features_of(PartialPhone.model_validate(phone))
        return features_of(Phone.model_validate(phone))

    def _phone(self, body: Body) -> Any:
        try:
            return self._read_phone(body)
        except _NOT_READ:
            return self._no_phone

    def _kept_of(self, body: Body) -> Sequence[bytes]:
        try:
            texts = msgspec.structs.astuple(self._read_kept(body)) if _is_utf8(body) else ()
        except _NOT_READ:  # no object, or not JSON
            texts = ()
        return list(map(bytes, texts)) or [b"null"] * len(self._kept)


class _Texts(msgspec.Struct, forbid_unknown_fields=True):
    phones: list[msgspec.Raw]


_read_texts = msgspec.json.Decoder(_Texts).decode


def _struct(fields: Mapping[str, object], optional: Container[str], *, others: bool) -> Any:
    """Define an object whose fields are called anything at all; the `optional` ones are the last."""
    return msgspec.defstruct(
        "_Phone",
        [
            (f"field_{place}", kind, _NULL) if name in optional else (f"field_{place}", kind)
            for place, (name, kind) in enumerate(fields.items())
        ],
        rename={f"field_{place}": name for place, name in enumerate(fields)},
        forbid_unknown_fields=not others,
        gc=False,  # it holds numbers and texts only
    )


def _bytes_of(objects: Sequence[Any]) -> list[Sequence[bytes]]:
    return [list(map(bytes, msgspec.structs.astuple(each))) for each in objects]


def _is_utf8(text: Body) -> bool:
    try:
        return text.isascii() or bool(text.decode())
    except UnicodeDecodeError:
        return False


def _is_sound(text: Body, most_open: int = _MOST_OPEN) -> bool:
    """Whether JSON is UTF-8, and nested no deeper than a parser with a limit of its own takes.

    How deep msgspec goes depends on who calls it.
    """
    if not _is_utf8(text):
        return False
    if text.count(b"[") + text.count(b"{") <= most_open:
        return True
    try:
        from_json(text)
    except ValueError:
        return False
    return True


def _lacks(name: str, others: Sequence[str]) -> str:
    found = ", ".join(json.dumps(other[:40]) for other in others[:_MOST_NAMED]) or "none"
    return f"{json.dumps(name)} is missing, which the parameter columns names; other fields: {found}"


def _is_late(name: str) -> str:
    return (
        f"{json.dumps(name[:40])} is not a field of the file's first lines, which tell the columns; "
        "OUT as NDJSON keeps any field, and `--columns` leaves fields out"
    )


def _table(phones: Sequence[Any], *, unknown: bool) -> _Table:
    """Return the features of n phones: the first fields of each, NaN for null where they may be unknown."""
    values: Iterable[float]
    values = chain.from_iterable(map(msgspec.structs.astuple, phones))
    if phones and len(phones[0].__struct_fields__) > len(FEATURES):
        values = chain.from_iterable(msgspec.structs.astuple(phone)[: len(FEATURES)] for phone in phones)
    if unknown:
        values = (math.nan if value is None else value for value in values)
    # faster than an array or NumPy
    doubles = struct.Struct(f"{len(FEATURES) * len(phones)}d").pack(*values)
    return np.frombuffer(doubles, np.float64).reshape(-1, len(FEATURES))


@lru_cache(maxsize=32)
def reader_of(
    kept: tuple[str, ...], *, optional: bool = False, others: bool = False, unknown: bool = False
) -> PhoneReader:
    """Return the reader that keeps some fields; to make one takes as long as to read a hundred phones."""
    return PhoneReader(kept, optional=optional, others=others, unknown=unknown)


PLAIN = PhoneReader()
"""Reads phones that have no other fields."""
