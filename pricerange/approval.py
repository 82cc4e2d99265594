"""A person's word on a model version, which counts for more than its verdict: approval.json beside it."""

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, field_validator

from pricerange import durable, regular_file
from pricerange.errors import ApprovalError, MissingFileError, SettingsError, TargetError, place

APPROVAL_FILE = "approval.json"
_MOST_BYTES = 1 << 16

Decision = Literal["approved", "rejected"]


class Approval(BaseModel):
    """Who decided what about a version, when and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Decision
    by: str
    when: AwareDatetime
    why: str

    @field_validator("by", "why")
    @classmethod
    def _is_a_line(cls, text: str) -> str:
        if not text.strip() or not text.isprintable():
            raise ValueError("expected a line of text")
        return text

    @classmethod
    def read(cls, version: Path) -> Self | None:
        """Read what was decided about the version in a folder, None where nothing was.

        Raises `ApprovalError` or `UnreadableFileError`.
        """
        path = version / APPROVAL_FILE
        try:
            content, size = regular_file.read(path, _MOST_BYTES)
        except MissingFileError:
            return None
        if size > _MOST_BYTES:
            raise ApprovalError(path, f"expected at most {_MOST_BYTES} bytes, found {size}")
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            found = place(first["loc"])
            raise ApprovalError(path, f"{found}: {first['msg']}" if found else first["msg"]) from error

    @classmethod
    def now(cls, decision: Decision, why: str) -> Self:
        """Return a decision of whoever runs this program. Raises `SettingsError` where no reason is given."""
        line = " ".join(why.split())
        if not line or not line.isprintable():
            raise SettingsError("--why", "the reason, in words", why)
        return cls(decision=decision, by=user(), when=datetime.now(UTC).replace(microsecond=0), why=line)

    def write(self, version: Path) -> Path:
        """Put the decision beside the model, in place of an earlier one, and return its file.

        Raises `TargetError`.
        """
        path = version / APPROVAL_FILE
        try:
            # a file more in the version's folder, should we be killed, and its signature would no longer hold
            durable.replace(path, self.model_dump_json(indent=1).encode() + b"\n", staged_in=version.parent)
        except OSError as error:
            raise TargetError(path, error.strerror or str(error)) from error
        return path

    def __str__(self) -> str:
        return f"{self.decision} by {self.by}, {self.when:%Y-%m-%d}: {self.why}"


def user() -> str:
    """Name whoever runs this program."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as containers have them
        return f"user {os.getuid()}"
