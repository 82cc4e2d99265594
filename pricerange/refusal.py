"""An error of pydantic in the words of a file that a person writes: a recipe, a rollout."""

import typing

from pydantic import BaseModel
from pydantic_core import ErrorDetails


def translated(error: ErrorDetails, document: type[BaseModel]) -> tuple[str, str, str]:  # noqa: PLR0911
    """Say field, expected and found.

    Validators of ours raise `ValueError` of these three, or of the last two where the field is theirs.
    """
    section, location = _located(error["loc"], document)
    field = ".".join(location)
    match error["type"]:
        case "extra_forbidden":
            return field, f"one of the known keys: {', '.join(section.model_fields)}", "an unknown key"
        case "missing":
            return field, "a value", "none"
        case "union_tag_invalid":
            return f"{field}.name", f"one of {error['ctx']['expected_tags']}", repr(error["ctx"]["tag"])
        case "union_tag_not_found":
            return f"{field}.name", "a value", "none"
        case "too_short":
            least = error["ctx"]["min_length"]
            return field, f"at least {least} item{'s' if least > 1 else ''}", repr(error["input"])
        case "less_than_equal":
            return field, f"less than or equal to {error['ctx']['le']:g}", repr(error["input"])
        case "literal_error":
            return field, f"one of {error['ctx']['expected']}", repr(error["input"])
        case "value_error":
            *other_field, expected, found = error["ctx"]["error"].args
            return other_field[0] if other_field else field, expected, found
        case _:
            expected = error["msg"].removeprefix("Input should be ")
            return field, expected[:1].lower() + expected[1:], repr(error["input"])


def _located(location: tuple[int | str, ...], document: type[BaseModel]) -> tuple[type[BaseModel], list[str]]:
    """Return the section in which an error lies, and the place as it is written in the file.

    Pydantic's place has the chosen name between a section and its key; the file does not.
    """
    section, chosen, names = document, dict[int | str, type[BaseModel]](), list[str]()
    for key in location:
        if key in chosen:
            section, chosen = chosen[key], {}
            continue
        names.append(str(key))
        field = None if isinstance(key, int) else section.model_fields.get(key)
        below = sections_of(field.annotation) if field else []
        if len(below) == 1:
            section = below[0]
        elif below:
            chosen = {name: one for one in below for name in _names(one)}
    return section, names


def sections_of(annotation: object) -> list[type[BaseModel]]:
    """Return the sections that a key may hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [one for part in typing.get_args(annotation) for one in sections_of(part)]


def _names(section: type[BaseModel]) -> tuple[str, ...]:
    return typing.get_args(section.model_fields["name"].annotation)
