"""What small files expand to: peak memory of the scoring job for files of few bytes that stand for many.

python -m bench.scoring_expansions [--models models] [--folder /tmp] [--only NAME ...]

Each file is scored with `--on-bad-row null`, into the form named; beside them an ordinary file of two million
phones. A file that cannot be scored in constant memory has to end the job with a sentence.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import ipc, parquet

from bench.scoring_rivals import MODELS
from bench.show.tables import Target, show, show_targets
from pricerange.phone import FEATURES

MOST_MB_MORE = 200
_LONG = 170_000
_SOURCE_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class Attack:
    """A file: its name's end, what it is scored into, and what writes it and returns its rows."""

    name: str
    source: str
    target: str
    write: Callable[[Path], int]


def phones(rows: int) -> dict[str, pa.Array]:
    """Return the example `rows` times, as doubles."""
    return {feature.name: pa.array(np.full(rows, float(feature.example))) for feature in FEATURES}


def noted(note: pa.Array) -> pa.Table:
    """Return phones beside a column of notes."""
    return pa.table({**phones(len(note)), "note": note})


def one_text(rows: int = _SOURCE_ROWS, length: int = _LONG) -> pa.DictionaryArray:
    """Return a text `rows` times."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["x" * length]))


def to_parquet(table: pa.Table, path: Path, **options: object) -> int:
    """Write Parquet whose columns come back as they are in the file, not as they were in memory."""
    parquet.write_table(table, path, compression="zstd", store_schema=False, **options)
    return table.num_rows


def to_arrow(table: pa.Table, path: Path, compression: str | None = None) -> int:
    """Write one record batch."""
    with ipc.new_file(path, table.schema, options=ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return table.num_rows


def to_csv(path: Path, header: str, row: str, rows: int) -> int:
    """Write the same row over and over, compressed."""
    with pa.output_stream(path, "zstd") as file:
        file.write(f"{header}\n".encode())
        several = max((1 << 20) // (len(row) + 1), 1)
        for start in range(0, rows, several):
            file.write(f"{row}\n".encode() * min(several, rows - start))
    return rows


def ordinary(path: Path) -> int:
    """Write two million phones."""
    program = Path(sys.executable).with_name("pricerange")
    subprocess.run([program, "synth", "2000000", path], check=True, capture_output=True)
    return 2_000_000


def dictionary(path: Path) -> int:
    """Write one text that all rows look up."""
    return to_parquet(noted(one_text()), path)


def typed_dictionary(path: Path) -> int:
    """Write one text that all rows look up, in a column that says so."""
    return to_arrow(noted(one_text()), path)


def deltas(path: Path) -> int:
    """Write texts that each repeat the one before."""
    table = noted(one_text(4_096, 60_000).cast(pa.string()))
    return to_parquet(table, path, use_dictionary=False, column_encoding={"note": "DELTA_BYTE_ARRAY"})


def plain(path: Path) -> int:
    """Write texts that only compression makes small."""
    return to_parquet(noted(one_text(4_096, 60_000).cast(pa.string())), path, use_dictionary=False)


def pages(path: Path) -> int:
    """Write all of a column into one page."""
    rows = 3_000_000
    whole = {"data_page_size": 1 << 30, "max_rows_per_page": rows, "row_group_size": rows}
    return to_parquet(pa.table(phones(rows)), path, use_dictionary=False, **whole)


def one_cell(path: Path) -> int:
    """Write a text of 100 MB into one row."""
    return to_parquet(noted(pa.array(["x" * 100_000_000])), path)


def lists(path: Path) -> int:
    """Write lists of 5,000 zeros."""
    return to_parquet(noted(pa.FixedSizeListArray.from_arrays(np.zeros(4_096 * 5_000), 5_000)), path)


def runs(path: Path) -> int:
    """Write a run of one text."""
    ends, values = pa.array([_SOURCE_ROWS], pa.int32()), pa.array(["x" * _LONG])
    return to_arrow(noted(pa.RunEndEncodedArray.from_arrays(ends, values)), path)


def constants(path: Path) -> int:
    """Write runs of one phone, and a column of nulls."""
    rows = 4_000_000
    ends = pa.array([rows], pa.int32())
    columns = {name: pa.RunEndEncodedArray.from_arrays(ends, value) for name, value in phones(1).items()}
    return to_arrow(pa.table({**columns, "nothing": pa.nulls(rows)}), path)


def views(path: Path) -> int:
    """Write views of one text."""
    one = pa.array(["x" * _LONG], pa.string_view())
    _, view, text = one.buffers()
    many = pa.py_buffer(view.to_pybytes()[:16] * _SOURCE_ROWS)
    return to_arrow(noted(pa.Array.from_buffers(pa.string_view(), _SOURCE_ROWS, [None, many, text])), path)


def inflated(path: Path) -> int:
    """Write a record batch that decompresses to 500 MB."""
    return to_arrow(noted(one_text(8_192, 60_000).cast(pa.large_string())), path, "zstd")


def wide_cells(path: Path) -> int:
    """Write cells of 900 kB."""
    row = ",".join([*(str(feature.example) for feature in FEATURES), "x" * 900_000])
    return to_csv(path, ",".join([*(feature.name for feature in FEATURES), "note"]), row, 1_000)


def short_rows(path: Path) -> int:
    """Write rows of one character, which lack all features."""
    return to_csv(path, "a", "1", 10_000_000)


def long_name(path: Path) -> int:
    """Write a header that an error might quote for each row."""
    names = [feature.name for feature in FEATURES if feature.name != "ram"]
    return to_csv(path, ",".join([*names, f"ram{'m' * 120_000}"]), ",".join("1" * 20), 1_000_000)


def many_columns(path: Path) -> int:
    """Write a header of 300,000 columns."""
    names = [feature.name for feature in FEATURES] + ["a"] * 300_000
    return to_csv(path, ",".join(names), "1" + "," * (len(names) - 1), 50)


ATTACKS = [
    Attack("ordinary", "parquet", "parquet", ordinary),
    *(
        Attack(f"{name}, to {target}", source, target, write)
        for name, source, write in (
            ("Parquet: a dictionary", "parquet", dictionary),
            ("Parquet: prefixes", "parquet", deltas),
            ("Parquet: compressed texts", "parquet", plain),
            ("Arrow: a dictionary", "arrow", typed_dictionary),
            ("Arrow: a run", "arrow", runs),
            ("Arrow: views", "arrow", views),
            ("Arrow: constant phones", "arrow", constants),
            ("CSV: wide cells", "csv.zst", wide_cells),
            ("CSV: short rows", "csv.zst", short_rows),
            ("CSV: a long name", "csv.zst", long_name),
        )
        for target in ("parquet", "csv")
    ),
    Attack("Parquet: lists, to parquet", "parquet", "parquet", lists),
    Attack("Parquet: large pages, to parquet", "parquet", "parquet", pages),
    Attack("Parquet: a cell of 100 MB, to parquet", "parquet", "parquet", one_cell),
    Attack("Arrow: a compressed batch, to parquet", "arrow", "parquet", inflated),
    Attack("CSV: many columns, to parquet", "csv.zst", "parquet", many_columns),
]


def main() -> None:
    """Write each file, score it, and look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument(
        "--only", nargs="+", default=[""], help="beginnings of names, beside the ordinary file"
    )
    arguments = parser.parse_args()
    rows, peaks = [], {}
    for attack in ATTACKS:
        if attack is not ATTACKS[0] and not attack.name.startswith(tuple(arguments.only)):
            continue
        with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="bench-expansions-") as place:
            source = Path(place) / f"in.{attack.source}"
            count = _apart(attack.write, source)
            code, peak, words = score(source, Path(place) / f"out.{attack.target}", arguments.models)
            peaks[attack.name] = peak
            shown = words.replace(place, "").strip() if code else ""
            rows.append(
                (attack.name, f"{source.stat().st_size:,}", f"{count:,}", f"{peak:,.0f}", str(code), shown)
            )
    show("Files scored with `--on-bad-row null`.", ("", "bytes", "rows", "peak MB", "exit", "words"), rows)
    allowed = peaks.pop(ATTACKS[0].name) + MOST_MB_MORE
    worst = max(peaks, key=lambda name: peaks[name])
    show_targets([Target(f"peak of the largest, {worst}", peaks[worst], most=round(allowed), unit=" MB")])


def _apart(write: Callable[[Path], int], path: Path) -> int:
    """Write a file in a process of its own: what this one takes counts as that of its children too."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(write, (path,))


def score(source: Path, target: Path, models: Path) -> tuple[int, float, str]:
    """Score a file; return the exit code, the peak of the memory in MB, and the last of what was said."""
    program = Path(sys.executable).with_name("pricerange")
    said = target.with_suffix(".said")
    flags = ["--models", str(models), "--on-bad-row", "null"]
    with said.open("w") as output:
        pid = os.posix_spawn(
            program,
            [str(program), "score", str(source), str(target), *flags],
            os.environ | {"COLUMNS": "1000"},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, output.fileno(), 2),
            ],
        )
        _, status, usage = os.wait4(pid, 0)
    words = said.read_text().strip().splitlines() or [""]
    return os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1e3, words[-1]


if __name__ == "__main__":
    main()
