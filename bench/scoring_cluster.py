"""The scoring job on a Ray cluster of two nodes, one of them lost or not, beside the same job without Ray.

python -m bench.scoring_cluster [--rows 20000000] [--folder /tmp]

The nodes are processes of this machine, with a core each; the one that is lost is killed when a fifth of the
parts are there. Results are compared by their digests. Needs the extra `ray`.
"""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from ray.cluster_utils import Cluster as RayCluster

from bench.scoring import digests, run
from bench.scoring_rivals import MODELS
from bench.show.tables import show
from scoring.order import Options
from scoring.score import score
from scoring.work.cluster import Cluster

MEMORY = 200 << 20


def main() -> None:
    """Score on this machine, on two nodes, and on two of which one is lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="bench-cluster-") as place:
        folder = Path(place)
        run("pricerange", "synth", str(arguments.rows), folder / "phones.parquet")
        rows = [_row("local", arguments.rows, score_in(folder, "local", None))]
        for name in ("two nodes", "two nodes, one lost"):
            cluster = RayCluster(initialize_head=True, head_node_args=_node())
            lost = cluster.add_node(**_node())
            if "lost" in name:
                parts = arguments.rows // 5 // (1 << 20)
                threading.Thread(
                    target=_lose, args=(cluster, lost, folder / name, parts), daemon=True
                ).start()
            rows.append(_row(name, arguments.rows, score_in(folder, name, Cluster(cluster.address))))
            cluster.shutdown()
            if digests(folder / name) != digests(folder / "local"):
                sys.exit(f"{name}: not the result of the local engine")
    show("The same parts, byte for byte.", ("", "seconds", "rows/s"), rows)


def score_in(folder: Path, name: str, cluster: Cluster | None) -> float:
    """Score the phones of a folder into another in it; return the seconds, connecting to Ray among them."""
    started = time.perf_counter()
    score([str(folder / "phones.parquet")], folder / name, MODELS, options=Options(cluster=cluster))
    return time.perf_counter() - started


def _node() -> dict[str, int]:
    return {"num_cpus": 1, "object_store_memory": MEMORY}


def _lose(cluster: RayCluster, node: object, target: Path, parts: int) -> None:
    while len(list(target.glob("part-*"))) < parts:
        time.sleep(0.05)
    cluster.remove_node(node, allow_graceful=False)


def _row(name: str, rows: int, seconds: float) -> tuple[str, str, str]:
    return name, f"{seconds:.1f}", f"{rows / seconds:,.0f}"


if __name__ == "__main__":
    main()
