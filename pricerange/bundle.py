"""A model version on disk: its passport, and how a version is written and read.

The layout is a Triton and KServe model repository as it stands:
`<models>/phone_price_range/{config.pbtxt, labels.txt, <version>/{model.onnx, bundle.json, ...}}`.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from pricerange import durable, regular_file
from pricerange.approval import Approval
from pricerange.drift_reference import DriftReference
from pricerange.errors import (
    ChecksumError,
    FeatureOrderError,
    LabelsError,
    MissingFileError,
    ModelNotFoundError,
    NoPromotableVersionError,
    PassportError,
    RolloutFileError,
    SchemaVersionError,
    TruncatedModelError,
    place,
)
from pricerange.phone import FEATURE_NAMES, LABELS, admissible
from pricerange.promotion import Promotion
from pricerange.rollout.document import ROLLOUT_FILE, Rollout
from pricerange.triton_config import pbtxt, triton_config
from pricerange.verdict import Verdict

SCHEMA_VERSION = 2
_KNOWN_SCHEMAS = (1, SCHEMA_VERSION)
"""Those that can be read: a version of schema 1 knows the training range, and nothing of what came later."""
MODEL_NAME = "phone_price_range"
METADATA_PREFIX = "io.pricerange."
"""Keys of the ONNX metadata begin with it: `features`, `labels`, `training_data_sha256`."""

MODEL_FILE = "model.onnx"
PASSPORT_FILE = "bundle.json"
MOST_PASSPORT_BYTES = 1 << 24
_NAMED_DIGITS = 12

log = logging.getLogger(__name__)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TrainingData(_Record):
    """What a model was trained on."""

    source: str
    sha256: str
    rows: int = Field(description="Rows of the whole file: training, validation and test part")
    training_rows: int


class SeenRows(_Record):
    """Short hashes of the rows that a version learned from, and of those that stopped and calibrated it.

    Of 48 bits each, as base64 of 8 characters; `training.row_hashes` makes them of the features alone.
    """

    training: str = Field(pattern=r"^([A-Za-z0-9+/]{8})*$")
    validation: str = Field(pattern=r"^([A-Za-z0-9+/]{8})*$")


class FeatureRange(_Record):
    """Where a feature lay in the training rows."""

    low: float
    high: float
    deciles: list[float] = Field(min_length=9, max_length=9, description="The 10th to the 90th percentile")

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if (lay := [self.low, *self.deciles, self.high]) != sorted(lay):
            raise ValueError(f"expected low, deciles and high that rise, found {lay}")
        return self


class TrainingRegion(_Record):
    """How near phones lie to the training rows that are like them, over the k features that the model uses.

    The distance of a row is the length of (row - mean) @ whitening, and the limit what hardly any phone
    exceeds that is like the training rows; `false_alarms` are the shares of those that were nevertheless
    outside the training range (`range`), beyond the limit (`distance`) or either (`together`), held out.
    """

    features: list[str] = Field(min_length=1)
    mean: list[float] = Field(description="k numbers")
    whitening: list[list[float]] = Field(description="k rows of k numbers")
    limit: float = Field(ge=0)
    false_alarms: dict[str, float]

    @model_validator(mode="after")
    def _has_the_shapes_that_it_says(self) -> Self:
        size = len(self.features)
        if self.features != [name for name in FEATURE_NAMES if name in self.features]:
            raise ValueError("features: expected names of features in the table's order, each once")
        if [len(self.mean), *map(len, self.whitening)] != [size] * (size + 1):
            raise ValueError(f"expected {size} numbers in mean, and {size} rows of as many in whitening")
        return self


class UnknownFeatures(_Record):
    """What prediction sets are made by where these features, and no others that count, are unknown."""

    features: list[str] = Field(min_length=1)
    thresholds: list[list[float]] = Field(
        min_length=len(LABELS),
        max_length=len(LABELS),
        description="What probability each price range must have, at each of the levels",
    )


class PredictionSetScores(_Record):
    """What prediction sets are made by; `pricerange.answer.prediction_sets` says how.

    `of_truth` are for each price range the probabilities that phones which had it were given for it by
    networks of other folds, the smallest first. Where features are `unknown`, thresholds of some `levels` are
    kept instead, which rise. `sha256` names all of it, as `scores_sha256` says.
    """

    folds: int
    of_truth: list[list[float]] = Field(min_length=len(LABELS), max_length=len(LABELS))
    levels: list[float] = []
    unknown: list[UnknownFeatures] = []
    sha256: str

    @model_validator(mode="after")
    def _has_a_threshold_for_each_level(self) -> Self:
        if self.levels != sorted(self.levels):
            raise ValueError("levels: expected numbers that rise")
        for pattern in self.unknown:
            if not set(pattern.features) <= set(FEATURE_NAMES):
                raise ValueError("unknown: expected names of features")
            if {len(of_one) for of_one in pattern.thresholds} != {len(self.levels)}:
                raise ValueError(f"unknown: expected {len(self.levels)} thresholds for each price range")
        # sets by other scores look like any others, and do not hold what they promise
        found = scores_sha256(self.of_truth, self.levels, self.unknown)
        if found != self.sha256:
            raise ValueError(f"expected scores of sha256 {self.sha256}, found {found}")
        return self

    @property
    def calibration(self) -> str:
        """How answers name them: by the first digits of the sha256."""
        return self.sha256[:_NAMED_DIGITS]


def scores_sha256(
    of_truth: Sequence[Sequence[float]], levels: Sequence[float], unknown: Sequence[UnknownFeatures]
) -> str:
    """Return the sha256, in hexadecimal, that names what prediction sets are made by: that of its JSON."""
    all_of_it = json.dumps([of_truth, levels, [pattern.model_dump() for pattern in unknown]])
    return hashlib.sha256(all_of_it.encode()).hexdigest()


class Background(_Record):
    """Training phones that stand for phones in general, where what is asked leaves features open."""

    rows: list[list[float]] = Field(min_length=1, description="n rows of the 20 features")

    @field_validator("rows")
    @classmethod
    def _holds_phones(cls, rows: list[list[float]]) -> list[list[float]]:
        if any(len(row) != len(FEATURE_NAMES) for row in rows) or not admissible(np.array(rows)).all():
            raise ValueError("expected rows of 20 values, each inside the limits of its feature")
        return rows


class GoldenReasons(_Record):
    """Why a phone had its score, the expected price range; `pricerange.answer.reasons` says how."""

    base: float = Field(description="The score of phones in general")
    contributions: dict[str, float] = Field(description="What each active feature adds to it")


class GoldenRow(_Record):
    """A phone and the answer that the model gave when it was written, and why."""

    features: list[float] = Field(min_length=len(FEATURE_NAMES), max_length=len(FEATURE_NAMES))
    probabilities: list[float] = Field(min_length=len(LABELS), max_length=len(LABELS))
    reasons: GoldenReasons | None = None


class Passport(_Record):
    """bundle.json: what a model version is, where it comes from and how good it is."""

    schema_version: int = SCHEMA_VERSION
    features: list[str]
    labels: list[str]
    model_sha256: str
    model_bytes: int
    created: datetime
    recipe: dict[str, Any]
    training_data: TrainingData
    seen_rows: SeenRows | None = None
    feature_ranges: dict[str, FeatureRange]
    training_region: TrainingRegion | None = None
    prediction_sets: PredictionSetScores | None = None
    background: Background | None = None
    drift: DriftReference | None = None
    metrics: dict[str, Any]
    calibration: dict[str, Any]
    verdict: Verdict | None = None
    golden_rows: list[GoldenRow] = Field(min_length=1)
    packages: dict[str, str] = Field(description="Versions of the libraries that made it")

    @model_validator(mode="after")
    def _keeps_what_its_reasons_are_held_against(self) -> Self:
        if (self.background is None) != all(row.reasons is None for row in self.golden_rows):
            raise ValueError("expected reasons of golden rows where there is a background, and only there")
        return self

    @property
    def active_features(self) -> tuple[str, ...]:
        """Names of the features that can change an answer, in the table's order; all if it is not known."""
        return tuple(self.training_region.features) if self.training_region else FEATURE_NAMES


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model version whose files are whole: the passport was read and the model's bytes match it.

    `passport_sha256` is that of the bytes which the passport was read from.
    """

    path: Path
    passport: Passport
    model: bytes
    passport_sha256: str

    @property
    def name(self) -> str:
        """Name of the model: its folder."""
        return self.path.parent.name

    @property
    def version(self) -> str:
        """Number of the version, as the folder writes it."""
        return self.path.name

    @property
    def model_path(self) -> Path:
        """The graph's file."""
        return self.path / MODEL_FILE


def versions(models: Path) -> list[int]:
    """List the complete versions under a model repository, oldest first."""
    folder = models / MODEL_NAME
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if _is_version(path))


def _nothing_refused(_: Path) -> None:
    return None


def find(
    models: Path, version: int | None = None, refusal: Callable[[Path], str | None] = _nothing_refused
) -> Path:
    """Return the folder of a version: of the stable one of rollout.toml, or of the newest promotable one.

    Where neither the caller nor the file names one, `refusal` says of a folder why its version may not be
    taken, None if it may: such versions are passed over, whatever else is wrong with them, and logged.

    Raises `ModelNotFoundError`; where none is named also `RolloutFileError` or `NoPromotableVersionError`,
    and as `promotion` does.
    """
    folder = models / MODEL_NAME
    if version is not None:
        if not (folder / str(version)).is_dir():
            raise ModelNotFoundError(folder, f"version {version}")
        return folder / str(version)
    complete = versions(models)
    if not complete:
        raise ModelNotFoundError(folder, f"a folder named by a whole number that contains {PASSPORT_FILE}")
    if (rollout := rollout_of(models)) is not None:
        return require_promotable(folder, "stable", rollout.stable)
    passed_over: dict[int, str] = {}
    for number in reversed(complete):
        why_not = refusal(folder / str(number)) or promotion(folder / str(number)).why_not
        if why_not:
            passed_over[number] = why_not
            continue
        for newer, why in passed_over.items():
            log.warning("version %d is passed over for version %d: %s", newer, number, why)
        return folder / str(number)
    raise NoPromotableVersionError(folder, passed_over)


def rollout_of(models: Path) -> Rollout | None:
    """Read which versions of a model repository serve, None where no file says so.

    Raises `RolloutFileError` or `UnreadableFileError`.
    """
    try:
        return Rollout.read(models / MODEL_NAME / ROLLOUT_FILE)
    except MissingFileError:
        return None


def require_promotable(folder: Path, key: str, number: int, file: Path | None = None) -> Path:
    """Return the folder of a version that a file, rollout.toml beside it by default, names by a key.

    Raises `RolloutFileError` where it is not there or not promotable, and as `promotion` does.
    """
    path = folder / str(number)
    file = file or folder / ROLLOUT_FILE
    if not _is_version(path):
        raise RolloutFileError(file, key, f"a folder that contains {PASSPORT_FILE}", str(path))
    found = promotion(path)
    if not found.promotable:
        raise RolloutFileError(file, key, "a promotable version", f"version {number}, {found.why}")
    return path


def promotion(path: Path) -> Promotion:
    """Return whether the version in a folder is promotable.

    Raises `ApprovalError`, and what `read` raises of a passport.
    """
    approval = Approval.read(path)
    if approval is not None:
        return Promotion.by_word(approval)
    passport = path / PASSPORT_FILE
    try:
        verdict = _fields(passport, _content(passport)).get("verdict")
        return Promotion.by_verdict(None if verdict is None else Verdict.model_validate(verdict))
    except ValidationError as error:
        raise _passport_error(passport, error, "verdict") from error


def read(path: Path) -> Bundle:
    """Read a version and verify its files, cheapest check first.

    Raises `TruncatedModelError`, `ChecksumError`, and what `read_passport` raises.
    """
    passport, passport_sha256 = read_passport(path)
    model, size = regular_file.read(path / MODEL_FILE, passport.model_bytes)
    if size != passport.model_bytes:
        raise TruncatedModelError(path / MODEL_FILE, passport.model_bytes, size)
    found = hashlib.sha256(model).hexdigest()
    if found != passport.model_sha256:
        raise ChecksumError(path / MODEL_FILE, passport.model_sha256, found)
    return Bundle(path, passport, model, passport_sha256)


def read_passport(version: Path) -> tuple[Passport, str]:
    """Read the passport of the version in a folder, and return it and the sha256 of its bytes.

    Raises `MissingFileError`, `UnreadableFileError`, `PassportError`, `SchemaVersionError`,
    `FeatureOrderError` or `LabelsError`.
    """
    path = version / PASSPORT_FILE
    content = _content(path)
    try:
        passport = Passport.model_validate(_fields(path, content))
    except ValidationError as error:
        raise _passport_error(path, error) from error
    if tuple(passport.features) != FEATURE_NAMES:
        raise FeatureOrderError(path, FEATURE_NAMES, passport.features)
    if tuple(passport.labels) != LABELS:
        raise LabelsError(path, LABELS, passport.labels)
    if passport.feature_ranges.keys() != set(FEATURE_NAMES):
        differing = sorted(passport.feature_ranges.keys() ^ set(FEATURE_NAMES))
        raise PassportError(path, f"feature_ranges: expected the 20 features, missing or unknown {differing}")
    ends = [
        [getattr(passport.feature_ranges[name], end) for name in FEATURE_NAMES] for end in ("low", "high")
    ]
    if not (allowed := admissible(np.array(ends)).all(axis=0)).all():
        wrong = FEATURE_NAMES[int(allowed.argmin())]
        raise PassportError(path, f"feature_ranges.{wrong}: expected values inside the limits of the feature")
    return passport, hashlib.sha256(content).hexdigest()


def write(models: Path, model: bytes, passport: Passport, documents: Mapping[str, bytes]) -> Path:
    """Write the next version and return its folder; a version that is not whole is never seen.

    `documents` are the files for people beside the model, by name. All is written to a temporary folder,
    the passport last; then the folder takes the version's number by rename.
    """
    folder = models / MODEL_NAME
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / "config.pbtxt", pbtxt(triton_config(MODEL_NAME)).encode())
    _replace(folder / "labels.txt", ("\n".join(LABELS) + "\n").encode())
    staging = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    try:
        files = {**documents, MODEL_FILE: model, PASSPORT_FILE: passport.model_dump_json(indent=1).encode()}
        for name, content in files.items():
            durable.write(staging / name, content)
        staging.chmod(0o755)
        return _take_next_number(staging)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _take_next_number(staging: Path) -> Path:
    folder = staging.parent
    while True:
        taken = [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]
        target = folder / str(max(taken, default=0) + 1)
        try:
            # os.rename replaces an empty folder and nothing else: of two writers, one gets the number
            os.rename(staging, target)  # noqa: PTH104
        except OSError:
            if not target.exists():
                raise
            continue
        durable.sync(folder)
        return target


def _is_version(path: Path) -> bool:
    return path.name.isdecimal() and str(int(path.name)) == path.name and (path / PASSPORT_FILE).is_file()


def _content(path: Path) -> bytes:
    content, size = regular_file.read(path, MOST_PASSPORT_BYTES)
    if size > MOST_PASSPORT_BYTES:
        raise PassportError(path, f"expected at most {MOST_PASSPORT_BYTES} bytes, found {size}")
    return content


def _fields(path: Path, content: bytes) -> dict[str, Any]:
    """Read a passport of a generation that is known, its fields unchecked."""
    try:
        fields = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise PassportError(path, f"it is not valid JSON: {error}") from error
    if not isinstance(fields, dict):
        raise PassportError(path, "expected a JSON object")
    if fields.get("schema_version") not in _KNOWN_SCHEMAS:
        raise SchemaVersionError(path, _KNOWN_SCHEMAS, fields.get("schema_version"))
    return fields


def _passport_error(path: Path, error: ValidationError, *field: str) -> PassportError:
    first = error.errors(include_url=False)[0]
    found = place((*field, *first["loc"]))
    reason = first["msg"].removeprefix("Value error, ")
    return PassportError(path, f"{found}: {reason}" if found else reason)


def _no_number(found: str) -> None:
    """Refuse what Python reads as a number, and JSON does not know."""
    raise ValueError(f"found {found}")


def _replace(path: Path, content: bytes) -> None:
    """Write a file that others may be reading; leave it alone where nothing changes."""
    if not (path.is_file() and path.read_bytes() == content):
        durable.replace(path, content)
