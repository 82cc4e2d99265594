"""The versions of a model repository, each verified, a line each."""

from collections.abc import Iterator
from pathlib import Path

from pricerange import bundle
from pricerange.answer.reasons import Explainer
from pricerange.errors import ModelNotFoundError, NoPromotableVersionError, PriceRangeError, RolloutFileError
from pricerange.predictor import Predictor
from pricerange.rollout.document import Rollout


def listed(models: Path) -> Iterator[tuple[str, PriceRangeError | None]]:
    """Yield a line for each version, oldest first, and the error of one that every command would refuse.

    Its last column says whether the version is promotable, why, and which is taken where none is named.
    Raises `ModelNotFoundError` at the start, `NoPromotableVersionError` or `RolloutFileError` at the end.
    """
    taken = ""
    none_to_take: PriceRangeError | None = None
    try:
        taken = bundle.find(models).name
    except ModelNotFoundError:
        raise
    except (NoPromotableVersionError, RolloutFileError) as error:
        none_to_take = error
    except PriceRangeError:
        pass  # the version that it comes from has a line of its own
    for number in bundle.versions(models):
        yield _line(models, number, is_taken=taken == str(number))
    if none_to_take:
        raise none_to_take


def verified(models: Path, number: int) -> Predictor:
    """Load a version as `serve` does. Raises what `Predictor.load` and `Explainer.of_version` raise."""
    predictor = Predictor.load(models, number)
    Explainer.of_version(predictor)
    return predictor


def require_servable(models: Path, rollout: Rollout) -> None:
    """Verify that each version which a rollout names may serve: promotable, and loaded as `serve` does.

    Raises `RolloutFileError`, and as `verified` does.
    """
    for key, number in rollout.named:
        bundle.require_promotable(models / bundle.MODEL_NAME, key, number)
        verified(models, number)


def _line(models: Path, number: int, is_taken: bool) -> tuple[str, PriceRangeError | None]:
    try:
        predictor = verified(models, number)
        promotion = bundle.promotion(predictor.bundle.path)
    except PriceRangeError as error:
        return f"{number}  invalid: {error}", error
    passport = predictor.bundle.passport
    accuracy = passport.metrics.get("accuracy")
    quality = f"accuracy {accuracy:.4f}" if isinstance(accuracy, float) else "accuracy unknown"
    columns = (f"{passport.created:%Y-%m-%d}", quality, passport.model_sha256, promotion.why)
    return f"{number}  {'  '.join(columns)}{' (taken)' if is_taken else ''}", None
