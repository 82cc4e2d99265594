"""A process that scores one file after the other, as the command does, until one of them ends it."""

import csv
import io
import multiprocessing
import os
import sys
import traceback
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Literal

from pyarrow import parquet

from bench.show.memory import peak
from pricerange.errors import PriceRangeError
from scoring.order import Options
from scoring.score import score

MOST_SECONDS = 20.0
MOST_MB = 1000.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Way:
    """How a file is scored: into what, beside another that is whole or alone, all columns or one."""

    target: Literal["csv", "parquet"]
    beside: bool
    all_columns: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a file: the rows and the bytes of its answers, or words; seconds, and MB at the peak.

    `refused`: an error of the program that names the file; `fault`: anything else that is no answer.
    """

    kind: Literal["answered", "refused", "fault"]
    words: str = ""
    rows: int = 0
    answers: bytes = b""
    seconds: float = 0.0
    megabytes: float = 0.0


class Scorer:
    """Scores files in a process of its own, and in another one where that ended."""

    def __init__(self, folder: Path, models: Path) -> None:
        self._folder = folder
        self._models = models
        self._start()

    def score(self, content: bytes, beside: bytes, ending: str, way: Way) -> Outcome:
        """Score a file's bytes; `beside` are those of the whole one."""
        names = [f"{name}{ending}" for name in (("b", "a") if way.beside else ("b",))]
        for name, of_name in zip(names, (content, beside), strict=False):
            (self._folder / name).write_bytes(of_name)
        began = perf_counter()
        self._asking.send((sorted(names), way))
        while perf_counter() - began < MOST_SECONDS:
            try:
                if self._asking.poll(_LOOK_SECONDS):
                    outcome: Outcome = self._asking.recv()
                    if outcome.megabytes <= MOST_MB:
                        return outcome
                    break
            except EOFError:
                self._process.join()
                code = self._process.exitcode
                self._start()
                said = self._said.read_text(errors="replace")[-2_000:]
                return Outcome("fault", f"the process ended with {code}: {said}")
            if (now := self._megabytes()) > MOST_MB:
                self.stop()
                self._start()
                return Outcome("fault", f"it takes {now:.0f} MB")
        seconds = perf_counter() - began
        self.stop()
        self._start()
        if seconds < MOST_SECONDS:
            return Outcome("fault", f"it took {outcome.megabytes:.0f} MB at its peak")
        return Outcome("fault", f"it takes longer than {MOST_SECONDS:g} s")

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._asking.close()

    def _start(self) -> None:
        spawned = multiprocessing.get_context("spawn")
        self._asking, asked = spawned.Pipe()
        self._said = self._folder / "said"
        self._process = spawned.Process(target=_answer, args=(asked, self._folder, self._models, self._said))
        self._process.start()
        asked.close()
        self._asking.recv()  # what a start takes is not the time of a file

    def _megabytes(self) -> float:
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0.0
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _answer(asked: Connection, folder: Path, models: Path, said: Path) -> None:
    """Score what is asked for until nobody asks."""
    with said.open("w") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stderr = sys.stdout = open(2, "w", closefd=False)  # noqa: SIM115 - until the process ends
    warnings.simplefilter("ignore")
    asked.send("ready")
    while True:
        try:
            names, way = asked.recv()
        except EOFError:
            return
        asked.send(_scored(folder, names, models, way))


def _scored(folder: Path, names: list[str], models: Path, way: Way) -> Outcome:
    target = folder / f"out.{way.target}"
    target.unlink(missing_ok=True)
    options = Options(on_bad_row="null", columns=None if way.all_columns else ("id",))
    kind, words, rows, answers, began = "fault", "", 0, b"", perf_counter()
    try:
        rows = score([str(folder / name) for name in names], target, models, options=options).rows
        answers = target.read_bytes()
        kind = "answered"
        if (written := _rows(answers, way)) != rows:
            kind, words = "fault", f"the summary counts {rows} rows, the result has {written}"
    except PriceRangeError as error:
        words = str(error)
        kind = "refused" if words.startswith(str(folder / names[-1])) else "fault"
    except BaseException:  # whatever it is, the command would end with it
        words = traceback.format_exc()
    return Outcome(kind, words, rows, answers, perf_counter() - began, peak(os.getpid()) / 1e6)


def _rows(answers: bytes, way: Way) -> int:
    if way.target == "parquet":
        return int(parquet.read_metadata(io.BytesIO(answers)).num_rows)
    text = io.TextIOWrapper(io.BytesIO(answers), "utf-8", "surrogateescape", newline="")
    csv.field_size_limit(sys.maxsize)
    return sum(1 for _ in csv.reader(line.replace("\0", "") for line in text)) - 1
