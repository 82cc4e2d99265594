"""What a network learns from: parts of the table, what is done to its features, what is added to them."""

from pydantic import Field

from pricerange.phone import FEATURE_NAMES
from training.recipe.sections.section import Portion, Section, Share, Strength


class Split(Section):
    """Shares of the rows; the rest is the training part."""

    validation: Share = Field(description="Share of rows for early stopping and calibration")
    test: Share = Field(description="Share of rows held out for the evaluation")
    shuffle: bool = Field(
        default=True,
        description="Rows drawn by chance, with the price ranges in proportion; false splits in the order of "
        "the file, training rows first, then validation, then test: for rows that follow one another in time",
    )


class Sets(Section):
    """What prediction sets are made by: answers to phones that the answering network has not learned from."""

    folds: int = Field(
        default=5,
        ge=2,
        description="Networks whose answers calibrate the sets, each to a fold that it has not seen",
    )
    patterns: int = Field(
        default=256,
        ge=0,
        description="Most combinations of unknown features that sets are calibrated for, small ones first",
    )


class Preprocess(Section):
    """What is done to the features before the network; part of the exported graph."""

    standardise: bool = Field(default=True, description="Mean 0 and deviation 1 in the training rows")
    svd: int | None = Field(
        default=None, ge=1, le=len(FEATURE_NAMES), description="Dimensions that a truncated SVD keeps"
    )

    @property
    def outputs(self) -> int:
        """How many numbers go into the network."""
        return self.svd or len(FEATURE_NAMES)


class Augmentation(Section):
    """What is done to the preprocessed rows of a batch, anew in every step; an answer comes without it."""

    input_dropout: Portion = Field(
        default=0.0,
        description="Probability with which an input becomes 0, which standardised is its mean; the others "
        "grow in proportion",
    )
    noise: Strength = Field(
        default=0.0, description="Deviation of Gaussian noise added to every input, of which 1 is typical"
    )
