"""A model version on disk: its passport, and how a version is written and read.

The layout is a Triton and KServe model repository as it stands:
`<models>/phone_price_range/{config.pbtxt, labels.txt, <version>/{model.onnx, bundle.json, ...}}`.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeInt,
    ValidationError,
    field_validator,
    model_validator,
)

from pricerange.durable import sync
from pricerange.errors import (
    ChecksumError,
    FeatureOrderError,
    LabelsError,
    MissingFileError,
    ModelNotFoundError,
    PassportError,
    SchemaVersionError,
    TruncatedModelError,
    UnreadableFileError,
)
from pricerange.phone import FEATURE_NAMES, LABELS, admissible
from pricerange.triton_config import pbtxt, triton_config

SCHEMA_VERSION = 2
_KNOWN_SCHEMAS = (1, SCHEMA_VERSION)
"""Those that can be read: a version of schema 1 knows the training range, and nothing of what came later."""
MODEL_NAME = "phone_price_range"
METADATA_PREFIX = "io.pricerange."
"""Keys of the ONNX metadata begin with it: `features`, `labels`, `training_data_sha256`."""

MODEL_FILE = "model.onnx"
PASSPORT_FILE = "bundle.json"
_MOST_PASSPORT_BYTES = 1 << 24


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrainingData(_Record):
    """What a model was trained on."""

    source: str
    sha256: str
    rows: int = Field(description="Rows of the whole file: training, validation and test part")
    training_rows: int


class FeatureRange(_Record):
    """Where a feature lay in the training rows."""

    low: float
    high: float
    deciles: list[float] = Field(min_length=9, max_length=9, description="The 10th to the 90th percentile")


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
        if not set(self.features) <= set(FEATURE_NAMES) or len(set(self.features)) < size:
            raise ValueError("features: expected names of features, each once")
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
    kept instead, which rise. `sha256` names all of it.
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
        return self


class Background(_Record):
    """Training phones that stand for phones in general, where what is asked leaves features open."""

    rows: list[list[float]] = Field(min_length=1, description="n rows of the 20 features")

    @field_validator("rows")
    @classmethod
    def _holds_phones(cls, rows: list[list[float]]) -> list[list[float]]:
        if any(len(row) != len(FEATURE_NAMES) for row in rows) or not admissible(np.array(rows)).all():
            raise ValueError("expected rows of 20 values, each inside the limits of its feature")
        return rows


class FeatureBins(_Record):
    """Training rows in each bin of a feature; `edges` are the largest values of all bins but the last."""

    edges: list[float] = Field(max_length=9)
    counts: list[NonNegativeInt]

    @model_validator(mode="after")
    def _has_a_count_for_each_bin(self) -> Self:
        if self.edges != sorted(set(self.edges)) or len(self.counts) != len(self.edges) + 1:
            raise ValueError("expected edges that rise, and a count more than edges")
        if not sum(self.counts):
            raise ValueError("counts: expected rows")
        return self


class DriftReference(_Record):
    """What the phones learned from and the answers to them were like; `pricerange.drift` compares others.

    Features are those of the training rows. Answers are those of networks of other folds to the training and
    validation rows: how often each was given, how sure they were and how often right. `intercept` and `slope`
    lead from the logit of a confidence to that of being right.
    """

    features: dict[str, FeatureBins]
    answers: list[NonNegativeInt] = Field(min_length=len(LABELS), max_length=len(LABELS))
    mean_confidence: float = Field(ge=0, le=1)
    accuracy: float = Field(ge=0, le=1)
    intercept: FiniteFloat
    slope: FiniteFloat

    @model_validator(mode="after")
    def _has_all_features_and_answers(self) -> Self:
        if self.features.keys() != set(FEATURE_NAMES):
            differing = sorted(self.features.keys() ^ set(FEATURE_NAMES))
            raise ValueError(f"features: expected the 20 features, missing or unknown {differing}")
        if not sum(self.answers):
            raise ValueError("answers: expected some")
        return self


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
    feature_ranges: dict[str, FeatureRange]
    training_region: TrainingRegion | None = None
    prediction_sets: PredictionSetScores | None = None
    background: Background | None = None
    drift: DriftReference | None = None
    metrics: dict[str, Any]
    calibration: dict[str, Any]
    golden_rows: list[GoldenRow] = Field(min_length=1)
    packages: dict[str, str] = Field(description="Versions of the libraries that made it")

    @property
    def active_features(self) -> tuple[str, ...]:
        """Names of the features that can change an answer, in the table's order; all if it is not known."""
        return tuple(self.training_region.features) if self.training_region else FEATURE_NAMES


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model version whose files are whole: the passport was read and the model's bytes match it."""

    path: Path
    passport: Passport
    model: bytes

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


def find(models: Path, version: int | None = None) -> Path:
    """Return the folder of a version, or of the newest complete one.

    Raises `ModelNotFoundError`.
    """
    folder = models / MODEL_NAME
    if version is not None:
        if not (folder / str(version)).is_dir():
            raise ModelNotFoundError(folder, f"version {version}")
        return folder / str(version)
    complete = versions(models)
    if not complete:
        raise ModelNotFoundError(folder, f"a folder named by a whole number that contains {PASSPORT_FILE}")
    return folder / str(complete[-1])


def read(path: Path) -> Bundle:
    """Read a version and verify its files, cheapest check first.

    Raises `MissingFileError`, `UnreadableFileError`, `PassportError`, `SchemaVersionError`,
    `FeatureOrderError`, `LabelsError`, `TruncatedModelError` or `ChecksumError`.
    """
    passport = _read_passport(path / PASSPORT_FILE)
    model, size = _read_bytes(path / MODEL_FILE, passport.model_bytes)
    if size != passport.model_bytes:
        raise TruncatedModelError(path / MODEL_FILE, passport.model_bytes, size)
    found = hashlib.sha256(model).hexdigest()
    if found != passport.model_sha256:
        raise ChecksumError(path / MODEL_FILE, passport.model_sha256, found)
    return Bundle(path, passport, model)


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
            _write(staging / name, content)
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
        sync(folder)
        return target


def _is_version(path: Path) -> bool:
    return path.name.isdecimal() and str(int(path.name)) == path.name and (path / PASSPORT_FILE).is_file()


def _read_passport(path: Path) -> Passport:
    try:
        content, size = _read_bytes(path, _MOST_PASSPORT_BYTES)
        if size > _MOST_PASSPORT_BYTES:
            raise PassportError(path, f"expected at most {_MOST_PASSPORT_BYTES} bytes, found {size}")
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PassportError(path, f"it is not valid JSON: {error}") from error
    if not isinstance(fields, dict):
        raise PassportError(path, "expected a JSON object")
    if fields.get("schema_version") not in _KNOWN_SCHEMAS:
        raise SchemaVersionError(path, _KNOWN_SCHEMAS, fields.get("schema_version"))
    try:
        passport = Passport.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise PassportError(path, f"{place}: {first['msg']}") from error
    if tuple(passport.features) != FEATURE_NAMES:
        raise FeatureOrderError(path, FEATURE_NAMES, passport.features)
    if tuple(passport.labels) != LABELS:
        raise LabelsError(path, LABELS, passport.labels)
    if passport.feature_ranges.keys() != set(FEATURE_NAMES):
        differing = sorted(passport.feature_ranges.keys() ^ set(FEATURE_NAMES))
        raise PassportError(path, f"feature_ranges: expected the 20 features, missing or unknown {differing}")
    return passport


def _read_bytes(path: Path, most: int) -> tuple[bytes, int]:
    """Return a file's content, `most` bytes of it at most, and its size."""
    try:
        # a pipe without a writer would keep us waiting
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UnreadableFileError(path, "it is not a regular file")
            return file.read(most), found.st_size
    except FileNotFoundError as error:
        raise MissingFileError(path) from error
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, content: bytes) -> None:
    """Write a file that others may be reading, by rename; leave it alone where nothing changes."""
    if path.is_file() and path.read_bytes() == content:
        return
    staging = path.with_name(f".writing-{path.name}-{os.getpid()}")
    _write(staging, content)
    staging.replace(path)
