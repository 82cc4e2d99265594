"""The versions of a model repository, each verified, a line each."""

from collections.abc import Iterator
from pathlib import Path

from pricerange import bundle
from pricerange.answer.reasons import Explainer
from pricerange.bundle import Bundle
from pricerange.errors import (
    ModelNotFoundError,
    NoPromotableVersionError,
    PriceRangeError,
    RolloutFileError,
    UnsignedVersionError,
    WrongSignatureError,
)
from pricerange.predictor import Predictor
from pricerange.rollout.document import Rollout
from pricerange.signature.trust import Trust, find


def listed(models: Path, trust: Trust | None = None) -> Iterator[tuple[str, PriceRangeError | None]]:
    """Yield a line for each version, oldest first, and the error of one that every command would refuse.

    Its last column says whether the version is promotable, why, and which is taken where none is named; with
    `trust`, the one before it who has signed the version.
    Raises `ModelNotFoundError` at the start, `NoPromotableVersionError` or `RolloutFileError` at the end.
    """
    taken = ""
    none_to_take: PriceRangeError | None = None
    try:
        taken = find(models, None, trust).name
    except ModelNotFoundError:
        raise
    except (NoPromotableVersionError, RolloutFileError) as error:
        none_to_take = error
    except PriceRangeError:
        pass  # the version that it comes from has a line of its own
    for number in bundle.versions(models):
        yield _line(models, number, trust, is_taken=taken == str(number))
    if none_to_take:
        raise none_to_take


def verified(models: Path, number: int, trust: Trust | None = None) -> Predictor:
    """Load a version as `serve` does. Raises `ModelNotFoundError`, and what `verified_in` raises."""
    return verified_in(bundle.find(models, number), trust)


def verified_in(folder: Path, trust: Trust | None = None) -> Predictor:
    """Load the version in a folder as `serve` does.

    Raises what `bundle.read`, `Trust.require`, `Predictor` and `Explainer.of_version` raise.
    """
    version = bundle.read(folder)
    predictor = Predictor(version, signer=trust.require(version) if trust else None)
    Explainer.of_version(predictor)
    return predictor


def require_servable(models: Path, rollout: Rollout) -> None:
    """Verify that each version which a rollout names may serve: promotable, and loaded as `serve` does.

    Raises `RolloutFileError`, and as `verified` does.
    """
    for key, number in rollout.named:
        bundle.require_promotable(models / bundle.MODEL_NAME, key, number)
        verified(models, number)


def _line(
    models: Path, number: int, trust: Trust | None, *, is_taken: bool
) -> tuple[str, PriceRangeError | None]:
    try:
        predictor = verified(models, number)
        promotion = bundle.promotion(predictor.bundle.path)
    except PriceRangeError as error:
        return f"{number}  invalid: {error}", error
    passport = predictor.bundle.passport
    accuracy = passport.metrics.get("accuracy")
    quality = f"accuracy {accuracy:.4f}" if isinstance(accuracy, float) else "accuracy unknown"
    signed = [_signed(predictor.bundle, trust)] if trust else []
    columns = (f"{passport.created:%Y-%m-%d}", quality, passport.model_sha256, *signed, promotion.why)
    return f"{number}  {'  '.join(columns)}{' (taken)' if is_taken else ''}", None


def _signed(version: Bundle, trust: Trust) -> str:
    try:
        return f"signed by {trust.require(version).key}"
    except UnsignedVersionError:
        return "not signed"
    except WrongSignatureError as error:
        return f"wrongly signed: {error.reason}"
