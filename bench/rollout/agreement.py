"""How versions agree as the service tells it, beside a comparison of the same phones without a service."""

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import uvloop

from bench.http_parts.plan import Plan
from bench.load.client import Connection
from bench.load.cores import on_core
from bench.load.known_answers import NOBODY, KnownAnswers
from bench.load.live import PHONE, serving
from bench.load.pinned import LOAD_CORE
from bench.rollout.repository import at_rest, copied, want
from bench.show.tables import Target, show
from pricerange.agreement import Agreement
from pricerange.predictor import Predictor
from pricerange.rollout.split import in_share

WORKERS = 2
CANARY_SHARE = 0.10
MOST_OFF = 1e-6
"""Of a mean distance, by itself: the order of additions differs."""
_AT_ONCE = 4
"""Connections: few, so that all that is asked finds room to be compared."""
_COUNTS = ("rows", "agreed", "confusion")


@dataclass(frozen=True)
class Told:
    """How a version and the stable one agree: what the service counted of some phones, and how it is."""

    name: str
    told: dict[str, Any]
    expected: dict[str, Any]

    @property
    def differs(self) -> int:
        """How many of the counts differ."""
        return sum(self.told[name] != self.expected[name] for name in _COUNTS) + (self.told["dropped"] != 0)

    @property
    def is_off(self) -> float:
        """By how much of itself the mean distance is off."""
        return abs(float(self.told["mean_distance"]) / float(self.expected["mean_distance"]) - 1)

    def rows(self) -> list[tuple[str, ...]]:
        """Return both for a table."""
        return [
            (
                f"{self.name}, {whose}",
                f"{found['rows']:,}",
                f"{found['agreed']:,}",
                f"{found['mean_distance']:.10f}",
                str(found["confusion"]).replace(" ", ""),
            )
            for whose, found in (("as told", self.told), ("offline", self.expected))
        ]


def measure(plan: Plan, stable: int, canary: int, shadow: int) -> list[Target]:
    """Ask about every phone once, print the table and return what is wanted of it."""
    known = KnownAnswers(plan.models, (stable, canary), plan.rows)
    with copied(plan.models, (stable, canary, shadow)) as models:
        want(
            models,
            f"stable = {stable}\n[canary]\nversion = {canary}\nweight = {100 * CANARY_SHARE:g}\n"
            f"[[shadow]]\nversion = {shadow}\nshare = 1.0\n",
        )
        flags = ("--workers", str(WORKERS), "--no-access-log", "--drain-delay", "0")
        with serving(models, *flags) as server, on_core(LOAD_CORE):
            uvloop.run(_ask_once(server.url, known))
            versions = uvloop.run(at_rest(server.url))["versions"]
        # the first of all answers, by which the server was seen to be there, is compared like any other
        rows = np.concatenate([np.array([[*PHONE.values()]], np.float32), plan.rows])
        answers = {
            version: Predictor.load(models, version).predict(rows).probabilities
            for version in (stable, canary, shadow)
        }
    of_canary = in_share(rows, canary, CANARY_SHARE)
    found = [
        Told(
            f"{name} {version}",
            versions[str(version)]["compared_with_stable"],
            Agreement.of(answers[stable][phones], answers[version][phones]).as_dict(),
        )
        for name, version, phones in (("canary", canary, of_canary), ("shadow", shadow, ~of_canary))
    ]
    show(
        f"{len(rows):,} phones, {WORKERS} workers, stable {stable}.",
        ("", "compared", "agreed", "mean distance", "confusion"),
        [row for one in found for row in one.rows()],
    )
    return [
        target
        for one in found
        for target in (
            Target(f"{one.name}: counts that differ, or phones dropped", one.differs, most=0),
            Target(f"{one.name}: millionths that the mean distance is off", one.is_off / MOST_OFF, most=1),
        )
    ]


async def _ask_once(url: str, known: KnownAnswers) -> None:
    async def ask(first: int) -> None:
        connection = await Connection.open(url)
        for phone in range(first, len(known.requests), _AT_ONCE):
            answer = await connection.exchange(known.requests[phone])
            if known.version_of(phone, answer) == NOBODY:
                sys.exit(f"phone {phone} has the answer of no version: {answer.body!r}")
        connection.close()

    await asyncio.gather(*(ask(first) for first in range(_AT_ONCE)))
