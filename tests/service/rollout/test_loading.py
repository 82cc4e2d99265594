"""From a plan to versions that are loaded, whatever is wrong with one of them."""

import json
import shutil
from pathlib import Path

import pytest
from rollout_server import RAISING

from bench.load.broken_versions import UNLUCKY, add_truncated
from pricerange.bundle import MODEL_NAME, PASSPORT_FILE
from pricerange.errors import TruncatedModelError
from pricerange.phone import FEATURE_NAMES
from service.rollout.counts import Counted
from service.rollout.loading import Loader, VersionFailedError
from service.rollout.plan import CanaryPlan, Plan
from service.settings import Settings
from service.telemetry.shared_counters import SharedCounters


@pytest.fixture
def models(many_versions: Path, tmp_path: Path) -> Path:
    shutil.copytree(many_versions, tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def loader(models: Path) -> Loader:
    [counters] = SharedCounters.of(1)
    return Loader(Settings(models=models), None, Counted(counters).seats, counters)


def plan(stable: int | None, canary: int | None = None, shadow: int | None = None) -> Plan:
    versions = [version for version in (stable, canary, shadow) if version is not None]
    return Plan(
        1,
        stable,
        None if canary is None else CanaryPlan(canary, 0.25, "x-customer"),
        () if shadow is None else ((shadow, 0.5),),
        dict(zip(versions, range(len(versions)), strict=True)),
    )


def raises_when_verified(models: Path) -> int:
    """Have the golden rows of a version make its graph raise, which is no error of ours."""
    path = models / MODEL_NAME / str(RAISING) / PASSPORT_FILE
    passport = json.loads(path.read_text())
    [(name, value)] = UNLUCKY.items()
    passport["golden_rows"][0]["features"][FEATURE_NAMES.index(name)] = value
    path.write_text(json.dumps(passport))
    return RAISING


def test_a_plan_says_who_of_the_versions_answers_whom(loader: Loader) -> None:
    live, failures = loader.first(plan(1, canary=2, shadow=RAISING))
    assert failures == {}
    assert live is not None
    assert [(role, served.version) for role, served in live.roles()] == [
        ("stable", "1"),
        ("canary", "2"),
        ("shadow", str(RAISING)),
    ]
    assert live.canary is not None
    assert (live.canary.share, live.canary.header) == (0.25, b"x-customer")
    assert [served.seat.version for _, served in live.roles()] == [1, 2, RAISING]


def test_what_is_loaded_is_not_loaded_again(loader: Loader) -> None:
    live = loader.next(plan(1, canary=2), None)
    assert live is not None
    assert live.canary is not None
    promoted = loader.next(plan(2, shadow=1), live)
    assert promoted is not None
    assert promoted.stable is live.canary.served
    assert promoted.shadows[0].served is live.stable


def test_nothing_is_loaded_of_nothing(loader: Loader) -> None:
    assert loader.first(plan(None)) == (None, {})
    assert loader.next(plan(None), loader.next(plan(1), None)) is None


@pytest.mark.parametrize("role", ["canary", "shadow"])
@pytest.mark.parametrize("fault", [raises_when_verified, lambda models: int(add_truncated(models, 1).name)])
def test_a_service_starts_without_what_is_broken_beside_the_stable_version(
    loader: Loader, models: Path, fault: object, role: str
) -> None:
    broken = fault(models)
    live, failures = loader.first(plan(1, **{role: broken}))
    assert live is not None
    assert list(live.loaded) == ["1"]
    assert list(failures) == [broken]
    assert failures[broken]
    with pytest.raises(VersionFailedError, match=f"^version {broken}: ") as failed:
        loader.next(plan(1, **{role: broken}), live)
    assert failed.value.version == broken


def test_it_does_not_start_without_the_stable_version(loader: Loader, models: Path) -> None:
    with pytest.raises(TruncatedModelError):
        loader.first(plan(int(add_truncated(models, 1).name), canary=1))
