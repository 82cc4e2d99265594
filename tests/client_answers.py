"""What a client has read of what the service said."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any


def says(answer: Any, document: Any) -> bool:
    """Whether an answer is all of a JSON document: each member, and where there is none the default."""
    if is_dataclass(answer) and not isinstance(answer, type):
        known = {field.name: field.default for field in fields(answer)}
        return document.keys() <= known.keys() and all(
            says(getattr(answer, name), document[name])
            if name in document
            else default is not MISSING and getattr(answer, name) == default
            for name, default in known.items()
        )
    if isinstance(answer, tuple):
        return len(answer) == len(document) and all(map(says, answer, document))
    if isinstance(answer, Mapping):
        return answer.keys() == document.keys() and all(says(answer[name], document[name]) for name in answer)
    return bool(answer == document)
