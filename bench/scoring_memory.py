"""Peak memory of the scoring job for tables of 1, 10 and 50 million rows: it must not depend on the rows.

python -m bench.scoring_memory [--millions 1 10 50] [--folder /tmp]

Parquet to Parquet, CSV to CSV and CSV.gz to Parquet, into folders of parts.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

from bench.scoring import run
from bench.scoring_rivals import MODELS
from bench.show.tables import Target, show, show_targets

MOST_MB = 600


def main() -> None:
    """Generate, score and look, one size after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    found: dict[tuple[str, int], float] = {}
    speed: dict[tuple[str, int], float] = {}
    for millions in arguments.millions:
        with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="bench-memory-") as place:
            folder = Path(place)
            rows = str(millions * 1_000_000)
            for end in ("parquet", "csv"):
                run("pricerange", "synth", rows, folder / f"phones.{end}")
            for form, out in (("parquet", "parquet"), ("csv", "csv"), ("csv.gz", "parquet")):
                if form == "csv.gz":
                    subprocess.run(["gzip", "-1", folder / "phones.csv"], check=True)
                source, target = folder / f"phones.{form}", folder / "parts"
                ran = run("pricerange", "score", source, target, "--format", out, "--models", MODELS)
                found[f"{form} to {out}", millions] = ran.megabytes
                speed[f"{form} to {out}", millions] = millions / ran.seconds
                subprocess.run(["rm", "-r", target], check=True)
    names = list(dict.fromkeys(name for name, _ in found))
    show(
        "Peak memory in MB (and million rows/s).",
        ("", *(f"{millions} million rows" for millions in arguments.millions)),
        [
            (
                name,
                *(f"{found[name, size]:,.0f} ({speed[name, size]:.2f})" for size in arguments.millions),
            )
            for name in names
        ],
    )
    # a table of one part is worked on by fewer threads, so the smallest size says less of growth
    *_, smaller, largest = arguments.millions
    show_targets(
        [
            Target("largest", max(found.values()), most=MOST_MB, unit=" MB"),
            *(
                Target(
                    f"{name}: {largest} million rows of {smaller} million",
                    found[name, largest] / found[name, smaller],
                    most=1.1,
                )
                for name in names
            ),
        ]
    )


if __name__ == "__main__":
    main()
