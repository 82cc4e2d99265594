"""What goes wrong, one cause for each alert: servers, and what is done to them."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from bench.alarms.acts import (
    Act,
    Place,
    asking,
    asks_about_many,
    beside,
    ends,
    falls_silent,
    halts,
    loses_the_folder,
    reads_nothing,
    sends_half,
    unsure,
    waits,
    workers_die,
    writes,
)
from bench.load.live import PHONE, Running, serving

HURRY = "1"
"""Milliseconds that nobody can keep."""
BATCH = {"phones": [PHONE] * 1_000}
UNKNOWN = {"phones": [PHONE | {"ram": None}] * 200}
WORSE = """
stable = 4
[canary]
version = 3
weight = 50
[analysis]
interval = 1
min_rows = 1
[[analysis.metrics]]
name = "disagreement"
success_condition = "result < 0"
"""
KEY = "of-a-bench-alone"
KEYS = f'[[key]]\nname = "bench"\nkey = "{KEY}"\nroles = ["predict"]\n'


Flags = Callable[[Place], Sequence[Sequence[str]]]


@dataclass(frozen=True)
class Cause:
    """Which alerts it is to provoke, in words, on servers with which flags, by doing what."""

    alerts: tuple[str, ...]
    words: str
    act: Act
    flags: Flags = lambda place: [()]
    log_is_read: bool = True
    environments: Callable[[Place], Sequence[Mapping[str, str]]] = lambda place: ()
    """What the first, the second, ... server has in its environment beside ours."""

    @contextmanager
    def servers(self, place: Place) -> Iterator[list[Running]]:
        """Start the servers."""
        with ExitStack() as stack:
            yield [
                stack.enter_context(
                    serving(place.models, "--no-access-log", *flags, key=KEY, environment=environment)
                    if self.log_is_read
                    else unread(place.models)
                )
                for flags, environment in zip_longest(self.flags(place), self.environments(place))
            ]


@contextmanager
def unread(models: Path) -> Iterator[Running]:
    """Start a server whose log goes into a pipe that nobody reads."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [Path(sys.executable).with_name("pricerange"), "serve", "--models", models, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield Running(process, [], f"http://127.0.0.1:{port}", 0.0)
    finally:
        process.kill()
        process.wait()


def same(*flags: str) -> Flags:
    """One server, with these flags."""
    return lambda place: [flags]


def with_keys(place: Place) -> list[tuple[str, ...]]:
    """One server with a file of keys."""
    keys = place.folder / "keys.toml"
    keys.write_text(KEYS)
    return [("--api-keys-file", str(keys))]


def with_log(place: Place) -> list[tuple[str, ...]]:
    """One server with a prediction log."""
    (place.folder / "log").mkdir()
    return [("--prediction-log", str(place.folder / "log"), "--prediction-log-seconds", "1")]


def versions(*numbers: int) -> Flags:
    """A server for each version."""
    return lambda place: [("--model-version", str(number)) for number in numbers]


def one_of_another_build(place: Place) -> list[dict[str, str]]:
    """Two servers; what the second finds installed says that it is another version."""
    build = place.folder / "build" / "pricerange-0.dist-info"
    build.mkdir(parents=True)
    (build / "METADATA").write_text("Metadata-Version: 2.1\nName: pricerange\nVersion: 0\n")
    return [{}, {"PYTHONPATH": str(build.parent)}]


CAUSES = (
    Cause(
        ("PricerangeRequestsFail",),
        "a millisecond for a thousand phones",
        asking(BATCH, "/predict/batch", X_Request_Timeout_Ms=HURRY),
    ),
    Cause(("PricerangeAnswersSlow",), "the process stands still half of the time", beside(halts, asking())),
    Cause(("PricerangeDown", "PricerangeTargetDown"), "the process ends", ends),
    Cause(("PricerangeNoTraffic",), "requests end", falls_silent),
    Cause(("PricerangeRestarts",), "kill -9 of a worker every 10 s", workers_die, same("--workers", "2")),
    Cause(
        ("PricerangeQueueSaturated",),
        "batches as large as the queue",
        asking({"phones": [PHONE] * 100}, "/predict/batch", clients=4),
        same("--max-rows", "100", "--max-queue-rows", "100"),
    ),
    Cause(
        ("PricerangeQueueWaits",),
        "phones that cost as much as a hundred, from many at once",
        asking(UNKNOWN, "/predict/batch?unknown=average", clients=12),
        same("--max-queue-rows", "1000000"),
    ),
    Cause(
        ("PricerangeMemoryNearlyHeld",),
        "bodies without an end",
        sends_half,
        same("--max-request-memory", "32000000"),
    ),
    Cause(
        ("PricerangeSpoolNearlyFull",),
        "a long answer that nobody reads",
        reads_nothing,
        same("--max-spool-bytes", "4500000"),
    ),
    Cause(("PricerangeRunsOnCpu",), "no CUDA", waits, same("--provider", "auto")),
    Cause(("PricerangeVersionSkew",), "two stable versions", waits, versions(3, 4)),
    Cause(
        ("PricerangeBuildSkew",),
        "one of two servers is another build",
        waits,
        lambda place: [(), ()],
        environments=one_of_another_build,
    ),
    Cause(
        ("PricerangeRolloutInvalid",),
        "rollout.toml names a version that is not there",
        writes(lambda place: place.rollout, "stable = 9\n"),
    ),
    Cause(
        ("PricerangeCanaryRolledBack",),
        "a canary that cannot pass",
        beside(writes(lambda place: place.rollout, WORSE), asks_about_many),
    ),
    Cause(
        ("PricerangeDrift", "PricerangeAccuracyFalls"),
        "one phone, over and over, whose answer is unsure",
        unsure,
        same("--drift-window", "100"),
    ),
    Cause(("PricerangeLogLinesDropped",), "nobody reads the log", asking(clients=4), log_is_read=False),
    Cause(
        ("PricerangePredictionsNotLogged",),
        "the folder of the log is gone",
        beside(loses_the_folder, asking()),
        with_log,
    ),
    Cause(
        ("PricerangeApiKeysInvalid",),
        "a file of keys that is none",
        writes(lambda place: place.folder / "keys.toml", "[[key"),
        with_keys,
    ),
)
