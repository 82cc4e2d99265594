"""Which seat among the counters each version has."""

from collections.abc import Iterable, Mapping

from service.telemetry.seats import SEATS


class Seating:
    """Gives each version a seat for as long as there are enough; then that of the one longest not loaded."""

    def __init__(self) -> None:
        self._seats: dict[int, int] = {}

    def of(self, versions: Iterable[int], in_use: Iterable[int]) -> Mapping[int, int]:
        """Return the seats of versions; none of those `in_use` loses its own."""
        wanted, kept = list(versions), {*versions, *in_use}
        for version in wanted:
            seat = self._seats.pop(version, None)
            if seat is None:
                seat = self._free(kept)
            self._seats[version] = seat  # at the end: those that were not loaded for longest come first
        return {version: self._seats[version] for version in wanted}

    def _free(self, kept: set[int]) -> int:
        taken = set(self._seats.values())
        for seat in range(SEATS):
            if seat not in taken:
                return seat
        oldest = next(version for version in self._seats if version not in kept)
        return self._seats.pop(oldest)
