"""The prediction log: what it costs, and what becomes of it and of the requests when something goes wrong.

python -m bench.prediction_log [--rounds 3] [--seconds 4] [--only loop|throughput|disks|kills|labels]

`disks` mounts a tmpfs and a small ext4 that it freezes, and needs permission to do both. Exit code 1 where a
promise is broken: a request not answered, a row neither written nor counted, a part that cannot be read.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from bench.http_parts.plan import Plan
from bench.load.phones import Oracle, phones
from bench.load.wrk import require_wrk
from bench.prediction_log import disks, kills, labels, loop, throughput

PARTS = {
    "loop": loop.measure,
    "throughput": throughput.measure,
    "disks": disks.measure,
    "kills": kills.measure,
    "labels": labels.measure,
}


def main() -> None:
    """Run the parts and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each run of load")
    parser.add_argument("--only", choices=tuple(PARTS), help="one part instead of all")
    wanted = parser.parse_args()
    require_wrk()
    models = wanted.models.resolve()
    plan = Plan(models, wanted.rounds, wanted.seconds, phones(models, 1_000), Oracle(models))
    broken = 0
    with tempfile.TemporaryDirectory(prefix="bench-predictions-") as folder:
        for name, measure in PARTS.items():
            if wanted.only in (None, name):
                place = Path(folder) / name
                place.mkdir()
                broken += measure(plan, place)
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
