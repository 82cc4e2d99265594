"""What a job would do, told before it does it, by the beginnings of its first files; nothing is written."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pricerange.answer.columns import names as names_of_answers
from pricerange.errors import ColumnTypeError, PriceRangeError
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from pricerange.tables.csv.file import located
from pricerange.tables.errors import BrokenBlockError, DuplicateColumnError, MissingColumnError
from pricerange.tables.names import candidates, feature_places
from pricerange.tables.source import blocks, hive
from pricerange.tables.source.blocks import Shard
from pricerange.tables.source.files import InputFile
from pricerange.tables.source.guesses import guess_of, skipped_behind
from scoring.errors import UnknownColumnError
from scoring.job.job import Job
from scoring.work.answer import Answerer
from scoring.work.explaining import explainer_of

_MOST_FILES = 256
"""Files of which the beginning is looked at."""
_MOST_NAMED = 3
"""Files, and bad rows of each, that are named of many."""
_MOST_FAULTS = 20
"""Faults, at most, that are listed."""
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class _Beginning:
    """What the first block of a file tells: its columns, its rows and why some of them are bad.

    The last of the columns come `from_folders`. `wrong` is why all rows are bad, `broken` what would end any
    job.
    """

    columns: tuple[str, ...]
    from_folders: tuple[str, ...] = ()
    guess: str = ""
    rows: int = 0
    bad: tuple[str, ...] = ()
    bad_rows: int = 0
    wrong: str | None = None
    broken: str | None = None


def preview(job: Job, about: int | None) -> str:
    """Return, line by line, what is read, which columns are found, what is wrong, and what would be written.

    `about` is how many rows there are by estimate, None where nobody knows. Raises what `Predictor` and
    `Answerer` raise.
    """
    predictor = Predictor(job.model, job.provider)
    if job.worth.explain:
        explainer_of(predictor)
    # to explain rows takes long, and tells nothing of them that is told here
    answerer = Answerer(predictor, "reject", job.columns, job.form, replace(job.worth, explain=False))
    looked_at = job.files[:_MOST_FILES]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = list(threads.map(lambda file: _begin(file, job, answerer), looked_at))
    return "\n".join(
        [
            f"{len(job.files):,} files, {_length(job, about)}",
            *_of_columns(job, looked_at, found),
            *_of_rows(job, found),
            *_of_target(job),
        ]
    )


def _begin(file: InputFile, job: Job, answerer: Answerer) -> _Beginning:
    """Judge the rows of a file's first block, of which only what the job reads is read."""
    begun = _Beginning(())
    wanted = None if job.columns is None else (*FEATURE_NAMES, *job.columns)
    try:
        own = blocks.columns_of(file)
        from_folders = tuple(column.name for column in hive.missing(file.from_folders, own))
        begun = _Beginning((*own, *from_folders), from_folders)
        content = next(blocks.read(file, Shard(0), wanted)).content
        rejected = answerer.answer(content).rejected
    except BrokenBlockError as error:
        return replace(begun, broken=str(located(error, file.name, 0)))
    except (UnknownColumnError, ColumnTypeError) as error:
        return replace(begun, broken=str(replace(error, file=file.name)))
    except PriceRangeError as error:
        return replace(begun, broken=str(error))
    rows = blocks.rows_of(content)
    if file.format == "ndjson" and not rows:
        return begun
    guess = "; ".join(filter(None, [guess_of(content, file.dialect), skipped_behind(content)]))
    try:
        feature_places(begun.columns)
    except (MissingColumnError, DuplicateColumnError) as error:
        # without rows it ends the job all the same
        reason = rejected.reasons[0] if rejected else str(error) if job.on_bad_row == "fail" else None
        return replace(
            begun, guess=guess, rows=rows, bad_rows=rows, wrong=reason and f"{file.name}: {reason}"
        )
    bad = list(zip(rejected.rows, rejected.reasons, strict=True)) if rejected else []
    named = tuple(f"{file.name}, row {row + 1}: {reason}" for row, reason in bad[:_MOST_NAMED])
    return replace(begun, guess=guess, rows=rows, bad=named, bad_rows=len(bad))


def _of_columns(job: Job, files: Sequence[InputFile], found: Sequence[_Beginning]) -> Iterator[str]:
    """Tell what kinds of files there are, and of each which columns it has."""
    kinds: dict[tuple[str, _Beginning], list[InputFile]] = defaultdict(list)
    for file, beginning in zip(files, found, strict=True):
        form = file.format if file.compression is None else f"{file.format}, {file.compression}"
        kind = _Beginning(beginning.columns, beginning.from_folders, beginning.guess)
        kinds[form, kind].append(file)
    answered = names_of_answers(job.beside)
    for (form, kind), alike in kinds.items():
        columns, from_folders, guess = kind.columns, kind.from_folders, kind.guess
        named = ", ".join(file.name for file in alike[:_MOST_NAMED])
        yield f"{form}: {named}{_more(len(alike) - _MOST_NAMED, 'files')}"
        if not columns:
            continue
        if guess:
            yield f"  {guess}"
        found_in = candidates(columns)
        missing = [name for name in FEATURE_NAMES if not found_in[name]]
        features = {columns[place] for places in found_in.values() for place in places}
        yield f"  features: {len(FEATURE_NAMES) - len(missing)} of {len(FEATURE_NAMES)}" + (
            f"; missing: {', '.join(missing)}" if missing else ""
        )
        if from_folders:
            yield f"  from the names of folders: {_names(from_folders)}"
        others = [name for name in columns if name not in features]
        kept = [
            f"{name} as input_{name}" if name in answered else name
            for name in others
            if job.columns is None or name in job.columns
        ]
        dropped = [name for name in columns if job.columns is not None and name not in job.columns]
        if kept:
            yield f"  kept beside them: {_names(kept)}"
        if dropped:
            yield f"  left out by --columns: {_names(dropped)}"
    if len(job.files) > len(files):
        yield f"not looked at: {len(job.files) - len(files):,} more files"


def _of_rows(job: Job, found: Sequence[_Beginning]) -> Iterator[str]:
    """Tell what is wrong with the rows that were looked at, and what would become of them."""
    rows, bad = sum(each.rows for each in found), sum(each.bad_rows for each in found)
    broken = [each.broken for each in found if each.broken][:_MOST_FAULTS]
    wrong = [each.wrong for each in found if each.wrong]
    yield f"rows looked at: {rows:,}, {bad:,} of them no valid phones"
    named = [line for each in found for line in each.bad]
    yield from (f"  {line}" for line in broken)
    if broken and job.on_bad_row != "fail":
        yield "  the job would end with the first of these, whatever --on-bad-row says"
    yield from (f"  {line}" for line in [*wrong, *named][: _MOST_FAULTS - len(broken)])
    if wrong or bad or (broken and job.on_bad_row == "fail"):
        yield {
            "fail": "  the job would end with the first of these (--on-bad-row fail)",
            "reject": f"  bad rows would go to {job.rejects}",
            "null": "  bad rows would be kept without an answer, and with the reason in a column error",
        }[job.on_bad_row]


def _of_target(job: Job) -> Iterator[str]:
    what = f"a folder of {job.form} parts" if job.in_parts else job.form
    model = f"{job.model.name} version {job.model.version}"
    yield f"would be written: {job.target}, {what}, answered by {model}; nothing was written now"


def _names(columns: Sequence[str]) -> str:
    most = 20
    return ", ".join(repr(name) if not name.strip() else name for name in columns[:most]) + _more(
        len(columns) - most, "columns"
    )


def _more(count: int, what: str) -> str:
    return f" and {count:,} more {what}" if count > 0 else ""


def _length(job: Job, about: int | None) -> str:
    if about is None:
        return "of a length that is not known, since a stream is among them"
    return f"{_size(sum(file.size for file in job.files))}, about {about:,} rows"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
