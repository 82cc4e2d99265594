"""What the service tells of the model versions that it serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRange:
    """Where the values of a feature lay in the training rows: from `low` to `high`, and their deciles."""

    low: float
    high: float
    deciles: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who has signed a version: the name of the key, and the SHA-256 of the public key."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who decided what about a version, when (ISO 8601) and why."""

    decision: Literal["approved", "rejected"]
    by: str
    when: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The version that is served, the stable one of a rollout: where it runs, and what it says of itself.

    `created` is in ISO 8601. `recipe`, `training_data`, `metrics` and `calibration` are as the version has
    them. `signer` is None where nobody was asked to have signed it.
    """

    name: str
    version: str
    provider: str
    requested_provider: str
    signer: Signer | None = None
    approval: Approval | None = None
    schema_version: int
    features: tuple[str, ...]
    labels: tuple[str, ...]
    model_sha256: str
    model_bytes: int
    created: str
    feature_ranges: Mapping[str, FeatureRange]
    recipe: Mapping[str, Any]
    training_data: Mapping[str, Any]
    metrics: Mapping[str, Any]
    calibration: Mapping[str, Any]
    verdict: Mapping[str, Any] | None = None
    packages: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A metric of the canary over an interval that ended `when`, in Unix seconds."""

    when: float
    metric: str
    value: float | None
    phase: Literal["successful", "failed", "inconclusive", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A version that answers `weight` per cent of the phones now, and what its analysis has come to.

    `step` counts from 0 in `steps`, per cent each; it began at `since`, in Unix seconds. `sticky` decides who
    is answered by it: row, or the name of a header.
    """

    version: str
    loaded: bool
    weight: float
    sticky: str
    status: Literal["progressing", "paused", "successful", "failed"]
    why: str
    step: int
    steps: tuple[float, ...]
    since: float
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A version that is compared on a share of the phones, and answers nobody."""

    version: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How a version agrees with the stable one, on phones that both were asked about.

    `mean_distance` is the total variation distance of the probabilities, `confusion` is by the stable
    version's price range and its own. `dropped` phones found no room while it was behind.
    """

    rows: int
    agreed: int
    agreement: float | None
    mean_distance: float | None
    confusion: tuple[tuple[int, ...], ...]
    dropped: int
    failed_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionCounts:
    """What all workers have counted of a version that is loaded; `answers` are by price range."""

    rows: int
    answers: tuple[int, ...]
    failed_rows: int
    runs: int
    run_seconds: float
    mean_confidence_in_range: float | None
    compared_with_stable: Compared | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process of the service, and whether it follows the plan in force; `problem` says why it does not."""

    pid: int
    generation: int
    current: bool
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How versions serve: `valid` where what is wanted is what serves, else `problem` says why it is not.

    `file` is None where the newest promotable version serves, `stable` where the model was unloaded.
    `refused` are versions that could not be loaded, and why.
    """

    file: str | None
    digest: str | None
    valid: bool
    problem: str | None
    refused: Mapping[str, str]
    generation: int
    loading: tuple[str, ...]
    stable: str | None
    canary: Canary | None
    shadows: tuple[Shadow, ...]
    state_kept: bool
    state_problem: str | None
    versions: Mapping[str, VersionCounts]
    workers: tuple[Worker, ...]
