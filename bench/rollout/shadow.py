"""What a shadow costs, and whether it tells the truth: `python -m bench.rollout.shadow [--only cost]`.

A service without a shadow, with one of a tenth of the phones and one of all is loaded in turn, on one core.
Then phones are asked about once each, with a canary and a shadow of all beside the stable version, and what
`GET /rollout` says of how they agree must be what a comparison of the versions on the same phones says. Exit
code 1 where a target is missed.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench.http_parts.plan import Plan
from bench.load.phones import Oracle, phones
from bench.load.wrk import require_wrk
from bench.rollout import agreement, shadow_cost
from bench.show.tables import Target, show_targets

PARTS: dict[str, Callable[[Plan, int, int], list[Target]]] = {
    "cost": shadow_cost.measure,
    "agreement": agreement.measure,
}


def main() -> None:
    """Measure both, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--beside", type=int, nargs=2, default=(2, 1), help="the canary, and the shadow")
    parser.add_argument("--phones", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each run of wrk")
    parser.add_argument("--only", choices=tuple(PARTS), help="one part instead of both")
    wanted = parser.parse_args()
    require_wrk()
    models = wanted.models.resolve()
    rows = phones(models, wanted.phones)
    plan = Plan(models, wanted.rounds, wanted.seconds, rows, Oracle(models))
    targets = [
        target
        for name, measure in PARTS.items()
        if wanted.only in (None, name)
        for target in measure(plan, *wanted.beside)
    ]
    show_targets(targets)
    sys.exit(any(target.row()[-1] == "missed" for target in targets))


if __name__ == "__main__":
    main()
