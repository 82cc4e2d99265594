"""Scoring jobs that SIGKILL or a full disk interrupts at random moments, resumed until they finish.

python -m bench.scoring_kills [--kills 25] [--rows 4000000] [--seed 0]

For Parquet, CSV and CSV.gz in turn: jobs are killed, and resumed each time, until so many kills are done in
all. The answers and the rejects must have the digests of those of an uninterrupted run, and no other files
may be left. The full disk is a tmpfs of its own (needs permission to mount) that is grown for the last run.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.scoring import digests, result_of, run
from bench.scoring_rivals import MODELS
from bench.show.tables import show

FORMS = ("parquet", "csv", "csv.gz")


def main() -> None:
    """Kill, go on, compare; then fill a disk."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    moment = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="bench-kills-") as place:
        folder = Path(place)
        seconds = {form: prepare(folder, form, arguments.rows) for form in FORMS}
        rows = []
        for number, form in enumerate(FORMS):
            kills = arguments.kills // len(FORMS) + (number < arguments.kills % len(FORMS))
            rows.append((f"{form}, killed", *kill(folder, form, kills, seconds[form], moment)))
        rows += [(f"{form}, on a full disk", *fill(folder, form)) for form in FORMS]
        show(
            f"Jobs of {arguments.rows:,} rows, one in 1,000 of them bad, interrupted and resumed.",
            ("", "interruptions", "jobs", "equal", "stray files"),
            rows,
        )
    if any(equal != jobs or stray != "0" for _, _, jobs, equal, stray in rows):
        sys.exit("a result differs, or something lies beside it")


def prepare(folder: Path, form: str, rows: int) -> float:
    """Write phones with bad ones among them and score them without interruption; return the seconds."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv, parquet

    source = folder / f"phones.{form}"
    if form == "parquet":
        run("pricerange", "synth", str(rows), folder / "good.parquet")
        table = parquet.read_table(folder / "good.parquet")
        place = pa.array(range(len(table)))
        bad = pc.equal(pc.subtract(place, pc.multiply(pc.divide(place, 1000), 1000)), 999)
        ram = pc.if_else(bad, 4, table["ram"])
        table = table.set_column(table.column_names.index("ram"), "ram", ram)
        parquet.write_table(table, source)
        csv.write_csv(table, folder / "phones.csv")
    elif form == "csv.gz":
        with source.open("wb") as file:
            subprocess.run(["gzip", "-1", "-c", folder / "phones.csv"], stdout=file, check=True)
    return run("pricerange", *_job(folder, form, folder / f"{form}-whole")).seconds


def kill(folder: Path, form: str, kills: int, seconds: float, moment: random.Random) -> tuple[str, ...]:
    """Run jobs and kill them at random moments until there were so many kills; compare what they end in."""
    done = jobs = equal = stray = 0
    while done < kills:
        target = folder / f"{form}-killed"
        jobs += 1
        while True:
            with subprocess.Popen(
                [Path(sys.executable).with_name("pricerange"), *_job(folder, form, target)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as job:
                if done < kills:
                    time.sleep(moment.uniform(0, seconds))
                    job.kill()
            if job.returncode == 0:
                break
            if job.returncode != -9:
                sys.exit(f"{form}: a run that was to go on ended with {job.returncode}")
            done += 1
        equal += _same(folder, form, target)
        stray += _stray(target)
        subprocess.run(["rm", "-r", target, f"{target}.rejected"], check=True)
    return str(done), str(jobs), str(equal), str(stray)


def fill(folder: Path, form: str) -> tuple[str, ...]:
    """Score onto a disk with room for a third, then for two thirds, then for all."""
    disk = folder / "disk"
    disk.mkdir(exist_ok=True)
    needed = sum(path.stat().st_size for path in result_of(folder / f"{form}-whole"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={needed // 3}", "tmpfs", disk], check=True)
    failed = 0
    try:
        for size in (needed // 3, needed * 2 // 3, needed * 2):
            subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)
            command = [Path(sys.executable).with_name("pricerange"), *_job(folder, form, disk / "out")]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            if ended.returncode:
                failed += 1
                if ended.returncode != 37 or "No space left on device" not in ended.stderr:
                    sys.exit(f"{form}: a full disk ended a job with {ended.returncode}: {ended.stderr}")
                if _stray(disk / "out"):
                    sys.exit(f"{form}: a full disk left a half part")
        return str(failed), "1", str(int(_same(folder, form, disk / "out"))), str(_stray(disk / "out"))
    finally:
        subprocess.run(["umount", disk], check=True)


def _job(folder: Path, form: str, target: Path) -> list[str]:
    out = "csv" if form == "csv" else "parquet"
    places = [str(folder / f"phones.{form}"), str(target), "--models", str(MODELS.absolute())]
    return ["score", *places, "--format", out, "--on-bad-row", "reject"]


def _same(folder: Path, form: str, target: Path) -> bool:
    return digests(target) == digests(folder / f"{form}-whole")


def _stray(target: Path) -> int:
    """Count what is neither a part nor the manifest nor the summary, beside the job's folders too."""
    known = {"_manifest.jsonl", "summary.json"}
    inside = [*target.iterdir(), *target.with_name(f"{target.name}.rejected").glob("*")]
    others = [path for path in inside if path.name not in known and not path.name.startswith("part-")]
    return len(others) + len(list(target.parent.glob(f".*{target.name}*")))


if __name__ == "__main__":
    main()
