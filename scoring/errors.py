"""What can go wrong with a job of scoring, beside what is wrong with a table: one class per cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pricerange.errors import PriceRangeError


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
            f"{self.file} has different columns from the file before it: it "
            f"{' and '.join(what) or 'has them in a different order'}; "
            "use a folder as OUT for files with different columns"
        )


@dataclass
class UnknownColumnError(PriceRangeError):
    """A column that was to be kept and is not there."""

    names: Sequence[str]
    file: str = "a file"
    exit_code = 63

    def __str__(self) -> str:
        return f"{self.file} lacks {', '.join(self.names)}, which is among the columns to keep"


@dataclass
class BadBlockRowError(PriceRangeError):
    """A row of a block that is not a valid phone; `row` counts from 0 in it."""

    row: int
    reason: str
    exit_code = 36

    def __str__(self) -> str:
        return f"row {self.row} of the block: {self.reason}"


@dataclass
class JobDiffersError(PriceRangeError):
    """A folder that holds the beginning, or the result, of another job."""

    target: str
    differing: Sequence[str]
    exit_code = 65

    def __str__(self) -> str:
        return (
            f"{self.target} contains parts of another job, with a different {', '.join(self.differing)}: "
            "use another folder as OUT, or remove this one to start over"
        )


@dataclass
class BusyError(PriceRangeError):
    """A target that another run is writing."""

    target: Path | str
    exit_code = 66

    def __str__(self) -> str:
        return f"{self.target} is being written by another run"


@dataclass
class LockLostError(PriceRangeError):
    """A target in an object store whose lock could not be renewed, or was taken by another run."""

    target: str
    seconds: float
    exit_code = 68

    def __str__(self) -> str:
        return (
            f"{self.target} may be written by another run: this one could not renew its lock for "
            f"{self.seconds:g} s, and has stopped"
        )


@dataclass
class ClusterError(PriceRangeError):
    """A Ray cluster that cannot be reached, or gave up."""

    address: str
    reason: str
    exit_code = 67

    def __str__(self) -> str:
        return f"Ray ({self.address}): {self.reason}"


@dataclass
class NoDriftReferenceError(PriceRangeError):
    """A version that does not say what it learned from, so that nothing can be compared with it."""

    version: str
    exit_code = 69

    def __str__(self) -> str:
        return f"version {self.version} keeps no reference of drift; train a new version"


@dataclass
class FewRowsError(PriceRangeError):
    """Too few phones to tell whether they differ from others."""

    expected: int
    found: int
    bad_rows: int
    exit_code = 71

    def __str__(self) -> str:
        bad = f", and {self.bad_rows:,} rows that are no valid phones" if self.bad_rows else ""
        return f"expected at least {self.expected} phones to tell drift by, found {self.found}{bad}"
