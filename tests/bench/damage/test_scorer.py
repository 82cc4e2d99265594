"""A process that scores files: what it answers, what it refuses, and another one after it ended."""

import os

import pytest

from bench.damage.forms import ROWS, forms
from bench.damage.scorer import Scorer, Way


@pytest.fixture
def scorer(tmp_path, model_repository):
    running = Scorer(tmp_path, model_repository)
    yield running
    running.stop()


def test_whole_files_are_answered_and_broken_ones_refused(scorer):
    form = forms()[0]
    content = form.files[0].content
    for way in (Way("csv", False, True), Way("parquet", True, True), Way("csv", True, False)):
        answered = scorer.score(content, content, form.ending, way)
        assert (answered.kind, answered.rows) == ("answered", ROWS * (1 + way.beside))
        refused = scorer.score(content[:-1], content, form.ending, way)
        assert refused.kind == "refused"
        assert "b.parquet cannot be read" in refused.words


def test_what_ends_the_process_is_a_fault_and_the_next_file_is_scored(scorer):
    content = forms()[0].files[0].content
    fault = scorer.score(content, content, ".parquet", Ends())
    assert fault.kind == "fault"
    assert "ended with 3" in fault.words
    assert scorer.score(content, content, ".parquet", Way("csv", False, True)).kind == "answered"


class Ends:
    """Is no way: whoever unpickles it ends."""

    beside = False

    def __reduce__(self):
        return os._exit, (3,)
