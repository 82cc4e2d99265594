"""Why answers are what they are, and what it costs: `python -m bench.reasons [--data FILE] [--rows 10000]`.

A model is trained by the shipped recipe. Told are its active features, how far what they add is from adding
up to the answer, how far it is from what shap's exact explainer finds, the milliseconds for one phone and for
1,000 on one core, and the rate of `score --explain` on all of them. Last, what drawing coalitions would give
for the same model if all 20 features were players, of which the exact contributions are known.
"""

import argparse
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numba
import numpy as np
import numpy.typing as npt

from bench.show.tables import Target, show, show_targets
from pricerange import synthetic
from pricerange.answer.reasons import Explainer, Explanations
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Predictor
from scoring.job.job import WorthAsked
from scoring.order import Options
from scoring.score import score
from scoring.synth import synth
from training.train import train

GOAL_ADDITIVITY, GOAL_AGREEMENT = 1e-6, 1e-5
GOAL_MILLISECONDS = 2.0
_OF_SHAP = 50

Rows = npt.NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the file that is scored")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-reasons-") as place:
        folder = Path(place)
        train([wanted.data], folder / "models")
        predictor = Predictor.load(folder / "models")
        explainer = Explainer.of_version(predictor)
        assert explainer is not None
        phones = synthetic.phones(1_000, block=5)[0].astype(np.float32)
        with _one_core():
            one, thousand, found = _timed(predictor, explainer, phones)
        _tell(predictor, explainer, found, (one, thousand), phones)
        _tell_rates(folder, wanted.rows)
        _tell_of_drawn(predictor, explainer, found, phones)


def _timed(predictor: Predictor, explainer: Explainer, phones: Rows) -> tuple[float, float, Explanations]:
    """Return the median milliseconds of one phone, those of all, and why all are answered so."""
    price_range = predictor.predict(phones).price_range
    single = []
    for row in range(300):
        began = time.perf_counter()
        explainer.explain(phones[row : row + 1], price_range[row : row + 1])
        single.append(time.perf_counter() - began)
    began = time.perf_counter()
    found = explainer.explain(phones, price_range)
    return 1e3 * float(np.median(single)), 1e3 * (time.perf_counter() - began), found


def _tell(
    predictor: Predictor,
    explainer: Explainer,
    found: Explanations,
    milliseconds: tuple[float, float],
    phones: Rows,
) -> None:
    one, thousand = milliseconds
    print(f"{len(found.features)} active features: {', '.join(found.features)}")
    print(f"{len(explainer.background)} background rows, score of phones in general {found.base[0, 0]:.4f}")
    total = found.base.astype(float) + found.contributions.astype(float).sum(axis=1)
    additivity = float(np.abs(total - found.value).max())
    agreement = max(
        float(np.abs(_by_shap(predictor, explainer, phones[row]) - found.contributions[row, :, 0]).max())
        for row in range(_OF_SHAP)
    )
    adds = np.abs(found.contributions[:, :, 0]).mean(axis=0)
    rows = [(name, f"{added:.4f}") for name, added in zip(found.features, adds, strict=True)]
    show("What features add to the score, or take away, on average.", ("feature", "price ranges"), rows)
    show_targets([Target("one phone, one core", one, most=GOAL_MILLISECONDS, unit=" ms")])
    print(f"\n1,000 phones, one core: {thousand:,.0f} ms")
    print(
        f"additivity: off by {additivity:.1e} at most, {len(phones):,} phones: {_verdict(additivity, GOAL_ADDITIVITY)}"
    )
    print(f"shap: off by {agreement:.1e} at most, {_OF_SHAP} phones: {_verdict(agreement, GOAL_AGREEMENT)}")


def _tell_rates(folder: Path, rows: int) -> None:
    synth(rows, folder / "phones.parquet")
    rates = [
        score(
            [str(folder / "phones.parquet")],
            folder / f"answers-{explain}.parquet",
            folder / "models",
            options=Options(worth=WorthAsked(explain=explain)),
        ).rows_per_second
        for explain in (False, True)
    ]
    print(f"score, {rows:,} rows, {len(os.sched_getaffinity(0))} cores: {rates[0]:,.0f} rows/s", end="")
    print(f", with --explain {rates[1]:,.0f} rows/s")


def _tell_of_drawn(predictor: Predictor, explainer: Explainer, found: Explanations, phones: Rows) -> None:
    drawing = Explainer(predictor.predict, explainer.background, FEATURE_NAMES)
    some = phones[:100]
    began = time.perf_counter()
    drawn = drawing.explain(some, predictor.predict(some).price_range)
    milliseconds = 1e3 * (time.perf_counter() - began) / len(some)
    exact = np.zeros_like(drawn.contributions)
    exact[:, [FEATURE_NAMES.index(name) for name in found.features]] = found.contributions[: len(some)]
    off = np.abs(drawn.contributions - exact)[:, :, 0]
    told = drawn.errors[:, :, 0]
    active = exact[:, :, 0] != 0
    print(
        f"coalitions drawn, all 20 features as players: {milliseconds:.1f} ms a phone, off by {off.max():.3f} at most "
        f"and {off[active].mean():.4f} on average, {np.mean(off[active] <= 2 * told[active]):.0%} within two "
        "standard errors"
    )


def _by_shap(predictor: Predictor, explainer: Explainer, phone: Rows) -> npt.NDArray[np.float64]:
    """Return what each active feature adds to the score, float64 [k]."""
    numba.config.DISABLE_JIT = True  # to compile takes longer than to go without
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that it draws with
        from shap import ExactExplainer
        from shap.maskers import Independent
    active = [FEATURE_NAMES.index(name) for name in explainer.features]

    def score_of(active_values: Rows) -> npt.NDArray[np.float64]:
        rows = np.repeat(phone[np.newaxis], len(active_values), axis=0)
        rows[:, active] = active_values
        return predictor.predict(rows).probabilities.astype(float) @ np.arange(4.0)

    background = explainer.background[:, active]
    masker = Independent(background, max_samples=len(background))
    found: npt.NDArray[np.float64] = ExactExplainer(score_of, masker)(phone[np.newaxis, active]).values[0]
    return found


def _verdict(found: float, most: float) -> str:
    return "met" if found <= most else "MISSED"


@contextmanager
def _one_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


if __name__ == "__main__":
    main()
