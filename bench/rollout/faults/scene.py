"""What the parts have in common: two versions that are good, and phones to ask about."""

from dataclasses import dataclass
from pathlib import Path

from bench.load.known_answers import KnownAnswers
from bench.load.phones import Rows

CONNECTIONS, WORKERS = 8, 2
LOOK_SECONDS = 2.0
"""Between two looks at the file, which is the default."""
FLAGS = (
    *("--workers", str(WORKERS), "--no-access-log", "--drain-delay", "0"),
    *("--rollout-interval", str(LOOK_SECONDS)),
)


@dataclass(frozen=True)
class Scene:
    """A model repository to copy from, the version that serves, and another one that is as good."""

    models: Path
    stable: int
    other: int
    rows: Rows

    def known(self) -> KnownAnswers:
        """Return what both answer."""
        return KnownAnswers(self.models, (self.stable, self.other), self.rows)
