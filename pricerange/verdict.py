"""The verdict on a model version: what it was compared with, and whether it may be served because of that."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["better", "no worse", "worse"]
"""What the tests say at their level; `no worse` is all that they cannot tell apart."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Comparison(_Record):
    """A version beside an opponent, on phones that neither has learned from.

    Paired, both answered the same `rows`; else the opponent answered `other_rows` of its own. `right` and
    `other_right` count right answers, and `p` is that of the test on them. The difference of the mean
    negative log-likelihood, in nats, is above 0 where the opponent's is lower.
    """

    version: str | None = Field(default=None, description="Number of the version that is the opponent")
    test: str = Field(description="Name of the test on right answers")
    rows: int = Field(ge=1)
    right: int = Field(ge=0)
    other_rows: int = Field(ge=1)
    other_right: int = Field(ge=0)
    p: float = Field(ge=0, le=1)
    nll_difference: float | None = None
    nll_error: float | None = Field(default=None, description="Standard error of the difference")
    nll_p: float | None = Field(default=None, ge=0, le=1, description="Of the paired t-test on it")
    outcome: Outcome


class Comparisons(_Record):
    """A version beside each of its opponents.

    `chance` is to answer the commonest price range always, `linear` the ordinal linear model, `served` the
    version that was served when this one was made, None where there was none or it could not be compared.
    """

    chance: Comparison
    linear: Comparison
    served: Comparison | None = None


class Verdict(_Record):
    """Whether a version may be served without anyone's word, and why.

    `reasons`, parts of a sentence, speak against it where it is not promotable, else for it. `remarks`,
    sentences, are about what it learned and from what, and decide nothing.
    """

    promotable: bool
    reasons: list[str] = Field(min_length=1)
    comparisons: Comparisons
    remarks: list[str] = []
