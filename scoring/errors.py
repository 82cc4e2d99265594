"""What can go wrong with a job of scoring, beside what is wrong with a table: one class per cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pricerange.errors import PriceRangeError


@dataclass
class NoInputError(PriceRangeError):
    """A folder or a glob without a table."""

    source: str
    known: Sequence[str]
    exit_code = 60

    def __str__(self) -> str:
        return f"{self.source}: no file in it ends in {', '.join(self.known)}"


@dataclass
class RepeatedInputError(PriceRangeError):
    """A file that is named twice: its rows would be scored twice."""

    file: str
    exit_code = 61

    def __str__(self) -> str:
        return f"{self.file} is named twice: its rows would be scored twice"


@dataclass
class ColumnsDifferError(PriceRangeError):
    """Files of different columns on their way into one file."""

    expected: Sequence[str]
    found: Sequence[str]
    file: str = "a file"
    exit_code = 62

    def __str__(self) -> str:
        differing = [name for name in self.found if name not in self.expected]
        lacking = [name for name in self.expected if name not in self.found]
        what = [
            f"{verb} {', '.join(names)}" for verb, names in (("has", differing), ("lacks", lacking)) if names
        ]
        return (
            f"{self.file} has other columns than the file before it: it "
            f"{' and '.join(what) or 'has them in another order'}; "
            "a folder as OUT takes files of different columns"
        )


@dataclass
class UnknownColumnError(PriceRangeError):
    """A column that was to be kept and is not there."""

    names: Sequence[str]
    file: str = "a file"
    exit_code = 63

    def __str__(self) -> str:
        return f"{self.file} has no column {', '.join(self.names)}, which was to be kept"


@dataclass
class BadBlockRowError(PriceRangeError):
    """A row of a block that is no phone; `row` counts from 0 in it."""

    row: int
    reason: str
    exit_code = 36

    def __str__(self) -> str:
        return f"row {self.row} of the block: {self.reason}"


@dataclass
class SourceChangedError(PriceRangeError):
    """A file that changed while it was read."""

    file: str
    exit_code = 64

    def __str__(self) -> str:
        return f"{self.file} has changed since the job began: what was read of it may belong to two files"


@dataclass
class JobDiffersError(PriceRangeError):
    """A folder that holds the beginning, or the result, of another job."""

    target: Path
    differing: Sequence[str]
    exit_code = 65

    def __str__(self) -> str:
        return (
            f"{self.target} holds parts of another job, with another {', '.join(self.differing)}: "
            "score into another folder, or remove this one to begin anew"
        )


@dataclass
class BusyError(PriceRangeError):
    """A target that another run is writing."""

    target: Path
    exit_code = 66

    def __str__(self) -> str:
        return f"{self.target} is being written by another run"


@dataclass
class ClusterError(PriceRangeError):
    """A Ray cluster that cannot be reached, or gave up."""

    address: str
    reason: str
    exit_code = 67

    def __str__(self) -> str:
        return f"Ray ({self.address}): {self.reason}"
