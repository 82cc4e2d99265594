"""What a model's answers depend on, and which phones they are about: sentences of the card and the report."""

from collections.abc import Iterator

from pricerange.phone import FEATURE_NAMES
from training.recipe.sections import Mlp
from training.report.run import Run


def scope(run: Run) -> Iterator[str]:
    """Yield the sentences; names are in backticks."""
    used = [FEATURE_NAMES[place] for place in run.model.used_features()]
    if len(used) == len(FEATURE_NAMES):
        yield f"The model uses all {len(FEATURE_NAMES)} features."
    elif not used:
        yield "The model uses none of the features: it answers every phone alike."
    else:
        names = ", ".join(f"`{name}`" for name in used)
        others = "the other" if len(used) == len(FEATURE_NAMES) - 1 else "the others"
        yield (
            f"The model uses {len(used)} of the {len(FEATURE_NAMES)} features: {names}. All weights of "
            f"{others} are exactly 0, so that no value there changes an answer."
        )
    network = run.recipe.network
    if isinstance(network, Mlp) and network.pruning:
        yield (
            "An input is used where it lowers the training loss by more than "
            f"{network.pruning:g} times what the Bayesian information criterion takes for a weight."
        )
    if run.region:
        alarms = run.region.false_alarms
        yield (
            "A phone is in range where each value lies within those of the training phones, and its "
            f"Mahalanobis distance to them, over the features used, is at most {run.region.limit:.3g}. Of "
            f"training phones that were held out for it, {_percent(alarms['range'])} were outside a range, "
            f"{_percent(alarms['distance'])} beyond the distance, {_percent(alarms['together'])} either."
        )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
