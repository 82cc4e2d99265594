"""Tune a recipe on folds of most phones, and report on the phones that the search never saw."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
import tomli_w
from optuna.study import MaxTrialsCallback
from optuna.trial import BaseTrial, TrialState
from rich.console import Console
from sklearn.metrics import log_loss
from sqlalchemy.exc import SQLAlchemyError

from pricerange.phone import LABELS
from pricerange.tables.source.files import AS_USUAL, Reading
from training import data, output
from training.compare import folds
from training.compare.contender import ByRecipe
from training.data import LabelledPhones
from training.errors import (
    DivergedError,
    PretrainingError,
    ScheduleError,
    StudyMismatchError,
    StudyStorageError,
)
from training.recipe import recipe, space
from training.recipe.recipe import Recipe
from training.split import Indices, two_ways
from training.steps import shown

HELD_OUT = 0.2
"""Share of the phones that the search does not see."""
FOLDS = 5
"""Folds of the others, by which a trial is judged."""
RUNS = 5
"""Runs, each with its own seed, by which a recipe is reported."""
_SPLIT_SEED = 0
"""The same phones are held out whatever the recipe."""
_PAUSES = (0.2, 0.4, 0.8)
"""Seconds: of processes that begin a storage at once, all but one fail until that one has made its tables."""
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a study is kept and how large it is to become: `trials` finished ones in all.

    `storage` is a URL of SQLAlchemy, such as `sqlite:///search.db`.
    """

    storage: str
    trials: int
    study: str = "phone_price_range"


@dataclass(frozen=True, slots=True)
class Result:
    """A recipe on the phones that were held out, as means over its runs; `nll` in nats."""

    accuracy: float
    nll: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    `difference` is the tuned accuracy less the base's, `error` its standard error over the phones.
    """

    recipe: Recipe
    trials: int
    rows: int
    base: Result
    tuned: Result
    difference: float
    error: float


def run(
    sources: Sequence[str],
    stored: Stored,
    recipe_file: Path | None = None,
    file: Path | None = None,
    reading: Reading = AS_USUAL,
) -> None:
    """Search and print what it came to; then write the best recipe as TOML, if a file is named.

    Raises what `search` raises, and `OutputError` before the work where the file cannot be written.
    """
    if file is not None:
        output.check_file(file)
    found = search(sources, stored, recipe_file, reading=reading)
    print(describe(found), flush=True)
    if file is not None:
        write(found, stored.study, file)


def search(
    sources: Sequence[str],
    stored: Stored,
    recipe_file: Path | None = None,
    console: Console | None = None,
    reading: Reading = AS_USUAL,
) -> Found:
    """Search around a recipe, the shipped one if none is named, until the study has its finished trials.

    A study that is there already goes on where it was left, and several processes may work on it at once.

    Raises what `data.load` and `recipe.read` raise, `TooFewRowsError`, `StudyMismatchError` or
    `StudyStorageError`.
    """
    base = recipe.read(recipe_file or recipe.DEFAULT)
    console = console or Console(stderr=True)
    phones = data.load(sources, reading, console)
    seen, held_out = hold_out(phones)
    with _quiet():
        study = _open(stored, base, phones)
        _fill(study, stored.trials, judgement(phones, seen, base), console)
        best = _best(study, base)
        finished = len(study.get_trials(deepcopy=False, states=_FINISHED))
    (base_right, base_nll), (right, nll) = (_runs(phones, seen, held_out, one) for one in (base, best))
    difference = right.mean(axis=0) - base_right.mean(axis=0)
    return Found(
        recipe=best,
        trials=finished,
        rows=len(held_out),
        base=Result(float(base_right.mean()), base_nll),
        tuned=Result(float(right.mean()), nll),
        difference=float(difference.mean()),
        error=float(difference.std(ddof=1) / len(held_out) ** 0.5),
    )


def describe(found: Found) -> str:
    """Say in lines what a search came to."""
    return "\n".join(
        [
            f"Finished trials: {found.trials}. Means of {RUNS} runs on {found.rows} held-out phones:",
            *(
                f"{name:8}accuracy {result.accuracy:.4f}  NLL {result.nll:.4f}"
                for name, result in (("base", found.base), ("tuned", found.tuned))
            ),
            f"difference in accuracy {found.difference:+.4f}, standard error {found.error:.4f}",
        ]
    )


def hold_out(phones: LabelledPhones) -> tuple[Indices, Indices]:
    """Return the rows that a search sees and those that it reports on. Raises `TooFewRowsError`."""
    return two_ways(np.arange(len(phones.features)), phones.price_range, HELD_OUT, _SPLIT_SEED)


def judgement(phones: LabelledPhones, seen: Indices, base: Recipe) -> Callable[[BaseTrial], float]:
    """Return what judges a trial: the mean NLL of its calibrated answers out of fold.

    It moves with every phone; accuracy would only move with the few that change sides.
    """
    parts = folds.split(phones.price_range[seen], FOLDS, repeats=1, seed=_SPLIT_SEED)

    def judge(trial: BaseTrial) -> float:
        contender = ByRecipe("trial", space.variant(base, trial))
        losses: list[float] = []
        for fold in parts:
            test = seen[fold.test]
            answers = contender.answer(phones, seen[fold.training], test, fold.number)
            losses.append(_nll(phones, test, answers.probabilities))
            trial.report(float(np.mean(losses)), fold.number)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(np.mean(losses))

    return judge


def _open(stored: Stored, base: Recipe, phones: LabelledPhones) -> optuna.Study:
    try:
        study = _create(stored)
        for what, value in (("data", phones.sha256), ("recipe", base.model_dump(mode="json"))):
            begun_with = study.user_attrs.get(what, value)
            if begun_with != value:
                raise StudyMismatchError(stored.study, what, begun_with, value)
            study.set_user_attr(what, value)
        study.enqueue_trial(space.as_parameters(base), skip_if_exists=True)
    except (SQLAlchemyError, optuna.exceptions.OptunaError, ImportError) as error:
        raise StudyStorageError(str(error).splitlines()[0]) from error
    return study


def _create(stored: Stored) -> optuna.Study:
    # draws of its own in every process: with one seed, all that share a study would try the same
    sampler = optuna.samplers.TPESampler(multivariate=True)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=8, n_warmup_steps=1)

    def create() -> optuna.Study:
        return optuna.create_study(
            storage=stored.storage,
            study_name=stored.study,
            load_if_exists=True,
            sampler=sampler,
            pruner=pruner,
        )

    for pause in _PAUSES:
        try:
            return create()
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError):
            time.sleep(pause)
    return create()


def _fill(
    study: optuna.Study, trials: int, objective: Callable[[optuna.Trial], float], console: Console
) -> None:
    """Run trials until that many are finished, by whichever process."""
    done = len(study.get_trials(deepcopy=False, states=_FINISHED))
    if done >= trials:
        return
    with shown(trials - done, console) as on_trial:

        def say(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            outcome = trial.state.name.lower() if trial.value is None else f"NLL {trial.value:.4f}"
            on_trial(f"trial {trial.number} {outcome}")

        study.optimize(
            objective,
            callbacks=[say, MaxTrialsCallback(trials, states=_FINISHED)],
            catch=(DivergedError, PretrainingError, ScheduleError),
        )


def _best(study: optuna.Study, base: Recipe) -> Recipe:
    """Return the recipe of the best trial, or the base where none came to its end."""
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        return base
    return space.variant(base, optuna.trial.FixedTrial(study.best_params))


def _runs(
    phones: LabelledPhones, seen: Indices, held_out: Indices, choices: Recipe
) -> tuple[npt.NDArray[np.bool_], float]:
    """Return which held-out phones each run answered rightly, [runs, n], and the mean NLL."""
    answers = [ByRecipe("run", choices).answer(phones, seen, held_out, number) for number in range(RUNS)]
    right = np.stack([one.price_range == phones.price_range[held_out] for one in answers])
    return right, float(np.mean([_nll(phones, held_out, one.probabilities) for one in answers]))


def _nll(phones: LabelledPhones, rows: Indices, probabilities: npt.NDArray[np.float32] | None) -> float:
    return float(log_loss(phones.price_range[rows], probabilities, labels=list(range(len(LABELS)))))


def write(found: Found, study: str, file: Path) -> None:
    """Write the best recipe as TOML. Raises `OutputError`."""
    fields: dict[str, Any] = found.recipe.model_dump(mode="json", exclude_none=True)
    head = f"# The best recipe of the study {study}, finished trials: {found.trials}.\n"
    with output.refused(file):
        file.write_text(head + tomli_w.dumps(fields), encoding="utf-8")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Optuna's own lines a trial: `_fill` says as much."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
