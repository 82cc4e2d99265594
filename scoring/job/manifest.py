"""What of a job is finished: a file beside its parts, to which a line is added when a part is on the disk."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from pricerange.durable import sync
from pricerange.errors import TargetError
from pricerange.tables.source.blocks import Shard
from scoring.errors import JobDiffersError
from scoring.job.job import Job, Part
from scoring.target.staging import staged, sweep

NAME = "_manifest.jsonl"
"""Readers of folders of Parquet leave out what begins with an underscore."""


class Manifest:
    """The first line says what job it is, each other one which part is finished."""

    def __init__(self, job: Job, noted: Sequence[Part] = ()) -> None:
        self._job = job
        self._path = job.target / NAME
        self._parts = {(part.file, part.number): part for part in noted if _is_there(job, part)}
        self.lacks_none = len(self._parts) == len({(part.file, part.number) for part in noted})

    @property
    def parts(self) -> list[Part]:
        """The parts that are finished, and there."""
        return list(self._parts.values())

    @classmethod
    def begin(cls, job: Job) -> Self:
        """Make the folders of a new job, or go on with one that was begun in them.

        Raises `JobDiffersError` where that was another job, `TargetError` where there are other things.
        """
        folders = [job.target, *([job.rejects] if job.on_bad_row == "reject" else [])]
        identity = json.loads(json.dumps(job.identity()))
        begun, noted = _read(job.target / NAME)
        if begun == identity:
            for folder in folders:
                folder.mkdir(exist_ok=True)
            return cls(job, noted)
        if begun and (noted or any(job.target.glob("part-*"))):
            raise JobDiffersError(job.target, [key for key in identity if identity[key] != begun.get(key)])
        if not begun:
            # of a run that was killed before it had begun
            sweep(job.target, NAME)
            for folder in folders:
                _require_empty(folder)
        for folder in folders:
            folder.mkdir(exist_ok=True)
        with staged(job.target / NAME) as (new,):
            new.write_text(json.dumps(identity) + "\n")
        return cls(job)

    def require_whole(self) -> None:
        """Raise `TargetError` where a part that was finished is not there."""
        for part in self.parts:
            if not _is_there(self._job, part):
                name = self._job.part_name(part.file, part.number)
                raise TargetError(
                    self._job.target / name, "it was finished, but is now missing or has changed"
                )

    def add(self, part: Part) -> None:
        """Note that a part is finished."""
        try:
            with self._path.open("ab") as file:
                file.write(json.dumps(part.as_json()).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise TargetError(self._path, error.strerror or str(error)) from error
        self._parts[part.file, part.number] = part

    def add_all(self, parts: Iterable[Part]) -> None:
        """Note parts as they are finished."""
        for part in parts:
            self.add(part)

    def remaining(self, shards: Sequence[Shard]) -> list[Shard]:
        """Return what is left of shards: each from where its finished parts end."""
        finished = {(part.file, part.start): part for part in self.parts}
        left = []
        for shard in shards:
            rest = _rest(shard, finished)
            if rest is not None:
                left.append(rest)
        return left


def _rest(shard: Shard, finished: dict[tuple[int, int], Part]) -> Shard | None:
    while part := finished.get((shard.file, shard.start)):
        if shard.files:
            if part.files >= shard.files:
                return None
            shard = Shard(shard.file + part.files, files=shard.files - part.files)
            continue
        if part.stop in {shard.stop, shard.start}:
            return None
        row = part.first_row + part.tally.rows
        shard = Shard(shard.file, part.number + 1, part.stop, shard.stop, row)
    return shard


def _read(path: Path) -> tuple[dict[str, Any], list[Part]]:
    """Return the job that was begun, if one was, and the parts that are noted in lines that are whole.

    What was cut short when a run was killed is taken off the file. Raises `TargetError` where no job has left
    a file so.
    """
    if not path.exists():
        return {}, []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        begun, *lines = [json.loads(line) for line in whole.splitlines()]
        begun.keys()
        noted = [Part.of_json(line) for line in lines]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TargetError(path, "it is corrupted; remove the folder to start over") from error
    if len(whole) < len(content):
        os.truncate(path, len(whole))
        sync(path)
    return begun, noted


def _is_there(job: Job, part: Part) -> bool:
    """Whether a part's files are as they were when it was finished."""
    name = job.part_name(part.file, part.number)
    sizes = [path.stat().st_size if path.exists() else 0 for path in (job.target / name, job.rejects / name)]
    return sizes == [part.bytes, part.rejected_bytes]


def _require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TargetError(folder, "it exists and was not created by a scoring job")
