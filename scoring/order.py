"""What is asked of a job of scoring, and the job that it comes to; nothing is written yet."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from rich.console import Console

from pricerange.errors import TargetError
from pricerange.predictor import Provider
from pricerange.signature import trust
from pricerange.signature.trust import Trust
from pricerange.tables.errors import TableFormatError
from pricerange.tables.source import files, pipe, uri
from pricerange.tables.source.files import AS_USUAL, Reading
from scoring.job.apart import require_apart
from scoring.job.job import FLAGGED, Job, OnBadRow, WorthAsked
from scoring.progress import tell
from scoring.target.out import place_of
from scoring.target.place import Place
from scoring.target.sink import FILES, Form, file_form
from scoring.target.staging import require_name
from scoring.work.cluster import Cluster

_ENDING = re.compile(r"\.(?=.*[A-Za-z])[A-Za-z0-9]{1,7}")
"""How a name ends that is likely to be that of a file."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a job is done; None is all columns, this machine, no metrics, no signature.

    What becomes of bad rows, the columns that are kept, the form where no name tells it (`parquet` of a
    folder's parts, `csv` of a stream), the cluster that does it, the file for metrics, how IN is read (OUT is
    given up after as many seconds without an answer), what is told of the answers' worth, and who must have
    signed the version.
    """

    on_bad_row: OnBadRow = "fail"
    columns: tuple[str, ...] | None = None
    form: Form | None = None
    cluster: Cluster | None = None
    metrics: str | Path | None = None
    reading: Reading = AS_USUAL
    worth: WorthAsked = FLAGGED
    trust: Trust | None = None


DEFAULTS = Options()


@dataclass(frozen=True, slots=True)
class Order:
    """The arguments of a job."""

    sources: Sequence[str]
    target: str | Path
    models: Path
    version: int | None
    provider: Provider
    options: Options

    @property
    def waited_for(self) -> str:
        """What may keep the job waiting, in words without secrets."""
        written = [str(self.target)] if uri.is_uri(str(self.target)) else []
        return uri.waited_for(self.sources, self.options.reading.seconds, written)

    @property
    def metrics(self) -> Path | None:
        """The file for metrics. Raises `TargetError` for a URI: it would be a path with a secret in it."""
        metrics = self.options.metrics
        if metrics is None:
            return None
        if isinstance(metrics, str) and uri.is_uri(metrics):
            raise TargetError(uri.without_secret(metrics), "metrics go to a file of this machine")
        path = Path(metrics)
        require_name(path)
        return path

    def place(self) -> Place:
        """Return where the result goes. Raises what `place_of` raises."""
        return place_of(self.target, self.options.reading.seconds)

    def job(self, target: Place, console: Console) -> Job:
        """Find out what is to be done.

        Raises `TargetError` where the result cannot be written so, and what `files.find` and `trust.read`
        raise.
        """
        options = self.options
        in_parts = is_folder(target)
        form, compression = self._form(target, in_parts)
        metrics = self.metrics
        self._require_streamable(target, in_parts)
        if options.cluster and not in_parts:
            raise TargetError(str(target), "a cluster writes parts, so OUT must be a folder")
        found = files.find(self.sources, options.reading)
        if found.ignored:
            tell(console, f"ignored, since their names are not those of tables: {', '.join(found.ignored)}")
        require_apart(self.sources, found, target, metrics)
        version, _ = trust.read(self.models, self.version, options.trust)
        return Job(
            found.files,
            target,
            in_parts,
            form,
            compression,
            options.on_bad_row,
            options.columns,
            version,
            self.provider,
            options.worth,
        )

    def _form(self, target: Place, in_parts: bool) -> tuple[Form, str | None]:
        """Return the form of the result and its compression, by its name or as it is asked for."""
        asked = self.options.form
        named = None if in_parts else file_form(target.name)
        if named is None:
            if not (in_parts or target.is_stream):
                raise TableFormatError(str(target), (*FILES, "have no extension (a folder)"))
            return asked or ("csv" if target.is_stream else "parquet"), None
        if asked not in {None, named[0]}:
            raise TargetError(str(target), f"its name says {named[0]}, and --format {asked}")
        return named

    def _require_streamable(self, target: Place, in_parts: bool) -> None:
        """Raise `TargetError` where rows have no place beside a stream, or a stream would be read again."""
        if target.is_stream and self.options.on_bad_row == "reject":
            raise TargetError(
                str(target),
                "rejected rows have no place beside a stream; use --on-bad-row null, or a file as OUT",
            )
        streams = [source for source in self.sources if pipe.path_of(source)]
        if streams and in_parts:
            raise TargetError(
                str(target),
                f"a folder is resumed by reading IN again, and {uri.named(streams[0])} can be read once; "
                "save it to a file first, or use a file as OUT",
            )


def is_folder(target: Place) -> bool:
    """Whether a result is a folder of parts: it is one, or its name does not end like that of a file."""
    return is_named_as_folder(target) or target.is_folder()


def is_named_as_folder(target: Place) -> bool:
    """Whether a result's name does not end like that of a file; nothing is asked of a store."""
    name = target.name
    return not (target.is_stream or file_form(name) or _ENDING.fullmatch(PurePath(name).suffix))
