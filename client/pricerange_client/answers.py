"""What the service answers to phones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Within = Literal["training_range", "physical_limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideValue:
    """A value outside the range `low` to `high` that its feature had in the training rows."""

    feature: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """Mahalanobis distance of a phone to the training rows, and what hardly any of those exceeds."""

    value: float
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicability:
    """Whether a phone is like those that the model learned from, and where it is not, why.

    `distance` is told where it is beyond its limit; `note` says what the answer is worth then.
    """

    in_range: bool
    outside: tuple[OutsideValue, ...] = ()
    distance: Distance | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The price range whose expected cost is least, by the service's cost matrix."""

    price_range: int
    label: str
    expected_cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """What prediction sets promise: the share of phones whose set holds the true price range."""

    level: float
    calibration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantities:
    """Of the `score`, which is the expected price range 0 to 3, and of the answer's `probability`."""

    score: float
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What a feature adds to the answer, its Shapley value; `value` is the phone's, None if unknown.

    `error` are standard errors, where reasons are not exact.
    """

    feature: str
    value: float | None
    score: float
    probability: float
    error: Quantities | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a phone is answered as it is: `base`, phones in general, and the reasons add up to `value`.

    The feature that adds most to the score, or takes most away, comes first; others add nothing.
    """

    value: Quantities
    base: Quantities
    reasons: tuple[Reason, ...]
    exact: bool
    background_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """The model version that answered."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneAnswer:
    """The price range of a phone, 0 low to 3 very high cost, its label, the probability of each of the four.

    `applicability` is None where the service does not tell it, `decision` where it has no cost matrix.
    """

    price_range: int
    label: str
    probabilities: tuple[float, ...]
    applicability: Applicability | None = None
    decision: Decision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(PhoneAnswer):
    """The answer to one phone, and what was asked for beside it.

    With `sets` its `prediction_set`, price ranges side by side, and whether it leaves the price range open
    (`abstain`, where the service tells that); with `explain` its `explanation`; with `unknown` the names of
    the features that were.
    """

    prediction_set: tuple[int, ...] | None = None
    abstain: bool | None = None
    sets: Sets | None = None
    explanation: Explanation | None = None
    unknown: tuple[str, ...] | None = None
    model: ModelName


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAnswer:
    """The answer to one of many phones, or with `on_bad_row="null"` the reason why it has none: `error`.

    Else as `Answer`. `kept` are the fields of the phone that `columns` named.
    """

    price_range: int | None
    label: str | None
    probabilities: tuple[float, ...] | None
    applicability: Applicability | None = None
    prediction_set: tuple[int, ...] | None = None
    abstain: bool | None = None
    decision: Decision | None = None
    explanation: Explanation | None = None
    unknown: tuple[str, ...] | None = None
    error: str | None = None
    kept: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFeature:
    """One feature of a changed phone: its value as it is, and what it is changed to."""

    feature: str
    value: float
    changed_to: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(PhoneAnswer):
    """A changed phone, and the answer to it.

    `size` counts in spreads of the feature in the training rows; of two features it is the Euclidean norm.
    """

    size: float
    within: Within
    features: tuple[ChangedFeature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The smallest change of one feature, and of two; None where none was found."""

    one: Change | None
    two: Change | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The price range that is wanted."""

    price_range: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf(PhoneAnswer):
    """The answer to a phone as it is, and what would change it to what is `wanted`.

    Of the features that were allowed, the `searched` ones can change an answer, the `inactive` ones cannot.
    """

    wanted: Wanted
    changes: Changes
    searched: tuple[str, ...]
    inactive: tuple[str, ...]
    note: str
    model: ModelName


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """The answer to a phone with another value of one feature."""

    value: float
    price_range: int
    probabilities: tuple[float, ...]
    in_range: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve(PhoneAnswer):
    """The answer to a phone as it is, and its `curve`: with other values of one feature, the smallest first.

    `active` says whether the feature can change an answer.
    """

    feature: str
    value: float
    active: bool
    curve: tuple[CurvePoint, ...]
    model: ModelName
