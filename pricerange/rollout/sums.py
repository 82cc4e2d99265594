"""What a version has done so far, all workers together."""

from dataclasses import astuple, dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class VersionSums:
    """Counters of a version, which only grow; the difference of two is what it did between them.

    `answers` counts phones by the price range that they were given, `errors` phones whose run failed.
    `log_nanoseconds` adds up the natural logarithms of what the `runs` lasted, of which none is negative.
    `run_buckets` counts runs by their duration, between bounds in seconds that the caller knows, the last of
    them beyond. `confidence` adds up the largest probability of the `confident_rows`, the phones inside the
    training range. Of phones that the stable version was asked about as well, `compared` in number, `agreed`
    counts equal answers, and `distance` adds up the total variation distance of the probabilities.
    """

    answers: tuple[float, float, float, float]
    errors: float
    runs: float
    log_nanoseconds: float
    run_buckets: tuple[float, ...]
    confident_rows: float
    confidence: float
    compared: float
    agreed: float
    distance: float

    @property
    def rows(self) -> float:
        """Phones that were answered."""
        return sum(self.answers)

    def __sub__(self, earlier: Self) -> Self:
        first, second, third, fourth = (
            now - then for now, then in zip(self.answers, earlier.answers, strict=True)
        )
        return type(self)(
            (first, second, third, fourth),
            self.errors - earlier.errors,
            self.runs - earlier.runs,
            self.log_nanoseconds - earlier.log_nanoseconds,
            tuple(now - then for now, then in zip(self.run_buckets, earlier.run_buckets, strict=True)),
            self.confident_rows - earlier.confident_rows,
            self.confidence - earlier.confidence,
            self.compared - earlier.compared,
            self.agreed - earlier.agreed,
            self.distance - earlier.distance,
        )

    def follows(self, earlier: Self) -> bool:
        """Say whether no counter is below what it was, as after a loss of counts."""
        return all(count >= 0 for count in _flat(self - earlier))


def _flat(sums: VersionSums) -> list[float]:
    answers, *others = astuple(sums)
    flat: list[float] = [*answers]
    for each in others:
        flat.extend(each if isinstance(each, tuple) else (each,))
    return flat
