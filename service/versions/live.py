"""Which version answers whom: replaced as a whole, between two iterations of the event loop."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pricerange.rollout.split import in_share, text_in_share
from service.errors import ModelUnloadedError, UnknownVersionError
from service.http.request_state import RequestState
from service.telemetry.prediction_log.sampling import Sampler
from service.versions.served import Served

_Rows = npt.NDArray[np.float32]


class Choice(NamedTuple):
    """The version that answers, and the one that does `instead` where its run of the model fails, if any."""

    served: Served
    instead: Served | None = None


@dataclass(frozen=True, slots=True)
class Canary:
    """A version that answers a share of the phones, from 0 to 1: the same ones whenever they are asked.

    They are told by their hash or, where there is a `header` and a request has it, by that of its value.
    """

    served: Served
    share: float
    header: bytes | None

    def of_phones(self, phones: _Rows, states: Sequence[RequestState]) -> npt.NDArray[np.bool_]:
        """Return which of n phones float32 [n, 20], each of a request of its own, it answers: bool [n]."""
        by_row = in_share(phones, self._number, self.share)
        if self.header is not None:
            for place, state in enumerate(states):
                value = state.head.by_name.get(self.header)
                if value is not None:
                    by_row[place] = text_in_share(value, self._number, self.share)
        return by_row

    @property
    def _number(self) -> int:
        return int(self.served.version)


@dataclass(frozen=True, slots=True)
class Shadow:
    """A version that is given a sample of the phones once they are answered, to be compared."""

    served: Served
    sampler: Sampler


@dataclass(frozen=True, slots=True)
class Live:
    """The versions that are loaded. Where there is no canary, `by_stable` is who answers everyone."""

    stable: Served
    canary: Canary | None = None
    shadows: tuple[Shadow, ...] = ()
    by_stable: Choice = field(init=False)

    def __post_init__(self) -> None:
        """Make the choice once: each run of the model asks for it."""
        object.__setattr__(self, "by_stable", Choice(self.stable))

    @property
    def compares(self) -> bool:
        """Whether versions are compared."""
        return self.canary is not None or bool(self.shadows)

    @property
    def loaded(self) -> Mapping[str, Served]:
        """All of them by their numbers, as folders write these."""
        return {served.version: served for _, served in self.roles()}

    def roles(self) -> Iterator[tuple[str, Served]]:
        """Yield what each is, and it."""
        yield "stable", self.stable
        if self.canary is not None:
            yield "canary", self.canary.served
        for shadow in self.shadows:
            yield "shadow", shadow.served

    def shared_out(
        self, phones: _Rows, states: Sequence[RequestState]
    ) -> Mapping[Choice, npt.NDArray[np.bool_]]:
        """Choose who answers each of n phones float32 [n, 20], all of other requests: bool [n] for each."""
        if self.canary is None:
            return {self.by_stable: np.ones(len(phones), np.bool_)}
        by_canary = self.canary.of_phones(phones, states)
        return {self.by_stable: ~by_canary, Choice(self.canary.served, self.stable): by_canary}

    def of_request(self, phones: _Rows, state: RequestState) -> Choice:
        """Choose who answers all of a request, by the first of its n phones, float32 [n, 20]."""
        if self.canary is not None and len(phones) and self.canary.of_phones(phones[:1], [state])[0]:
            return Choice(self.canary.served, self.stable)
        return self.by_stable

    def named(self, version: str) -> Served:
        """Return a version by its number. Raises `UnknownVersionError` where it is not loaded."""
        loaded = self.loaded
        if version not in loaded:
            raise UnknownVersionError(", ".join(sorted(loaded, key=int)), version)
        return loaded[version]


class Versions:
    """Where the versions stand that answer now."""

    def __init__(self, name: str, live: Live | None) -> None:
        """Take the model's name, and what is loaded at first, None if nothing is."""
        self.name = name
        self._live = live

    @property
    def live(self) -> Live:
        """What is loaded. Raises `ModelUnloadedError` where an admin had all of it unloaded."""
        if self._live is None:
            raise ModelUnloadedError(self.name)
        return self._live

    @property
    def is_loaded(self) -> bool:
        """Whether anything is."""
        return self._live is not None

    def require_loaded(self) -> None:
        """Raise `ModelUnloadedError` where nothing is."""
        if self._live is None:
            raise ModelUnloadedError(self.name)

    def switch(self, live: Live | None) -> None:
        """Have the next requests answered by other versions; those in flight end on theirs."""
        self._live = live
