"""rollout.toml: which versions serve and whom each answers, as a person or a repository of files wants it."""

import hashlib
import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from pricerange import regular_file
from pricerange.errors import RolloutFileError
from pricerange.refusal import translated
from pricerange.rollout.conditions import Condition

ROLLOUT_FILE = "rollout.toml"
"""It stands beside the versions."""
ROW = "row"
"""Whoever asks for the same phone is answered by the same version."""
MOST_BYTES = 1 << 16
_MOST_SHADOWS = 4
"""Versions beside those that answer: each one takes memory, and runs what they run."""
_MOST_STEPS = 100
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", re.ASCII)
"""A token of RFC 9110."""

MetricName = Literal[
    "error_ratio", "latency_ratio", "latency_p99", "disagreement", "answer_shift", "confidence_drop"
]
Version = Annotated[int, Field(ge=1, lt=2**63)]
Percent = Annotated[float, Field(ge=0, le=100)]
Seconds = Annotated[float, Field(ge=0, le=10_000_000)]


def content_of(path: Path) -> bytes:
    """Read a file's bytes.

    Raises `MissingFileError`, `UnreadableFileError`, or `RolloutFileError` where it is too long.
    """
    content, size = regular_file.read(path, MOST_BYTES)
    if size > MOST_BYTES:
        raise RolloutFileError(path, "", f"at most {MOST_BYTES} bytes", str(size))
    return content


def _condition(found: object) -> Condition:
    if not isinstance(found, str):
        raise ValueError("a condition such as 'result <= 0.01'", repr(found))
    return Condition.parse(found)


_Condition = Annotated[Condition, PlainValidator(_condition), PlainSerializer(str)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Canary(_Section):
    """A version that answers some of the requests: always `weight` per cent, or step by step more of them.

    A step lasts at least `pause` seconds. `sticky` is "row", or the name of a header in small letters, by
    whose value it is decided who answers.
    """

    version: Version
    weight: Percent | None = None
    steps: (
        Annotated[tuple[Percent, ...], Field(strict=False, min_length=1, max_length=_MOST_STEPS)] | None
    ) = None
    pause: Seconds = 0
    sticky: Annotated[str, StringConstraints(to_lower=True)] = ROW

    @property
    def weights(self) -> tuple[float, ...]:
        """Per cent of the requests, step by step."""
        return self.steps or (self.weight or 0.0,)

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if (self.weight is None) == (self.steps is None):
            found = "both" if self.steps else "none of them"
            raise ValueError("canary", "either weight or steps", found)
        if self.steps and not all(one < other for one, other in pairwise((0.0, *self.steps))):
            raise ValueError("canary.steps", "per cent above 0 that rise", str(list(self.steps)))
        if self.pause and not self.steps:
            raise ValueError("canary.pause", "steps beside it", f"weight = {self.weight:g}")
        if not _HEADER.fullmatch(self.sticky):
            raise ValueError("canary.sticky", f'"{ROW}" or the name of a header', repr(self.sticky))
        return self


class Shadow(_Section):
    """A version that answers a share of the phones for nobody: it is compared with the others."""

    version: Version
    share: Annotated[float, Field(gt=0, le=1)]


class Metric(_Section):
    """What is measured, and when that is a success or a failure.

    Where only one condition is given, the other is its opposite; where neither holds, the measurement is
    inconclusive.
    """

    name: MetricName
    success_condition: _Condition | None = None
    failure_condition: _Condition | None = None

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if self.success_condition is None and self.failure_condition is None:
            raise ValueError(f"success_condition or failure_condition of {self.name}", "none of them")
        return self


def _metric(name: MetricName, success: str, failure: str) -> Metric:
    return Metric.model_validate({"name": name, "success_condition": success, "failure_condition": failure})


DEFAULT_METRICS = (
    _metric("error_ratio", "result <= 0.01", "result > 0.05"),
    _metric("latency_ratio", "result <= 1.5", "result > 2"),
    _metric("disagreement", "result <= 0.1", "result > 0.2"),
)
"""Versions that learned from the same phones differ in a few answers of a hundred."""


class AnalysisTemplate(_Section):
    """How a canary is judged, in the words of Argo Rollouts.

    A measurement is over `interval` seconds, and longer where fewer than `min_rows` phones tell of it. A step
    needs `count` successful ones of each metric. More than `failure_limit` failed ones of a metric in a step
    end the canary, more than `inconclusive_limit` inconclusive ones let it wait for a person.
    """

    interval: Annotated[float, Field(gt=0, le=10_000_000)] = 60
    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    failure_limit: Annotated[int, Field(ge=0, le=10_000)] = 0
    inconclusive_limit: Annotated[int, Field(ge=0, le=10_000)] = 0
    min_rows: Annotated[int, Field(ge=1, le=10**12)] = 100
    metrics: Annotated[tuple[Metric, ...], Field(strict=False, min_length=1)] = DEFAULT_METRICS

    @model_validator(mode="after")
    def _names_each_metric_once(self) -> Self:
        names = [metric.name for metric in self.metrics]
        if len(set(names)) < len(names):
            raise ValueError("analysis.metrics", "each name once", ", ".join(names))
        return self


class Rollout(_Section):
    """Which versions serve: the stable one, perhaps a canary that answers some, and shadows that answer none.

    `analysis` may stand without a canary: it is for the next one.
    """

    stable: Version
    canary: Canary | None = None
    shadow: Annotated[tuple[Shadow, ...], Field(strict=False, max_length=_MOST_SHADOWS)] = ()
    analysis: AnalysisTemplate | None = None
    _digest: str = PrivateAttr("")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file. Raises as `content_of` does, and `RolloutFileError`."""
        return cls.parse(content_of(path), path)

    @classmethod
    def parse(cls, content: bytes, path: Path) -> Self:
        """Read what stands in a file, whose path is for errors. Raises `RolloutFileError`."""
        try:
            rollout = cls.model_validate(tomllib.loads(content.decode()))
        except ValidationError as error:
            # a misspelt key is also a missing one: the unknown key says more
            details = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
            raise RolloutFileError(path, *translated(details, cls)) from error
        except (ValueError, RecursionError) as error:
            raise RolloutFileError(path, "", "TOML", str(error)) from error
        rollout._digest = hashlib.sha256(content).hexdigest()
        return rollout

    @property
    def digest(self) -> str:
        """The sha256 of the file's bytes, in hexadecimal: of another file an analysis begins anew."""
        return self._digest

    @property
    def named(self) -> tuple[tuple[str, int], ...]:
        """Keys and the versions that they name: the stable one first, then the canary, then shadows."""
        canary = (("canary.version", self.canary.version),) if self.canary else ()
        shadows = ((f"shadow.{place}.version", shadow.version) for place, shadow in enumerate(self.shadow))
        return (("stable", self.stable), *canary, *shadows)

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions that it names, the stable one first."""
        return tuple(version for _, version in self.named)

    @model_validator(mode="after")
    def _names_each_version_once(self) -> Self:
        if len(set(self.versions)) < len(self.versions):
            listed = ", ".join(map(str, self.versions))
            raise ValueError("versions that differ in stable, canary and shadow", listed)
        return self
