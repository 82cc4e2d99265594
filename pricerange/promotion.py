"""Whether a model version is taken where none is named: a person's word, else its verdict."""

from dataclasses import dataclass
from typing import Self

from pricerange.approval import Approval
from pricerange.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Promotion:
    """Whether a version is promotable, and why, as part of a sentence."""

    promotable: bool
    why: str

    @property
    def why_not(self) -> str | None:
        """Why the version is passed over, None where it is promotable."""
        return None if self.promotable else self.why

    @classmethod
    def by_word(cls, approval: Approval) -> Self:
        """Do as a person has decided."""
        return cls(approval.decision == "approved", str(approval))

    @classmethod
    def by_verdict(cls, verdict: Verdict | None) -> Self:
        """Go by the verdict; versions from before there were any are promotable."""
        if verdict is None:
            return cls(True, "promotable: it has no verdict")
        if verdict.promotable:
            return cls(True, "promotable")
        return cls(False, f"not promotable: {'; '.join(verdict.reasons)}")
