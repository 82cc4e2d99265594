"""What can go wrong in training, beside what is wrong with a table: one class per cause."""

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
    """No number of phones to generate, or other data beside those."""

    data: str
    exit_code = 42

    def __str__(self) -> str:
        return (
            f"{self.data!r}: expected synthetic, or synthetic:ROWS with a positive whole number, "
            "and no other data beside it"
        )


@dataclass
class AnswersError(PriceRangeError):
    """A table that a model wrote; `has_truth` where it was one with labels that the model answered."""

    file: str
    found: Sequence[str]
    has_truth: bool
    exit_code = 43

    def __str__(self) -> str:
        instead = "; the price ranges that were given are in input_price_range" if self.has_truth else ""
        return (
            f"{self.file} holds a model's answers: its price_range is what the model said, as "
            f"{', '.join(self.found)} beside it tell; learn from the table that was answered{instead}"
        )


@dataclass
class AmbiguousLabelError(PriceRangeError):
    """A table with the label and columns whose names are nearly its own."""

    file: str
    label: str
    close: Sequence[str]
    exit_code = 43

    def __str__(self) -> str:
        listed = ", ".join(map(repr, self.close))
        return f"{self.file} has {self.label} and also {listed}: rename or remove what is not the price range"


@dataclass
class EmptyTableError(PriceRangeError):
    """Data to learn from without rows."""

    data: str
    exit_code = 43

    def __str__(self) -> str:
        return f"{self.data}: found columns but no rows"


@dataclass
class InvalidLabelError(PriceRangeError):
    """A row whose price range is not valid; rows count from 1, the first after the header."""

    file: str
    row: int
    detail: str
    exit_code = 44

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}: {self.detail}"


@dataclass
class DuplicateRowError(PriceRangeError):
    """A phone that occurs twice, in one file or in two."""

    file: str
    row: int
    earlier_file: str
    earlier_row: int
    exit_code = 44

    def __str__(self) -> str:
        earlier = "" if self.earlier_file == self.file else f"{self.earlier_file}, "
        return (
            f"{self.file}, row {self.row}: all features are identical to those of "
            f"{earlier}row {self.earlier_row}; each phone must occur only once"
        )


@dataclass
class TooFewRowsError(PriceRangeError):
    """A price range with too few phones for the split, `among` which they are counted if not all."""

    price_range: int
    expected: int
    found: int
    among: str = ""
    exit_code = 45

    def __str__(self) -> str:
        return (
            f"price range {self.price_range} ({LABELS[self.price_range]}) has {self.found} phones"
            f"{self.among and f' {self.among}'}, expected at least {self.expected} for this split"
        )


@dataclass
class OneSidedSplitError(PriceRangeError):
    """A part of a split in file order that lacks a price range; rows count from 1."""

    price_range: int
    first: int
    last: int
    exit_code = 45

    def __str__(self) -> str:
        return (
            f"split.shuffle is false: expected phones of all price ranges in rows {self.first:,} to "
            f"{self.last:,}, which become one part, found none of {self.price_range} "
            f"({LABELS[self.price_range]}); order rows by time, not price range, or set split.shuffle to true"
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
class PretrainingError(PriceRangeError):
    """A block whose pretraining ended with a loss that is not finite; `block` counts from 1."""

    block: int
    loss: float
    learning_rate: float
    exit_code = 47

    def __str__(self) -> str:
        return (
            f"the pretraining of block {self.block} ended with a loss of {self.loss}; nothing was written; "
            f"try a pretraining.learning_rate far below {self.learning_rate:g}"
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
