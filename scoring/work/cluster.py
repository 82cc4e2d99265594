"""A job on the machines of a Ray cluster: the same shards, through Ray Data over a pool of actors."""

import logging
import pickle
import socket
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pricerange.errors import MissingExtraError, PriceRangeError
from pricerange.tables.source.blocks import Shard
from pricerange.tables.source.guesses import Found, Guesses
from scoring.errors import ClusterError
from scoring.job.job import Job, Part
from scoring.work.shard import OnRows, ShardWorker

_SECONDS_TO_CONNECT = 10


@dataclass(frozen=True, slots=True)
class Cluster:
    """Which cluster, and what share of it an actor gets: whole cores, and perhaps a fraction of a GPU.

    The `address` `local` starts Ray on this machine.
    """

    address: str = "local"
    cpus: int = 1
    gpus: float = 0.0


def parts(
    cluster: Cluster, job: Job, shards: Sequence[Shard], on_rows: OnRows, guesses: Guesses
) -> Generator[Part]:
    """Write the parts of shards on a cluster and yield them as shards are finished; add what was guessed.

    The folder of the job has to be the same on all machines. A shard whose machine was lost is done again by
    another: its parts get the same names and the same bytes.

    Raises `MissingExtraError`, `ClusterError`, and what `ShardWorker.parts` raises.
    """
    if not shards:
        return
    with _connected(cluster):
        from ray import data

        answers = data.from_items(
            [{"shard": pickle.dumps(shard)} for shard in shards], override_num_blocks=len(shards)
        ).map_batches(
            _Actor,
            batch_size=1,
            # as many as there is room for now; with fewer when machines are lost, more when they come
            compute=data.ActorPoolStrategy(
                min_size=1, initial_size=min(_room(cluster), len(shards)), max_size=len(shards)
            ),
            fn_constructor_args=(job, cluster.cpus),
            num_cpus=cluster.cpus,
            num_gpus=cluster.gpus,
        )
        for row in answers.iter_rows():
            found: list[Part] | PriceRangeError
            found, of_files = pickle.loads(row["parts"])
            for guess, places in of_files.items():
                guesses.add(guess, places)
            if isinstance(found, PriceRangeError):
                raise found
            for part in found:
                on_rows(part.tally.rows)
                yield part


class _Actor:
    """A worker in a process of Ray's."""

    def __init__(self, job: Job, cores: int) -> None:
        self._worker = ShardWorker(job, cores)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        """Write the parts of shards, and say which they are; or what is wrong: Ray would lose its fields."""
        return {"parts": [pickle.dumps(self._parts(pickle.loads(shard))) for shard in batch["shard"]]}

    def _parts(self, shard: Shard) -> tuple[list[Part] | PriceRangeError, Found]:
        self._worker.guesses = Guesses()
        found: list[Part] | PriceRangeError
        try:
            found = list(self._worker.parts(shard, _nothing))
        except PriceRangeError as error:
            found = error
        return found, self._worker.guesses.found


def _nothing(_rows: int) -> None:
    """Tell no one: what an actor has done is known when its shard is finished."""


@contextmanager
def _connected(cluster: Cluster) -> Iterator[None]:
    """Connect to a cluster. Raises `MissingExtraError` or `ClusterError`."""
    try:
        import ray
        from ray.data import DataContext
        from ray.exceptions import RayError
    except ModuleNotFoundError as error:
        raise MissingExtraError("ray", error.name or "ray") from error
    _require_reachable(cluster.address)
    for logger in ("ray", "ray.data"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    try:
        ray.init(cluster.address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
        DataContext.get_current().enable_progress_bars = False
        yield
    except (RayError, ConnectionError, ValueError) as error:
        raise ClusterError(cluster.address, str(error)) from error
    finally:
        ray.shutdown()


def _require_reachable(address: str) -> None:
    """Raise `ClusterError` where no one listens: Ray would try for minutes, and end the process then."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and port.isdecimal()):
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_CONNECT).close()
    except OSError as error:
        raise ClusterError(address, error.strerror or str(error)) from error


def _room(cluster: Cluster) -> int:
    """Return how many actors the cluster has room for. Raises `ClusterError` where that is none."""
    import ray

    found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    wanted = {"CPU": cluster.cpus, "GPU": cluster.gpus}
    room = min(int(found.get(name, 0) // share) for name, share in wanted.items() if share)
    if not room:
        described = " and ".join(f"{found.get(name, 0):g} {name}" for name in wanted)
        raise ClusterError(
            cluster.address, f"expected capacity for an actor with {wanted}, found {described}"
        )
    return room
