"""What goes on inside a network, as sentences of the card and the report."""

from collections.abc import Iterator, Mapping

from training.promotion.words import percent
from training.quality.usage import Usage


def inside(usage: Usage) -> Iterator[str]:
    """Yield what weights, the branch beside the skip and the logits' shape say; names are in backticks."""
    if usage.skip:
        yield f"Weights of the linear skip, over the largest: {_listed(usage.skip)}."
    if usage.first_layer and not (usage.branch and usage.branch.is_idle):
        yield f"Weights of the first hidden layer, as norms over the largest: {_listed(usage.first_layer)}."
    if usage.branch:
        branch = usage.branch
        yield (
            f"The hidden branch has {percent(branch.share)} of the variance that it and the linear skip add "
            f"to the head's sums; replaced by its mean it changes {branch.changed:,} of {branch.rows:,} "
            "answers."
        )
    yield (
        f"Of the variance of the logits, from which the probabilities are made, {percent(usage.not_linear)} "
        "is not linear in the features."
    )


def _listed(weights: Mapping[str, float]) -> str:
    largest_first = sorted(weights.items(), key=lambda one: one[1], reverse=True)
    return ", ".join(f"`{name}` {weight:.2g}" for name, weight in largest_first)
