"""What the service is asked, and how its answer is read: the same for threads and for asyncio."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypedDict, TypeVar

from pricerange_client.answers import Answer, Curve, WhatIf, Within
from pricerange_client.phone import PhoneLike, fields_of, plain
from pricerange_client.reading import reader_of
from pricerange_client.versions import Model, Rollout

T = TypeVar("T")

JSON = "application/json"


class CallOptions(TypedDict, total=False):
    """How any call is made."""

    timeout: float
    """Seconds that the call may take, all attempts together, instead of the client's."""
    headers: Mapping[str, str]
    """More headers, such as the one by which a rollout decides who is answered by its canary."""


class ExplainOptions(CallOptions, total=False):
    """What is told beside a price range and the reasons for it."""

    sets: float
    """A prediction set that holds the true price range of this share of phones."""
    unknown: bool
    """Whether features may be None: the answer is then an average over training phones."""


class PredictOptions(ExplainOptions, total=False):
    """What is told beside a price range."""

    explain: bool
    """Why: what each feature adds to the answer."""


class BatchOptions(PredictOptions, total=False):
    """What is told beside the price ranges of many phones."""

    on_bad_row: Literal["fail", "null"]
    """Whether a row that is no phone fails the call, or has no answer and an `error`."""
    columns: Sequence[str]
    """Columns of a table that come first in its answer; of other phones, the only fields beside features."""
    rows_a_request: int
    """Rows that travel together. An iterator is answered in such pieces."""


@dataclass(frozen=True, slots=True)
class Received:
    """An answer, all of it; names of headers are in small letters."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request, and what makes a result of its answer.

    One that is not `retried` is sent once. `first_row` is where its rows begin in all that are asked about.
    """

    method: Literal["GET", "POST"]
    path: str
    read: Callable[[bytes], T]
    content: bytes | None = None
    media_type: str = JSON
    parameters: Mapping[str, str] | None = None
    timeout: float | None = None
    headers: Mapping[str, str] | None = None
    retried: bool = True
    first_row: int = 0


def predict(phone: PhoneLike, options: PredictOptions) -> Call[Answer]:
    """Ask for a phone's price range."""
    return _about_a_phone("predict", phone, options, PredictOptions)


def explain(phone: PhoneLike, options: ExplainOptions) -> Call[Answer]:
    """Ask for a phone's price range, and why."""
    return _about_a_phone("predict/explain", phone, options, ExplainOptions)


def what_if(
    phone: PhoneLike, price_range: int, features: Sequence[str] | None, options: CallOptions
) -> Call[WhatIf]:
    """Ask what would move a phone to a price range, by changes of some features."""
    question: dict[str, Any] = {"phone": fields_of(phone), "price_range": price_range}
    if features is not None:
        question["features"] = list(names_of(features, "features"))
    return _question("predict/what-if", WhatIf, question, options)


def curve(phone: PhoneLike, feature: str, points: int, within: Within, options: CallOptions) -> Call[Curve]:
    """Ask how the answer to a phone runs over the values of a feature."""
    question = {"phone": fields_of(phone), "feature": feature, "points": points, "within": within}
    return _question("predict/curve", Curve, question, options)


def model(options: CallOptions) -> Call[Model]:
    """Ask which version is served."""
    return Call("GET", "model", _json_reader(Model), **common(options, CallOptions))


def rollout(options: CallOptions) -> Call[Rollout]:
    """Ask which versions serve whom."""
    return Call("GET", "rollout", _json_reader(Rollout), **common(options, CallOptions))


def reload_rollout(options: CallOptions) -> Call[Rollout]:
    """Have the rollout file followed now."""
    how = common(options, CallOptions)
    return Call("POST", "rollout/reload", _json_reader(Rollout), b"", retried=False, **how)


def ready(options: CallOptions) -> Call[None]:
    """Ask whether the service is ready."""
    return Call("GET", "readyz", lambda content: None, retried=False, **common(options, CallOptions))


def parameters_of(options: ExplainOptions) -> dict[str, str]:
    """Return the parameters that ask for what is told beside a price range."""
    asked = {}
    if (level := options.get("sets")) is not None:
        asked["sets"] = repr(float(level))
    if options.get("explain"):
        asked["explain"] = "true"
    if options.get("unknown"):
        asked["unknown"] = "average"
    return asked


def names_of(names: Sequence[str], option: str) -> Sequence[str]:
    """Return names. Raises `TypeError` for one text, which is a sequence of its letters too."""
    if isinstance(names, str):
        raise TypeError(f"{option}: expected a list of names, got the text {names!r}")
    return names


def as_json(value: Any) -> bytes:
    """Write JSON, with scalars of NumPy as numbers. Raises `ValueError` for NaN and infinities."""
    return _ENCODER.encode(value).encode()


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=plain)


def common(options: CallOptions, kind: type[CallOptions]) -> dict[str, Any]:
    """Return what any call is made with.

    Raises `TypeError` for options that there are not: of a dictionary only type checkers know what it holds.
    """
    for name in options.keys() - kind.__annotations__.keys():
        raise TypeError(f"unexpected option {name!r}: expected one of {', '.join(kind.__annotations__)}")
    return {"timeout": options.get("timeout"), "headers": options.get("headers")}


def _about_a_phone(
    path: str, phone: PhoneLike, options: ExplainOptions, kind: type[CallOptions]
) -> Call[Answer]:
    content, asked = as_json(fields_of(phone)), parameters_of(options)
    return Call("POST", path, _json_reader(Answer), content, parameters=asked, **common(options, kind))


def _question(path: str, kind: type[T], question: object, options: CallOptions) -> Call[T]:
    return Call("POST", path, _json_reader(kind), as_json(question), **common(options, CallOptions))


def _json_reader(kind: type[T]) -> Callable[[bytes], T]:
    read = reader_of(kind)
    return lambda content: read(json.loads(content))
