"""Rollouts on their bad days: `python -m bench.rollout.faults [--only late] [--models models]`.

Each part serves a copy of the model repository, most of them with two workers and 8 clients that check every
answer. `disk` mounts a small tmpfs and needs permission to do so. Exit code 1 where a target is missed.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench.load.phones import phones
from bench.rollout.faults import dropped_in, full_disk, late, many_versions, parent_kill, replaced
from bench.rollout.faults.scene import Scene
from bench.show.tables import Target, show_targets

PHONES = 2_000
PARTS: dict[str, Callable[[Scene], list[Target]]] = {
    "many": many_versions.measure,
    "bad": dropped_in.measure,
    "replaced": replaced.measure,
    "late": late.measure,
    "parent": parent_kill.measure,
    "disk": full_disk.measure,
}


def main() -> None:
    """Print the tables of each part, and the targets of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument(
        "--versions", type=int, nargs=2, default=(2, 3), help="that serves, and that may be its canary"
    )
    parser.add_argument("--only", choices=tuple(PARTS), help="one part instead of all")
    wanted = parser.parse_args()
    rows = phones(wanted.models, PHONES)
    stable, other = wanted.versions
    scene = Scene(wanted.models.resolve(), stable, other, rows)
    targets = [
        target for name, measure in PARTS.items() if wanted.only in (None, name) for target in measure(scene)
    ]
    show_targets(targets)
    sys.exit(any(target.row()[-1] == "missed" for target in targets))


if __name__ == "__main__":
    main()
