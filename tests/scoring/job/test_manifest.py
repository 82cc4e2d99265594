"""What is noted of a job while it runs."""

import json
import threading

import pytest

from pricerange.errors import TargetError
from scoring.job.job import Job, Part
from scoring.job.manifest import Manifest
from scoring.job.tally import Tally
from scoring.target.local_place import LocalPlace

PARTS = [Part(0, number, number, number + 1, 1, 0, 0, Tally()) for number in range(100)]


@pytest.fixture
def job(tmp_path) -> Job:
    return Job((), LocalPlace(tmp_path / "out"), True, "csv", None, "fail", None, None, "cpu")


class SlowLog:
    """A log whose first addition takes until all parts have come."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.added = []
        self.all_have_come = threading.Event()
        self._failure = failure

    def append(self, lines: bytes) -> None:
        assert self.all_have_come.wait(20)
        if self._failure:
            raise self._failure
        self.added.append([json.loads(line)["number"] for line in lines.splitlines()])


def test_parts_that_come_while_others_are_noted_are_noted_together(job):
    log = SlowLog()
    manifest = Manifest(job, log)

    def parts():
        yield from PARTS
        log.all_have_come.set()

    manifest.add_all(parts())
    assert [number for added in log.added for number in added] == list(range(100))
    assert len(log.added) <= 3
    assert manifest.parts == PARTS


def test_parts_that_are_finished_are_noted_when_the_work_ends_with_an_error(job):
    log = SlowLog()
    manifest = Manifest(job, log)

    def parts():
        yield from PARTS
        log.all_have_come.set()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        manifest.add_all(parts())
    assert manifest.parts == PARTS


def test_what_cannot_be_noted_ends_the_work(job):
    log = SlowLog(TargetError("out", "it is full"))
    log.all_have_come.set()

    def parts():
        while True:
            yield PARTS[0]

    with pytest.raises(TargetError, match="it is full"):
        Manifest(job, log).add_all(parts())
