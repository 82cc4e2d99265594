"""What counts as a fault, of an answer and of the log, and the bytes that led to it."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.door.answers import MalformedAnswerError, statuses


@dataclass
class Seen:
    """What mutations of one kind led to."""

    kind: str
    folder: Path
    sent: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    """By status."""
    unanswered: int = 0
    """Connections that were closed without an answer."""
    slowest: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)

    def fault(self, what: str, data: bytes) -> None:
        """Count what must not be, and keep the bytes that led to it."""
        self.faults[what] += 1
        name = f"{self.kind}-{what}-{self.faults.total()}".replace(" ", "-")
        (self.folder / f"{name}.bin").write_bytes(data)

    def judge(self, sent: bytes, received: bytes, ended_it: bool) -> None:
        """Look at all that came back for some bytes; `ended_it` where the client ended its side first."""
        try:
            answers = statuses(received, b"HEAD" in sent)
        except MalformedAnswerError as error:
            self.fault(f"malformed {error}"[:60].replace("/", "_"), sent + b"\n--- answered ---\n" + received)
            return
        self.unanswered += not answers
        for answer in answers:
            self.answers[answer.code] += 1
            if is_fault(answer.code, sent):
                self.fault(str(answer.code), sent)
        if answers and not answers[-1].whole and not ended_it:
            self.fault("cut off", sent)


def is_fault(status: int, sent: bytes) -> bool:
    """Whether a status may not be: any 5xx, but for a deadline that the request itself has set."""
    return status >= 500 and not (status == 504 and b"timeout-ms" in sent.lower())


def faults_of_log(lines: Iterable[str]) -> list[str]:
    """Return the lines that are no JSON objects, or tell of an error of the service's own."""
    return [line for line in lines if not _is_in_order(line)]


def _is_in_order(line: str) -> bool:
    try:
        fields = json.loads(line)
    except ValueError:
        return False
    return isinstance(fields, dict) and "traceback" not in fields and fields["level"] != "error"
