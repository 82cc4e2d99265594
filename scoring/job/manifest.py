"""What of a job is finished: a log beside its parts, to which a line is added when a part is there."""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Self

from pricerange.errors import TargetError
from pricerange.tables.source.blocks import Shard
from scoring.errors import JobDiffersError
from scoring.job.job import Job, Part
from scoring.target.place import Log, Place

NAME = "_manifest.jsonl"
"""Readers of folders of Parquet leave out what begins with an underscore."""


class Manifest:
    """The first line says what job it is, each other one which part is finished."""

    def __init__(self, job: Job, log: Log, noted: Sequence[Part] = ()) -> None:
        self._job = job
        self._log = log
        there = _There(job)
        self._parts = {(part.file, part.number): part for part in noted if there.has(part)}
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
        place = job.target / NAME
        log = place.log()
        begun, noted = _read(log, place)
        if begun == identity:
            for folder in folders:
                folder.make_folder()
            return cls(job, log, noted)
        if begun and (noted or any(name.startswith("part-") for name in job.target.sizes())):
            raise JobDiffersError(
                str(job.target), [key for key in begun | identity if identity.get(key) != begun.get(key)]
            )
        if not begun:
            place.sweep()  # of a run that was killed before it had begun
            for folder in folders:
                if folder.sizes():
                    raise TargetError(str(folder), "it exists and was not created by a scoring job")
        for folder in folders:
            folder.make_folder()
        log.begin(json.dumps(identity).encode() + b"\n")
        return cls(job, log)

    def require_whole(self) -> None:
        """Raise `TargetError` where a part that was finished is not there."""
        there = _There(self._job)
        for part in self.parts:
            if not there.has(part):
                name = self._job.part_name(part.file, part.number)
                raise TargetError(
                    str(self._job.target / name), "it was finished, but is now missing or has changed"
                )

    def add(self, parts: Sequence[Part]) -> None:
        """Note that parts are finished."""
        self._log.append(b"".join(json.dumps(part.as_json()).encode() + b"\n" for part in parts))
        self._parts |= {(part.file, part.number): part for part in parts}

    def add_all(self, parts: Iterable[Part]) -> None:
        """Note parts as they are finished; those that come while others are noted are noted together."""
        coming: SimpleQueue[Part | None] = SimpleQueue()
        with ThreadPoolExecutor(1, "manifest") as thread:
            noting = thread.submit(self._note, coming)
            try:
                for part in parts:
                    if noting.done():
                        break
                    coming.put(part)
            finally:
                coming.put(None)
        noting.result()

    def _note(self, coming: SimpleQueue[Part | None]) -> None:
        """Note what comes, until None does."""
        is_over = False
        while not is_over:
            come = [coming.get()]
            while not coming.empty():
                come.append(coming.get())
            is_over = come[-1] is None
            if finished := [part for part in come if part]:
                self.add(finished)

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


def _read(log: Log, place: Place) -> tuple[dict[str, Any], list[Part]]:
    """Return the job that was begun, if one was, and the parts that are noted in lines that are whole.

    What was cut short when a run was killed counts for nothing. Raises `TargetError` where no job has left a
    log so.
    """
    content = log.read()
    if content is None:
        return {}, []
    try:
        begun, *lines = [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]
        begun.keys()
        return begun, [Part.of_json(line) for line in lines]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TargetError(str(place), "it is corrupted; remove the folder to start over") from error


class _There:
    """What is in the folders of a job now."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._answers = job.target.sizes()
        self._rejects = job.rejects.sizes() if job.on_bad_row == "reject" else {}

    def has(self, part: Part) -> bool:
        """Whether a part's files are as they were when it was finished."""
        name = self._job.part_name(part.file, part.number)
        sizes = self._answers.get(name, 0), self._rejects.get(name, 0)
        return sizes == (part.bytes, part.rejected_bytes)
