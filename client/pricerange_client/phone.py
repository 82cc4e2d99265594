"""What a phone is: its 20 features by name."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypedDict

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


PhoneLike: TypeAlias = "Mapping[str, Any] | Model | DataclassInstance"
"""A phone as a dictionary (a `Phone`, or with None for what is unknown), a pydantic model or a dataclass."""


def fields_of(phone: PhoneLike) -> Mapping[str, Any]:
    """Return the features of a phone by name. Raises `TypeError` for what is no phone."""
    if isinstance(phone, Mapping):
        return phone
    if not isinstance(phone, type) and hasattr(phone, "model_dump"):
        return phone.model_dump()
    if is_dataclass(phone) and not isinstance(phone, type):
        return {field.name: getattr(phone, field.name) for field in fields(phone)}
    raise TypeError(f"expected a phone as a mapping, pydantic model or dataclass, got {type(phone).__name__}")


def plain(value: Any) -> Any:
    """Return a scalar of NumPy as Python has it, for json. Raises `TypeError` for anything else."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"expected a number or truth value in a phone, got {type(value).__name__}")
