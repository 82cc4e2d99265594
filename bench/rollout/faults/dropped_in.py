"""Versions that are bad are dropped in while others serve: as the newest one, and named by a file."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from bench.load.client import Connection, message
from bench.load.known_answers import KnownAnswers
from bench.load.live import serving
from bench.rollout.crowd import HEAD, Seen, under_load
from bench.rollout.faults.scene import CONNECTIONS, Scene
from bench.rollout.faults.signatures import Signatures
from bench.rollout.faults.spoilt import SPOILT, Spoil
from bench.rollout.repository import copied, copy, status, until, want
from bench.show.tables import Target, show
from pricerange.bundle import MODEL_NAME

_BAD = 100
"""Number of the version that is dropped in."""
_NEWEST, _CANARY, _SIGNED = "the newest", "canary", "canary, keys trusted"
_LOOK_SECONDS = 0.5
_FLAGS = ("--workers", "2", "--no-access-log", "--drain-delay", "0", "--rollout-interval", str(_LOOK_SECONDS))
_FOLDER = re.compile(r"/\S*/models/")
_VALID = re.compile(r"^pricerange_rollout_valid ([0-9.]+)$", re.MULTILINE)


_PASSED_OVER = {"no bundle.json", "rejected by a person"}
"""What nobody takes for the newest version."""


@dataclass(frozen=True)
class Trial:
    """How versions come in, what is wrong with them, and what has to be done to good ones."""

    place: str
    spoilt: Mapping[str, Spoil]
    finish: Spoil = lambda version: None
    flags: tuple[str, ...] = ()

    @property
    def is_named(self) -> bool:
        """Whether a file names the version."""
        return self.place != _NEWEST


@dataclass
class Found:
    """What was told of a version that was dropped in, and what clients saw meanwhile."""

    case: str
    place: str
    told: dict[str, Any]
    metric: float
    seen: Seen

    @property
    def is_passed_over(self) -> bool:
        """Whether nothing is wrong, since no file names it."""
        return self.place == _NEWEST and self.case in _PASSED_OVER

    @property
    def is_right(self) -> bool:
        """Whether the reason was told where there had to be one, and the stable version alone answered."""
        fine = self.is_passed_over
        told = (self.told["valid"], self.metric, self.told["problem"] is None) == (fine, float(fine), fine)
        return told and list(map(str, self.seen.versions)) == [self.told["stable"]]

    @property
    def problem(self) -> str:
        """What was told, without the folder that the repository happens to lie in."""
        return _FOLDER.sub("models/", str(self.told["problem"]))

    def row(self) -> tuple[str, ...]:
        """Return it for a table."""
        return self.case, self.place, "yes" if self.is_right else "NO", *self.seen.row()


def measure(scene: Scene) -> list[Target]:
    """Print the table and the reasons, and return what is wanted."""
    found, seconds = list[Found](), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        keys = Signatures(Path(folder))
        for trial in (
            Trial(_NEWEST, SPOILT),
            Trial(_CANARY, SPOILT),
            Trial(_SIGNED, keys.spoilt(), keys.sign, ("--trusted-keys", str(keys.trusted))),
        ):
            with copied(scene.models, [scene.stable]) as models:
                trial.finish(models / MODEL_NAME / str(scene.stable))
                _restore(models, scene, trial)
                with serving(models, *_FLAGS, *trial.flags) as running:
                    of_trial, of_good = uvloop.run(_drop_all(running.url, models, scene, trial))
            found += of_trial
            seconds.append(of_good)
    title = f"Versions dropped in while {scene.stable} serves, {CONNECTIONS} connections, 2 workers."
    show(title, ("what is wrong", "as", "right", *HEAD), [one.row() for one in found])
    print()
    for one in found:
        if one.place != _NEWEST:
            print(f"- {one.case}: {one.problem}")
    faults = sum(len(one.seen.lost + one.seen.wrong) for one in found)
    return [
        Target("bad versions that were taken, or not told", sum(not one.is_right for one in found), most=0),
        Target("lost or wrong answers beside them", faults, most=0),
        Target("a good version after them serves within", max(seconds), most=4 * _LOOK_SECONDS, unit=" s"),
    ]


async def _drop_all(url: str, models: Path, scene: Scene, trial: Trial) -> tuple[list[Found], float]:
    """Drop in one after the other, and then a good one; return after how many seconds that one served."""
    found, known = list[Found](), KnownAnswers(scene.models, [scene.stable], scene.rows)
    for case, spoil in trial.spoilt.items():

        async def drop(case: str = case, spoil: Spoil = spoil) -> None:
            _drop(models, scene, trial, spoil)
            if not trial.is_named and case in _PASSED_OVER:
                await asyncio.sleep(4 * _LOOK_SECONDS)
            else:
                await until(url, _has_problem)

        seen = await under_load(url, known, CONNECTIONS, drop())
        told, metric = await status(url), await _metric(url)
        found.append(Found(case, trial.place, told, metric, seen))
        _restore(models, scene, trial)
        await until(url, lambda told: told["valid"])
    _drop(models, scene, trial, trial.finish)
    began = perf_counter()
    await until(url, lambda told: str(_BAD) in told["versions"])
    return found, perf_counter() - began


def _has_problem(told: Mapping[str, Any]) -> bool:
    return told["problem"] is not None


def _drop(models: Path, scene: Scene, trial: Trial, spoil: Spoil) -> None:
    version = copy(scene.models, scene.stable, models.parent / "staged", _BAD)
    spoil(version)
    version.rename(models / MODEL_NAME / str(_BAD))
    if trial.is_named:
        want(models, f"stable = {scene.stable}\n[canary]\nversion = {_BAD}\nweight = 10\n")


def _restore(models: Path, scene: Scene, trial: Trial) -> None:
    if trial.is_named:
        want(models, f"stable = {scene.stable}\n")
    shutil.rmtree(models / MODEL_NAME / str(_BAD), ignore_errors=True)


async def _metric(url: str) -> float:
    connection = await Connection.open(url)
    answer = await connection.exchange(message("GET", "/metrics"))
    connection.close()
    [value] = _VALID.findall(answer.body.decode())
    return float(value)
