"""What a job did, in words, as JSON, and as metrics for a Prometheus node exporter."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pricerange.phone import FEATURE_NAMES, LABELS
from scoring.job.job import Job
from scoring.job.tally import Tally
from scoring.target.place import REJECTED, Place
from scoring.target.staging import staged

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

NAME = "summary.json"
_MOST_LISTED = 8


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a job's rows.

    `rows` were read; `rejected`, or given nulls as their answer, were those in `reasons`, by the first cause
    of each; `price_ranges` counts the others by label. `outside_training_range` is the share of those, per
    feature, that lies outside what the model was trained on. `seconds` are those of the last run, which did
    `rows_of_run`. `sets` is what prediction sets promise, if there are any.
    """

    target: str
    model: dict[str, str]
    files: int
    rows: int
    price_ranges: dict[str, int]
    on_bad_row: str
    rejected: int
    reasons: dict[str, int]
    outside_training_range: dict[str, float]
    rows_of_run: int
    seconds: float
    sets: dict[str, float | str] | None = None

    @classmethod
    def of(cls, job: Job, tally: Tally, rows_of_run: int, seconds: float) -> "Summary":
        """Sum a job up."""
        model = job.model
        shares = tally.outside / max(tally.phones, 1)
        return cls(
            str(job.target),
            {"name": model.name, "version": model.version, "sha256": model.passport.model_sha256},
            len(job.files),
            tally.rows,
            dict(zip(LABELS, tally.price_ranges.tolist(), strict=True)),
            job.on_bad_row,
            tally.rows - tally.phones,
            dict(sorted(tally.bad.items(), key=lambda item: (-item[1], item[0]))),
            dict(zip(FEATURE_NAMES, shares.tolist(), strict=True)),
            rows_of_run,
            round(seconds, 3),
            job.promise,
        )

    @classmethod
    def read(cls, folder: Place) -> "Summary | None":
        """Read the summary of a finished job, None where there is none, or one that no job has written."""
        try:
            fields = json.loads((folder / NAME).read() or b"")
            del fields["rows_per_second"]
            return cls(**fields)
        except (ValueError, KeyError, TypeError):
            return None

    @property
    def rows_per_second(self) -> float:
        """Rows a second of the last run."""
        return self.rows_of_run / self.seconds if self.seconds else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self) | {"rows_per_second": round(self.rows_per_second, 1)}

    def write(self, folder: Place) -> None:
        """Write it into a folder: a folder that has one is finished."""
        (folder / NAME).write(json.dumps(self.as_json(), indent=2).encode() + b"\n")

    def write_metrics(self, textfile: Path) -> None:
        """Write it for the textfile collector of a Prometheus node exporter, whole or not at all."""
        from prometheus_client import generate_latest

        with staged(textfile) as (path,):
            path.write_bytes(generate_latest(self._metrics()))

    def _metrics(self) -> "CollectorRegistry":
        from prometheus_client import CollectorRegistry, Gauge

        registry = CollectorRegistry()

        def gauge(name: str, about: str, label: str | None, values: dict[str, float]) -> None:
            metric = Gauge(f"pricerange_score_{name}", about, [label] if label else [], registry=registry)
            for key, value in values.items():
                (metric.labels(key) if label else metric).set(value)

        def number(name: str, about: str, value: float) -> None:
            gauge(name, about, None, {"": value})

        number("rows", "Rows read by the last job", self.rows)
        gauge("answered_rows", "Rows answered, by price range", "label", dict(self.price_ranges))
        gauge("bad_rows", "Rows that are not valid phones, by first cause", "cause", dict(self.reasons))
        gauge(
            "outside_training_range_ratio",
            "Share of answered rows outside the training range",
            "feature",
            self.outside_training_range,
        )
        number("duration_seconds", "Duration of the last run in seconds", self.seconds)
        number("rows_per_second", "Rows per second of the last run", self.rows_per_second)
        number("completion_timestamp_seconds", "Unix time at which the last job finished", time.time())
        info = Gauge(
            "pricerange_score_model_info", "The model that answered", [*self.model], registry=registry
        )
        info.labels(*self.model.values()).set(1)
        return registry

    def __str__(self) -> str:
        model = self.model
        counts = ", ".join(f"{count:,} {label}" for label, count in self.price_ranges.items())
        lines = [
            f"{self.rows:,} rows from {self.files:,} {'file' if self.files == 1 else 'files'}, "
            f"scored by {model['name']} version {model['version']} (sha256 {model['sha256'][:12]}...)",
            f"{self.rows_of_run:,} rows in {self.seconds:.1f} s, {self.rows_per_second:,.0f} rows/s",
            f"{self.rows - self.rejected:,} answered in {self.target}: {counts}",
        ]
        if self.rejected:
            went = (
                f"rejected to {self.target}{REJECTED}" if self.on_bad_row == "reject" else "without an answer"
            )
            lines.append(f"{self.rejected:,} {went}: {_listed(self.reasons, '{:,}')}")
        if self.sets:
            level, calibration = self.sets["level"], self.sets["calibration"]
            lines.append(f"prediction sets of level {level}, calibration {calibration}")
        beyond = {name: share for name, share in self.outside_training_range.items() if share}
        if beyond:
            largest = dict(sorted(beyond.items(), key=lambda item: -item[1]))
            lines.append(f"outside the training range: {_listed(largest, '{:.2%}')}")
        return "\n".join(lines)


def _listed(counts: dict[str, Any], form: str) -> str:
    shown = [f"{name} {form.format(count)}" for name, count in list(counts.items())[:_MOST_LISTED]]
    more = len(counts) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")
