"""The batch scoring job beside its parts and beside what a user would write.

python -m bench.scoring [--rows 10000000] [--rounds 3] [--folder /tmp]

Parquet to Parquet, CSV to CSV and CSV.gz to Parquet: (a) the model alone on blocks in memory, (b) pyarrow
reading and writing the same files without it, (c) the job into a folder and into a file, and whole files in
memory with polars and with pandas. Seconds of (a) and (b) are those of the work; of the others, from the
start of the process to its end. Files are in the page cache. Answers are compared to the last bit.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from bench.scoring_rivals import MODELS
from bench.show.tables import Target, show, show_targets
from pricerange.answer.columns import PROBABILITIES

LEAST = {("parquet", "parquet"): (2.5, 1.4), ("csv", "csv"): (4.0, 1.4)}
"""How many times faster than pandas and than polars the job is wanted to be."""


@dataclass(frozen=True, slots=True)
class Ran:
    """Seconds of a process, its largest memory in MB, and what it printed."""

    seconds: float
    megabytes: float
    printed: str


def main() -> None:
    """Measure all three pairs of formats."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="bench-scoring-") as place:
        folder = Path(place)
        for end in ("parquet", "csv"):
            ran = run("pricerange", "synth", str(arguments.rows), folder / f"phones.{end}")
            print(f"synth {end}: {arguments.rows / ran.seconds:,.0f} rows/s", file=sys.stderr)
        # the compression of a catalogue is not ours: the quickest will do
        with (folder / "phones.csv.gz").open("wb") as file:
            subprocess.run(["gzip", "-1", "-c", folder / "phones.csv"], stdout=file, check=True)
        targets: list[Target] = []
        for pair in (("parquet", "parquet"), ("csv", "csv"), ("csv.gz", "parquet")):
            targets += compare(folder, *pair, arguments.rounds)
        show_targets(targets)


def run(*command: str | Path) -> Ran:
    """Run a program of this environment; end this one where it fails."""
    program = Path(sys.executable).with_name(str(command[0]))
    read, write = os.pipe()
    started = os.times().elapsed
    pid = os.posix_spawn(
        program,
        [str(part) for part in (program, *command[1:])],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_CLOSE, read)],
    )
    os.close(write)
    with os.fdopen(read) as output:
        printed = output.read()
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"{' '.join(map(str, command))} ended with {os.waitstatus_to_exitcode(status)}: {printed}")
    return Ran(os.times().elapsed - started, usage.ru_maxrss / 1e3, printed)


def result_of(target: Path) -> list[Path]:
    """Return the files of a job's result: its parts, and those of its rejects."""
    return [*target.glob("part-*"), *target.with_name(f"{target.name}.rejected").glob("part-*")]


def digests(target: Path) -> list[tuple[str, str]]:
    """Return the name and the sha256 of each file of a job's result."""
    return sorted((path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in result_of(target))


def compare(folder: Path, form: str, out: str, rounds: int) -> list[Target]:
    """Measure one pair of formats, in rounds so that a slow minute meets all."""
    source = folder / f"phones.{form}"
    ran: defaultdict[str, list[Ran]] = defaultdict(list)
    whole = {name: folder / f"{name}.{out}" for name in ("job", "polars", "pandas")}
    for number in range(rounds):
        parts = folder / f"parts-{form}-{out}-{number}"
        ran["job"].append(run("pricerange", "score", source, parts, "--format", out, "--models", MODELS))
        ran["job into one file"].append(run("pricerange", "score", source, whole["job"], "--models", MODELS))
        ran["(a) model alone"].append(_part("model", folder / "phones.parquet", whole["job"]))
        ran["(b) pyarrow reads and writes"].append(_part("arrow", source, whole["job"]))
        for name in ("polars", "pandas"):
            if not number or name == "polars":
                ran[name].append(run("python", "-m", "bench.scoring_rivals", name, source, whole[name]))
        _require_same(whole["polars"], *(sorted(parts.glob("part-*"))))
        subprocess.run(["rm", "-r", parts], check=True)
    seconds = {name: median(one.seconds for one in runs) for name, runs in ran.items()}
    memory = {name: median(one.megabytes for one in runs) for name, runs in ran.items()}
    for path in whole.values():
        path.unlink()
    parts_sum = seconds["(a) model alone"] + seconds["(b) pyarrow reads and writes"]
    show(
        f"{form} to {out}, median of {rounds} rounds (pandas: of one).",
        ("", "seconds", "of (a) + (b)", "MB"),
        [
            (name, f"{seconds[name]:.1f}", f"{seconds[name] / parts_sum:.2f}", f"{memory[name]:,.0f}")
            for name in ran
        ],
    )
    targets = [Target(f"{form} to {out}: job of (a) + (b)", seconds["job"] / parts_sum, most=1.15)]
    if wanted := LEAST.get((form, out)):
        for name, least in zip(("pandas", "polars"), wanted, strict=True):
            targets += [
                Target(f"{form}: times faster than {name}", seconds[name] / seconds["job"], least=least),
                Target(f"{form}: memory of that of {name}", memory["job"] / memory[name], most=0.1),
            ]
    return targets


def _part(work: str, source: Path, target: Path) -> Ran:
    """Run a part of the work; its own seconds are what it prints."""
    ran = run("python", "-m", "bench.scoring_rivals", work, source, target)
    return Ran(float(ran.printed), ran.megabytes, "")


def _require_same(expected: Path, *parts: Path) -> None:
    """End the program where the answers of a job are not those of ONNX Runtime asked by a user.

    In a process of its own: what this one takes, the system adds to what it sees of a child.
    """
    code = "import sys; from bench.scoring import same; sys.exit(not same(*sys.argv[1:]))"
    if subprocess.run([sys.executable, "-c", code, expected, *parts], check=False).returncode:
        sys.exit(f"{parts[0].parent}: not the answers of {expected.name}")


def same(expected: str, *parts: str) -> bool:
    """Whether parts hold the answers of another file, to the last bit."""
    found = np.concatenate([_answers(Path(part)) for part in parts])
    return found.tobytes() == _answers(Path(expected)).tobytes()


def _answers(path: Path) -> np.ndarray:
    """Return price range and probabilities, float32 [n, 5]."""
    wanted = ["price_range", *PROBABILITIES]
    if path.suffix == ".parquet":
        table = parquet.read_table(path, columns=wanted)
    else:
        options = csv.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pa.float32()))
        table = csv.read_csv(path, convert_options=options)
    return np.column_stack([table[name].to_numpy().astype(np.float32) for name in wanted])


if __name__ == "__main__":
    main()
