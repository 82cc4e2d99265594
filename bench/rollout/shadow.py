"""What a shadow costs, and whether it tells the truth: `python -m bench.rollout.shadow [--only cost]`.

A service without a shadow, with one of a tenth of the phones and one of all is loaded in turn, on one core.
Then phones are asked about once each, with a canary and a shadow of all beside the stable version, and what
`GET /rollout` says of how they agree must be what a comparison of the versions on the same phones says. Exit
code 1 where a target is missed.
"""

import argparse
import sys
from pathlib import Path

from bench.http_parts.plan import Plan
from bench.load.phones import Oracle, phones
from bench.load.wrk import require_wrk
from bench.rollout import agreement, shadow_cost
from bench.show.tables import Target, show_targets

PARTS = ("cost", "agreement")


def main() -> None:
    """Measure both, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument(
        "--shadow", type=int, default=3, help="beside the newest promotable version, for its cost"
    )
    parser.add_argument(
        "--compared", type=int, nargs=3, default=(2, 3, 1), help="a stable version, a canary and a shadow"
    )
    parser.add_argument("--phones", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each run of wrk")
    parser.add_argument("--only", choices=PARTS, help="one part instead of both")
    wanted = parser.parse_args()
    require_wrk()
    models = wanted.models.resolve()
    rows = phones(models, wanted.phones)
    plan = Plan(models, wanted.rounds, wanted.seconds, rows, Oracle(models))
    targets = list[Target]()
    if wanted.only in {None, "cost"}:
        targets += shadow_cost.measure(plan, wanted.shadow)
    if wanted.only in {None, "agreement"}:
        targets += agreement.measure(plan, *wanted.compared)
    show_targets(targets)
    sys.exit(any(target.row()[-1] == "missed" for target in targets))


if __name__ == "__main__":
    main()
