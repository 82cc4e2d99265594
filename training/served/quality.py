"""How good the answers of each version were, week by week."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from training.quality.interval import Interval, exact
from training.served.join import NO_WEEK, Answers, Join

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Quality:
    """What a version answered in a week, which begins on the Monday `week`: None for all its answers.

    Of `predictions` rows `judged` have a label. `interval` is the exact 95 % one of the accuracy, `nll` the
    mean negative log-likelihood in nats. None where nothing tells them.
    """

    version: str
    week: str | None
    predictions: int
    judged: int
    accuracy: float | None
    interval: Interval | None
    nll: float | None


@dataclass(frozen=True, slots=True)
class Settled:
    """The matched predictions that count: one a label and version.

    `repeated` say once more what an earlier one of the same id and version says. `ambiguous` are all of an id
    that a version gave different answers to: it stands for several phones, and the label may be about any.
    """

    answers: Answers
    repeated: int
    ambiguous: int


def settle(found: Join) -> Settled:
    """Find out which matched predictions count."""
    if not found.matched:
        return Settled(_nothing(), 0, 0)
    answers = Answers(*(np.concatenate([getattr(each, name) for each in found.matched]) for name in _FIELDS))
    pairs = np.stack([answers.label, answers.version], axis=1)
    _, first, group = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    leader = first[group]
    same = (answers.price_range == answers.price_range[leader]) & np.all(
        (answers.probabilities == answers.probabilities[leader]) | np.isnan(answers.probabilities), axis=1
    )
    is_ambiguous = np.isin(answers.label, answers.label[~same])
    kept = first[~is_ambiguous[first]]
    ambiguous = int(np.count_nonzero(is_ambiguous))
    return Settled(answers.where(kept), len(group) - ambiguous - len(kept), ambiguous)


_FIELDS = ("label", "version", "week", "price_range", "probabilities")


def by_week(found: Join, settled: Answers, truth: npt.NDArray[np.int64]) -> Iterator[Quality]:
    """Yield each version's weeks in order, then all of them together; `truth` are the labels."""
    for version, code in sorted(found.versions.items(), key=lambda each: _in_order(each[0])):
        weeks = sorted(week for its, week in found.predictions if its == code)
        of_version = settled.where(settled.version == code)
        for week in weeks:
            some = of_version.where(of_version.week == week)
            day = "not said" if week == NO_WEEK else (_EPOCH + timedelta(week)).isoformat()
            yield _quality(version, day, found.predictions[code, week], some, truth)
        yield _quality(version, None, sum(found.predictions[code, week] for week in weeks), of_version, truth)


def _quality(
    version: str, week: str | None, predictions: int, answers: Answers, truth: npt.NDArray[np.int64]
) -> Quality:
    rows, labels = len(answers.label), truth[answers.label]
    if not rows:
        return Quality(version, week, predictions, 0, None, None, None)
    right = int(np.count_nonzero(answers.price_range == labels))
    own = np.take_along_axis(answers.probabilities, labels[:, np.newaxis], axis=1)[:, 0]
    losses = -np.log(np.maximum(own, np.finfo(np.float32).eps).astype(np.float64))
    nll = None if np.isnan(losses).any() else float(losses.mean())
    return Quality(version, week, predictions, rows, right / rows, exact(right / rows, rows), nll)


def _in_order(version: str) -> tuple[int, str]:
    return (int(version), "") if version.isdecimal() else (0, version)


def _nothing() -> Answers:
    none: npt.NDArray[np.int64] = np.empty(0, np.int64)
    return Answers(none, none, none, none, np.empty((0, 4), np.float32))
