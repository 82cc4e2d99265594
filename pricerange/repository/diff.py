"""How two versions of a model differ: recipes, figures, data, and their answers to tables of phones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pricerange.agreement import Agreement
from pricerange.bundle import Bundle
from pricerange.predictor import Predictor
from pricerange.tables.source import files
from pricerange.tables.source.files import AS_USUAL, Reading
from pricerange.tables.source.rows import judged

Pairs = dict[str, tuple[Any, Any]]
"""Where two versions are not the same: what the old one has there and what the new one, None for nothing.

Keys of tables in tables are joined by dots.
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """How far two versions agree on phones, the old one's price ranges first; `bad_rows` were no phones."""

    agreement: Agreement
    bad_rows: int

    @classmethod
    def of(
        cls,
        versions: tuple[Bundle, Bundle],
        sources: Sequence[str],
        heard: Callable[[], None],
        reading: Reading = AS_USUAL,
    ) -> "Answers":
        """Let both versions answer the phones of tables, in constant memory; `heard` is called now and then.

        Raises what `Predictor`, `files.find` and `judged` raise.
        """
        old, new = map(Predictor, versions)
        agreement, bad_rows = Agreement(), 0
        for block in judged(files.find(sources, reading).files, lambda *_: ()):
            phones = block.verdict.rows[block.verdict.valid]
            bad_rows += len(block.verdict.valid) - len(phones)
            agreement += Agreement.of(old.predict(phones).probabilities, new.predict(phones).probabilities)
            heard()
        return cls(agreement, bad_rows)

    def as_dict(self) -> dict[str, Any]:
        """Return what people and programs are told."""
        return {**self.agreement.as_dict(), "bad_rows": self.bad_rows}


@dataclass(frozen=True, slots=True)
class Difference:
    """What is not the same in two versions; features are active where they can change an answer."""

    old: str
    new: str
    recipe: Pairs
    metrics: Pairs
    training_data: Pairs
    no_longer_active: list[str]
    newly_active: list[str]
    sizes: Pairs

    @classmethod
    def of(cls, old: Bundle, new: Bundle) -> "Difference":
        """Compare what two versions say of themselves, and the bytes of their files."""
        was, now = old.passport, new.passport
        metrics = _differing(was.metrics, now.metrics)
        return cls(
            old.version,
            new.version,
            _differing(was.recipe, now.recipe),
            # what is listed bin by bin, or row by row, belongs into the report
            {key: pair for key, pair in metrics.items() if not any(isinstance(one, list) for one in pair)},
            _differing(was.training_data.model_dump(), now.training_data.model_dump()),
            [name for name in was.active_features if name not in now.active_features],
            [name for name in now.active_features if name not in was.active_features],
            _differing(_sizes(old), _sizes(new)),
        )


def _sizes(version: Bundle) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(version.path.iterdir())}


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Pairs:
    was, now = dict(_flat(old)), dict(_flat(new))
    return {key: (was.get(key), now.get(key)) for key in was | now if was.get(key) != now.get(key)}


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value
