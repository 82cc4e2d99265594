"""Triton's model repository extension: which versions there are, and loading and unloading the model."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from pricerange import bundle
from service.errors import InferenceInputError, NotReadyError, UnknownModelError
from service.http.lifecycle import Lifecycle
from service.rollout.member import Member
from service.versions.live import Versions

_UNLOADED = "unloaded"
_NOT_WANTED = "the rollout names other versions"

Entry = dict[str, str]
"""A version: its `name`, `version`, `state` and `reason`."""


class Repository:
    """Lists, loads and unloads. Which versions the model has when it is loaded, the rollout says."""

    def __init__(self, models: Path, versions: Versions, lifecycle: Lifecycle, member: Member) -> None:
        self._models = models
        self._versions = versions
        self._lifecycle = lifecycle
        self._member = member

    async def index(self, *, only_ready: bool) -> list[Entry]:
        """List the versions. Raises what `Member.ask` raises."""
        state = self._lifecycle.state
        loaded = self._versions.live.loaded if self._versions.is_loaded else {}
        ready = list(loaded) if state == "ready" else []
        if only_ready:
            return self._listed(ready, {})
        on_disk = await asyncio.to_thread(bundle.versions, self._models)
        numbers = [str(number) for number in sorted({*on_disk, *map(int, loaded)})]
        if state != "ready":
            return self._listed(ready, dict.fromkeys(numbers, str(NotReadyError(state))))
        standing = await self._member.ask("status")
        otherwise = _NOT_WANTED if loaded else _UNLOADED
        reasons = {
            number: standing.refused.get(number, otherwise)
            for number in numbers
            if number not in loaded and number not in standing.loading
        }
        return self._listed(ready, reasons, standing.loading)

    async def load(self, name: str, parameters: Iterable[str]) -> None:
        """Load what the rollout names, and follow it.

        Raises `UnknownModelError`, `InferenceInputError` where there are parameters, and `RolloutError` where
        that cannot be.
        """
        self.require_named(name)
        for parameter in parameters:
            expected = "none: rollout.toml and the model repository say what is loaded, and how"
            found = parameter[:40]
            raise InferenceInputError.expected("parameters", expected, found, f"/parameters/{found}")
        await self._member.ask("load")

    async def unload(self, name: str) -> None:
        """Have no version answer until the model is loaded again.

        Raises `UnknownModelError` and what `Member.ask` raises.
        """
        self.require_named(name)
        await self._member.ask("unload")

    def require_named(self, name: str) -> None:
        """Raise `UnknownModelError` for any other name than the model's."""
        if name != self._versions.name:
            raise UnknownModelError(self._versions.name, name)

    def _listed(
        self, ready: Iterable[str], reasons: Mapping[str, str], loading: Iterable[str] = ()
    ) -> list[Entry]:
        found = [
            *((number, "READY", "") for number in ready),
            *((number, "LOADING", "") for number in loading),
            *((number, "UNAVAILABLE", reason) for number, reason in reasons.items()),
        ]
        return [
            {"name": self._versions.name, "version": number, "state": state, "reason": reason}
            for number, state, reason in sorted(found, key=lambda entry: int(entry[0]))
        ]
