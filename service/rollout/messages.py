"""What the controller and a worker say to each other, pickled through a pipe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from service.rollout.document import RolloutDocument
from service.rollout.plan import Plan

Kind = Literal["status", "reload", "load", "unload"]


@dataclass(frozen=True, slots=True)
class Joined:
    """A worker serves by the plan that it was started with, but for the versions that it could not load."""

    pid: int
    generation: int
    failures: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Prepare:
    """Load what this plan needs, and go on as before."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Prepared:
    """All of it is loaded."""

    generation: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A version could not be loaded, and why not; None where it is not known which."""

    generation: int
    version: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Commit:
    """Answer by the plan of that generation from now on."""

    generation: int


@dataclass(frozen=True, slots=True)
class Committed:
    """That is done."""

    generation: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Forget what was loaded for the plan of that generation."""

    generation: int


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody asks a worker to have something done; `number` tells requests of a worker apart."""

    number: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request: `problem` says why it was not done; then the state of all."""

    number: int
    problem: str | None
    document: RolloutDocument
