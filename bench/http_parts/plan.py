"""What the parts of `bench.http` share: what is asked, of which servers, and what was seen."""

import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from bench.load.phones import Oracle, Rows
from bench.load.pinned import Server
from bench.load.wrk import Load


@dataclass(frozen=True)
class Plan:
    """Which model is asked about which phones, in how many rounds of how many seconds."""

    models: Path
    rounds: int
    seconds: int
    rows: Rows
    oracle: Oracle

    @property
    def loop(self) -> Server:
        """The event loop and the parser alone."""
        return self._contender("the loop alone", "loop")

    @property
    def bare(self) -> Server:
        """Bare uvicorn, which answers `phones(models, 1)`, whatever it is asked."""
        return self._contender("bare uvicorn", "bare")

    @property
    def plain(self) -> Server:
        """FastAPI as a tutorial has it."""
        return self._contender("plain FastAPI", "plain")

    @property
    def service(self) -> Server:
        """The service with everything on but the access log."""
        return self._service("this service", "--no-access-log")

    @property
    def logging(self) -> Server:
        """The service as it is by default, its log read by another process."""
        return self._service("with access log", "--access-log")

    def _contender(self, name: str, which: str) -> Server:
        return Server(
            name, (sys.executable, "-m", "bench.http_parts.contenders", which, "--models", self.models)
        )

    def _service(self, name: str, *flags: str) -> Server:
        program = Path(sys.executable).with_name("pricerange")
        place = ("--models", self.models, "--port", "0", "--drain-delay", "0")
        return Server(name, (program, "serve", *place, *flags))


class Cells:
    """The runs of all rounds, by what was asked and over how many connections."""

    def __init__(self) -> None:
        self._runs: defaultdict[tuple[str, int], list[Load]] = defaultdict(list)

    def add(self, name: str, connections: int, load: Load) -> None:
        """Note a run. Ends the program where requests of it failed."""
        if load.failed:
            sys.exit(f"{name}, {connections} connections: {load.failed} requests failed")
        self._runs[name, connections].append(load)
        print(f"{name}, {connections}: {load.per_second:,.0f} requests/s", file=sys.stderr)

    def median(self, name: str, connections: int) -> Load:
        """Return the median of each figure."""
        return Load.median_of(self._runs[name, connections])
