"""Versions that are bad are dropped in while others serve: as the newest one, and named by a file."""

import asyncio
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
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
from bench.rollout.repository import copied, copy, status, until, want
from bench.show.tables import Target, show
from pricerange.approval import Approval
from pricerange.bundle import MODEL_FILE, MODEL_NAME, PASSPORT_FILE

_BAD = 100
"""Number of the version that is dropped in."""
_NEWEST, _CANARY = "the newest", "canary"
_LOOK_SECONDS = 0.5
_FLAGS = ("--workers", "2", "--no-access-log", "--drain-delay", "0", "--rollout-interval", str(_LOOK_SECONDS))
_VALID = re.compile(r"^pricerange_rollout_valid ([0-9.]+)$", re.MULTILINE)


def _cut_short(name: str) -> Callable[[Path], None]:
    def cut(version: Path) -> None:
        path = version / name
        os.truncate(path, path.stat().st_size // 2)

    return cut


def _flip(version: Path) -> None:
    content = bytearray((version / MODEL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (version / MODEL_FILE).write_bytes(content)


def _no_graph(version: Path) -> None:
    content = b"no graph" * 1_000
    (version / MODEL_FILE).write_bytes(content)
    _rewrite(version, model_sha256=hashlib.sha256(content).hexdigest(), model_bytes=len(content))


def _other_answers(version: Path) -> None:
    rows = json.loads((version / PASSPORT_FILE).read_bytes())["golden_rows"]
    for row in rows:
        row["probabilities"] = row["probabilities"][::-1]
    _rewrite(version, golden_rows=rows)


def _pipe(version: Path) -> None:
    (version / MODEL_FILE).unlink()
    os.mkfifo(version / MODEL_FILE)


def _rewrite(version: Path, **changed: object) -> None:
    path = version / PASSPORT_FILE
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changed))


_CASES: Mapping[str, Callable[[Path], None]] = {
    "model.onnx cut short": _cut_short(MODEL_FILE),
    "a bit of model.onnx flipped": _flip,
    "model.onnx is no graph": _no_graph,
    "model.onnx is a pipe": _pipe,
    "bundle.json cut short": _cut_short(PASSPORT_FILE),
    "no bundle.json": lambda version: (version / PASSPORT_FILE).unlink(),
    "golden rows have other answers": _other_answers,
    "rejected by a person": lambda version: Approval.now("rejected", "to be passed over").write(version),
}
_PASSED_OVER = {"no bundle.json", "rejected by a person"}
"""What is passed over where no file names it."""


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

    def row(self) -> tuple[str, ...]:
        """Return it for a table."""
        return self.case, self.place, "yes" if self.is_right else "NO", *self.seen.row()


def measure(scene: Scene) -> list[Target]:
    """Print the table and the reasons, and return what is wanted."""
    found, seconds = list[Found](), list[float]()
    for place in (_NEWEST, _CANARY):
        with copied(scene.models, [scene.stable]) as models:
            _restore(models, scene, place)
            with serving(models, *_FLAGS) as running:
                of_place, of_good = uvloop.run(_drop_all(running.url, models, scene, place))
        found += of_place
        seconds.append(of_good)
    title = f"Versions dropped in while {scene.stable} serves, {CONNECTIONS} connections, 2 workers."
    show(title, ("what is wrong", "as", "right", *HEAD), [one.row() for one in found])
    print()
    for one in found:
        if one.place == _CANARY:
            print(f"- {one.case}: {one.told['problem'].replace(str(models), 'models')}")
    faults = sum(len(one.seen.lost + one.seen.wrong) for one in found)
    return [
        Target("bad versions that were taken, or not told", sum(not one.is_right for one in found), most=0),
        Target("lost or wrong answers beside them", faults, most=0),
        Target("a good version after them serves within", max(seconds), most=4 * _LOOK_SECONDS, unit=" s"),
    ]


async def _drop_all(url: str, models: Path, scene: Scene, place: str) -> tuple[list[Found], float]:
    """Drop in one after the other, and then a good one; return after how many seconds that one served."""
    found, known = list[Found](), KnownAnswers(scene.models, [scene.stable], scene.rows)
    for case, spoil in _CASES.items():

        async def drop(case: str = case, spoil: Callable[[Path], None] = spoil) -> None:
            _drop(models, scene, place, spoil)
            if place == _NEWEST and case in _PASSED_OVER:
                await asyncio.sleep(4 * _LOOK_SECONDS)
            else:
                await until(url, _has_problem)

        seen = await under_load(url, known, CONNECTIONS, drop())
        told, metric = await status(url), await _metric(url)
        found.append(Found(case, place, told, metric, seen))
        _restore(models, scene, place)
        await until(url, lambda told: told["valid"])
    _drop(models, scene, place, lambda version: None)
    began = perf_counter()
    await until(url, lambda told: str(_BAD) in told["versions"])
    return found, perf_counter() - began


def _has_problem(told: Mapping[str, Any]) -> bool:
    return told["problem"] is not None


def _drop(models: Path, scene: Scene, place: str, spoil: Callable[[Path], None]) -> None:
    version = copy(scene.models, scene.stable, models.parent / "staged", _BAD)
    spoil(version)
    version.rename(models / MODEL_NAME / str(_BAD))
    if place == _CANARY:
        want(models, f"stable = {scene.stable}\n[canary]\nversion = {_BAD}\nweight = 10\n")


def _restore(models: Path, scene: Scene, place: str) -> None:
    if place == _CANARY:
        want(models, f"stable = {scene.stable}\n")
    shutil.rmtree(models / MODEL_NAME / str(_BAD), ignore_errors=True)


async def _metric(url: str) -> float:
    connection = await Connection.open(url)
    answer = await connection.exchange(message("GET", "/metrics"))
    connection.close()
    [value] = _VALID.findall(answer.body.decode())
    return float(value)
