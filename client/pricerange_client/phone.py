"""What a phone is: its 20 features by name."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Protocol, SupportsFloat, TypeAlias, TypedDict

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Phone(TypedDict):
    """The 20 features, each inside physical limits, which the service checks. Yes and no are 1 and 0 too."""

    battery_power: int
    """Battery capacity in mAh."""
    blue: bool | int
    """Has Bluetooth."""
    clock_speed: float
    """Processor clock speed in GHz."""
    dual_sim: bool | int
    """Has dual-SIM support."""
    fc: float
    """Front camera resolution in megapixels, 0 for none."""
    four_g: bool | int
    """Supports 4G."""
    int_memory: int
    """Internal storage in GB."""
    m_dep: float
    """Thickness of the phone in cm."""
    mobile_wt: float
    """Weight of the phone in g."""
    n_cores: int
    """Number of processor cores."""
    pc: float
    """Main camera resolution in megapixels, 0 for none."""
    px_height: int
    """Vertical screen resolution in px, 0 if unknown."""
    px_width: int
    """Horizontal screen resolution in px."""
    ram: int
    """RAM in MB."""
    sc_h: float
    """Screen height in cm."""
    sc_w: float
    """Screen width in cm, 0 if unknown."""
    talk_time: float
    """Maximum talk time on one charge in h."""
    three_g: bool | int
    """Supports 3G."""
    touch_screen: bool | int
    """Has a touch screen."""
    wifi: bool | int
    """Has Wi-Fi."""


FEATURE_NAMES = tuple(Phone.__annotations__)


class Model(Protocol):
    """A pydantic model."""

    def model_dump(self) -> dict[str, Any]:
        """Return its fields."""


class Row(Protocol):
    """A row of a table, as pandas' `Series`."""

    def to_dict(self) -> Mapping[Any, Any]:
        """Return its cells."""


PhoneLike: TypeAlias = "Mapping[str, Any] | Model | Row | DataclassInstance"
"""A phone as a dictionary (a `Phone`), a pydantic model, a row of pandas or a dataclass.

What is unknown is None, or NaN as tables have it.
"""


def fields_of(phone: PhoneLike) -> dict[str, Any]:
    """Return the features of a phone by name, None for NaN. Raises `TypeError` for what is no phone."""
    return {name: None if is_nan(value) else value for name, value in _fields(phone).items()}


def plain(value: Any) -> Any:
    """Return a scalar of NumPy as Python has it, for json. Raises `TypeError` for anything else."""
    if hasattr(value, "item"):
        found = value.item()
        return None if is_nan(found) else found
    raise TypeError(f"expected a number or truth value in a phone, got {type(value).__name__}")


def is_nan(value: object) -> bool:
    """Whether a value is no number, which JSON has no word for."""
    return isinstance(value, float) and math.isnan(value)


def is_infinite(value: object) -> bool:
    """Whether a value is an infinity, a scalar of NumPy included."""
    return isinstance(value, SupportsFloat) and math.isinf(float(value))


def _fields(phone: PhoneLike) -> Mapping[str, Any]:
    if isinstance(phone, Mapping):
        return phone
    if not isinstance(phone, type):
        if hasattr(phone, "model_dump"):
            return phone.model_dump()
        if hasattr(phone, "to_dict"):
            return phone.to_dict()
        if is_dataclass(phone):
            return {field.name: getattr(phone, field.name) for field in fields(phone)}
    raise TypeError(f"expected a phone as a mapping, pydantic model or dataclass, got {type(phone).__name__}")
