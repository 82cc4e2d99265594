"""Why answers are what they are, and what it costs: `python -m bench.reasons [--data FILE] [--rows 10000]`.

A model is trained by the shipped recipe and asked about 1,000 phones that are drawn as the public data
spreads. Told are

- its active features, how they were found, and what holding the others at 0 costs: the negative
  log-likelihood over 5 folds x 4, beside that of the same recipe without pruning;
- how far contributions are from adding up to the answer, and from what shap's exact explainer finds;
- the milliseconds for one phone and for 1,000, on one core, and the rows/s of `score --explain`;
- what drawing coalitions would give for the same model if all 20 features were players, of which the exact
  contributions are known.
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
from sklearn.metrics import log_loss

from bench.show.tables import Target, show, show_targets
from pricerange import synthetic
from pricerange.answer.reasons import Explainer, Explanations
from pricerange.machine.cores import usable_cores
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Predictor
from scoring.job.job import WorthAsked
from scoring.order import Options
from scoring.score import score
from scoring.synth import synth
from training import data
from training.compare import folds
from training.compare.compare import Plan
from training.compare.contender import ByRecipe
from training.recipe import recipe
from training.recipe.sections import Mlp
from training.train import train

GOAL_ADDITIVITY, GOAL_AGREEMENT = 1.0, 10.0
"""In millionths of a price range: as exact as float32, and as two that add up in other orders."""
GOAL_MILLISECONDS = 2.0
_OF_SHAP = 50
_OF_DRAWN = 100

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
        _tell_features(predictor, explainer)
        _tell_cost(wanted.data)
        with _one_core():
            one, thousand, found = _timed(predictor, explainer, phones)
        _tell_drawn(predictor, explainer, found, phones[:_OF_DRAWN])
        _tell_rates(folder, wanted.rows)
        print(f"1,000 phones, one core: {thousand:,.0f} ms")
        show_targets(
            [
                Target("one phone, one core", one, most=GOAL_MILLISECONDS, unit=" ms"),
                Target(
                    f"adds up to the answer, farthest of {len(phones):,} phones",
                    1e6 * _additivity(found),
                    most=GOAL_ADDITIVITY,
                    unit=" millionths",
                ),
                Target(
                    f"is what shap finds, farthest of {_OF_SHAP} phones",
                    1e6 * _from_shap(predictor, explainer, found, phones[:_OF_SHAP]),
                    most=GOAL_AGREEMENT,
                    unit=" millionths",
                ),
            ]
        )


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


def _tell_features(predictor: Predictor, explainer: Explainer) -> None:
    rows = predictor.bundle.passport.training_data.training_rows
    price = recipe.read(recipe.DEFAULT).pruning
    print(f"{len(explainer.features)} active features: {', '.join(explainer.features)}")
    print(
        f"Found by pruning = {price:g}: held at its mean, each of them adds more than {price:g} x ln({rows}) "
        f"/ 2 to the loss of the {rows:,} training rows."
    )


def _tell_cost(source: str) -> None:
    choices, plan, phones = recipe.read(recipe.DEFAULT), Plan(), data.load([source])
    assert isinstance(choices.network, Mlp)
    with_all = choices.model_copy(update={"network": choices.network.model_copy(update={"pruning": 0.0})})
    parts = folds.split(phones.price_range, plan.folds, plan.repeats, plan.seed)
    contenders = ByRecipe("pruned", choices), ByRecipe("not pruned", with_all)
    answers = folds.answers(phones, contenders, parts, usable_cores(), lambda _: None)
    nll = np.array(
        [
            [
                log_loss(phones.price_range[fold.test], one.probabilities, labels=range(len(LABELS)))
                for fold, one in zip(parts, of_one, strict=True)
            ]
            for of_one in answers
        ]
    )
    figures = [*zip([one.name for one in contenders], nll, strict=True), ("pruning costs", nll[0] - nll[1])]
    estimates = [(name, folds.estimate(values.tolist(), plan.folds)) for name, values in figures]
    rows = [(name, f"{found.mean:.4f}", f"{found.error:.4f}") for name, found in estimates]
    times = f"{plan.folds} folds x {plan.repeats}"
    title = f"Negative log-likelihood, nats, {len(phones.features):,} phones, {times}."
    show(title, ("", "mean", "standard error"), rows)


def _additivity(found: Explanations) -> float:
    total = found.base.astype(float) + found.contributions.astype(float).sum(axis=1)
    return float(np.abs(total - found.value).max())


def _from_shap(predictor: Predictor, explainer: Explainer, found: Explanations, phones: Rows) -> float:
    of_shap = [_by_shap(predictor, explainer, phone) for phone in phones]
    return float(np.abs(of_shap - found.contributions[: len(phones), :, 0]).max())


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
    print(
        f"\nscore, {rows:,} rows, {usable_cores()} cores: {rates[0]:,.0f} rows/s, with --explain "
        f"{rates[1]:,.0f} rows/s"
    )


def _tell_drawn(predictor: Predictor, explainer: Explainer, found: Explanations, phones: Rows) -> None:
    drawing = Explainer(predictor.predict, explainer.background, FEATURE_NAMES)
    began = time.perf_counter()
    drawn = drawing.explain(phones, predictor.predict(phones).price_range)
    milliseconds = 1e3 * (time.perf_counter() - began) / len(phones)
    exact = np.zeros_like(drawn.contributions)
    exact[:, [FEATURE_NAMES.index(name) for name in found.features]] = found.contributions[: len(phones)]
    off = np.abs(drawn.contributions - exact)[:, :, 0]
    active = exact[:, :, 0] != 0
    within = np.mean(off[active] <= 2 * drawn.errors[:, :, 0][active])
    rows = [(f"{milliseconds:.1f}", f"{off.max():.3f}", f"{off[active].mean():.4f}", f"{within:.0%}")]
    head = ("ms a phone", "off at most", "on average", "within 2 standard errors")
    show(f"Coalitions drawn for 20 players, {len(phones)} phones.", head, rows)


def _by_shap(predictor: Predictor, explainer: Explainer, phone: Rows) -> npt.NDArray[np.float64]:
    """Return what each active feature adds to the score, float64 [k]."""
    numba.config.DISABLE_JIT = True  # type: ignore[attr-defined]  # to compile takes longer than to go without
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
