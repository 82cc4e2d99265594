"""What is to be done: which files, by which model, into what; and what has been done of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from pricerange.answer.applicability import OutOfRange
from pricerange.answer.columns import Beside
from pricerange.answer.decisions import CostMatrix
from pricerange.bundle import Bundle
from pricerange.predictor import Provider
from pricerange.tables.expanded import BLOCK_BYTES
from pricerange.tables.source.blocks import BLOCK_ROWS, PART_BYTES, PART_ROWS, SHARING_FILES, SMALL_BYTES
from pricerange.tables.source.files import InputFile
from scoring.job.tally import Tally, whole
from scoring.target.place import REJECTED, Place
from scoring.target.sink import Form

OnBadRow = Literal["fail", "reject", "null"]

_LEAST_DIGITS = 5


@dataclass(frozen=True, slots=True)
class WorthAsked:
    """What is told of answers' worth.

    What becomes of phones out of range; the level of sets, if any, and with sets whether to `abstain`; by the
    `costs` of mistakes the decision of least cost; whether scores are explained; and what becomes of phones
    with `unknown` features: without a word for it they are none.
    """

    out_of_range: OutOfRange = "flag"
    sets: float | None = None
    costs: CostMatrix | None = None
    abstain: bool = False
    explain: bool = False
    unknown: Literal["average"] | None = None


FLAGGED = WorthAsked()


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that decides the bytes of a result, and where it goes; can be sent to another machine.

    Where it is written `in_parts`, the target is a folder of files. `columns` are those of the input that are
    kept, all where it is None; `compression` is that of a text.
    """

    files: tuple[InputFile, ...]
    target: Place
    in_parts: bool
    form: Form
    compression: str | None
    on_bad_row: OnBadRow
    columns: tuple[str, ...] | None
    model: Bundle
    provider: Provider
    worth: WorthAsked = FLAGGED

    @property
    def rejects(self) -> Place:
        """Where rows go that are rejected: beside the result, in its form."""
        return self.target.beside(REJECTED)

    @property
    def beside(self) -> Beside:
        """The columns that tell what answers are worth."""
        asked, sets = self.worth, self.worth.sets is not None
        explained = self.model.passport.active_features if asked.explain else ()
        return Beside(
            asked.out_of_range == "flag",
            sets,
            sets and asked.abstain,
            asked.costs is not None,
            explained,
            asked.unknown is not None,
        )

    @property
    def promise(self) -> dict[str, float | str] | None:
        """What the prediction sets promise: their level, and by which calibration."""
        level, scores = self.worth.sets, self.model.passport.prediction_sets
        if level is None or scores is None:
            return None
        return {"level": level, "calibration": scores.calibration}

    def part_name(self, file: int, number: int) -> str:
        """Return the name of a part's file."""
        return part_name(file, number, self.form, len(self.files))

    def identity(self) -> dict[str, Any]:
        """Return what a second run must have in common with a first to go on with it, by the words for it."""
        return {
            "input": [file.identity() for file in self.files],
            "model": [self.model.name, self.model.version, self.model.passport.model_sha256],
            "execution provider": self.provider,
            "--on-bad-row": self.on_bad_row,
            "--columns": None if self.columns is None else list(self.columns),
            "--format": self.form,
            "--out-of-range": self.worth.out_of_range,
            "--sets": self.worth.sets,
            **({"calibration of sets": self.promise["calibration"]} if self.promise else {}),
            **({"--abstain": True} if self.worth.abstain else {}),
            **({"--cost-matrix": list(map(list, self.worth.costs.costs))} if self.worth.costs else {}),
            "--explain": self.worth.explain,
            "--unknown": self.worth.unknown,
            "size of parts": [
                BLOCK_ROWS,
                BLOCK_BYTES,
                PART_ROWS,
                PART_BYTES,
                SMALL_BYTES,
                SHARING_FILES,
            ],
        }


@dataclass(frozen=True, slots=True)
class Part:
    """A finished part of a file: its place as in `Shard`, its bytes where it was written, what was counted.

    Where small files share it, it is `files` of them, whole, from `file` on.
    """

    file: int
    number: int
    start: int
    stop: int
    first_row: int
    bytes: int
    rejected_bytes: int
    tally: Tally
    files: int = 1

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return fields | {"tally": self.tally.as_json()}

    @classmethod
    def of_json(cls, fields: dict[str, Any]) -> Self:
        """Read what `as_json` wrote. Raises `ValueError`, `KeyError` or `TypeError` for anything else."""
        tally = Tally.of_json(fields["tally"])
        return cls(**{name: whole(value) for name, value in fields.items() if name != "tally"}, tally=tally)


def part_name(file: int, number: int, form: Form, files: int) -> str:
    """Return the name of a part's file; sorted by name, those of so many files are in their order."""
    return f"part-{file:0{max(_LEAST_DIGITS, len(str(files - 1)))}d}-{number:05d}.{form}"


def totals(parts: Sequence[Part]) -> Tally:
    """Add up what was counted."""
    total = Tally()
    for part in parts:
        total.add(part.tally)
    return total
