"""Versions of another repository, fetched whole: each is verified before it gets its name."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from pricerange import bundle, durable, regular_file
from pricerange.bundle import MODEL_FILE, MODEL_NAME, MOST_PASSPORT_BYTES, PASSPORT_FILE
from pricerange.errors import (
    MissingFileError,
    RepositorySourceError,
    RolloutFileError,
    TruncatedModelError,
    VersionConflictError,
)
from pricerange.listing import verified_in
from pricerange.repository import change
from pricerange.repository.source import Source
from pricerange.rollout.document import MOST_BYTES, ROLLOUT_FILE, Rollout
from pricerange.signature.trust import Trust

_MOST_DOCUMENT_BYTES = 1 << 26
"""Of all files of a version together but the model, whose passport says how large it is."""
_TRITON_FILES = ("config.pbtxt", "labels.txt")
_MOST_TRITON_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Pull:
    """From where, to where, and whose signature the versions need, if any."""

    source: Source
    models: Path
    trust: Trust | None = None

    def run(self, wanted: Collection[int], tell: Callable[[str], None]) -> None:
        """Fetch the versions that are wanted, or all, where they are missing; then what is beside them.

        A version that is here with the same passport is left as it is. Lines about what has come go to
        `tell`.

        Raises `VersionConflictError` before anything has changed; `RepositorySourceError`, `TargetError`, and
        what `read_passport` and `verified_in` raise. All versions that are here are whole nevertheless.
        """
        with change.locked(self._folder):
            missing = self._missing(wanted)
            for name in _TRITON_FILES:
                content = self.source.read(name, _MOST_TRITON_BYTES)
                if content is not None and not (self._folder / name).exists():
                    durable.replace(self._folder / name, content)
            for number in missing:
                tell(f"version {number}: {self._fetch(number):,} bytes")
            self._take_rollout(tell)

    @property
    def _folder(self) -> Path:
        return self.models / MODEL_NAME

    def _missing(self, wanted: Collection[int]) -> list[int]:
        """Return the versions to fetch, oldest first; raise for one that is here and is another."""
        passports = {
            number: self.source.read(f"{number}/{PASSPORT_FILE}", MOST_PASSPORT_BYTES)
            for number in sorted(wanted or self.source.versions())
        }
        # a version without a passport is none, or none yet
        complete = {number: passport for number, passport in passports.items() if passport is not None}
        if not complete or (wanted and len(complete) < len(passports)):
            missing = min(passports.keys() - complete.keys(), default="")
            raise RepositorySourceError(
                self.source.name, f"expected a version {missing}".rstrip() + ", found none"
            )
        return [number for number, passport in complete.items() if not self._is_here(number, passport)]

    def _is_here(self, number: int, passport: bytes) -> bool:
        version = self._folder / str(number)
        try:
            here, _ = regular_file.read(version / PASSPORT_FILE, MOST_PASSPORT_BYTES)
        except MissingFileError:
            if not version.exists():
                return False
            raise VersionConflictError(version, self.source.name) from None
        if here != passport:
            raise VersionConflictError(version, self.source.name)
        return True

    def _fetch(self, number: int) -> int:
        """Fetch a version, verify it, and give it its name; return its bytes."""
        at, files = f"{self.source.name}/{number}", self.source.files(number)
        beside = sum(files.values()) - files.get(MODEL_FILE, 0)
        if beside > _MOST_DOCUMENT_BYTES:
            raise RepositorySourceError(
                at, f"expected at most {_MOST_DOCUMENT_BYTES} bytes beside {MODEL_FILE}, found {beside}"
            )

        def copy(name: str) -> None:
            durable.write_parts(staging / name, self.source.parts(f"{number}/{name}", files.get(name, 0)))

        with change.staged(self._folder / str(number)) as staging:
            copy(PASSPORT_FILE)
            passport, _ = bundle.read_passport(staging)
            if files.get(MODEL_FILE) != passport.model_bytes:
                raise TruncatedModelError(
                    f"{at}/{MODEL_FILE}", passport.model_bytes, files.get(MODEL_FILE, 0)
                )
            for name in files.keys() - {PASSPORT_FILE}:
                copy(name)
            verified_in(staging, self.trust)
        return sum(files.values())

    def _take_rollout(self, tell: Callable[[str], None]) -> None:
        """Let the file that names versions be the other repository's, once all of them are here."""
        content = self.source.read(ROLLOUT_FILE, MOST_BYTES)
        if content is None:
            return
        try:
            rollout = Rollout.parse(content, Path(ROLLOUT_FILE))
        except RolloutFileError as error:
            raise RepositorySourceError(f"{self.source.name}/{ROLLOUT_FILE}", str(error)) from error
        if missing := set(rollout.versions).difference(bundle.versions(self.models)):
            tell(f"{ROLLOUT_FILE} is left as it is here: it names version {min(missing)}, which is not here")
        elif content != self._rollout_here():
            durable.replace(self._folder / ROLLOUT_FILE, content)
            tell(ROLLOUT_FILE)

    def _rollout_here(self) -> bytes | None:
        try:
            return regular_file.read(self._folder / ROLLOUT_FILE, MOST_BYTES)[0]
        except MissingFileError:
            return None
