"""What a phone is: one table of its 20 features and its 4 price ranges; every check is derived from it."""

import difflib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from pricerange import foreign

Kind = Literal["yes/no", "whole number", "number"]
Fault = Literal["null", "NaN", "text", "wrong type", "out of limits", "not whole"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One measured property of a phone.

    `low` and `high` are physical limits, both included: wide enough for a phone of 2035, narrow enough to
    catch a wrong unit. `unit` is empty where the feature has none.
    """

    name: str
    kind: Kind
    unit: str
    low: float
    high: float
    example: float
    meaning: str

    @property
    def rule(self) -> str:
        """What a value of this feature must be, in words."""
        if self.kind == "yes/no":
            return "0 or 1 (or false, true)"
        unit = f" {self.unit}" if self.unit else ""
        return f"a {self.kind} between {self.low:g} and {self.high:g}{unit}"


FEATURES: tuple[Feature, ...] = (
    Feature("battery_power", "whole number", "mAh", 100, 50_000, 1520, "Battery capacity"),
    Feature("blue", "yes/no", "", 0, 1, 0, "Has Bluetooth"),
    Feature("clock_speed", "number", "GHz", 0.125, 16, 2.2, "Processor clock speed"),
    Feature("dual_sim", "yes/no", "", 0, 1, 1, "Has dual-SIM support"),
    Feature("fc", "number", "megapixel", 0, 1_000, 5, "Front camera resolution, 0 for none"),
    Feature("four_g", "yes/no", "", 0, 1, 1, "Supports 4G"),
    Feature("int_memory", "whole number", "GB", 1, 16_384, 32, "Internal storage"),
    Feature("m_dep", "number", "cm", 0.0625, 4, 0.8, "Thickness of the phone"),
    Feature("mobile_wt", "number", "g", 16, 2_000, 141, "Weight of the phone"),
    Feature("n_cores", "whole number", "", 1, 256, 8, "Number of processor cores"),
    Feature("pc", "number", "megapixel", 0, 1_000, 12, "Main camera resolution, 0 for none"),
    Feature("px_height", "whole number", "px", 0, 16_384, 1080, "Vertical screen resolution, 0 if unknown"),
    Feature("px_width", "whole number", "px", 32, 16_384, 1440, "Horizontal screen resolution"),
    Feature("ram", "whole number", "MB", 128, 131_072, 2800, "RAM"),
    Feature("sc_h", "number", "cm", 1, 40, 15, "Screen height"),
    Feature("sc_w", "number", "cm", 0, 40, 7, "Screen width, 0 if unknown"),
    Feature("talk_time", "number", "h", 0.25, 100, 14, "Maximum talk time on one charge"),
    Feature("three_g", "yes/no", "", 0, 1, 1, "Supports 3G"),
    Feature("touch_screen", "yes/no", "", 0, 1, 1, "Has a touch screen"),
    Feature("wifi", "yes/no", "", 0, 1, 1, "Has Wi-Fi"),
)
FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
LABELS: tuple[str, ...] = ("low", "medium", "high", "very high")
"""Names of the price ranges 0 to 3."""

_MOST_FOUND = 1_000
_LOW = np.array([feature.low for feature in FEATURES])
_HIGH = np.array([feature.high for feature in FEATURES])
_WHOLE = np.array([feature.kind != "number" for feature in FEATURES])


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that an input broke: `pointer` is the value's place (JSON Pointer, RFC 6901)."""

    detail: str
    pointer: str


def admissible(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    """Return which values keep their feature's rule: float [n, 20] -> bool [n, 20]. NaN never does.

    float32 is compared as float32: every limit is exact in it.
    """
    low, high = _LOW.astype(values.dtype), _HIGH.astype(values.dtype)
    with np.errstate(invalid="ignore"):
        inside = (values >= low) & (values <= high)
        whole = values == np.rint(values)
    verdict: npt.NDArray[np.bool_] = inside & (whole | ~_WHOLE)
    return verdict


def admissible_or_unknown(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    """Return which values are `admissible` or NaN, which stands for one that is not known."""
    verdict: npt.NDArray[np.bool_] = admissible(values) | np.isnan(values)
    return verdict


def all_admissible(feature: Feature, values: npt.NDArray[np.float64]) -> bool:
    """Return whether a feature's values float64 [n] are all `admissible`: sooner than it is said of each."""
    if not len(values):
        return True
    with np.errstate(invalid="ignore"):
        # NaN is taken for the smallest and for the largest, and is neither
        inside = feature.low <= np.minimum.reduce(values) and np.maximum.reduce(values) <= feature.high
        whole = feature.kind == "number" or np.logical_and.reduce(values == np.rint(values))
    return bool(inside and whole)


def refusal(feature: Feature, value: object) -> str:
    """Return the sentence that refuses a value of a feature: its name, the rule, what was found."""
    return f"{feature.name} must be {feature.rule}, got {shown(value)}"


def fault(feature: Feature, value: object) -> Fault:
    """Return in a word or two what is wrong with a value that breaks its feature's rule."""
    match value:
        case None:
            return "null"
        case str():
            return "text"
        case float() if math.isnan(value):
            return "NaN"
        case bool():
            return "wrong type"
        case int() | float():
            return "not whole" if feature.low <= value <= feature.high else "out of limits"
        case _:
            return "wrong type"


def problems(error: ValidationError) -> Iterator[Problem]:
    """Translate pydantic's errors on a `Phone`, or on a model that holds phones, into the table's words.

    Pydantic makes them all before the first one comes: ask `error_count` first where they may be many.
    """
    for details in error.errors(include_url=False, include_context=False):
        yield Problem(_detail(details), json_pointer(details["loc"]))


@dataclass(frozen=True, slots=True)
class Problems:
    """Why something is no phone: `problems` are the first of `count`."""

    problems: Sequence[Problem]
    count: int


def first_problems(error: ValidationError, most: int) -> Problems:
    """Translate the first of pydantic's errors; of very many none, since to find them costs memory."""
    count = error.error_count()
    if count > _MOST_FOUND:
        return Problems([Problem(f"{count} rules are broken, too many to list", "")], 1)
    return Problems(list(islice(problems(error), most)), count)


def json_pointer(location: Sequence[int | str]) -> str:
    """Write a path of keys and indices as a JSON Pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in location)


_BY_NAME = {feature.name: feature for feature in FEATURES}


def _detail(error: ErrorDetails) -> str:
    name = str(error["loc"][-1]) if error["loc"] else ""
    feature = _BY_NAME.get(name)
    match error["type"]:
        case "missing" if feature:
            return f"{name} is missing: it must be {feature.rule}"
        case "extra_forbidden":
            # a name much longer than ours is not a misspelling, and comparing takes time
            close = difflib.get_close_matches(name, FEATURE_NAMES, n=1) if len(name) < 20 else []
            hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(FEATURE_NAMES)}"
            return f"{json.dumps(name[:40])} is not a known field: {hint}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"expected a JSON object, got {shown(error['input'])}"
        case "json_invalid":
            what: str = error["msg"].removeprefix("Invalid JSON: ")
            begin = bytes(error["input"][: foreign.BEGIN_BYTES])
            if begin.startswith(b"\xef\xbb\xbf"):
                what = "it begins with a byte order mark (RFC 8259, 8.1)"
            elif other := foreign.named(begin):
                what = f"it is {other.what}: {other.body}"
            return f"the body is not valid JSON: {what}"
        case _ if feature:
            return refusal(feature, error["input"])
        case _:
            return f"{name or 'body'}: {error['msg']}"


def shown(value: object) -> str:
    """Show a value as JSON would, and no more of it than an error message has room for."""
    match value:
        case float() if not math.isfinite(value):
            text = str(value).replace("nan", "NaN").replace("inf", "infinity")
        case float():
            text = repr(value).removesuffix(".0")
        case int() if abs(value) > 10**17:  # too long to be shown, and perhaps for Python to print at all
            text = f"{'-' if value < 0 else ''}10^17 or more"
        case str():
            text = f"the string {json.dumps(value[:40])}"
        case list() | dict():
            text = "a list" if isinstance(value, list) else "an object"
        case _:
            text = json.dumps(value, default=repr)[:40]
    return text


class _Rule:
    """Pydantic annotation: validates and describes one feature."""

    def __init__(self, feature: Feature, *, may_be_null: bool = False) -> None:
        self.feature = feature
        self.may_be_null = may_be_null

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        value = self._value()
        return core_schema.nullable_schema(value) if self.may_be_null else value

    def _value(self) -> CoreSchema:
        low, high = self.feature.low, self.feature.high
        number = core_schema.float_schema(strict=True, ge=low, le=high, allow_inf_nan=False)
        if self.feature.kind == "number":
            return number
        # an integer is the common case and needs no call of ours; 8.0 is as whole as 8
        choices: list[CoreSchema | tuple[CoreSchema, str]] = [
            core_schema.int_schema(strict=True, ge=int(low), le=int(high)),
            core_schema.no_info_after_validator_function(_require_whole, number),
        ]
        if self.feature.kind == "yes/no":
            choices.append(core_schema.bool_schema(strict=True))
        return core_schema.union_schema(
            choices,
            mode="left_to_right",
            custom_error_type="not_whole",
            custom_error_message=self.feature.rule,
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = self._described()
        return {"anyOf": [described, {"type": "null"}]} if self.may_be_null else described

    def _described(self) -> JsonSchemaValue:
        if self.feature.kind == "yes/no":
            # not an enum of both: generators of clients leave out what has values of two types
            return {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 1}, {"type": "boolean"}]}
        json_type = "number" if self.feature.kind == "number" else "integer"
        return {"type": json_type, "minimum": self.feature.low, "maximum": self.feature.high}


def _require_whole(value: float) -> float:
    if not value.is_integer():
        raise ValueError
    return value


def _field(feature: Feature) -> Any:
    unit = f" ({feature.unit})" if feature.unit else ""
    field = Field(description=f"{feature.meaning}{unit}", examples=[feature.example])
    return Annotated[float, _Rule(feature), field]


if TYPE_CHECKING:

    class Phone(BaseModel):
        """A phone's 20 features: JSON numbers only, all of them, no others, finite, inside their limits."""

    class PartialPhone(BaseModel):
        """A phone whose features may be null, with `unknown=average` only; else as `Phone`."""
else:
    Phone = create_model(
        "Phone",
        __config__=ConfigDict(
            extra="forbid",
            frozen=True,
            title="Phone",
            json_schema_extra={"examples": [{feature.name: feature.example for feature in FEATURES}]},
        ),
        __doc__="A phone's 20 features: JSON numbers only, all of them, no others, finite, inside limits.",
        **{feature.name: _field(feature) for feature in FEATURES},
    )
    PartialPhone = create_model(
        "PartialPhone",
        __config__=ConfigDict(extra="forbid", frozen=True),
        __doc__="A phone whose features may be null, with `unknown=average` only; else as `Phone`.",
        **{feature.name: Annotated[float | None, _Rule(feature, may_be_null=True)] for feature in FEATURES},
    )


def features_of(phone: Phone) -> list[float]:
    """Return a phone's 20 values in the table's order."""
    return list(phone.__dict__.values())


def known_features_of(phone: PartialPhone) -> list[float]:
    """Return a phone's 20 values in the table's order, NaN where they are not known."""
    return [math.nan if value is None else value for value in phone.__dict__.values()]
