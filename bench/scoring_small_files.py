"""The scoring job on folders of many small files, beside polars, which only reads and joins them.

python -m bench.scoring_small_files [--csv 20000] [--parquet 5000] [--rounds 3] [--folder /tmp]

Each file has two rows. Seconds are those of a process, from its start to its end; files are in the page
cache. The results are compared to that of the same rows in one file: CSV byte by byte, Parquet value by
value.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from bench.scoring import Ran, run
from bench.scoring_rivals import MODELS
from bench.show.tables import Target, show, show_targets

ROWS = 2
"""Rows of a file."""
MOST = 3.0
"""How many times polars' seconds the job may take."""


def main() -> None:
    """Measure CSV, then Parquet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--csv", type=int, default=20_000)
    parser.add_argument("--parquet", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    targets: list[Target] = []
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="bench-small-") as place:
        for form, count in (("csv", arguments.csv), ("parquet", arguments.parquet)):
            targets += compare(Path(place) / form, form, count, arguments.rounds)
    show_targets(targets)


def compare(folder: Path, form: str, count: int, rounds: int) -> list[Target]:
    """Measure one format, in rounds so that a slow minute meets all."""
    folder.mkdir()
    run("pricerange", "synth", str(count * ROWS), folder / f"whole.{form}")
    _in_child("split", folder / f"whole.{form}", folder / "small", str(count))
    for out in ("csv", "parquet"):
        run("pricerange", "score", folder / f"whole.{form}", folder / f"expected.{out}", "--models", MODELS)
    ran: defaultdict[str, list[Ran]] = defaultdict(list)
    results = {
        "into a folder": ("parts", "parquet"),
        "into one CSV file": ("out.csv", "csv"),
        "into one Parquet file": ("out.parquet", "parquet"),
    }
    for _ in range(rounds):
        ran["polars reads and joins"].append(
            run("python", "-c", f"import polars; polars.read_{form}({str(folder / 'small' / '*')!r})")
        )
        for name, (result, out) in results.items():
            target = folder / result
            ran[name].append(run("pricerange", "score", folder / "small", target, "--models", MODELS))
            _in_child("require_same", folder / f"expected.{out}", target)
            subprocess.run(["rm", "-r", target], check=True)
    seconds = {name: median(one.seconds for one in runs) for name, runs in ran.items()}
    polars = seconds["polars reads and joins"]
    show(
        f"{count:,} {form} files of {ROWS} rows, median of {rounds} rounds.",
        ("", "seconds", "of polars'", "µs a file", "MB"),
        [
            (
                name,
                f"{seconds[name]:.1f}",
                f"{seconds[name] / polars:.2f}",
                f"{seconds[name] / count * 1e6:,.0f}",
                f"{median(one.megabytes for one in runs):,.0f}",
            )
            for name, runs in ran.items()
        ],
    )
    return [Target(f"{form} files {name}, of polars'", seconds[name] / polars, most=MOST) for name in results]


def split(whole: str, small: str, count: str) -> None:
    """Write a file's rows as so many files."""
    from pyarrow import parquet

    source, folder = Path(whole), Path(small)
    folder.mkdir()
    if source.suffix == ".csv":
        header, *lines = source.read_text().splitlines(keepends=True)
        for number in range(int(count)):
            rows = lines[number * ROWS : (number + 1) * ROWS]
            (folder / f"part-{number:05d}.csv").write_text("".join([header, *rows]))
    else:
        table = parquet.read_table(source)
        for number in range(int(count)):
            parquet.write_table(table.slice(number * ROWS, ROWS), folder / f"part-{number:05d}.parquet")


def require_same(expected: str, found: str) -> None:
    """End the program where a result is not what was expected."""
    from pyarrow import parquet

    parts = sorted(Path(found).glob("part-*")) if Path(found).is_dir() else [Path(found)]
    if expected.endswith(".csv"):
        same = Path(expected).read_bytes() == b"".join(part.read_bytes() for part in parts)
    else:
        same = parquet.read_table(expected).equals(parquet.read_table(parts))
    if not same:
        sys.exit(f"{found}: not the answers of {expected}")


def _in_child(work: str, *arguments: str | Path) -> None:
    """Do work in a process of its own: what this one takes, the system adds to what it sees of a child."""
    # by this file's path: what is measured may be an older tree, which lacks it
    code = f"import runpy, sys; runpy.run_path(sys.argv[1])[{work!r}](*sys.argv[2:])"
    command = [sys.executable, "-c", code, __file__, *map(str, arguments)]
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"{work} failed")


if __name__ == "__main__":
    main()
