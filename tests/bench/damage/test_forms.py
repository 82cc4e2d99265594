"""The whole files that are damaged: each is answered as it is, and what covers its bytes is told rightly."""

import pytest

from bench.damage.forms import ROWS, forms
from scoring.order import Options
from scoring.score import score

FILES = [pytest.param(form, file, id=f"{form.name}, {file.name}") for form in forms() for file in form.files]


@pytest.mark.parametrize(("form", "file"), FILES)
def test_a_whole_file_is_answered(tmp_path, model_repository, form, file):
    source = tmp_path / f"a{form.ending}"
    source.write_bytes(file.content)
    options = Options(columns=("id",), on_bad_row="null")
    assert score([str(source)], tmp_path / "out.csv", model_repository, options=options).rows == ROWS
    assert all(0 <= part.start <= part.stop <= len(file.content) for part in file.covered)


def test_a_form_is_written_in_several_ways_that_differ():
    for form in forms():
        assert len({file.content for file in form.files}) == len({file.name for file in form.files})
