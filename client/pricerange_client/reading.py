"""JSON to frozen dataclasses, by the types of their fields.

A field that a newer service adds is ignored; one that an answer lacks has its default.
"""

import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
_Read = Callable[[Any], Any]


def reader_of(kind: type[T]) -> Callable[[Any], T]:
    """Return what makes a dataclass of a JSON object.

    It raises `KeyError`, `TypeError` or `AttributeError` for one that has another shape.
    """
    read: Callable[[Any], T] = _of_dataclass(cast(Hashable, kind))
    return read


@cache
def _of_dataclass(kind: Hashable) -> _Read:
    assert isinstance(kind, type)
    hints = get_type_hints(kind)
    # what is as JSON has it needs no call
    readers = {field.name: _of(hints[field.name]) for field in fields(kind)}
    required = [field.name for field in fields(kind) if field.default is MISSING]

    def read(value: Any) -> Any:
        found = {
            name: value[name] if reader is None else reader(value[name])
            for name, reader in readers.items()
            if name in value
        }
        for name in required:
            if name not in found:
                raise KeyError(name)
        return kind(**found)

    return read


def _of(hint: Any) -> _Read | None:
    """Return what reads a value of a type, None where it stays as it is."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        [of_one] = [_of(argument) for argument in arguments if argument is not type(None)]
        return None if of_one is None else lambda value: None if value is None else of_one(value)
    if origin is tuple:
        of_each = _of(arguments[0])
        return tuple if of_each is None else lambda value: tuple(map(of_each, value))
    if isinstance(origin, type) and issubclass(origin, Mapping) and (of_value := _of(arguments[1])):
        return lambda value: {name: of_value(one) for name, one in value.items()}
    return _of_dataclass(hint) if is_dataclass(hint) and isinstance(hint, type) else None
