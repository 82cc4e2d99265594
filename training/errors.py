"""What can go wrong in training, one class per cause.

Indices count from 1, the first after the header; the line is the one that an editor shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pricerange.errors import PriceRangeError
from pricerange.phone import LABELS


@dataclass
class RecipeFileError(PriceRangeError):
    """A recipe that cannot be read at all."""

    path: Path
    reason: str
    exit_code = 40

    def __str__(self) -> str:
        return f"{self.path} is not a valid recipe: {self.reason}"


@dataclass
class RecipeError(PriceRangeError):
    """A recipe with an impossible choice."""

    path: Path
    field: str
    expected: str
    found: str
    exit_code = 41

    def __str__(self) -> str:
        return f"{self.path}: {self.field}: expected {self.expected}, found {self.found}"


@dataclass
class DataSourceError(PriceRangeError):
    """Neither a file nor a number of phones to generate."""

    data: str
    exit_code = 42

    def __str__(self) -> str:
        return f"{self.data!r}: expected a file, or synthetic, or synthetic:ROWS with a positive whole number"


@dataclass
class ColumnsError(PriceRangeError):
    """A table to learn from whose columns are not the 20 features and the price range, each once."""

    path: Path
    missing: Sequence[str]
    unexpected: Sequence[str]
    exit_code = 43

    def __str__(self) -> str:
        sides = (("lacks the", self.missing), ("has the unexpected", self.unexpected))
        said = [f"{verb} {_columns(names)}" for verb, names in sides if names]
        return f"{self.path} {' and '.join(said)}; expected the 20 features and price_range"


def _columns(names: Sequence[str]) -> str:
    listed = ", ".join(repr(name) if name else "'' (without a name)" for name in names)
    return f"{'column' if len(names) == 1 else 'columns'} {listed}"


@dataclass
class EmptyTableError(PriceRangeError):
    """A table to learn from without rows."""

    path: Path
    exit_code = 43

    def __str__(self) -> str:
        return f"{self.path} has a header but no rows"


@dataclass
class InvalidPhoneError(PriceRangeError):
    """A row with values that no phone has: text, nothing, a number outside the limits."""

    path: Path
    row: int
    detail: str
    exit_code = 44

    def __str__(self) -> str:
        return f"{self.path}, row {self.row} (line {self.row + 1}): {self.detail}"


@dataclass
class InvalidLabelError(PriceRangeError):
    """A row whose price range is not valid."""

    path: Path
    row: int
    detail: str
    exit_code = 44

    def __str__(self) -> str:
        return f"{self.path}, row {self.row} (line {self.row + 1}): {self.detail}"


@dataclass
class DuplicateRowError(PriceRangeError):
    """A phone that occurs twice in the table."""

    path: Path
    row: int
    earlier: int
    exit_code = 44

    def __str__(self) -> str:
        return (
            f"{self.path}, row {self.row} (line {self.row + 1}): all features are identical to those of "
            f"row {self.earlier} (line {self.earlier + 1}); each phone must occur only once"
        )


@dataclass
class TooFewRowsError(PriceRangeError):
    """A price range with too few phones for the split."""

    price_range: int
    expected: int
    found: int
    exit_code = 45

    def __str__(self) -> str:
        return (
            f"price range {self.price_range} ({LABELS[self.price_range]}) has {self.found} phones, "
            f"expected at least {self.expected} for this split"
        )


@dataclass
class ExportMismatchError(PriceRangeError):
    """An exported graph that does not answer as the network does."""

    row: int
    tolerance: float
    difference: float
    exit_code = 46

    def __str__(self) -> str:
        return (
            f"the exported model differs from the network by {self.difference:g} in row {self.row}; "
            f"at most {self.tolerance:g} is allowed; nothing was written"
        )


@dataclass
class DivergedError(PriceRangeError):
    """A loss that is no longer finite; `batch` counts from 1, the rate is the epoch's first."""

    epoch: int
    batch: int
    loss: float
    learning_rate: float
    cause: str
    exit_code = 47

    def __str__(self) -> str:
        return (
            f"the loss became {self.loss} in epoch {self.epoch}, batch {self.batch}, at a learning rate of "
            f"{self.learning_rate:g}; nothing was written; the likely cause is {self.cause}"
        )


@dataclass
class ScheduleError(PriceRangeError):
    """A schedule that does not fit into the steps of the run."""

    field: str
    expected: str
    found: float
    exit_code = 41

    def __str__(self) -> str:
        return f"{self.field}: expected {self.expected}, found {self.found:g}"


@dataclass
class DeviceError(PriceRangeError):
    """A device to train on that is not available."""

    device: str
    missing: str
    exit_code = 50

    def __str__(self) -> str:
        return f"cannot train on {self.device!r}: {self.missing}"


@dataclass
class StudyMismatchError(PriceRangeError):
    """A stored search that was started with different data or choices."""

    study: str
    what: str
    expected: object
    found: object
    exit_code = 48

    def __str__(self) -> str:
        return (
            f"the stored study {self.study!r} was started with a different {self.what}: "
            f"expected {self.expected}, found {self.found}; use --study to name another study"
        )


@dataclass
class StudyStorageError(PriceRangeError):
    """A storage that cannot hold a study."""

    reason: str
    exit_code = 49

    def __str__(self) -> str:
        return f"the storage of the search cannot be used: {self.reason}"


@dataclass
class OutputError(PriceRangeError):
    """A path that no result can be written to."""

    path: Path
    reason: str
    exit_code = 51

    def __str__(self) -> str:
        return f"cannot write to {self.path}: {self.reason}"
