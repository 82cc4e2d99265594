"""Who a canary answers: `python -m bench.rollout.canary [--phones 100000] [--models models]`.

Two workers. Each phone is asked about on a connection of the one and on a connection of the other, with a
canary at 10 %, again after a restart, and with the canary at 25 %; then values of a header decide. Exit code
1 where an answer is not exactly that of the version it names, or a target is missed.
"""

import argparse
import asyncio
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import uvloop
from scipy.stats import binomtest

from bench.load.cores import on_core
from bench.load.known_answers import NOBODY, KnownAnswers
from bench.load.live import Running, serving, workers_of
from bench.load.phones import phones
from bench.load.pinned import LOAD_CORE
from bench.rollout.repository import copied, reload, want
from bench.show.tables import Target, show, show_targets
from bench.worker_kills import Traced
from pricerange.rollout.split import in_share, text_in_share

WORKERS, EACH = 2, 8
"""Connections of each worker."""
BEFORE, AFTER = 0.10, 0.25
LEVEL = 0.99
HEADER = "x-user"
_FAULTS = ("workers differ", "not by the hash", "wrong")
_FLAGS = ("--workers", str(WORKERS), "--no-access-log", "--drain-delay", "0")

Answered = npt.NDArray[np.int64]
"""Which version answered each of n requests on a connection of each worker: int64 [workers, n]."""


@dataclass(frozen=True)
class Case:
    """Who answered, and who was to be the canary's by their hashes: bool [n], so large a share of all."""

    name: str
    found: Answered
    wanted: npt.NDArray[np.bool_]
    share: float
    canary: int

    @property
    def by_canary(self) -> npt.NDArray[np.bool_]:
        """Which of n requests the canary answered on the first worker, bool [n]."""
        by_canary: npt.NDArray[np.bool_] = self.found[0] == self.canary
        return by_canary

    @property
    def apart(self) -> int:
        """How many were answered by another version on another worker."""
        return int((self.found != self.found[0]).any(axis=0).sum())

    @property
    def astray(self) -> int:
        """How many were not answered by whom their hashes say."""
        return int((self.by_canary != self.wanted).sum())

    @property
    def wrong(self) -> int:
        """How many answers are no version's."""
        return int((self.found == NOBODY).sum())

    def row(self) -> tuple[str, ...]:
        """Return it for a table."""
        hits, asked = int(self.by_canary.sum()), len(self.wanted)
        interval = binomtest(hits, asked).proportion_ci(LEVEL)
        share = f"{hits / asked:.4f}"
        ends = f"{interval.low:.4f} to {interval.high:.4f}"
        faults = (str(count) for count in (self.apart, self.astray, self.wrong))
        return self.name, f"{asked:,}", f"{hits:,}", share, ends, *faults

    def target(self) -> Target:
        """Return what is wanted of the share."""
        hits = int(self.by_canary.sum())
        return _as_likely(f"p of the share at {self.name}", hits, len(self.wanted), self.share)


def main() -> None:
    """Ask, restart, ask again, change the weight, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument(
        "--versions", type=int, nargs=2, default=(3, 4), help="the stable one, and the canary"
    )
    parser.add_argument("--phones", type=int, default=100_000)
    arguments = parser.parse_args()
    stable, canary = arguments.versions
    rows = phones(arguments.models, arguments.phones)
    if len(np.unique(rows, axis=0)) < len(rows):
        sys.exit("phones were drawn twice")
    known = KnownAnswers(arguments.models, arguments.versions, rows)
    users = [f"user {number}" for number in range(arguments.phones // 10)]
    one = np.repeat(rows[:1], len(users), axis=0)
    of_users = KnownAnswers(arguments.models, arguments.versions, one, [{HEADER: user} for user in users])
    with copied(arguments.models, arguments.versions) as models:
        want(models, _file(stable, canary, BEFORE))
        with serving(models, *_FLAGS) as running, on_core(LOAD_CORE):
            first = uvloop.run(_answered(running, known))
        with serving(models, *_FLAGS) as running, on_core(LOAD_CORE):
            again = uvloop.run(_answered(running, known))
            want(models, _file(stable, canary, AFTER))
            uvloop.run(reload(running.url))
            grown = uvloop.run(_answered(running, known))
            want(models, _file(stable, canary, BEFORE, HEADER))
            uvloop.run(reload(running.url))
            by_user = uvloop.run(_answered(running, of_users))
    before, after = (in_share(rows, canary, share) for share in (BEFORE, AFTER))
    by_hash = np.array([text_in_share(user.encode(), canary, BEFORE) for user in users])
    cases = (
        Case(f"{BEFORE:.0%}", first, before, BEFORE, canary),
        Case(f"{BEFORE:.0%}, after a restart", again, before, BEFORE, canary),
        Case(f"{AFTER:.0%}", grown, after, AFTER, canary),
        Case(f"{BEFORE:.0%}, users by a header", by_user, by_hash, BEFORE, canary),
    )
    head = ("canary at", "asked about", "by the canary", "share", f"{LEVEL:.0%} interval", *_FAULTS)
    title = f"Each asked about on a connection of each of {WORKERS} workers."
    show(title, head, [case.row() for case in cases])
    targets = [
        *(case.target() for case in cases),
        Target("answered by different versions on both workers", sum(case.apart for case in cases), most=0),
        Target("answered by whom the hash does not say", sum(case.astray for case in cases), most=0),
        Target("wrong answers", sum(case.wrong for case in cases), most=0),
        *_of_changes(first, again, grown, canary),
    ]
    show_targets(targets)
    sys.exit(any(target.row()[-1] == "missed" for target in targets))


def _of_changes(first: Answered, again: Answered, grown: Answered, canary: int) -> list[Target]:
    moved = first[0] != grown[0]
    return [
        Target("phones that a restart moved", int((first != again).sum()), most=0),
        Target(
            "phones that a larger weight took from the canary",
            int((moved & (first[0] == canary)).sum()),
            most=0,
        ),
        _as_likely("p of the share that a larger weight moved", int(moved.sum()), len(moved), AFTER - BEFORE),
    ]


def _as_likely(what: str, hits: int, asked: int, share: float) -> Target:
    """Want a share that is not as far off as one of a hundred is by chance."""
    return Target(what, binomtest(hits, asked, share).pvalue, least=1 - LEVEL)


def _file(stable: int, canary: int, share: float, sticky: str = "row") -> str:
    weight = f'weight = {100 * share:g}\nsticky = "{sticky}"\n'
    return f"stable = {stable}\n[canary]\nversion = {canary}\n{weight}"


async def _answered(running: Running, known: KnownAnswers) -> Answered:
    """Ask about every phone on a connection of each worker."""
    by_worker = await _connections(running)
    found = np.full((WORKERS, len(known.requests)), NOBODY)

    async def ask(connection: Traced, worker: int, first: int) -> None:
        for phone in range(first, len(known.requests), EACH):
            answer = await connection.exchange(known.requests[phone])
            found[worker, phone] = known.version_of(phone, answer)
        connection.close()

    await asyncio.gather(
        *(
            ask(connection, worker, first)
            for worker, connections in enumerate(by_worker)
            for first, connection in enumerate(connections)
        )
    )
    return found


async def _connections(running: Running) -> list[list[Traced]]:
    """Open connections until each worker has enough, and return those of each."""
    workers = workers_of(running.process.pid)
    found = defaultdict[int, list[Traced]](list)
    while any(len(found[worker.pid]) < EACH for worker in workers):
        opened = [await Traced.open(running.url) for _ in range(EACH)]
        await asyncio.sleep(0.1)  # until they are accepted
        for worker in workers:
            ports = {connection.raddr.port for connection in worker.net_connections() if connection.raddr}
            found[worker.pid] += [connection for connection in opened if connection.port in ports]
    for connections in found.values():
        for connection in connections[EACH:]:
            connection.close()
    return [found[worker.pid][:EACH] for worker in workers]


if __name__ == "__main__":
    main()
