"""Learn the price range from a table of phones and write a model version."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from pricerange import bundle
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.tables.source.files import AS_USUAL, Reading
from training import data
from training.data import LabelledPhones
from training.export import answering, export, prove_equal
from training.fit.batches import iterations
from training.learn import calibrated, learn, out_of_fold
from training.progress import shown, summed_up
from training.promotion.comparisons import Answers
from training.promotion.serving import serving
from training.promotion.verdict import verdict
from training.quality.coverage import coverage
from training.quality.drift import drift_reference
from training.quality.importance import importances
from training.quality.leak import leaks
from training.quality.measures import measure
from training.quality.region import training_region
from training.quality.unknown import patterns
from training.quality.usage import usage
from training.recipe import recipe
from training.report import card
from training.report.diagnose import diagnose
from training.report.passport import passport
from training.report.run import Run
from training.report.yardstick import yardstick
from training.split import Folds, three_ways


def train(  # noqa: PLR0913, PLR0917
    sources: Sequence[str],
    models: Path,
    recipe_file: Path | None = None,
    console: Console | None = None,
    device: str = "cpu",
    reading: Reading = AS_USUAL,
) -> Path:
    """Train by a recipe, the shipped one if none is named, and return the folder of the new version.

    `sources` are what `data.load` reads. What the run says goes to `console`, standard error if none is
    given. The network learns on the `device` `cpu` or `cuda`; on one kind of device the same recipe and data
    give the same bytes of model.onnx.

    The new version is judged beside the one that is served from `models`. Raises the errors of
    `pricerange.tables.errors` and of `training.errors`, and what `serving` raises; then no version was
    written, nor is it when the run is killed.
    """
    choices = recipe.read(recipe_file or recipe.DEFAULT)
    console = console or Console(stderr=True)
    phones = data.load(sources, reading, console)
    parts = three_ways(phones.price_range, choices.split, choices.seed)
    known = np.concatenate([parts.training, parts.validation])
    # too few phones for them are an error before the run, not after it
    folds = Folds.of(known, phones.price_range, choices)
    served = serving(models)
    batches = iterations(len(parts.training), choices.loop.batch_size)
    with shown(choices.fits * choices.loop.epochs, batches, console) as on_epoch:
        model, history = learn(phones, parts.training, parts.validation, choices, on_epoch, device)
    calibration = calibrated(model, phones, parts.validation, choices)
    active = [FEATURE_NAMES[place] for place in model.used_features()]
    unknown = patterns(active, choices.sets.patterns)
    held_out = out_of_fold(phones, folds, choices, batches, device, unknown)
    leaking = leaks(
        phones.features[known],
        phones.price_range[known],
        held_out.probabilities,
        choices.sets.folds,
        choices.seed,
    )
    sets = held_out.sets(phones.price_range[known], active, unknown)
    graph = export(model, _metadata(phones))
    answers = prove_equal(model, graph, phones.features)
    tested = answers.probabilities[parts.test], phones.price_range[parts.test]
    evaluation, covered = measure(*tested), coverage(*tested, sets)
    used = usage(model, phones.features)
    judged = verdict(Answers(*tested), phones, parts, used, served)
    run = Run(
        recipe=choices,
        phones=phones,
        parts=parts,
        model=model,
        history=history,
        diagnosis=diagnose(history, choices, yardstick(phones, parts.training, parts.validation), judged),
        graph=graph,
        answers=answers,
        evaluation=evaluation,
        calibration=calibration,
        sets=sets,
        coverage=covered,
        importances=importances(answering(graph), phones.features[parts.test], tested[1], choices.seed),
        region=training_region(phones.features[parts.training], model.used_features(), choices.seed),
        drift=drift_reference(
            phones.features[parts.training], held_out.probabilities, phones.price_range[known]
        ),
        leaks=leaking,
        usage=used,
        verdict=judged,
    )
    version = bundle.write(models, graph, passport(run), card.documents(run))
    summed_up(run.diagnosis, run.leaks, judged, version, console)
    return version


def _metadata(phones: LabelledPhones) -> dict[str, str]:
    return {
        "features": ",".join(FEATURE_NAMES),
        "labels": ",".join(LABELS),
        "training_data_sha256": phones.sha256,
    }
