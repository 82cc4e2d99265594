"""report.html: a run at a glance, in one file that needs no network."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from pricerange.phone import LABELS
from training.fit.history import History
from training.network.layers import layers
from training.network.weights import weights
from training.promotion.words import told
from training.recipe.described import described
from training.report import plots, svg
from training.report.inside import inside
from training.report.run import Run
from training.report.scope import scope

_TEMPLATE = files("training.report") / "page.html.jinja"


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG element, the title above it and what it shows in words."""

    title: str
    element: Markup
    caption: str


def report(run: Run) -> bytes:
    """Write a run's report; the same run gives the same bytes."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["code"] = _code
    rows = layers(run.model)
    text = environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        run=run,
        labels=LABELS,
        layers=rows,
        network=described(run.recipe),
        parameters=sum(row.parameters for row in rows),
        weights=weights(run.model),
        importances=sorted(run.importances, key=lambda one: one.rise, reverse=True),
        parts={
            "training": run.parts.training,
            "validation": run.parts.validation,
            "test": run.parts.test,
        },
        choices=list(_sections(run)),
        learning=_learning(run),
        answers=_answers(run),
        importance=_importance(run),
        scope=[*scope(run), *inside(run.usage)],
        judged=told(run.verdict),
        remarks=[*(leak.sentence for leak in run.leaks), *run.verdict.remarks],
    )
    return text.encode()


def _learning(run: Run) -> list[Picture]:
    history = run.history
    kept = history.kept
    return [
        _picture(
            "Loss",
            plots.loss(history),
            f"With the kept weights, from epoch {kept.number}: training {kept.loss:.3f}, measured during the "
            f"epoch, validation {kept.validation_loss:.3f}, after it.",
        ),
        _picture(
            "Accuracy",
            plots.accuracy(history),
            f"With the kept weights: training {100 * kept.accuracy:.1f} %, validation "
            f"{100 * kept.validation_accuracy:.1f} %.",
        ),
        _picture(
            "Gradient norms",
            plots.gradient_norms(history),
            "Gradient norm of each layer's weights, averaged over an epoch's batches. Lines far apart mean "
            "that some layers learn and others do not.",
        ),
        _picture(
            "Activations",
            plots.activation_variances(history),
            "Variance over training phones and units after each layer. A line that falls towards 0 means "
            "that the signal is lost.",
        ),
        *_dead_units(history),
        _picture(
            "Learning rate",
            plots.learning_rate(history),
            f"Optimiser {run.recipe.optimiser.name}, schedule {run.recipe.schedule.name}.",
        ),
    ]


def _dead_units(history: History) -> list[Picture]:
    if all(layer.dead is None for layer in history.kept.layers):
        return []
    caption = "Share of each layer's units that no training phone activates."
    return [_picture("Dead units", plots.dead_units(history), caption)]


def _answers(run: Run) -> list[Picture]:
    evaluation = run.evaluation
    right = sum(evaluation.confusion[place][place] for place in range(len(LABELS)))
    return [
        _picture(
            "Confusion matrix",
            plots.confusion_matrix(evaluation.confusion),
            f"{right} of {evaluation.rows} test phones lie on the diagonal: they were classified correctly.",
        ),
        _picture(
            "Reliability",
            plots.reliability(evaluation.reliability),
            "On the dashed line, accuracy equals confidence. The larger a dot, the more phones it "
            f"stands for; small ones scatter by chance. The expected calibration error is "
            f"{evaluation.ece:.3f}.",
        ),
    ]


def _importance(run: Run) -> Picture:
    largest_first = sorted(run.importances, key=lambda one: one.rise, reverse=True)
    match [one.feature for one in largest_first if one.counts]:
        case []:
            counting = "None matters by more than chance"
        case [only]:
            counting = f"{only} matters, the others by no more than chance"
        case [first, second, *_]:
            counting = f"{first} matters most, then {second}"
    return _picture(
        "Permutation importance",
        plots.importance(run.importances),
        "How much worse the answers to the test phones get when one column is shuffled; the whiskers are "
        f"the standard deviation over the shuffles. {counting}.",
    )


def _picture(title: str, figure: Figure, caption: str) -> Picture:
    name = title.lower().replace(" ", "-")
    # the drawing has escaped what it was told
    return Picture(title, Markup(svg.inline(figure, name, f"{title}. {caption}")), caption)


def _sections(run: Run) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the recipe's tables by name, the keys outside of them first; what is not set is left out."""
    recipe = run.recipe.model_dump(mode="json", exclude_none=True)
    yield "run", {key: value for key, value in recipe.items() if not isinstance(value, dict)}
    yield from ((key, value) for key, value in recipe.items() if isinstance(value, dict))


def _code(sentence: str) -> Markup:
    """Mark up what stands between backticks."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(sentence))))
