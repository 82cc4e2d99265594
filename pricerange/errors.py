"""Everything that can be wrong, one class per cause: the message is made from typed fields.

`exit_code` is what the command line ends with: 10 to 19 a model version, 20 to 29 the machine,
30 to 39 a table of phones, 40 to 59 training, 60 to 69 and 71 a job over files, 72 which versions serve,
75 to 80 whose word a version is, and where it comes from, 81 a service that was asked; 70 is no error:
`pricerange drift` has found some.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import ClassVar

_MOST_PASSED_OVER = 3
"""Versions of which a line says why they are not promotable."""


def place(location: Iterable[int | str]) -> str:
    """Write where in a file of fields something is wrong, on one line whatever its keys are."""
    return ".".join(str(key) if str(key).isprintable() else repr(key) for key in location)


class PriceRangeError(Exception):
    """Base of the project's errors."""

    exit_code: ClassVar[int] = 1

    def __reduce__(self) -> tuple[type["PriceRangeError"], tuple[object, ...]]:
        """Let an error be sent to another process; Exception's own way forgets fields that were named."""
        values = (getattr(self, field.name) for field in fields(self)) if is_dataclass(self) else self.args
        return type(self), tuple(values)


@dataclass
class ModelNotFoundError(PriceRangeError):
    """No version of a model where one was looked for."""

    folder: Path
    wanted: str
    exit_code = 10

    def __str__(self) -> str:
        return (
            f"no model version found in {self.folder}: expected {self.wanted}; `pricerange train` writes one"
        )


@dataclass
class NoPromotableVersionError(PriceRangeError):
    """A model repository of which no version may be served without anyone's word; why not, newest first."""

    folder: Path
    passed_over: Mapping[int, str]
    exit_code = 10

    def __str__(self) -> str:
        named = list(self.passed_over.items())[:_MOST_PASSED_OVER]
        listed = " | ".join(f"version {number}, {why}" for number, why in named)
        more = len(self.passed_over) - len(named)
        others = f" | {more} more, which `pricerange models` lists" if more else ""
        return (
            f"no version in {self.folder} is promotable; `pricerange models approve N --why TEXT` makes one "
            f"so, and `--model-version N` takes any: {listed}{others}"
        )


@dataclass
class MissingFileError(PriceRangeError):
    """A model version lacks one of its files."""

    path: Path
    exit_code = 11

    def __str__(self) -> str:
        return f"{self.path} is missing: a model version consists of model.onnx and bundle.json"


@dataclass
class UnreadableFileError(PriceRangeError):
    """A file of a model version that the system does not let us read."""

    path: Path
    reason: str
    exit_code = 19

    def __str__(self) -> str:
        return f"{self.path} cannot be read: {self.reason}"


@dataclass
class PassportError(PriceRangeError):
    """A bundle.json that cannot be read."""

    path: Path
    reason: str
    exit_code = 12

    def __str__(self) -> str:
        return f"{self.path} is not a valid bundle.json: {self.reason}"


@dataclass
class ApprovalError(PriceRangeError):
    """An approval.json that cannot be read, so that nobody knows what was decided."""

    path: Path
    reason: str
    exit_code = 12

    def __str__(self) -> str:
        return (
            f"{self.path} is not a valid approval: {self.reason}; "
            "`pricerange models approve|reject N --why TEXT` writes it anew"
        )


@dataclass
class SchemaVersionError(PriceRangeError):
    """A bundle.json written by another generation of this program."""

    path: Path
    expected: Sequence[int]
    found: object
    exit_code = 13

    def __str__(self) -> str:
        known = " and ".join(map(str, self.expected))
        return f"{self.path} has schema version {self.found!r}, this program reads versions {known}"


@dataclass
class FeatureOrderError(PriceRangeError):
    """A model whose features are not the table's, in the table's order."""

    path: Path
    expected: Sequence[str]
    found: Sequence[str]
    exit_code = 14

    def __str__(self) -> str:
        if len(self.expected) != len(self.found):
            return f"{self.path} lists {len(self.found)} features, expected {len(self.expected)}"
        differing = [
            f"position {place}: expected {expected}, found {found}"
            for place, (expected, found) in enumerate(zip(self.expected, self.found, strict=True))
            if expected != found
        ]
        return f"{self.path} has its features in the wrong order: {'; '.join(differing[:4])}"


@dataclass
class LabelsError(PriceRangeError):
    """A model whose price ranges are not the table's."""

    path: Path
    expected: Sequence[str]
    found: Sequence[str]
    exit_code = 14

    def __str__(self) -> str:
        return f"{self.path} has the labels {list(self.found)}, expected {list(self.expected)}"


@dataclass
class TruncatedModelError(PriceRangeError):
    """A model.onnx of another size than its bundle.json says."""

    path: Path | str
    expected: int
    found: int
    exit_code = 15

    def __str__(self) -> str:
        what = "is truncated" if self.found < self.expected else "is too long"
        return f"{self.path} {what}: expected {self.expected} bytes, found {self.found}"


@dataclass
class ChecksumError(PriceRangeError):
    """A model.onnx of other bytes than its bundle.json says."""

    path: Path
    expected: str
    found: str
    exit_code = 16

    def __str__(self) -> str:
        return (
            f"{self.path} is not the file that its bundle.json describes: "
            f"expected sha256 {self.expected}, found {self.found}"
        )


@dataclass
class ModelSignatureError(PriceRangeError):
    """A graph whose inputs or outputs are not those of a price-range model."""

    path: Path
    expected: str
    found: str
    exit_code = 17

    def __str__(self) -> str:
        return f"{self.path} has the wrong signature: expected {self.expected}, found {self.found}"


@dataclass
class UnloadableModelError(PriceRangeError):
    """A graph that ONNX Runtime cannot load."""

    path: Path
    reason: str
    exit_code = 17

    def __str__(self) -> str:
        return f"ONNX Runtime cannot load {self.path}: {self.reason}"


@dataclass
class GoldenRowError(PriceRangeError):
    """A model that does not give the answers it gave when it was written."""

    path: Path
    row: int
    expected: Sequence[float]
    found: Sequence[float]
    exit_code = 18

    def __str__(self) -> str:
        expected, found = ([round(float(p), 6) for p in ps] for ps in (self.expected, self.found))
        return f"{self.path} fails golden row {self.row}: expected probabilities {expected}, found {found}"


@dataclass
class GoldenReasonsError(PriceRangeError):
    """A model whose answers have other reasons than they had when it was written."""

    path: Path
    row: int
    expected: Mapping[str, object]
    found: Mapping[str, object]
    exit_code = 18

    def __str__(self) -> str:
        return (
            f"{self.path} has other reasons for golden row {self.row}: expected {self.expected}, "
            f"found {self.found}"
        )


@dataclass
class UnsignedVersionError(PriceRangeError):
    """A model version without a signature, where only signed ones are loaded."""

    folder: Path
    exit_code = 75

    def __str__(self) -> str:
        return (
            f"{self.folder} is not signed: `pricerange models sign {self.folder.name} --key KEY.pem` signs it"
        )


@dataclass
class WrongSignatureError(PriceRangeError):
    """A signature of someone else, or of other files than those of the version."""

    path: Path
    reason: str
    exit_code = 76

    def __str__(self) -> str:
        return f"{self.path} is not valid here: {self.reason}"


@dataclass
class SigningError(PriceRangeError):
    """A model version that could not be signed."""

    folder: Path
    reason: str
    exit_code = 76

    def __str__(self) -> str:
        return f"{self.folder} cannot be signed: {self.reason}"


@dataclass
class TrustedKeysError(PriceRangeError):
    """A folder without a public key that a signature could be held against."""

    folder: Path
    reason: str
    exit_code = 77

    def __str__(self) -> str:
        return (
            f"{self.folder} holds no trusted key: expected public keys (EC, PEM) in files called *.pem or "
            f"*.pub, found {self.reason}"
        )


@dataclass
class VersionConflictError(PriceRangeError):
    """A version of another repository whose number is taken by another version here."""

    folder: Path
    source: str
    exit_code = 78

    def __str__(self) -> str:
        return (
            f"{self.folder} is not the version of that number in {self.source}: expected the same "
            f"bundle.json; nothing has changed, and `pricerange models rm {self.folder.name}` makes room"
        )


@dataclass
class RepositorySourceError(PriceRangeError):
    """Another model repository that cannot be read, or is none."""

    source: str
    reason: str
    exit_code = 79

    def __str__(self) -> str:
        return f"{self.source} cannot be taken: {self.reason}"


@dataclass
class VersionInUseError(PriceRangeError):
    """A version that is not to be removed, since somebody counts on it."""

    folder: Path
    reason: str
    exit_code = 80

    def __str__(self) -> str:
        return f"{self.folder} is in use: {self.reason}"


@dataclass
class ProviderUnavailableError(PriceRangeError):
    """An execution provider was asked for that this machine does not have."""

    provider: str
    missing: str
    exit_code = 20

    def __str__(self) -> str:
        return f"the execution provider {self.provider!r} is not available: {self.missing}"


@dataclass
class MissingExtraError(PriceRangeError):
    """A feature of the program whose libraries are not installed."""

    extra: str
    module: str
    exit_code = 21

    def __str__(self) -> str:
        return f"the library {self.module!r} is not installed: pip install 'pricerange[{self.extra}]'"


@dataclass
class SettingsError(PriceRangeError):
    """A setting that no program can run with."""

    setting: str
    expected: str
    found: object
    exit_code = 22

    def __str__(self) -> str:
        return f"{self.setting}: expected {self.expected}, found {self.found!r}"


@dataclass
class RolloutFileError(PriceRangeError):
    """A rollout.toml that nothing can be done by."""

    path: Path
    key: str
    expected: str
    found: str
    exit_code = 72

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.path}: {key}expected {self.expected}, found {self.found}"


@dataclass
class UncalibratedError(PriceRangeError):
    """A version that knows no prediction sets, of which some are asked for."""

    version: str
    exit_code = 69

    def __str__(self) -> str:
        return f"--sets: version {self.version} was not calibrated for prediction sets; train a new version"


@dataclass
class NoBackgroundError(PriceRangeError):
    """A version that keeps no background rows, which what is asked for needs."""

    option: str
    version: str
    exit_code = 69

    def __str__(self) -> str:
        return f"{self.option}: version {self.version} keeps no background rows; train a new version"


@dataclass
class TargetError(PriceRangeError):
    """A path that no result can be written to."""

    path: Path | str
    reason: str
    exit_code = 37

    def __str__(self) -> str:
        return f"{self.path} cannot be written: {self.reason}"


@dataclass
class ColumnTypeError(PriceRangeError):
    """A column whose values a file of a format cannot hold."""

    name: str
    found: str
    form: str = "CSV"
    file: str = ""
    exit_code = 38

    def __str__(self) -> str:
        where = f"{self.file}: " if self.file else ""
        return (
            f"{where}the column {self.name} has type {self.found}, which a {self.form} file cannot store; "
            "`--columns` leaves it out"
        )


@dataclass
class PhoneError(PriceRangeError):
    """What is no valid phone, given by itself; the reason names what is wrong with it."""

    source: str
    reason: str
    exit_code = 36

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


@dataclass
class ServiceSettingError(PriceRangeError):
    """What a service is to be asked with, in the words of its client, is nothing to ask with."""

    reason: str
    exit_code = 22

    def __str__(self) -> str:
        return f"--url: {self.reason}"


@dataclass
class ServiceCallError(PriceRangeError):
    """A service that was asked and did not answer, or refused to."""

    reason: str
    exit_code = 81

    def __str__(self) -> str:
        return self.reason
