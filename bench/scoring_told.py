"""The batch scoring job with more told beside the answers: range and distance, and prediction sets.

python -m bench.scoring_told [--rows 3000000] [--rounds 3] [--folder /tmp]

Parquet to Parquet and CSV to CSV, into a folder, of the service's own synthetic phones; the variants in turn,
in rounds so that a slow minute meets all. Rows a second are those of the whole process.
"""

import argparse
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from bench.scoring import run
from bench.scoring_rivals import MODELS
from bench.show.tables import Target, show, show_targets

VARIANTS = {
    "neither": ("--out-of-range", "answer"),
    "range, distance": ("--out-of-range", "flag"),
    "range, distance, sets": ("--out-of-range", "flag", "--sets", "0.9"),
}
LEAST = {"range, distance": 0.95, "range, distance, sets": 0.8}
"""Of the rows a second with neither."""


def main() -> None:
    """Measure both forms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    targets: list[Target] = []
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="bench-scoring-told-") as place:
        for form in ("parquet", "csv"):
            source = Path(place) / f"phones.{form}"
            run("pricerange", "synth", str(arguments.rows), source)
            targets += _compare(source, form, arguments.rows, arguments.rounds)
    show_targets(targets)


def _compare(source: Path, form: str, rows: int, rounds: int) -> list[Target]:
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        # none is always the first
        for name in (*VARIANTS,) if number % 2 else (*reversed(VARIANTS),):
            parts = source.with_name("parts")
            told = VARIANTS[name]
            ran = run("pricerange", "score", source, parts, "--format", form, "--models", MODELS, *told)
            seconds[name].append(ran.seconds)
            shutil.rmtree(parts)
    rates = {name: median(rows / each for each in seconds[name]) for name in VARIANTS}
    share = {
        name: median(bare / each for bare, each in zip(seconds["neither"], seconds[name], strict=True))
        for name in VARIANTS
    }
    table = [(name, f"{rates[name]:,.0f}", f"{share[name]:.2f}") for name in VARIANTS]
    show(f"{form}, {rows:,} rows, medians of {rounds} rounds", ("told", "rows/s", "of neither"), table)
    return [
        Target(f"{form}, {name}: rows/s, of those with neither", share[name], least)
        for name, least in LEAST.items()
    ]


if __name__ == "__main__":
    main()
